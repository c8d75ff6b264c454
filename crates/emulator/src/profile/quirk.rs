//! What a registry can do differently from the specification, each under a name.

/// One thing a registry does differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quirk {
    /// Only these repositories are there; nothing makes others.
    RepositoriesFirst(&'static [&'static str]),
    /// Repositories are made, but only below these projects.
    ProjectsFirst(&'static [&'static str]),
    /// A token for pushing makes the repository, and nothing else does.
    MadeByTokens,
    /// Names have at least so many parts.
    NameParts(usize),

    /// Only the last scope of a request for a token counts.
    LastScopeOnly,
    /// Scopes are one to a parameter and know only `pull`, `push` and `*`.
    FewActions,
    /// A request for a token names the service, or none.
    ServiceChecked,
    /// A token is good for so many requests; the next is told that it is not good any more.
    TokenUses(u32),
    /// The first request of each kind with a good token is answered as if it were none.
    FlakyTokens,
    /// After a wrong password the next attempt of the same user is refused, right or wrong.
    LoginPause,

    /// Where uploads are said to be.
    Location(LocationForm),
    /// An empty upload holds `bytes=0--1`; asked how far it is, it says one byte too many.
    OffByOne,
    /// A chunk is answered with 201, and a range that never gets beyond the first chunk.
    StuckRange,
    /// Chunks but the last hold at least so many bytes.
    SmallestChunk(u64),
    /// Chunks with a range hold at most so many bytes.
    LargestChunk(u64),
    /// After chunks the last request must bring bytes, too.
    NoEmptyFinish,
    /// A range of a chunk is bare: without unit, without total.
    BareContentRange,
    /// A chunk with a range has a length, too.
    StatedLength,
    /// A blob in one request has at most so many bytes.
    LargestPut(u64),
    /// An upload is one chunk or one request.
    OneChunk,
    /// A blob has at least one byte.
    NoEmptyBlobs,
    /// A blob in one request is unknown to it; chunks are not.
    NoSinglePut,
    /// The first finish of an upload is refused as out of range.
    RangeErrorOnce,
    /// Uploads cannot be canceled.
    NoCancel,
    /// An upload whose digest is wrong is gone.
    GoneOnMismatch,
    /// A blob is never taken from another repository.
    NoMounts,
    /// To take a blob from where it must not be read is refused; else it opens an upload.
    MountsRefused,
    /// Uploads are said to be without TLS, as by a registry that does not know of its proxy.
    PlainLocation,
    /// The connection ends without an answer when an upload to an unknown repository is opened.
    EndsConnection,

    /// Manifests hold only configs and layers of these media types.
    SchemaTypes {
        /// Of configs.
        configs: &'static [&'static str],
        /// Of layers.
        layers: &'static [&'static str],
    },
    /// Configs and artifacts are only of these types.
    KnownTypes(&'static [&'static str]),
    /// Manifests without a media type of their own, or with a parameter in one, are no JSON.
    StrictJson,
    /// A manifest is found by its tag only by who names its media type.
    AcceptDecides,
    /// Quay's own answers to manifests.
    QuayManifests,
    /// A manifest that is not there is one that may not be read.
    ForbiddenManifests,
    /// Manifests stay.
    NoDelete,
    /// Manifests are not deleted by a tag.
    NoDeleteByTag,
    /// A manifest that never had a tag is not found when it is to be deleted.
    UntaggedAreGone,

    /// A tag that is there stays where it is.
    ImmutableTags,
    /// A manifest has at most so many bytes: a proxy before the registry takes no more.
    LargestManifest(u64),

    /// There are no referrers, and no header that says there were.
    NoReferrers(Silence),
    /// No header tells that a subject was understood.
    NoSubjectHeader,
    /// Referrers of what is not there are a mistake of the client's.
    ReferrersOfKnown,
    /// The tag in place of referrers leads to the subject itself.
    TagOfSubject,

    /// Blobs are had elsewhere.
    Redirects(Redirect),
    /// Blobs of 500 bytes and more come compressed to who says that it takes that.
    Compresses,
    /// Parts of blobs are not to be had.
    NoRanges,

    /// There is no list of repositories.
    NoCatalog,
    /// A page of more than this is refused.
    PageLimit(u64),
    /// A page is never longer than this.
    PageClamp(u64),
    /// Pages of repositories are chained by a word without meaning.
    OpaquePages,
    /// Lists of tags tell of manifests, too.
    TagMaps,

    /// So many manifests may be read, and every one says how many are left.
    PullLimit(u32),
    /// A proxy before the registry turns away the first requests for manifests, so many of them,
    /// and does not say for how long.
    BusyProxy(u32),
    /// Every answer ends its connection.
    ClosesConnections,
    /// Every answer sets a cookie.
    Cookies,

    /// Nothing can be changed for now.
    ReadOnly,
    /// All blobs that are pushed have at most so many bytes together.
    Quota(u64),
    /// The repositories only mirror others: nothing is pushed to them.
    Mirrors,
}

/// Where uploads are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocationForm {
    /// A path.
    Relative,
    /// A URL.
    Absolute,
    /// A path with a state that changes with each chunk.
    RelativeState,
    /// A URL with a state that changes with each chunk.
    AbsoluteState,
    /// A URL outside of `/v2/`.
    Artifacts,
}

/// Where blobs are had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// The status.
    pub status: u16,
    /// The content type of the redirect; often none.
    pub content_type: Option<&'static str>,
    /// Path and query: `{hex}` stands for the digest, `{key}` for what is good for one download.
    pub target: &'static str,
    /// Whether HEAD is redirected, too.
    pub heads: bool,
    /// What the answer there says the blob is.
    pub blob_type: &'static str,
}

/// How it is said that there are no referrers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Silence {
    /// The error envelope.
    Json,
    /// `404 page not found`.
    Text,
    /// An object without an envelope, said to be HTML.
    Html,
}

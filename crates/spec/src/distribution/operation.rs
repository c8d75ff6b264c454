//! Operations: every request the distribution specification defines, written once.

use std::fmt;
use std::str::FromStr;

use http::{Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Action, Page, Scope};
use crate::{Algorithm, Digest, NameError, RepositoryName, Tag, TagOrDigest};

/// One request of the distribution specification, with its arguments.
///
/// The `end-N` beside each variant is its row in the table of
/// [endpoints](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints).
/// `Operation::parse(operation.method(), operation.uri()) == operation` for every operation whose
/// tags are conformant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the fields are the blanks of the row, named in the specification's words"
)]
pub enum Operation {
    /// end-1: asks whether a registry is there and lets us in.
    Ping,
    /// end-2: reads a blob.
    GetBlob { repository: RepositoryName, digest: Digest },
    /// end-2: asks whether a blob is there.
    HeadBlob { repository: RepositoryName, digest: Digest },
    /// end-3: reads a manifest.
    GetManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-3: asks whether a manifest is there.
    HeadManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-4a, end-4c: opens an upload, maybe telling the algorithm its digest will be of.
    StartUpload { repository: RepositoryName, algorithm: Option<Algorithm> },
    /// end-4b: sends a whole blob in one request.
    PushBlob { repository: RepositoryName, digest: Digest },
    /// end-5: adds a chunk to an upload.
    AppendUpload { repository: RepositoryName, upload: UploadId },
    /// end-6: closes an upload, maybe with its last chunk.
    FinishUpload { repository: RepositoryName, upload: UploadId, digest: Digest },
    /// end-7a, end-7b: writes a manifest, and points the tags at it.
    PutManifest { repository: RepositoryName, reference: TagOrDigest, tags: Vec<Tag> },
    /// end-8a, end-8b: lists tags.
    ListTags { repository: RepositoryName, page: Page },
    /// end-9: deletes a tag or a manifest.
    DeleteManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-10: deletes a blob from a repository.
    DeleteBlob { repository: RepositoryName, digest: Digest },
    /// end-11: takes a blob that another repository, named or any, already has.
    MountBlob { repository: RepositoryName, digest: Digest, from: Option<RepositoryName> },
    /// end-12a, end-12b: lists the manifests whose subject is given.
    ListReferrers {
        repository: RepositoryName,
        digest: Digest,
        artifact_type: Option<String>,
        page: Page,
    },
    /// end-13: asks how far an upload has come.
    UploadStatus { repository: RepositoryName, upload: UploadId },
    /// end-14: gives an upload up.
    CancelUpload { repository: RepositoryName, upload: UploadId },
    /// Docker's catalog: lists repositories.
    ListRepositories { page: Page },
}

impl Operation {
    /// Reads a request's method and target.
    ///
    /// The path is read as it came, undecoded and from the right, because a repository may be
    /// called `blobs/uploads` or `tags/list`; a `%` in the path is never an operation. Query
    /// parameters no row knows are ignored.
    ///
    /// # Errors
    ///
    /// [`NotAnOperation`] says which part is wrong, so that a server can answer in kind.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, NotAnOperation> {
        let query = Query::parse(uri.query().unwrap_or_default())?;
        let path = uri.path();
        if path == "/v2" || path == "/v2/" {
            return match *method {
                Method::GET | Method::HEAD => Ok(Self::Ping),
                _ => Err(NotAnOperation::Method { allow: "GET, HEAD" }),
            };
        }
        let path = path.strip_prefix("/v2/").ok_or(NotAnOperation::Path)?;
        if path == "_catalog" {
            return match *method {
                Method::GET => Ok(Self::ListRepositories { page: query.page()? }),
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            };
        }
        let (rest, last) = path.rsplit_once('/').ok_or(NotAnOperation::Path)?;
        let (rest, kind) = rest.rsplit_once('/').ok_or(NotAnOperation::Path)?;
        match (kind, last) {
            ("manifests", _) => Self::parse_manifest(method, rest, last, &query),
            ("blobs", _) if last != "uploads" => Self::parse_blob(method, rest, last),
            ("tags", "list") => match *method {
                Method::GET => {
                    Ok(Self::ListTags { repository: repository(rest)?, page: query.page()? })
                }
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            },
            ("referrers", _) => match *method {
                Method::GET => Ok(Self::ListReferrers {
                    repository: repository(rest)?,
                    digest: digest(last)?,
                    artifact_type: query.first("artifactType").map(str::to_owned),
                    page: query.page()?,
                }),
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            },
            ("blobs", _) => Self::parse_start(method, rest, &query),
            ("uploads", _) => {
                let name = rest.strip_suffix("/blobs").ok_or(NotAnOperation::Path)?;
                if last.is_empty() {
                    Self::parse_start(method, name, &query)
                } else {
                    Self::parse_upload(method, name, last, &query)
                }
            }
            _ => Err(NotAnOperation::Path),
        }
    }

    fn parse_manifest(
        method: &Method,
        name: &str,
        reference: &str,
        query: &Query,
    ) -> Result<Self, NotAnOperation> {
        let repository = repository(name)?;
        let reference = if reference.contains(':') {
            TagOrDigest::Digest(digest(reference)?)
        } else {
            TagOrDigest::Tag(tag(reference)?)
        };
        match *method {
            Method::GET => Ok(Self::GetManifest { repository, reference }),
            Method::HEAD => Ok(Self::HeadManifest { repository, reference }),
            Method::PUT => {
                let tags: Vec<Tag> = query.all("tag").map(tag).collect::<Result<_, _>>()?;
                if !tags.is_empty() && reference.tag().is_some() {
                    return Err(NotAnOperation::Query("tag"));
                }
                Ok(Self::PutManifest { repository, reference, tags })
            }
            Method::DELETE => Ok(Self::DeleteManifest { repository, reference }),
            _ => Err(NotAnOperation::Method { allow: "GET, HEAD, PUT, DELETE" }),
        }
    }

    fn parse_blob(method: &Method, name: &str, text: &str) -> Result<Self, NotAnOperation> {
        let (repository, digest) = (repository(name)?, digest(text)?);
        match *method {
            Method::GET => Ok(Self::GetBlob { repository, digest }),
            Method::HEAD => Ok(Self::HeadBlob { repository, digest }),
            Method::DELETE => Ok(Self::DeleteBlob { repository, digest }),
            _ => Err(NotAnOperation::Method { allow: "GET, HEAD, DELETE" }),
        }
    }

    fn parse_start(method: &Method, name: &str, query: &Query) -> Result<Self, NotAnOperation> {
        if *method != Method::POST {
            return Err(NotAnOperation::Method { allow: "POST" });
        }
        let repository = repository(name)?;
        if let Some(mount) = query.first("mount") {
            let from = query.first("from").map(self::repository).transpose()?;
            return Ok(Self::MountBlob { repository, digest: digest(mount)?, from });
        }
        if let Some(text) = query.first("digest") {
            return Ok(Self::PushBlob { repository, digest: digest(text)? });
        }
        let algorithm = match query.first("digest-algorithm") {
            Some(name) => Some(name.parse().map_err(|_| NotAnOperation::Digest(name.to_owned()))?),
            None => None,
        };
        Ok(Self::StartUpload { repository, algorithm })
    }

    fn parse_upload(
        method: &Method,
        name: &str,
        upload: &str,
        query: &Query,
    ) -> Result<Self, NotAnOperation> {
        let repository = repository(name)?;
        let upload: UploadId = upload.parse()?;
        match *method {
            Method::PATCH => Ok(Self::AppendUpload { repository, upload }),
            Method::PUT => {
                let digest = digest(query.first("digest").unwrap_or_default())?;
                Ok(Self::FinishUpload { repository, upload, digest })
            }
            Method::GET => Ok(Self::UploadStatus { repository, upload }),
            Method::DELETE => Ok(Self::CancelUpload { repository, upload }),
            _ => Err(NotAnOperation::Method { allow: "GET, PATCH, PUT, DELETE" }),
        }
    }

    /// Returns the method of the request.
    pub fn method(&self) -> Method {
        match self {
            Self::Ping
            | Self::GetBlob { .. }
            | Self::GetManifest { .. }
            | Self::ListTags { .. }
            | Self::ListReferrers { .. }
            | Self::UploadStatus { .. }
            | Self::ListRepositories { .. } => Method::GET,
            Self::HeadBlob { .. } | Self::HeadManifest { .. } => Method::HEAD,
            Self::StartUpload { .. } | Self::PushBlob { .. } | Self::MountBlob { .. } => {
                Method::POST
            }
            Self::AppendUpload { .. } => Method::PATCH,
            Self::FinishUpload { .. } | Self::PutManifest { .. } => Method::PUT,
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } | Self::CancelUpload { .. } => {
                Method::DELETE
            }
        }
    }

    /// Returns the path and the query of the request, percent-encoded.
    pub fn path_and_query(&self) -> String {
        match self {
            Self::Ping => "/v2/".to_owned(),
            Self::GetBlob { repository, digest }
            | Self::HeadBlob { repository, digest }
            | Self::DeleteBlob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
            Self::GetManifest { repository, reference }
            | Self::HeadManifest { repository, reference }
            | Self::DeleteManifest { repository, reference } => {
                format!("/v2/{repository}/manifests/{reference}")
            }
            Self::PutManifest { repository, reference, tags } => {
                let tags = tags.iter().map(|tag| ("tag", tag.as_str()));
                format!("/v2/{repository}/manifests/{reference}{}", query_string(tags))
            }
            Self::StartUpload { repository, algorithm } => {
                let algorithm = algorithm.map(|algorithm| ("digest-algorithm", algorithm.name()));
                format!("/v2/{repository}/blobs/uploads/{}", query_string(algorithm))
            }
            Self::PushBlob { repository, digest } => {
                format!("/v2/{repository}/blobs/uploads/?digest={digest}")
            }
            Self::MountBlob { repository, digest, from } => {
                let from = from.as_ref().map(|from| ("from", from.as_str()));
                let query = query_string([("mount", digest.as_str())].into_iter().chain(from));
                format!("/v2/{repository}/blobs/uploads/{query}")
            }
            Self::AppendUpload { repository, upload }
            | Self::UploadStatus { repository, upload }
            | Self::CancelUpload { repository, upload } => {
                format!("/v2/{repository}/blobs/uploads/{upload}")
            }
            Self::FinishUpload { repository, upload, digest } => {
                format!("/v2/{repository}/blobs/uploads/{upload}?digest={digest}")
            }
            Self::ListTags { repository, page } => {
                format!("/v2/{repository}/tags/list{}", page_query(None, page))
            }
            Self::ListReferrers { repository, digest, artifact_type, page } => {
                let filter = artifact_type.as_deref().map(|text| ("artifactType", text));
                format!("/v2/{repository}/referrers/{digest}{}", page_query(filter, page))
            }
            Self::ListRepositories { page } => format!("/v2/_catalog{}", page_query(None, page)),
        }
    }

    /// Returns the repository the operation is about; none for [`Ping`](Self::Ping) and
    /// [`ListRepositories`](Self::ListRepositories).
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::ListRepositories { .. } => None,
            Self::GetBlob { repository, .. }
            | Self::HeadBlob { repository, .. }
            | Self::GetManifest { repository, .. }
            | Self::HeadManifest { repository, .. }
            | Self::StartUpload { repository, .. }
            | Self::PushBlob { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::ListTags { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::MountBlob { repository, .. }
            | Self::ListReferrers { repository, .. }
            | Self::UploadStatus { repository, .. }
            | Self::CancelUpload { repository, .. } => Some(repository),
        }
    }

    /// Returns what a token must allow for the operation: nothing for a ping, two scopes for a
    /// mount from a named repository.
    pub fn scopes(&self) -> Vec<Scope> {
        let actions: &[Action] = match self {
            Self::Ping => return Vec::new(),
            Self::ListRepositories { .. } => return vec![Scope::catalog()],
            Self::MountBlob { repository, from, .. } => {
                let mut scopes = vec![Scope::repository(repository, [Action::Pull, Action::Push])];
                scopes.extend(from.as_ref().map(|from| Scope::repository(from, [Action::Pull])));
                return scopes;
            }
            Self::GetBlob { .. }
            | Self::HeadBlob { .. }
            | Self::GetManifest { .. }
            | Self::HeadManifest { .. }
            | Self::ListTags { .. }
            | Self::ListReferrers { .. } => &[Action::Pull],
            Self::StartUpload { .. }
            | Self::PushBlob { .. }
            | Self::AppendUpload { .. }
            | Self::FinishUpload { .. }
            | Self::PutManifest { .. }
            | Self::UploadStatus { .. }
            | Self::CancelUpload { .. } => &[Action::Pull, Action::Push],
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } => &[Action::Delete],
        };
        self.repository()
            .map(|repository| Scope::repository(repository, actions.iter().cloned()))
            .into_iter()
            .collect()
    }

    /// Returns the row of the specification, such as `end-4a`; `catalog` for Docker's.
    pub fn spec_id(&self) -> &'static str {
        match self {
            Self::Ping => "end-1",
            Self::GetBlob { .. } | Self::HeadBlob { .. } => "end-2",
            Self::GetManifest { .. } | Self::HeadManifest { .. } => "end-3",
            Self::StartUpload { algorithm: None, .. } => "end-4a",
            Self::StartUpload { algorithm: Some(_), .. } => "end-4c",
            Self::PushBlob { .. } => "end-4b",
            Self::AppendUpload { .. } => "end-5",
            Self::FinishUpload { .. } => "end-6",
            Self::PutManifest { tags, .. } if tags.is_empty() => "end-7a",
            Self::PutManifest { .. } => "end-7b",
            Self::ListTags { page, .. } if page.is_whole() => "end-8a",
            Self::ListTags { .. } => "end-8b",
            Self::DeleteManifest { .. } => "end-9",
            Self::DeleteBlob { .. } => "end-10",
            Self::MountBlob { .. } => "end-11",
            Self::ListReferrers { artifact_type: None, .. } => "end-12a",
            Self::ListReferrers { artifact_type: Some(_), .. } => "end-12b",
            Self::UploadStatus { .. } => "end-13",
            Self::CancelUpload { .. } => "end-14",
            Self::ListRepositories { .. } => "catalog",
        }
    }
}

/// What a server calls an upload: 1 to 128 unreserved ASCII characters, so it is safe in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(String);

impl UploadId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UploadId {
    type Err = NotAnOperation;

    fn from_str(text: &str) -> Result<Self, NotAnOperation> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=128).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnOperation::Upload(text.to_owned()))
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a request is none the specification defines. Carries the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOperation {
    /// A digest, or the name of an algorithm, that is none.
    #[error("invalid digest \"{0}\"")]
    Digest(String),
    /// The path is known, but not with this method.
    #[error("method not allowed; allowed are {allow}")]
    Method {
        /// The value for an `Allow` header.
        allow: &'static str,
    },
    /// A repository or a tag that breaks its grammar.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No row has this path.
    #[error("no such path")]
    Path,
    /// A query parameter that cannot be read, by its name.
    #[error("invalid query parameter \"{0}\"")]
    Query(&'static str),
    /// An upload identifier that is none.
    #[error("invalid upload \"{0}\"")]
    Upload(String),
}

fn repository(text: &str) -> Result<RepositoryName, NotAnOperation> {
    Ok(text.parse()?)
}

fn tag(text: &str) -> Result<Tag, NotAnOperation> {
    Ok(text.parse()?)
}

fn digest(text: &str) -> Result<Digest, NotAnOperation> {
    text.parse().map_err(|_| NotAnOperation::Digest(text.to_owned()))
}

/// The decoded parameters of a query, in order.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Self, NotAnOperation> {
        let decode = |part: &str| {
            let plain = part.replace('+', " ");
            let decoded =
                percent_decode_str(&plain).decode_utf8().map(std::borrow::Cow::into_owned);
            decoded.map_err(|_| NotAnOperation::Query("encoding"))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn page(&self) -> Result<Page, NotAnOperation> {
        let limit = match self.first("n") {
            Some(text) => Some(text.parse().map_err(|_| NotAnOperation::Query("n"))?),
            None => None,
        };
        Ok(Page { limit, last: self.first("last").map(str::to_owned) })
    }
}

/// What stays as it is in a query value: the unreserved characters, and `:` and `/`, which
/// registries are used to seeing plain.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

fn query_string<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        text.extend(utf8_percent_encode(value, QUERY_VALUE));
    }
    text
}

fn page_query(filter: Option<(&str, &str)>, page: &Page) -> String {
    let limit = page.limit.map(|limit| limit.to_string());
    let limit = limit.as_deref().map(|limit| ("n", limit));
    let last = page.last.as_deref().map(|last| ("last", last));
    query_string(filter.into_iter().chain(limit).chain(last))
}

#[cfg(test)]
mod tests;

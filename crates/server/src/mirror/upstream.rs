//! What a mirror asks of the registry behind it.

use std::fmt::Debug;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use oras_spec::image::Descriptor;
use oras_spec::{Digest, RepositoryName, TagOrDigest};

/// A registry that a mirror takes content from, with credentials of its own if it needs them.
///
/// Names are those of the upstream, without the mirror's prefix. Implementations bound their waits
/// and their memory: the far side is not trusted. Nothing they return is believed before its digest
/// was checked.
#[async_trait::async_trait]
pub trait Upstream: Debug + Send + Sync {
    /// Finds what a tag points at, without reading it.
    async fn resolve(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<Descriptor, UpstreamError>;

    /// Reads a manifest of at most the size that registries take.
    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(Descriptor, Bytes), UpstreamError>;

    /// Returns the size of a blob, in bytes, without reading it.
    async fn blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<u64, UpstreamError>;

    /// Opens a blob.
    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<UpstreamBlob, UpstreamError>;

    /// Lists at most `limit` tags behind `last`, in the upstream's order.
    async fn tags(
        &self,
        repository: &RepositoryName,
        last: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, UpstreamError>;

    /// Lists the manifests whose subject is given, with their artifact types.
    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError>;
}

/// A blob on its way from the upstream.
pub struct UpstreamBlob {
    /// Bytes of the blob, as the upstream states them.
    pub size: u64,
    /// The bytes, in order. An error or an early end means that the blob cannot be had.
    pub pieces: BoxStream<'static, Result<Bytes, UpstreamError>>,
}

impl Debug for UpstreamBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamBlob").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Why an upstream did not give what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct UpstreamError {
    kind: UpstreamErrorKind,
    reason: String,
}

/// What a mirror makes of an upstream's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamErrorKind {
    /// The upstream has no such thing.
    NotFound,
    /// The upstream does not let us have it, with the credentials that we have.
    Denied,
    /// The upstream wants fewer requests.
    RateLimited,
    /// The upstream cannot be reached, failed, or made no sense.
    Unavailable,
}

impl UpstreamError {
    /// Makes an error; `reason` is told to the log and, without secrets, to clients.
    pub fn new(kind: UpstreamErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// Returns what kind of failure it is.
    pub fn kind(&self) -> UpstreamErrorKind {
        self.kind
    }

    /// Tells whether what was kept from earlier may be served in place of the answer.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.kind, UpstreamErrorKind::RateLimited | UpstreamErrorKind::Unavailable)
    }
}

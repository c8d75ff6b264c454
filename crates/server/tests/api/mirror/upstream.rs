//! An upstream that says what a test tells it to, and counts what it is asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use oras_server::mirror::{Upstream, UpstreamBlob, UpstreamError, UpstreamErrorKind};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, RepositoryName, TagOrDigest};
use tokio::sync::Semaphore;

type Result<T> = std::result::Result<T, UpstreamError>;

/// A registry of one repository, `team/app`.
#[derive(Debug)]
pub(super) struct Scripted {
    content: Mutex<Content>,
    /// How many pieces of blobs may be sent; more are added by the test.
    pub(super) pieces: Arc<Semaphore>,
    pub(super) resolved: AtomicUsize,
    pub(super) manifests: AtomicUsize,
    pub(super) blobs: AtomicUsize,
    pub(super) sent: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Content {
    tags: BTreeMap<String, Digest>,
    manifests: HashMap<Digest, Bytes>,
    blobs: HashMap<Digest, Vec<Bytes>>,
    referrers: Vec<Descriptor>,
    failure: Option<UpstreamErrorKind>,
}

impl Scripted {
    /// Makes one whose blobs flow freely.
    pub(super) fn flowing() -> Arc<Self> {
        Self::with_pieces(Semaphore::MAX_PERMITS)
    }

    /// Makes one that sends only so many pieces before it is allowed more.
    pub(super) fn with_pieces(pieces: usize) -> Arc<Self> {
        Arc::new(Self {
            content: Mutex::default(),
            pieces: Arc::new(Semaphore::new(pieces)),
            resolved: AtomicUsize::new(0),
            manifests: AtomicUsize::new(0),
            blobs: AtomicUsize::new(0),
            sent: Arc::default(),
        })
    }

    fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        self.content.lock().expect("no panic")
    }

    pub(super) fn tag(&self, tag: &str, manifest: &Bytes) -> Digest {
        let digest = Digest::of(manifest);
        let mut content = self.content();
        content.manifests.insert(digest.clone(), manifest.clone());
        content.tags.insert(tag.to_owned(), digest.clone());
        digest
    }

    /// Has a blob, which is sent in these pieces.
    pub(super) fn blob(&self, pieces: &[Bytes]) -> Digest {
        let digest = Digest::of(&pieces.concat());
        self.blob_as(&digest, pieces);
        digest
    }

    /// Has something else than the blob that is asked for.
    pub(super) fn blob_as(&self, digest: &Digest, pieces: &[Bytes]) {
        self.content().blobs.insert(digest.clone(), pieces.to_vec());
    }

    pub(super) fn referrer(&self, referrer: Descriptor) {
        self.content().referrers.push(referrer);
    }

    /// Fails from now on, or no more.
    pub(super) fn fail(&self, failure: Option<UpstreamErrorKind>) {
        self.content().failure = failure;
    }

    fn asked(&self, repository: &RepositoryName) -> Result<std::sync::MutexGuard<'_, Content>> {
        let content = self.content();
        if let Some(kind) = content.failure {
            return Err(UpstreamError::new(kind, "as \"told\""));
        }
        if repository.as_str() != "team/app" {
            return Err(not_found());
        }
        Ok(content)
    }

    pub(super) fn count(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::SeqCst)
    }
}

fn not_found() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::NotFound, "not found")
}

fn describe(manifest: &Bytes) -> Descriptor {
    Descriptor::of(MediaType::IMAGE_MANIFEST, manifest)
}

#[async_trait::async_trait]
impl Upstream for Scripted {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<Descriptor> {
        self.resolved.fetch_add(1, Ordering::SeqCst);
        let content = self.asked(repository)?;
        let digest = content.tags.get(reference.as_str()).ok_or_else(not_found)?;
        Ok(describe(&content.manifests[digest]))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(Descriptor, Bytes)> {
        self.manifests.fetch_add(1, Ordering::SeqCst);
        let content = self.asked(repository)?;
        let manifest = content.manifests.get(digest).ok_or_else(not_found)?;
        Ok((describe(manifest), manifest.clone()))
    }

    async fn blob_size(&self, repository: &RepositoryName, digest: &Digest) -> Result<u64> {
        let content = self.asked(repository)?;
        let pieces = content.blobs.get(digest).ok_or_else(not_found)?;
        Ok(pieces.iter().map(|piece| piece.len() as u64).sum())
    }

    async fn blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<UpstreamBlob> {
        self.blobs.fetch_add(1, Ordering::SeqCst);
        let pieces = self.asked(repository)?.blobs.get(digest).cloned().ok_or_else(not_found)?;
        let size = pieces.iter().map(|piece| piece.len() as u64).sum();
        let (sent, gate) = (Arc::clone(&self.sent), Arc::clone(&self.pieces));
        let pieces = stream::iter(pieces).then(move |piece| {
            let (sent, gate) = (Arc::clone(&sent), Arc::clone(&gate));
            async move {
                gate.acquire().await.expect("open").forget();
                sent.fetch_add(piece.len(), Ordering::SeqCst);
                Ok(piece)
            }
        });
        Ok(UpstreamBlob { size, pieces: pieces.boxed() })
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        last: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let content = self.asked(repository)?;
        let behind = content.tags.keys().filter(|tag| last.is_none_or(|last| tag.as_str() > last));
        Ok(behind.take(limit).cloned().collect())
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>> {
        let content = self.asked(repository)?;
        let is_there = content.manifests.contains_key(subject);
        Ok(if is_there { content.referrers.clone() } else { Vec::new() })
    }
}

//! A source behind a cache.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{TryStreamExt as _, stream};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Tag, TagOrDigest};

use super::cache::{Cache, MAX_PASSING};
use crate::content::ByteStream;
use crate::{Content, Result, Source};

/// A [`Source`] whose content is taken from a [`Cache`] where that has it, and put there where not.
///
/// What a tag points at is always asked of the source; so is whether content that is named by a
/// digest is there. Only bytes are spared.
#[derive(Clone, Debug)]
pub struct Cached {
    source: Arc<dyn Source>,
    cache: Cache,
}

impl Cached {
    /// Puts `cache` before `source`.
    pub fn new(source: Arc<dyn Source>, cache: Cache) -> Self {
        Self { source, cache }
    }

    /// Returns content of the cache.
    async fn hit(&self, descriptor: &Descriptor, start: u64) -> Option<Content> {
        if descriptor.size <= MAX_PASSING {
            let bytes = self.cache.read(descriptor).await?;
            let content = Content::from_bytes(descriptor, bytes).cached();
            return content.starting_at(start).await.ok();
        }
        let held = self.cache.open(descriptor).await?;
        let (source, cache) = (Arc::clone(&self.source), self.cache.clone());
        let known = descriptor.clone();
        let content = held.content(descriptor, start).cached_unseen();
        Some(content.with_reopen_at(move |start| {
            let (source, cache, known) = (Arc::clone(&source), cache.clone(), known.clone());
            async move {
                match cache.open_verified(&known).await {
                    Some(held) => Ok(held.stream(start)),
                    None => Ok(source.fetch_from(&known, start).await?.into_unhashed_stream()),
                }
            }
        }))
    }

    /// Puts what passes into the cache, once all of it has.
    fn keeping(&self, content: Content) -> Content {
        if content.descriptor().size > MAX_PASSING || content.start() > 0 {
            return content;
        }
        let (cache, descriptor) = (self.cache.clone(), content.descriptor().clone());
        let passing = |bytes| Passing { bytes, seen: Vec::new(), cache, descriptor };
        content.map_stream(|bytes| {
            ByteStream::new(stream::try_unfold(passing(bytes), |mut passing| async move {
                Ok(passing.next().await?.map(|chunk| (chunk, passing)))
            }))
        })
    }
}

/// Content on its way, of which the cache will have all or nothing.
struct Passing {
    bytes: ByteStream,
    seen: Vec<Bytes>,
    cache: Cache,
    descriptor: Descriptor,
}

impl Passing {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.bytes.try_next().await?;
        let seen = &mut self.seen;
        match &chunk {
            Some(chunk) => seen.push(chunk.clone()),
            None if is_right(&self.descriptor, seen) => {
                self.cache.keep(&self.descriptor, std::mem::take(seen)).await;
            }
            None => {}
        }
        Ok(chunk)
    }
}

fn is_right(descriptor: &Descriptor, chunks: &[Bytes]) -> bool {
    let mut hasher = descriptor.digest.algorithm().hasher();
    for chunk in chunks {
        hasher.update(chunk);
    }
    hasher.finish() == descriptor.digest
}

impl fmt::Display for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

#[async_trait]
impl Source for Cached {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        self.source.resolve(reference).await
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        match self.hit(descriptor, 0).await {
            Some(content) => Ok(content),
            None => Ok(self.keeping(self.source.fetch(descriptor).await?)),
        }
    }

    async fn fetch_from(&self, descriptor: &Descriptor, start: u64) -> Result<Content> {
        match self.hit(descriptor, start).await {
            Some(content) => Ok(content),
            None => self.source.fetch_from(descriptor, start).await,
        }
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        self.source.exists(descriptor).await
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        self.source.predecessors(descriptor).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        self.source.tags(last)
    }

    async fn fetch_reference(&self, reference: &TagOrDigest) -> Result<(Descriptor, Content)> {
        if let Some(digest) = reference.digest()
            && self.cache.contains(digest).await
        {
            let descriptor = self.source.resolve(reference).await?;
            let content = self.fetch(&descriptor).await?;
            return Ok((descriptor, content));
        }
        let (descriptor, content) = self.source.fetch_reference(reference).await?;
        Ok((descriptor, self.keeping(content)))
    }

    async fn referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        self.source.referrers(subject, artifact_type).await
    }
}

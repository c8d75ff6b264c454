//! A store in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest};

use crate::graph::{self, Predecessors};
use crate::{Content, Error, ErrorKind, Result, Source, Target};

/// Content, tags and what points at what, all in memory.
///
/// A digest resolves to the descriptor its content was pushed with, annotations included.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    contents: HashMap<Digest, (Descriptor, Bytes)>,
    tags: BTreeMap<Tag, Descriptor>,
    predecessors: Predecessors,
}

impl Memory {
    /// How large one content may be unless [`Memory::with_limit`] says otherwise: 1 GiB.
    pub const DEFAULT_LIMIT: u64 = 1 << 30;

    /// Makes an empty store.
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// Makes an empty store that takes content of at most `limit` bytes each.
    pub fn with_limit(limit: u64) -> Self {
        Self { limit, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

#[async_trait]
impl Source for Memory {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let state = self.state();
        match reference {
            TagOrDigest::Tag(tag) => state.tags.get(tag),
            TagOrDigest::Digest(digest) => state.contents.get(digest).map(|(found, _)| found),
        }
        .cloned()
        .ok_or_else(|| Error::not_found(reference))
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        let state = self.state();
        let (_, bytes) = state
            .contents
            .get(&descriptor.digest)
            .ok_or_else(|| Error::not_found(&descriptor.digest))?;
        Ok(Content::from_bytes(descriptor, bytes.clone()))
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.state().contents.contains_key(&descriptor.digest))
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        Ok(self.state().predecessors.of(&descriptor.digest).to_vec())
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        let behind = |tag: &&Tag| last.is_none_or(|last| *tag > last);
        let tags: Vec<_> = self.state().tags.keys().filter(behind).cloned().map(Ok).collect();
        stream::iter(tags).boxed()
    }

    async fn referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        graph::referrers(self, subject, artifact_type).await
    }
}

#[async_trait]
impl Target for Memory {
    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        if descriptor.size > self.limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "content size {} exceeds push size limit {}: size exceeds limit",
                    descriptor.size, self.limit
                ),
            ));
        }
        let bytes = content.read_at_most(self.limit).await?;
        let is_document = descriptor.media_type.is_document();
        let document = is_document.then(|| graph::decode(descriptor, bytes.clone())).transpose()?;
        let mut state = self.state();
        if let Some(document) = &document {
            state.predecessors.insert(descriptor, document);
        }
        let known = state.contents.get(&descriptor.digest);
        if known.is_none_or(|(known, _)| is_document && !known.media_type.is_document()) {
            state.contents.insert(descriptor.digest.clone(), (descriptor.clone(), bytes));
        }
        Ok(())
    }

    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
        let mut state = self.state();
        if !state.contents.contains_key(&descriptor.digest) {
            return Err(Error::not_found(&descriptor.digest));
        }
        state.tags.insert(tag.clone(), descriptor.clone());
        Ok(())
    }

    async fn untag(&self, tag: &Tag) -> Result<()> {
        self.state().tags.remove(tag).map(drop).ok_or_else(|| Error::not_found(tag))
    }

    async fn delete(&self, descriptor: &Descriptor) -> Result<()> {
        let mut state = self.state();
        let digest = &descriptor.digest;
        state.contents.remove(digest).ok_or_else(|| Error::not_found(digest))?;
        state.tags.retain(|_, tagged| tagged.digest != *digest);
        state.predecessors.remove(digest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_content_above_its_limit_before_reading_it() {
        let memory = Memory::with_limit(3);
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"1234");
        let content = Content::from_bytes(&descriptor, Bytes::from_static(b"1234"));
        let error = memory.push(&descriptor, content).await.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(
            error.to_string(),
            "content size 4 exceeds push size limit 3: size exceeds limit"
        );
    }

    #[tokio::test]
    async fn a_digest_resolves_to_the_descriptor_that_was_pushed() {
        let memory = Memory::new();
        let mut descriptor = Descriptor::of("a/b".into(), b"1");
        descriptor.annotations.insert("k".into(), "v".into());
        let content = Content::from_bytes(&descriptor, Bytes::from_static(b"1"));
        memory.push(&descriptor, content).await.expect("pushed");
        let found = memory.resolve(&descriptor.digest.clone().into()).await.expect("resolved");
        assert_eq!(found, descriptor);
    }
}

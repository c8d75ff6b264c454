//! Points many tags at one manifest.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::Tag;
use oras_spec::image::Descriptor;

use crate::{Content, Event, Observer, Result, Target};

/// How to tag.
#[derive(Clone)]
pub struct TagOptions {
    /// How many tags are set at the same time; 0 counts as 1. 5 by default, as `oras`.
    pub concurrency: usize,
    /// Hears of each tag that is set, in the order they are. `()` by default.
    pub observer: Arc<dyn Observer>,
    /// The manifest's bytes, if the caller has them: a registry takes them anew for every tag, and
    /// they are read from it otherwise.
    pub bytes: Option<Bytes>,
}

impl Default for TagOptions {
    fn default() -> Self {
        Self { concurrency: 5, observer: Arc::new(()), bytes: None }
    }
}

impl std::fmt::Debug for TagOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TagOptions").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}

/// Points every one of `tags` at `manifest`, which the target has.
///
/// Each tag is set on its own: after an error some may point at the manifest already.
///
/// # Errors
///
/// As [`Target::tag`].
pub async fn tag(
    target: &dyn Target,
    manifest: &Descriptor,
    tags: &[Tag],
    options: &TagOptions,
) -> Result<()> {
    let bytes = match &options.bytes {
        Some(bytes) => Some(bytes.clone()),
        None if target.tags_by_push() && !tags.is_empty() => {
            Some(target.fetch(manifest).await?.read_all().await?)
        }
        None => None,
    };
    let set = |tag: Tag| {
        let bytes = bytes.clone();
        async move {
            match bytes.filter(|_| target.tags_by_push()) {
                Some(bytes) => {
                    let content = Content::from_bytes(manifest, bytes);
                    target.push_tagged(manifest, content, &tag).await?;
                }
                None => target.tag(manifest, &tag).await?,
            }
            options.observer.event(Event::Tagged(manifest, &tag));
            Ok(())
        }
    };
    stream::iter(tags.iter().cloned())
        .map(set)
        .buffer_unordered(options.concurrency.max(1))
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::TryStreamExt as _;
    use oras_spec::image::{Manifest, MediaType};
    use oras_spec::json;

    use super::*;
    use crate::store::Memory;
    use crate::{ErrorKind, Source as _};

    fn tags(texts: &[&str]) -> Vec<Tag> {
        texts.iter().map(|text| text.parse().expect("a tag")).collect()
    }

    #[tokio::test]
    async fn points_every_tag_and_tells_of_each() {
        let memory = Memory::new();
        let bytes = Bytes::from(json::to_vec(&Manifest::new(Descriptor::empty_json(), Vec::new())));
        let manifest = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
        let missing = tag(&memory, &manifest, &tags(&["v1"]), &TagOptions::default()).await;
        assert_eq!(missing.expect_err("missing").kind(), ErrorKind::NotFound);
        let content = Content::from_bytes(&manifest, bytes);
        memory.push(&manifest, content).await.expect("pushed");

        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let hear = Arc::clone(&heard);
        let observer = move |event: Event<'_>| {
            if let Event::Tagged(_, tag) = event {
                hear.lock().expect("not poisoned").push(tag.to_string());
            }
        };
        let options = TagOptions { observer: Arc::new(observer), ..TagOptions::default() };
        for concurrency in [0, 1, 5] {
            let options = TagOptions { concurrency, ..options.clone() };
            tag(&memory, &manifest, &tags(&["a", "b", "c"]), &options).await.expect("tagged");
        }
        tag(&memory, &manifest, &[], &options).await.expect("nothing to do");
        let found: Vec<Tag> = memory.tags(None).try_collect().await.expect("listed");
        assert_eq!(found, tags(&["a", "b", "c"]));
        assert_eq!(heard.lock().expect("not poisoned").len(), 9);
    }
}

//! The jobs of a copy: ask, read, write. Each is a future of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use oras_spec::Tag;
use oras_spec::image::{Descriptor, Document};

use super::{CopyOptions, Existing};
use crate::{Content, Error, ErrorKind, Event, Origin, Result, Source, Target, graph};

/// What every job of one copy needs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Transfer<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) target: &'a dyn Target,
    pub(super) options: &'a CopyOptions,
    /// The registry refused our credentials for mounting: nothing more is mounted.
    mounts_refused: Arc<AtomicBool>,
}

/// What a visit found.
pub(super) enum Found {
    /// The target has it. If it was read already, the bytes come back.
    Present(Option<Bytes>),
    /// A document that the target has, which is to be looked below: its bytes and what it points
    /// at.
    Kept(Bytes, Vec<Descriptor>),
    /// A blob, which is transferred now.
    Blob,
    /// A document, which is read now: its bytes and what it points at.
    Document(Bytes, Vec<Descriptor>),
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        target: &'a dyn Target,
        options: &'a CopyOptions,
    ) -> Self {
        Self { source, target, options, mounts_refused: Arc::default() }
    }

    /// Asks for a node if `ask` says so; reads it if it is a document, transfers it if it is a blob.
    pub(super) async fn visit(
        &self,
        descriptor: Arc<Descriptor>,
        bytes: Option<Bytes>,
        ask: bool,
        tag: Option<&Tag>,
    ) -> Result<Found> {
        if ask && self.target.exists(&descriptor).await.map_err(of_target)? {
            return self.look_below(&descriptor, bytes).await;
        }
        if !descriptor.media_type.is_document() {
            self.blob(&descriptor, tag).await?;
            return Ok(Found::Blob);
        }
        self.say(Event::Fetching(&descriptor));
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.read(&descriptor).await?,
        };
        let document = graph::decode(&descriptor, bytes).map_err(of_source)?;
        self.say(Event::Fetched(&descriptor));
        let successors = self.successors(&document)?;
        if self.target.names_by_title()
            && let Some(title) = graph::ambiguous_title(&successors)
        {
            let message = format!("{title}: duplicate name");
            return Err(of_target(Error::new(ErrorKind::AlreadyExists, message)));
        }
        Ok(Found::Document(document.bytes().clone(), successors))
    }

    /// Takes what is there for complete, unless it is to be completed.
    async fn look_below(&self, descriptor: &Descriptor, bytes: Option<Bytes>) -> Result<Found> {
        let is_trusted = self.options.existing != Existing::Complete;
        if is_trusted || !descriptor.media_type.is_document() {
            return Ok(Found::Present(bytes));
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.read(descriptor).await?,
        };
        let document = graph::decode(descriptor, bytes).map_err(of_source)?;
        Ok(Found::Kept(document.bytes().clone(), self.successors(&document)?))
    }

    fn successors(&self, document: &Document) -> Result<Vec<Descriptor>> {
        match &self.options.successors {
            Some(choose) => choose(document),
            None => Ok(document.successors()),
        }
    }

    /// Writes a document whose successors are all there, some of them under further titles yet to
    /// be given.
    pub(super) async fn document(
        &self,
        descriptor: Arc<Descriptor>,
        bytes: Bytes,
        renamed: Vec<Descriptor>,
        tag: Option<&Tag>,
    ) -> Result<()> {
        self.say(Event::Started(&descriptor));
        let written = async {
            for successor in &renamed {
                self.restore(successor).await?;
                self.say(Event::Restored(successor));
            }
            let content = self.watched(&descriptor, Content::from_bytes(&descriptor, bytes));
            self.put(&descriptor, content, tag).await
        };
        self.report(&descriptor, written.await)
    }

    /// Points `tag` at a root that the target has.
    pub(super) async fn tag(
        &self,
        descriptor: &Descriptor,
        bytes: Option<Bytes>,
        tag: &Tag,
    ) -> Result<()> {
        if !self.target.tags_by_push() {
            return self.target.tag(descriptor, tag).await.map_err(of_target);
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.read(descriptor).await?,
        };
        self.put(descriptor, Content::from_bytes(descriptor, bytes), Some(tag)).await
    }

    async fn blob(&self, descriptor: &Arc<Descriptor>, tag: Option<&Tag>) -> Result<()> {
        if tag.is_none() && self.mount(descriptor).await? {
            self.say(Event::Mounted(descriptor));
            return Ok(());
        }
        self.say(Event::Started(descriptor));
        let moved = async {
            let content = self.fetch(descriptor).await?;
            self.tell_cached(descriptor, &content);
            self.put(descriptor, self.watched(descriptor, content), tag).await
        };
        self.report(descriptor, moved.await)
    }

    /// Opens a blob behind what the target has of it from an attempt that was broken off.
    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        let begun = self.target.begun(descriptor).await.map_err(of_target)?;
        if begun == 0 {
            return self.source.fetch(descriptor).await.map_err(of_source);
        }
        self.say(Event::Resumed(descriptor, begun));
        self.source.fetch_from(descriptor, begun).await.map_err(of_source)
    }

    /// Mounts a blob, if that is wanted and possible. A registry that does not let us is not asked
    /// again: uploading may be allowed where mounting is not.
    async fn mount(&self, descriptor: &Descriptor) -> Result<bool> {
        let Some(from) = &self.options.mount_from else { return Ok(false) };
        if self.mounts_refused.load(Ordering::Relaxed) {
            return Ok(false);
        }
        match self.target.mount(descriptor, from).await {
            Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthorized) => {
                self.mounts_refused.store(true, Ordering::Relaxed);
                Ok(false)
            }
            mounted => mounted.map_err(of_target),
        }
    }

    async fn restore(&self, descriptor: &Descriptor) -> Result<()> {
        if self.target.restore(descriptor).await.map_err(of_target)? {
            return Ok(());
        }
        let content = self.source.fetch(descriptor).await.map_err(of_source)?;
        self.put(descriptor, content, None).await
    }

    async fn read(&self, descriptor: &Descriptor) -> Result<Bytes> {
        let content = self.source.fetch(descriptor).await.map_err(of_source)?;
        self.tell_cached(descriptor, &content);
        content.read_all().await.map_err(of_source)
    }

    fn tell_cached(&self, descriptor: &Descriptor, content: &Content) {
        if content.is_cached() {
            self.say(Event::Cached(descriptor));
        }
    }

    async fn put(
        &self,
        descriptor: &Descriptor,
        content: Content,
        tag: Option<&Tag>,
    ) -> Result<()> {
        let content = content.with_origin(Origin::Source);
        let result = match tag {
            Some(tag) => self.target.push_tagged(descriptor, content, tag).await,
            None => self.target.push(descriptor, content).await,
        };
        // Bytes that are not what they should be are the source's fault, whoever notices.
        result.map_err(|error| match error.kind() {
            ErrorKind::Mismatch if error.response().is_none() => of_source(error),
            _ => of_target(error),
        })
    }

    fn watched(&self, descriptor: &Arc<Descriptor>, content: Content) -> Content {
        let (observer, descriptor) = (Arc::clone(&self.options.observer), Arc::clone(descriptor));
        content.on_chunk(move |count| observer.event(Event::Moved(&descriptor, count)))
    }

    fn report(&self, descriptor: &Descriptor, result: Result<()>) -> Result<()> {
        self.say(match result {
            Ok(()) => Event::Copied(descriptor),
            Err(_) => Event::Failed(descriptor),
        });
        result
    }

    fn say(&self, event: Event<'_>) {
        self.options.observer.event(event);
    }
}

fn of_source(error: Error) -> Error {
    error.with_origin(Origin::Source)
}

fn of_target(error: Error) -> Error {
    error.with_origin(Origin::Target)
}

//! An OCI image layout: a directory of blobs and an index of manifests.
//!
//! See [image layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).

mod blobs;
pub(super) mod index;
pub(super) mod listing;
pub(super) mod removal;
pub(super) mod shelf;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::image::layout::{LayoutMarker, MARKER_FILE, VERSION};
use oras_spec::image::{Descriptor, Index, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest, json};

use super::cache::Cache;
use super::directory::{Directory, of_file};
use super::draft::Draft;
use super::intake::{Incoming, blocking, receive_twice};
use super::reader::{Reading, Stamp};
use crate::{Content, Error, ErrorKind, Result, Source, Target, graph};
use blobs::Blobs;
use index::IndexFile;
use removal::Graph;
use shelf::Shelf as _;

/// A layout directory.
///
/// Blobs are verified and durable before they have their name. The index is rewritten as a whole,
/// under a lock that other processes respect as well, and its entries keep their order: any number
/// of writers lose nothing of one another, and a reader sees one state or the next. Every manifest
/// that is pushed is listed, with a tag or without; tags may be any text.
///
/// Opening reads the index and no manifest. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Layout(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    blobs: Blobs,
    index: IndexFile,
    is_writable: bool,
    graph: Mutex<Option<(Stamp, Arc<Graph>)>>,
    /// Takes note of large blobs that are written here.
    cache: OnceLock<Cache>,
}

impl Layout {
    /// Opens a layout for reading and writing, and makes what is missing of it: the directory, its
    /// marker, an empty index.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if it cannot be made or read, [`ErrorKind::Invalid`] if it is not a
    /// layout of version 1.0.0.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let root = Directory::create(&absolute(&path))?;
            let layout = Self::new(path, &root, true);
            if root
                .stat(MARKER_FILE)
                .map_err(|error| of_file("stat", root.path(), error))?
                .is_none()
            {
                let mut draft = Draft::create(&root, 0o666)?;
                draft.write(&json::to_vec(&LayoutMarker::default()))?;
                draft.commit(MARKER_FILE.as_ref(), true)?;
            }
            check_marker(&root)?;
            layout.0.blobs.create()?;
            layout.0.index.create()?;
            layout.0.index.load()?;
            Ok(layout)
        })
        .await
    }

    /// Opens a layout that nothing is ever written to.
    ///
    /// # Errors
    ///
    /// As [`Layout::open`]; also [`ErrorKind::Invalid`] if something is missing.
    pub async fn open_read_only(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let shown = absolute(&path);
            let root = Directory::open(&shown).map_err(|error| of_file("open", &shown, error))?;
            check_marker(&root)?;
            let layout = Self::new(path, &root, false);
            layout.0.index.load()?;
            Ok(layout)
        })
        .await
    }

    fn new(path: PathBuf, root: &Directory, is_writable: bool) -> Self {
        Self(Arc::new(Inner {
            path,
            blobs: Blobs::new(root.clone()),
            index: IndexFile::new(root.clone()),
            is_writable,
            graph: Mutex::default(),
            cache: OnceLock::new(),
        }))
    }

    /// Lets a cache know where blobs are that are written here from now on, so that it can give them
    /// to others. Once set, it stays.
    pub fn note_in(&mut self, cache: Option<Cache>) {
        if let Some(cache) = cache {
            self.0.cache.set(cache).unwrap_or_default();
        }
    }

    /// Runs `work` where it may wait for the disk.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        blocking(move || work(&inner)).await
    }

    /// As [`Layout::with`], for work that changes something.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.check_writable()?;
        self.with(work).await
    }

    fn check_writable(&self) -> Result<()> {
        if self.0.is_writable {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, format!("{self} is opened for reading only")))
    }
}

impl Inner {
    fn write(&self, digest: &Digest, incoming: &mut Incoming) -> Result<()> {
        let (file, path) = self.blobs.write(digest, incoming)?;
        if let Some(cache) = self.cache.get() {
            cache.note(&Stamp::of(&file, &path)?, digest, &path);
        }
        Ok(())
    }

    /// Returns what points at what, read anew if the index has changed since.
    fn graph(&self) -> Result<Arc<Graph>> {
        let (stamp, listing) = self.index.load_stamped()?;
        let mut known = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, graph)) = &*known
            && *seen == stamp
        {
            return Ok(Arc::clone(graph));
        }
        let graph = Arc::new(Graph::read(&self.blobs, &listing.decode()?.index));
        *known = Some((stamp, Arc::clone(&graph)));
        Ok(graph)
    }

    fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        shelf::resolve(&*self.index.load()?, &self.blobs, reference)
    }

    /// Removes content and what goes with it: first from the list, so that no reader is led to
    /// what is gone, then from the disk.
    fn delete(&self, descriptor: &Descriptor) -> Result<()> {
        if self.blobs.size(&descriptor.digest)?.is_none() {
            return Err(Error::not_found(&descriptor.digest));
        }
        let removed = self.index.update(|index: &mut Index| {
            let removed = if descriptor.media_type.is_document() {
                Graph::read(&self.blobs, index).removal(&descriptor.digest, index)
            } else {
                vec![descriptor.digest.clone()]
            };
            index.manifests.retain(|entry| !removed.contains(&entry.digest));
            Ok(removed)
        })?;
        for digest in removed {
            self.blobs.remove(&digest)?;
        }
        Ok(())
    }
}

/// Returns the absolute path; without a working directory there is none, and `path` stays.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Fails unless the directory says that it is a layout of the one version there is.
fn check_marker(root: &Directory) -> Result<()> {
    let path = root.path_of(MARKER_FILE);
    let file = root
        .read(MARKER_FILE)
        .map_err(|error| no_marker(&of_file("open", Path::new(MARKER_FILE), error).to_string()))?;
    parse_marker(&Reading::of(Arc::new(file), &path)?.read_at_most(MAX_MARKER_SIZE)?)
}

/// How large the marker may be, in bytes.
pub(super) const MAX_MARKER_SIZE: u64 = 64 * 1024;

/// Makes the error for a layout whose marker cannot be opened.
pub(super) fn no_marker(why: &str) -> Error {
    no_layout(format!("failed to open OCI layout file: {why}"))
}

/// Fails unless the marker is of the one version there is.
pub(super) fn parse_marker(bytes: &[u8]) -> Result<()> {
    let marker: LayoutMarker = serde_json::from_slice(bytes)
        .map_err(|error| no_layout(format!("failed to decode OCI layout file: {error}")))?;
    if marker.image_layout_version == VERSION {
        Ok(())
    } else {
        Err(no_layout("unsupported version".to_owned()))
    }
}

fn no_layout(why: String) -> Error {
    Error::new(ErrorKind::Invalid, why).context("invalid OCI Image Layout")
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.path.display())
    }
}

#[async_trait]
impl Source for Layout {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let reference = reference.clone();
        self.with(move |inner| inner.resolve(&reference)).await
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        let open = {
            let (layout, digest) = (self.clone(), descriptor.digest.clone());
            move || {
                let (layout, digest) = (layout.clone(), digest.clone());
                async move { layout.with(move |inner| inner.blobs.open(&digest)).await }
            }
        };
        let reading = open().await?;
        Ok(Content::new(descriptor, reading.stream(0)).with_reopen_at(move |start| {
            let reading = open();
            async move { Ok(Reading::stream(reading.await?, start)) }
        }))
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        let descriptor = descriptor.clone();
        self.with(move |inner| inner.blobs.has(&descriptor)).await
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        let digest = descriptor.digest.clone();
        self.with(move |inner| Ok(inner.graph()?.predecessors(&digest).to_vec())).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        let last = last.cloned();
        let tags = self.with(move |inner| {
            let tags = inner.index.load()?.tags()?.into_iter();
            let behind = tags.filter(move |tag| last.as_ref().is_none_or(|last| tag > last));
            Ok(stream::iter(behind.map(Ok)))
        });
        stream::once(tags).try_flatten().boxed()
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
impl Target for Layout {
    async fn begun(&self, descriptor: &Descriptor) -> Result<u64> {
        if descriptor.media_type.is_document() || self.exists(descriptor).await? {
            return Ok(0);
        }
        let (inner, descriptor) = (Arc::clone(&self.0), descriptor.clone());
        blocking(move || Ok(inner.blobs.begun(&descriptor))).await
    }

    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        self.check_writable()?;
        let is_document = descriptor.media_type.is_document();
        if !self.exists(descriptor).await? {
            let content = if is_document { checked(descriptor, content).await? } else { content };
            let (inner, digest) = (Arc::clone(&self.0), descriptor.digest.clone());
            receive_twice(content, move |incoming| inner.write(&digest, incoming)).await?;
        }
        if !is_document {
            return Ok(());
        }
        let descriptor = descriptor.clone();
        self.change(move |inner| {
            if inner.index.load()?.decode()?.lists(&descriptor.digest) {
                return Ok(());
            }
            inner.index.update(|index| {
                index::add(index, &descriptor);
                Ok(())
            })
        })
        .await
    }

    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
        let (descriptor, tag) = (descriptor.clone(), tag.clone());
        self.change(move |inner| {
            if !inner.blobs.has(&descriptor)? {
                return Err(Error::not_found(&descriptor.digest));
            }
            inner.index.update(|index| {
                index::set(index, &descriptor, &tag);
                Ok(())
            })
        })
        .await
    }

    async fn untag(&self, tag: &Tag) -> Result<()> {
        let tag = tag.clone();
        self.change(move |inner| {
            inner.index.update(|index| {
                if index::unset(index, &tag) { Ok(()) } else { Err(Error::not_found(&tag)) }
            })
        })
        .await
    }

    async fn delete(&self, descriptor: &Descriptor) -> Result<()> {
        let descriptor = descriptor.clone();
        self.change(move |inner| inner.delete(&descriptor)).await
    }
}

/// Reads a document and makes sure that it is one before it is listed.
async fn checked(descriptor: &Descriptor, content: Content) -> Result<Content> {
    let bytes: Bytes = content.read_all().await?;
    graph::decode(descriptor, bytes.clone())?;
    Ok(Content::from_bytes(descriptor, bytes))
}

#[cfg(test)]
mod tests;

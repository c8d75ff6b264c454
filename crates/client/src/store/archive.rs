//! An OCI layout inside a tar file, read where it lies.

mod scan;
mod sink;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::image::layout::{INDEX_FILE, MARKER_FILE};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest};

use super::intake::blocking;
use super::layout::index::MAX_INDEX_SIZE;
use super::layout::listing::{Listing, invalid};
use super::layout::removal::Graph;
use super::layout::shelf::{self, Shelf};
use super::layout::{MAX_MARKER_SIZE, no_marker, parse_marker};
use super::reader::Reading;
use crate::{Content, Error, ErrorKind, Result, Source, Target, graph};
use scan::Contents;
pub use sink::ArchiveSink;

/// A layout in a tar file. Nothing of it is unpacked: opening reads the headers, and content is
/// read where it stands.
///
/// What two readers could understand differently makes an archive none, wherever it stands: names
/// that lead out, two files of one name, links in the place of files, malformed headers. Files that
/// are not part of a layout are passed over. The archive is not compressed, and nothing can be
/// written to it. Memory is bounded by the number of entries, at most a million. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    contents: Contents,
    listing: Listing,
    graph: OnceLock<Arc<Graph>>,
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if it cannot be read, [`ErrorKind::Invalid`] if it is no tar file or holds
    /// no layout of version 1.0.0, [`ErrorKind::LimitExceeded`] if it has too many entries.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || {
            let contents = Contents::scan(&path)?;
            let missing = |name| format!("open {name}: no such file or directory");
            let marker =
                contents.marker.as_ref().ok_or_else(|| no_marker(&missing(MARKER_FILE)))?;
            parse_marker(&read(marker, MAX_MARKER_SIZE)?)?;
            let index = contents.index.as_ref().ok_or_else(|| {
                invalid(format!("failed to open index file: {}", missing(INDEX_FILE)))
            })?;
            let listing = Listing::parse(read(index, MAX_INDEX_SIZE)?)?;
            Ok(Self(Arc::new(Inner { path, contents, listing, graph: OnceLock::new() })))
        })
        .await
    }

    /// Returns how long the archive is, in bytes.
    pub fn size(&self) -> u64 {
        self.0.contents.size
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        blocking(move || work(&inner)).await
    }

    fn unwritable(&self) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{self} is an archive, which is only read"))
    }
}

/// Reads a file whose bytes no digest vouches for.
fn read(reading: &Reading, limit: u64) -> Result<Vec<u8>> {
    let bytes = reading.read_at_most(limit)?;
    reading.check()?;
    Ok(bytes)
}

impl Inner {
    fn graph(&self) -> Result<&Graph> {
        if let Some(graph) = self.graph.get() {
            return Ok(graph);
        }
        let graph = Graph::read(&self.contents, &self.listing.decode()?.index);
        Ok(self.graph.get_or_init(|| Arc::new(graph)))
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.path.display())
    }
}

impl Shelf for Contents {
    fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.blobs.get(digest).map(|extent| extent.size))
    }

    fn open(&self, digest: &Digest) -> Result<Reading> {
        let extent = self.blobs.get(digest).ok_or_else(|| Error::not_found(digest))?;
        Ok(self.reading.part(extent.start, extent.size))
    }
}

#[async_trait]
impl Source for Archive {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let reference = reference.clone();
        self.with(move |inner| shelf::resolve(&inner.listing, &inner.contents, &reference)).await
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        let reading = self.0.contents.open(&descriptor.digest)?;
        let content = Content::new(descriptor, reading.clone().stream(0));
        Ok(content
            .with_reopen_at(move |start| std::future::ready(Ok(reading.clone().stream(start)))))
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        self.0.contents.has(descriptor)
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        let digest = descriptor.digest.clone();
        self.with(move |inner| Ok(inner.graph()?.predecessors(&digest).to_vec())).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        let last = last.cloned();
        let tags = self.with(move |inner| {
            let tags = inner.listing.tags()?.into_iter();
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

/// Refuses everything, so that a layout may be either.
#[async_trait]
impl Target for Archive {
    async fn push(&self, _: &Descriptor, _: Content) -> Result<()> {
        Err(self.unwritable())
    }

    async fn tag(&self, _: &Descriptor, _: &Tag) -> Result<()> {
        Err(self.unwritable())
    }
}

#[cfg(test)]
mod tests;

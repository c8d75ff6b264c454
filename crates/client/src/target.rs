//! The narrow waist: what every place that holds artifacts can do.

use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{RepositoryName, Tag, TagOrDigest};

use crate::{Content, Error, ErrorKind, Result};

/// Something artifacts can be read from.
///
/// `Display` names the place for people: `localhost:5000/hello`, a directory.
#[async_trait]
pub trait Source: fmt::Debug + fmt::Display + Send + Sync {
    /// Finds what a tag points at, or what is known of a digest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such tag or content.
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor>;

    /// Opens content. The bytes are checked as they are read, not before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the content is not there.
    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content>;

    /// As [`fetch`](Self::fetch), without the first `start` bytes, which the caller has.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    async fn fetch_from(&self, descriptor: &Descriptor, start: u64) -> Result<Content> {
        self.fetch(descriptor).await?.starting_at(start).await
    }

    /// Tells whether content is there, without reading it.
    async fn exists(&self, descriptor: &Descriptor) -> Result<bool>;

    /// Returns the documents that point at `descriptor`, as far as the place knows: a registry
    /// knows those whose subject it is, a local store all of them.
    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>>;

    /// Lists tags behind `last`, in the order of the place: ascending by bytes in a local store.
    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>>;

    /// Resolves and opens; one round trip where the place can.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    async fn fetch_reference(&self, reference: &TagOrDigest) -> Result<(Descriptor, Content)> {
        let descriptor = self.resolve(reference).await?;
        let content = self.fetch(&descriptor).await?;
        Ok((descriptor, content))
    }

    /// Returns the manifests whose subject is `subject`, with their artifact types; only those of
    /// `artifact_type` if it is given.
    ///
    /// # Errors
    ///
    /// As [`predecessors`](Self::predecessors).
    async fn referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        let mut referrers = self.predecessors(subject).await?;
        if let Some(wanted) = artifact_type {
            referrers.retain(|referrer| referrer.artifact_type == *wanted);
        }
        Ok(referrers)
    }
}

/// Something artifacts can also be written to.
#[async_trait]
pub trait Target: Source {
    /// Returns how many bytes of content that is not there yet are left from an attempt that was
    /// broken off, by whomever. [`push`](Self::push) may then be given content that
    /// [begins](Content::start) behind them.
    ///
    /// # Errors
    ///
    /// If the place cannot be looked at.
    async fn begun(&self, _descriptor: &Descriptor) -> Result<u64> {
        Ok(0)
    }

    /// Writes content under its digest. Succeeds at once if it is there already.
    ///
    /// Atomic: others see all of it or nothing. A document is accepted only after what it points
    /// at, where the place checks that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the bytes are not what `descriptor` says; nothing is kept then.
    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()>;

    /// Points `tag` at `descriptor`, moving it if it already points elsewhere.
    ///
    /// Atomic: a reader sees the old manifest or the new one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a registry is the target and `tag` is not conformant,
    /// [`ErrorKind::NotFound`] if the content is not there.
    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()>;

    /// Writes a manifest and points `tag` at it; one round trip where the place can.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push) and [`tag`](Self::tag).
    async fn push_tagged(
        &self,
        descriptor: &Descriptor,
        content: Content,
        tag: &Tag,
    ) -> Result<()> {
        self.push(descriptor, content).await?;
        self.tag(descriptor, tag).await
    }

    /// Tells whether tagging takes the manifest's bytes anew (a registry) or not (a local store).
    fn tags_by_push(&self) -> bool {
        false
    }

    /// Tells whether titles are the names of what is written, so that two contents of one document
    /// cannot share one.
    fn names_by_title(&self) -> bool {
        false
    }

    /// Gives content that is here already the title of `descriptor` too; `false` if its bytes are
    /// needed again for that.
    ///
    /// Only where titles are names of files there is anything to do.
    ///
    /// # Errors
    ///
    /// If the content cannot be written under that title.
    async fn restore(&self, _descriptor: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    /// Takes a blob from a sibling repository without moving bytes; `false` if that was not possible.
    ///
    /// # Errors
    ///
    /// If the registry refuses in a way that rules out an ordinary upload as well.
    async fn mount(&self, _descriptor: &Descriptor, _from: &RepositoryName) -> Result<bool> {
        Ok(false)
    }

    /// Removes a tag; what it pointed at stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] unless the place can.
    async fn untag(&self, tag: &Tag) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, format!("remove tag {tag} from {self}")))
    }

    /// Deletes content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] unless the place can, [`ErrorKind::NotFound`] if it is not there.
    async fn delete(&self, descriptor: &Descriptor) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, format!("delete {} from {self}", descriptor.digest)))
    }
}

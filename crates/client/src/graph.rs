//! The graph of content: what documents point at, and what points at them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use bytes::Bytes;
use oras_spec::Digest;
use oras_spec::image::{Descriptor, Document, MediaType};

use crate::lexical::clean;
use crate::{Error, ErrorKind, Result, Source};

/// How many documents may hang below one another.
pub const MAX_DEPTH: usize = 64;

/// How many different nodes one walk may meet.
pub const MAX_NODES: usize = 1_000_000;

/// Reads and decodes a document of at most 4 MiB.
///
/// # Errors
///
/// As [`Source::fetch`] and [`Content::read_all`](crate::Content::read_all), and
/// [`ErrorKind::Mismatch`] if the bytes are no document of the descriptor's media type.
pub async fn read_document(source: &dyn Source, descriptor: &Descriptor) -> Result<Document> {
    let bytes = source.fetch(descriptor).await?.read_all().await?;
    decode(descriptor, bytes)
}

/// Decodes the bytes of a document.
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the bytes are no document of the descriptor's media type.
pub fn decode(descriptor: &Descriptor, bytes: Bytes) -> Result<Document> {
    Document::parse(&descriptor.media_type, bytes).map_err(|error| {
        Error::new(ErrorKind::Mismatch, format!("decode {}", descriptor.digest)).with_source(error)
    })
}

/// Returns what `descriptor` points at, in copying order; nothing for a blob.
///
/// # Errors
///
/// As [`read_document`].
pub async fn successors(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
    if !descriptor.media_type.is_document() {
        return Ok(Vec::new());
    }
    Ok(read_document(source, descriptor).await?.successors())
}

/// Finds a title that stands for two different contents, which no directory can hold. Titles that
/// lead to the same place, such as `x` and `./x`, are one.
pub fn ambiguous_title(descriptors: &[Descriptor]) -> Option<&str> {
    let mut seen = BTreeMap::new();
    descriptors.iter().find_map(|descriptor| {
        let title = descriptor.title().filter(|title| !title.is_empty())?;
        let first = seen.entry(clean(Path::new(title))).or_insert(&descriptor.digest);
        (*first != &descriptor.digest).then_some(title)
    })
}

/// Picks the predecessors whose subject is `subject`, and says of each what a registry would say
/// of a referrer: its annotations, and its artifact type or else its config's media type.
pub(crate) async fn referrers(
    source: &dyn Source,
    subject: &Descriptor,
    artifact_type: Option<&MediaType>,
) -> Result<Vec<Descriptor>> {
    let mut referrers = Vec::new();
    for mut referrer in source.predecessors(subject).await? {
        let document = read_document(source, &referrer).await?;
        let is_referrer = document.subject().is_some_and(|found| found.digest == subject.digest);
        if is_referrer && artifact_type.is_none_or(|wanted| document.artifact_type() == wanted) {
            referrer.artifact_type = document.artifact_type().clone();
            referrer.annotations = document.annotations().clone();
            referrers.push(referrer);
        }
    }
    Ok(referrers)
}

/// What points at what, turned around; for stores that hold their documents at hand.
#[derive(Debug, Default)]
pub(crate) struct Predecessors(HashMap<Digest, Known>);

/// What points at one digest, in the order it became known. A popular config may have thousands.
#[derive(Debug, Default)]
struct Known {
    list: Vec<Descriptor>,
    digests: HashSet<Digest>,
}

impl Predecessors {
    /// Notes everything that `document` points at.
    pub(crate) fn insert(&mut self, descriptor: &Descriptor, document: &Document) {
        for successor in document.successors() {
            let known = self.0.entry(successor.digest).or_default();
            if known.digests.insert(descriptor.digest.clone()) {
                known.list.push(descriptor.clone());
            }
        }
    }

    /// Forgets everything that the document `digest` points at.
    pub(crate) fn remove(&mut self, digest: &Digest) {
        self.0.retain(|_, known| {
            if known.digests.remove(digest) {
                known.list.retain(|other| other.digest != *digest);
            }
            !known.list.is_empty()
        });
    }

    /// Returns what points at `digest`, in the order it was inserted.
    pub(crate) fn of(&self, digest: &Digest) -> &[Descriptor] {
        self.0.get(digest).map_or(&[], |known| &known.list)
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::annotation;

    use super::*;

    fn titled(title: &str, bytes: &[u8]) -> Descriptor {
        let mut descriptor = Descriptor::of(MediaType::OCTET_STREAM, bytes);
        descriptor.annotations.insert(annotation::TITLE.into(), title.into());
        descriptor
    }

    #[test]
    fn finds_a_title_of_two_contents() {
        let plain = Descriptor::of(MediaType::OCTET_STREAM, b"1");
        let mut layers =
            vec![titled("a", b"1"), titled("b", b"1"), titled("a", b"1"), titled("", b"1"), plain];
        layers.push(titled("", b"2"));
        assert_eq!(ambiguous_title(&layers), None);
        layers.push(titled("a", b"2"));
        assert_eq!(ambiguous_title(&layers), Some("a"));
        let layers = [titled("a", b"1"), titled("./b//../a", b"2")];
        assert_eq!(ambiguous_title(&layers), Some("./b//../a"));
    }
}

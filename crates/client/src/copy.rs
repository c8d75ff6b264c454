//! Copies artifacts from one place to another: children first, each node once.

mod companions;
mod node;
mod referrers;
mod transfer;
mod walk;

use std::fmt;
use std::sync::Arc;

use oras_spec::image::{Descriptor, Document, Platform};
use oras_spec::{RepositoryName, Tag, TagOrDigest};

use crate::{Observer, Origin, Result, Source, Target, graph, select};
pub use referrers::{Copied, copy_with_referrers, count_referrers};
use walk::{Root, Walk};

/// What a copy does with documents that the target has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Takes a document that is there as a sign that all below it is there too.
    #[default]
    Skip,
    /// Copies every document anew and looks at all below it; blobs that are there stay.
    Descend,
    /// Looks at all below a document that is there, and copies what of it is missing.
    Complete,
}

/// Says which of the things a document points at are copied, and under which titles.
pub type Successors = Arc<dyn Fn(&Document) -> Result<Vec<Descriptor>> + Send + Sync>;

/// What counts as small for [`CopyOptions::further_small`], in bytes: 256 KiB.
pub const SMALL: u64 = 256 * 1024;

/// How to copy.
#[derive(Clone)]
pub struct CopyOptions {
    /// How many things are asked for, read or written at the same time; 0 counts as 1. 3 by
    /// default, as `oras`.
    pub concurrency: usize,
    /// How many things of [`SMALL`] bytes or less may be on their way beyond that: each is little
    /// work and much waiting. None by default.
    pub further_small: usize,
    /// Hears what happens. `()` by default.
    pub observer: Arc<dyn Observer>,
    /// Copies of an index only the manifest for this platform; of a manifest checks it. Only
    /// [`copy`] looks at it.
    pub platform: Option<Platform>,
    /// Tries to take blobs from this repository of the target's registry without moving bytes.
    pub mount_from: Option<RepositoryName>,
    /// What to do with documents that the target has already.
    pub existing: Existing,
    /// Takes along what is about the copied artifacts by the names of its tags alone, such as
    /// `sha256-0123….sig`, and sets these tags. Only [`copy_with_referrers`] looks at it; says
    /// [`Event::Tagged`](crate::Event::Tagged) for each.
    pub digest_tags: bool,
    /// Chooses and renames successors; all of them, as they are, if nothing is given. What is left
    /// out is not copied, so the target must do without it.
    pub successors: Option<Successors>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            concurrency: 3,
            further_small: 0,
            observer: Arc::new(()),
            platform: None,
            mount_from: None,
            existing: Existing::default(),
            digest_tags: false,
            successors: None,
        }
    }
}

impl fmt::Debug for CopyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOptions")
            .field("concurrency", &self.concurrency)
            .field("further_small", &self.further_small)
            .field("platform", &self.platform)
            .field("mount_from", &self.mount_from)
            .field("existing", &self.existing)
            .field("digest_tags", &self.digest_tags)
            .finish_non_exhaustive()
    }
}

/// Copies what `from` names, with everything below it, and points `to` at it in the target.
///
/// Returns the descriptor of the root: what `from` resolved to or, with a platform, what was
/// selected. Every node is read and written once, children before what points at them, the tag
/// last: the target never shows a tag whose graph is incomplete, and a copy that was interrupted
/// is completed by copying again. Dropping the future stops the copy; nothing is left half-written
/// under its final name. [`Event::Tagged`](crate::Event::Tagged) is not said: success says it.
///
/// ```
/// # use oras_client::Error;
/// use oras_client::copy::{CopyOptions, copy};
/// use oras_client::pack::{Artifact, PackOptions, pack};
/// use oras_client::store::Memory;
/// use oras_client::{Source, Target};
/// use oras_spec::Tag;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// let (here, there) = (Memory::new(), Memory::new());
/// let artifact = Artifact { artifact_type: "application/x".into(), ..Artifact::default() };
/// let manifest = pack(&here, artifact, &PackOptions::default()).await?;
///
/// let tag: Tag = "v1".parse().expect("a tag");
/// let from = manifest.digest.clone().into();
/// copy(&here, &from, &there, Some(&tag), &CopyOptions::default()).await?;
/// assert_eq!(there.resolve(&tag.into()).await?, manifest);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// What source and target return, with the [`Origin`] they came from;
/// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) for a document of more than 4 MiB
/// or a graph that is deeper than [`graph::MAX_DEPTH`] or larger than [`graph::MAX_NODES`]; and
/// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists), before anything of a document is
/// written, if two of its contents would be the same file.
pub async fn copy(
    source: &dyn Source,
    from: &TagOrDigest,
    target: &dyn Target,
    to: Option<&Tag>,
    options: &CopyOptions,
) -> Result<Descriptor> {
    let (root, document) = open(source, from, options.platform.as_ref())
        .await
        .map_err(|error| error.with_origin(Origin::Source))?;
    let start = Root { descriptor: root.clone(), document, tag: to };
    Walk::new(source, target, options).run(start).await?;
    Ok(root)
}

/// Copies `root` with everything below it, without tagging it.
///
/// # Errors
///
/// As [`copy`].
pub async fn copy_graph(
    source: &dyn Source,
    root: &Descriptor,
    target: &dyn Target,
    options: &CopyOptions,
) -> Result<()> {
    let start = Root { descriptor: root.clone(), document: None, tag: None };
    Walk::new(source, target, options).run(start).await
}

/// Finds the root, and reads it on the way if it is a document.
async fn open(
    source: &dyn Source,
    from: &TagOrDigest,
    platform: Option<&Platform>,
) -> Result<(Descriptor, Option<Document>)> {
    let (found, content) = source.fetch_reference(from).await?;
    if !found.media_type.is_document() {
        return match platform {
            None => Ok((found, None)),
            Some(platform) => Ok((select::select(source, &found, platform).await?, None)),
        };
    }
    let document = graph::decode(&found, content.read_all().await?)?;
    let Some(platform) = platform else { return Ok((found, Some(document))) };
    let selected = select::select_in(source, &found, &document, platform).await?;
    let is_found = selected.digest == found.digest;
    Ok((selected, is_found.then_some(document)))
}

#[cfg(test)]
mod tests;

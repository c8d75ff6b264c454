//! Copies an artifact together with all that is about it.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use oras_spec::image::{Descriptor, Document};
use oras_spec::{Digest, Tag, TagOrDigest};

use super::companions::companions;
use super::walk::Walk;
use super::{CopyOptions, copy_graph, open};
use crate::discover::{DiscoverOptions, Discovered, discover};
use crate::tag::{TagOptions, tag};
use crate::{Error, Origin, Result, Source, Target, graph};

/// What a copy with referrers came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// What `from` resolved to or, with a platform, what was selected.
    pub root: Descriptor,
    /// How many manifests are about it, or about what it lists, or about one another.
    pub referrers: usize,
}

/// As [`copy`](super::copy), and copies the referrers of what it copies, their referrers and so on;
/// of an index also those of what the index lists.
///
/// The tag comes last: whoever sees it finds the referrers, too.
///
/// # Errors
///
/// As [`copy`](super::copy) and [`discover`].
pub async fn copy_with_referrers(
    source: &dyn Source,
    from: &TagOrDigest,
    target: &dyn Target,
    to: Option<&Tag>,
    options: &CopyOptions,
) -> Result<Copied> {
    let (root, document) =
        open(source, from, options.platform.as_ref()).await.map_err(of_source)?;
    let found = look(source, &root, document, options.concurrency).await.map_err(of_source)?;
    let companions = if options.digest_tags {
        companions(source, found.digests()).await.map_err(of_source)?
    } else {
        Vec::new()
    };
    let mut roots = tops(&found.discovered, found.subjects);
    roots.extend(companions.iter().map(|(_, companion)| companion.clone()));
    let walk = Walk::new(source, target, options);
    // What is about the root leads to it, unless the target had it already or the source lies.
    if !walk.run_all(&roots, &root).await? && !target.exists(&root).await.map_err(of_target)? {
        copy_graph(source, &root, target, options).await?;
    }
    for (name, companion) in &companions {
        let observer = Arc::clone(&options.observer);
        let tagging = TagOptions { observer, ..TagOptions::default() };
        tag(target, companion, std::slice::from_ref(name), &tagging).await.map_err(of_target)?;
    }
    if let Some(to) = to {
        let bytes = found.bytes.clone();
        let tagging = TagOptions { bytes, ..TagOptions::default() };
        let tags = std::slice::from_ref(to);
        tag(target, &root, tags, &tagging).await.map_err(of_target)?;
    }
    Ok(Copied { referrers: found.referrers(), root })
}

/// Counts the manifests that [`copy_with_referrers`] would take along with `root`.
///
/// # Errors
///
/// As [`discover`].
pub async fn count_referrers(
    source: &dyn Source,
    root: &Descriptor,
    concurrency: usize,
) -> Result<usize> {
    Ok(look(source, root, None, concurrency).await?.referrers())
}

/// What is about a root.
struct Found {
    discovered: Discovered,
    /// How many of the first manifests are the root and what it lists.
    subjects: usize,
    /// The bytes of the root, if they were read.
    bytes: Option<Bytes>,
}

impl Found {
    fn digests(&self) -> HashSet<Digest> {
        self.discovered.nodes().iter().map(|node| node.descriptor.digest.clone()).collect()
    }

    fn referrers(&self) -> usize {
        let nodes = self.discovered.nodes().iter().skip(self.subjects);
        nodes.map(|node| &node.descriptor.digest).collect::<HashSet<_>>().len()
    }
}

/// Looks for what is about a root and about what it lists.
async fn look(
    source: &dyn Source,
    root: &Descriptor,
    document: Option<Document>,
    concurrency: usize,
) -> Result<Found> {
    let document = match document {
        None if root.media_type.is_index() => Some(graph::read_document(source, root).await?),
        document => document,
    };
    let mut subjects = vec![root.clone()];
    if let Some(index) = document.as_ref().and_then(|document| document.as_index()) {
        subjects.extend(index.manifests.iter().cloned());
    }
    let looking = DiscoverOptions { concurrency, ..DiscoverOptions::default() };
    let discovered = discover(source, &subjects, &looking).await?;
    let bytes = document.map(|document| document.bytes().clone());
    Ok(Found { discovered, subjects: subjects.len(), bytes })
}

/// Lists, of the root and all referrers, those that nothing is about: all else is below them. The
/// first `subjects` nodes are the root and what it lists.
fn tops(found: &Discovered, subjects: usize) -> Vec<Descriptor> {
    let nodes = found.nodes();
    let mut done: HashSet<&Digest> = nodes
        .iter()
        .filter(|node| !node.referrers.is_empty())
        .map(|node| &node.descriptor.digest)
        .collect();
    // Where all are about each other, the root stands for them.
    let mut tops = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let is_listed = at > 0 && at < subjects;
        if !is_listed && done.insert(&node.descriptor.digest) {
            tops.push(node.descriptor.clone());
        }
    }
    if tops.is_empty() {
        tops.extend(nodes.first().map(|node| node.descriptor.clone()));
    }
    tops
}

fn of_source(error: Error) -> Error {
    error.with_origin(Origin::Source)
}

fn of_target(error: Error) -> Error {
    error.with_origin(Origin::Target)
}

//! Copies an artifact together with all that is about it.

use std::collections::HashSet;

use oras_spec::image::Descriptor;
use oras_spec::{Digest, Tag, TagOrDigest};

use super::walk::Walk;
use super::{CopyOptions, copy_graph, open};
use crate::discover::{DiscoverOptions, Discovered, discover};
use crate::tag::{TagOptions, tag};
use crate::{Error, Origin, Result, Source, Target, graph};

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
) -> Result<Descriptor> {
    let (root, document) =
        open(source, from, options.platform.as_ref()).await.map_err(of_source)?;
    let document = match document {
        None if root.media_type.is_index() => {
            Some(graph::read_document(source, &root).await.map_err(of_source)?)
        }
        document => document,
    };
    let mut subjects = vec![root.clone()];
    if let Some(index) = document.as_ref().and_then(|document| document.as_index()) {
        subjects.extend(index.manifests.iter().cloned());
    }
    let looking =
        DiscoverOptions { concurrency: options.concurrency, ..DiscoverOptions::default() };
    let found = discover(source, &subjects, &looking).await.map_err(of_source)?;
    let tops = tops(&found, subjects.len());
    let walk = Walk::new(source, target, options);
    // What is about the root leads to it, unless the target had it already or the source lies.
    if !walk.run_all(&tops, &root).await? && !target.exists(&root).await.map_err(of_target)? {
        copy_graph(source, &root, target, options).await?;
    }
    if let Some(to) = to {
        let bytes = document.map(|document| document.bytes().clone());
        let tagging = TagOptions { bytes, ..TagOptions::default() };
        let tags = std::slice::from_ref(to);
        tag(target, &root, tags, &tagging).await.map_err(of_target)?;
    }
    Ok(root)
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

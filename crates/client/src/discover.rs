//! Finds what is about a manifest, what is about that, and so on.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use oras_spec::Digest;
use oras_spec::image::{Descriptor, MediaType};

use crate::graph::{MAX_DEPTH, MAX_NODES};
use crate::{Error, ErrorKind, Result, Source};

/// How to look for referrers.
#[derive(Clone, Debug)]
pub struct DiscoverOptions {
    /// Leaves out everything else, and all that is about it.
    pub artifact_type: Option<MediaType>,
    /// How many levels to go; as many as there are by default.
    pub depth: usize,
    /// How many lists are asked for at the same time; 0 counts as 1. 3 by default.
    pub concurrency: usize,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self { artifact_type: None, depth: usize::MAX, concurrency: 3 }
    }
}

/// How many bytes the annotations and other texts of all referrers may have: 256 MiB.
const MAX_LENGTH: usize = 256 * 1024 * 1024;

/// Manifests and their referrers.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    nodes: Vec<Node>,
    /// How many bytes their texts have.
    length: usize,
}

/// A manifest that was found, and what is about it.
#[derive(Clone, Debug)]
pub struct Node {
    /// The manifest, as the place it is in describes it.
    pub descriptor: Descriptor,
    /// Where its referrers are, in the order of the place. Empty also for a manifest that was found
    /// before: then they are with the first.
    pub referrers: Vec<usize>,
}

impl Discovered {
    /// Returns all manifests: first those that were asked for, in their order, then what is about
    /// them, level by level.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn add(&mut self, descriptor: Descriptor) -> Result<usize> {
        if self.nodes.len() == MAX_NODES {
            return Err(too_many(format!("there are more than {MAX_NODES} referrers")));
        }
        self.length += length(&descriptor);
        if self.length > MAX_LENGTH {
            let message = format!("what is said of referrers has more than {MAX_LENGTH} bytes");
            return Err(too_many(message));
        }
        self.nodes.push(Node { descriptor, referrers: Vec::new() });
        Ok(self.nodes.len() - 1)
    }
}

/// Finds the referrers of `subjects`, the referrers of those, and so on.
///
/// Each manifest is looked at once, however often it is listed, so circles end.
///
/// # Errors
///
/// As [`Source::referrers`], and [`ErrorKind::LimitExceeded`] for more than [`MAX_DEPTH`] levels or
/// [`MAX_NODES`] referrers, or more than 256 MiB of annotations.
pub async fn discover(
    source: &dyn Source,
    subjects: &[Descriptor],
    options: &DiscoverOptions,
) -> Result<Discovered> {
    let mut found = Discovered::default();
    let mut seen: HashSet<Digest> = HashSet::new();
    let mut level = Vec::new();
    for subject in subjects {
        let at = found.add(subject.clone())?;
        if seen.insert(subject.digest.clone()) {
            level.push((at, subject.plain()));
        }
    }
    let wanted = options.artifact_type.as_ref();
    let referrers = |(at, subject): (usize, Descriptor)| async move {
        (at, source.referrers(&subject, wanted).await)
    };
    let mut depth = 0;
    while depth < options.depth && !level.is_empty() {
        let mut lists = stream::iter(std::mem::take(&mut level))
            .map(referrers)
            .buffered(options.concurrency.max(1));
        while let Some((subject, list)) = lists.next().await {
            for descriptor in list? {
                let plain = descriptor.plain();
                let at = found.add(descriptor)?;
                found.nodes[subject].referrers.push(at);
                if seen.insert(plain.digest.clone()) {
                    level.push((at, plain));
                }
            }
        }
        depth += 1;
        if depth > MAX_DEPTH && !level.is_empty() {
            return Err(too_many(format!("referrers are more than {MAX_DEPTH} levels deep")));
        }
    }
    Ok(found)
}

/// Counts the bytes of all texts whose length is the registry's choice.
fn length(descriptor: &Descriptor) -> usize {
    let annotations = descriptor.annotations.iter();
    let annotations: usize = annotations.map(|(key, value)| key.len() + value.len()).sum();
    let urls: usize = descriptor.urls.iter().map(String::len).sum();
    let types = descriptor.media_type.as_str().len() + descriptor.artifact_type.as_str().len();
    annotations + urls + types + descriptor.data.len()
}

fn too_many(message: String) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}

#[cfg(test)]
mod tests;

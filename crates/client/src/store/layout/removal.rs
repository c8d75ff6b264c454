//! The graph of a layout, and what goes when a manifest goes.

use std::collections::{HashMap, HashSet};

use oras_spec::Digest;
use oras_spec::image::{Descriptor, Index};

use super::index::tag_of;
use super::shelf::Shelf;
use crate::graph::{MAX_NODES, Predecessors};

/// What points at what in a layout, as far as its documents are there.
#[derive(Debug, Default)]
pub(in crate::store) struct Graph {
    predecessors: Predecessors,
    successors: HashMap<Digest, Vec<Descriptor>>,
    subjects: HashMap<Digest, Digest>,
}

impl Graph {
    /// Reads every listed document and every document below.
    pub(in crate::store) fn read(shelf: &dyn Shelf, index: &Index) -> Self {
        let mut graph = Self::default();
        let mut left: Vec<Descriptor> = index.manifests.clone();
        let mut seen = HashSet::new();
        while let Some(descriptor) = left.pop() {
            if !descriptor.media_type.is_document()
                || seen.len() == MAX_NODES
                || !seen.insert(descriptor.digest.clone())
            {
                continue;
            }
            let Some(document) = shelf.document(&descriptor) else { continue };
            let descriptor = descriptor.plain();
            graph.predecessors.insert(&descriptor, &document);
            if let Some(subject) = document.subject() {
                graph.subjects.insert(descriptor.digest.clone(), subject.digest.clone());
            }
            let successors = document.successors();
            left.extend(successors.iter().cloned());
            graph.successors.insert(descriptor.digest, successors);
        }
        graph
    }

    /// Returns what points at `digest`.
    pub(in crate::store) fn predecessors(&self, digest: &Digest) -> &[Descriptor] {
        self.predecessors.of(digest)
    }

    /// Lists what goes when `digest` goes, documents before blobs: the manifests about it, and
    /// everything it points at that has no tag and that nothing else points at.
    pub(in crate::store) fn removal(&self, digest: &Digest, index: &Index) -> Vec<Digest> {
        let tagged: HashSet<&Digest> = index
            .manifests
            .iter()
            .filter(|entry| tag_of(entry).is_some())
            .map(|entry| &entry.digest)
            .collect();
        let mut removed = Vec::new();
        let mut seen = HashSet::new();
        let mut left = vec![digest.clone()];
        while let Some(digest) = left.pop() {
            if !seen.insert(digest.clone()) {
                continue;
            }
            let is_about = |other: &&Descriptor| self.subjects.get(&other.digest) == Some(&digest);
            let referrers = self.predecessors(&digest).iter().filter(is_about);
            left.extend(referrers.map(|referrer| referrer.digest.clone()));
            removed.push(digest.clone());
            for successor in self.successors.get(&digest).into_iter().flatten() {
                let others = self.predecessors(&successor.digest);
                let is_dangling = others.iter().all(|other| seen.contains(&other.digest));
                if is_dangling && !tagged.contains(&successor.digest) {
                    left.push(successor.digest.clone());
                }
            }
        }
        removed.sort_by_key(|digest| !self.successors.contains_key(digest));
        removed
    }
}

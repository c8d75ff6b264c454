//! What discover says.

use oras_client::discover::Discovered;
use serde::Serialize;

use super::DescriptorReport;

/// A manifest, and what is about it, on all levels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiscoverReport {
    #[serde(flatten)]
    manifest: DescriptorReport,
    referrers: Vec<Self>,
}

impl DiscoverReport {
    /// Reports what was found about the first manifest, in the place called `path`.
    pub(crate) fn new(path: &str, found: &Discovered) -> Self {
        Self::of(path, found, 0)
    }

    /// The search is not deeper than the library's limit, and so neither is this.
    fn of(path: &str, found: &Discovered, at: usize) -> Self {
        let node = &found.nodes()[at];
        Self {
            manifest: DescriptorReport::new(path, &node.descriptor),
            referrers: node.referrers.iter().map(|&at| Self::of(path, found, at)).collect(),
        }
    }
}

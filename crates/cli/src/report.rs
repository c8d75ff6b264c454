//! What commands have to say at their end, as data: JSON and templates read the same fields.
//!
//! Field names and their order are a contract with scripts.

mod credential;
mod discover;
mod listing;
mod manifest;
mod pull;
mod push;
mod stats;

pub(crate) use credential::{CredentialReport, LookupReport};
pub(crate) use discover::DiscoverReport;
pub(crate) use listing::{RepositoriesReport, TagsReport};
pub(crate) use manifest::ManifestReport;
pub(crate) use pull::{FileReport, PullReport};
pub(crate) use push::PushReport;
pub(crate) use stats::{StatsReport, WithStats};

use std::collections::BTreeMap;

use oras_spec::Digest;
use oras_spec::image::{Descriptor, MediaType};
use serde::Serialize;

/// A descriptor with the reference it is found under; no platform, data or URLs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescriptorReport {
    reference: String,
    media_type: MediaType,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "MediaType::is_empty")]
    artifact_type: MediaType,
}

impl DescriptorReport {
    /// Describes `descriptor` in the repository or layout called `path`.
    pub(crate) fn new(path: &str, descriptor: &Descriptor) -> Self {
        Self {
            reference: format!("{path}@{}", descriptor.digest),
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.clone(),
            size: descriptor.size,
            annotations: descriptor.annotations.clone(),
            artifact_type: descriptor.artifact_type.clone(),
        }
    }
}

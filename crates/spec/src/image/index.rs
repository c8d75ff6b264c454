//! The image index.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::null_as_default;
use super::{Descriptor, MediaType};

/// A list of manifests, for platforms or for anything else.
///
/// Fields serialize in the order Go writes them. See
/// [image index](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The index's own media type; old indexes leave it out.
    #[serde(
        default,
        skip_serializing_if = "MediaType::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub media_type: MediaType,
    /// What the artifact is for; empty if not stated.
    #[serde(
        default,
        skip_serializing_if = "MediaType::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub artifact_type: MediaType,
    /// The manifests, in order.
    #[serde(default, deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// The manifest this index is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations, in the order of their keys' bytes.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// Makes an OCI image index of `manifests`.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: MediaType::IMAGE_INDEX,
            artifact_type: MediaType::default(),
            manifests,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }
}

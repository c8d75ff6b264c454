//! The image manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::null_as_default;
use super::{Descriptor, MediaType};

/// An artifact: a config and layers, maybe about another manifest (its subject).
///
/// Fields serialize in the order Go writes them. See
/// [image manifest](https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#image-manifest-property-descriptions).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// The manifest's own media type; old manifests leave it out.
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
    /// The config blob.
    pub config: Descriptor,
    /// The layer blobs, in order.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest this one is about.
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

impl Manifest {
    /// Makes an OCI image manifest of `config` and `layers`.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: MediaType::IMAGE_MANIFEST,
            artifact_type: MediaType::default(),
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }
}

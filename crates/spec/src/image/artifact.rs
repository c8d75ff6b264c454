//! The withdrawn artifact manifest: read and copied, never made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::null_as_default;
use super::{Descriptor, MediaType};

/// An artifact manifest as of the release candidates of image-spec 1.1.
///
/// See [the last text that had it](https://github.com/opencontainers/image-spec/blob/v1.1.0-rc2/artifact.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactManifest {
    /// The manifest's own media type.
    #[serde(default, deserialize_with = "null_as_default")]
    pub media_type: MediaType,
    /// What the artifact is for.
    #[serde(
        default,
        skip_serializing_if = "MediaType::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub artifact_type: MediaType,
    /// The blobs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub blobs: Vec<Descriptor>,
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

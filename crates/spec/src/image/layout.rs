//! The names and the marker of an OCI image layout directory.
//!
//! See [image layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The file that marks a directory as a layout.
pub const MARKER_FILE: &str = "oci-layout";
/// The file that lists the layout's manifests.
pub const INDEX_FILE: &str = "index.json";
/// The directory of the content.
pub const BLOBS_DIRECTORY: &str = "blobs";
/// The only version there is.
pub const VERSION: &str = "1.0.0";

/// The content of the marker file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutMarker {
    /// The version of the layout, [`VERSION`].
    pub image_layout_version: String,
}

impl Default for LayoutMarker {
    fn default() -> Self {
        Self { image_layout_version: VERSION.to_owned() }
    }
}

/// Returns where content stands in a layout, with `/` between the parts: `blobs/sha256/0123…`.
pub fn blob_path(digest: &Digest) -> String {
    format!("{BLOBS_DIRECTORY}/{}/{}", digest.algorithm(), digest.encoded())
}

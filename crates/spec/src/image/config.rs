//! The few fields of an image config that choosing a platform needs.

use serde::Deserialize;

use super::Platform;
use super::descriptor::null_as_default;

/// The platform of an image, as its config states it.
///
/// See [image configuration](https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    /// The CPU architecture, in Go's words.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// The operating system, in Go's words.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os: String,
    /// The version of the operating system.
    #[serde(default, rename = "os.version", deserialize_with = "null_as_default")]
    pub os_version: String,
    /// What the operating system must offer.
    #[serde(default, rename = "os.features", deserialize_with = "null_as_default")]
    pub os_features: Vec<String>,
    /// The variant of the CPU.
    #[serde(default, deserialize_with = "null_as_default")]
    pub variant: String,
}

impl ImageConfig {
    /// Returns the platform, or nothing if neither system nor architecture is stated.
    pub fn platform(&self) -> Option<Platform> {
        (!self.os.is_empty() || !self.architecture.is_empty()).then(|| Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
            variant: self.variant.clone(),
        })
    }
}

//! The image half: descriptors and the documents that are made of them.
//!
//! See the [image specification](https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md).

pub mod annotation;
mod artifact;
mod config;
mod descriptor;
mod document;
mod index;
pub mod layout;
mod manifest;
mod media_type;
mod platform;

pub use artifact::ArtifactManifest;
pub use config::ImageConfig;
pub use descriptor::Descriptor;
pub use document::{Document, DocumentError};
pub use index::Index;
pub use manifest::Manifest;
pub use media_type::{InvalidMediaType, MediaType};
pub use platform::{Platform, PlatformError};

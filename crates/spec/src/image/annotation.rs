//! Well-known annotation keys.
//!
//! See [pre-defined annotation keys](https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys).

/// When the artifact was made, RFC 3339.
pub const CREATED: &str = "org.opencontainers.image.created";
/// The name of a layer: the path of the file it becomes when pulled.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The tag of an entry in a layout's `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The digest of the uncompressed tar of a packed directory.
pub const CONTENT_DIGEST: &str = "io.deis.oras.content.digest";
/// `"true"` on a layer that is a packed directory and is to be unpacked when pulled.
pub const CONTENT_UNPACK: &str = "io.deis.oras.content.unpack";

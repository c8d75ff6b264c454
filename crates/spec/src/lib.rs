//! The two OCI documents as types: what an image is, and how registries talk about it.
//!
//! [`image`] is the [image specification]: descriptors, manifests, indexes, layouts.
//! [`distribution`] is the [distribution specification]: every request a registry answers, written
//! once, so that a client prints what a server parses. [`json`] writes documents byte for byte as
//! Go's `encoding/json` does, because a manifest's bytes are its identity.
//!
//! Nothing here performs I/O, waits, reads a clock or looks at the environment, and nothing will.
//!
//! ```
//! use oras_spec::{Digest, Reference};
//!
//! let reference: Reference = "localhost:5000/hello:v1".parse()?;
//! assert_eq!(reference.repository().as_str(), "hello");
//! assert_eq!(
//!     Digest::of(b"{}").as_str(),
//!     "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
//! );
//! # Ok::<(), oras_spec::ReferenceError>(())
//! ```
//!
//! [image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md

mod digest;
pub mod distribution;
pub mod image;
pub mod json;
mod name;
mod quote;
mod reference;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use name::{NameError, RegistryName, RepositoryName, Tag};
pub use quote::Quoted;
pub use reference::{Reference, ReferenceError, TagOrDigest};

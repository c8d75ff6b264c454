//! Reads, writes, copies and packs OCI artifacts, wherever they live.
//!
//! Four words carry the crate. A [`Source`] can be read, a [`Target`] can be written too: a
//! repository in a registry, a layout directory, files on disk, memory. A
//! [`Descriptor`](oras_spec::image::Descriptor) names content, and [`Content`] is that content,
//! checking itself against its descriptor while it is read.
//!
//! This library never prints, never reads the environment and never exits. What happens on the
//! way is told to an [`Observer`]; what goes wrong is an [`Error`] with a kind.

mod ahead;
pub mod auth;
pub mod content;
pub mod copy;
pub mod discover;
mod error;
mod event;
pub mod graph;
mod lexical;
mod note;
pub mod pack;
pub mod remote;
pub mod select;
pub mod store;
pub mod tag;
mod target;
pub mod transport;

pub use ahead::{Ahead, Early, Unnamed};
pub use content::Content;
pub use error::{Error, ErrorKind, Origin, RegistryResponse, Result};
pub use event::{Event, Observer};
pub use note::{Note, Notebook};
pub use target::{Source, Target};

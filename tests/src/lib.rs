//! The harness of the end-to-end tests: the real program in a sandbox, real registries and clients
//! of other makers, and networks and registries that misbehave.
#![expect(clippy::missing_panics_doc, reason = "whatever fails here fails the test")]
#![expect(clippy::disallowed_methods, reason = "which parts are there is told by variables")]

pub mod emulated;
pub mod evil;
pub mod fault;
pub mod noise;
pub mod part;
pub mod peer;
pub mod sandbox;
pub mod serve;
pub mod terminal;

pub use emulated::Emulated;
pub use evil::{Answer, Evil};
pub use fault::{Direction, Fault, Proxy};
pub use noise::{Numbers, noise};
pub use part::Part;
pub use peer::{Distribution, OrasPython, Skopeo};
pub use sandbox::{Outcome, Running, Sandbox};
pub use serve::{OrasServer, USERS, default_root};
pub use terminal::{Terminal, on_terminal};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

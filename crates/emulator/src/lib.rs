//! Registries as they really behave, to test clients of OCI registries against.
//!
//! An [`Emulator`] is a registry of [`oras_server`] behind the manners of another maker's: its
//! challenges and token service, where it sends those who want a blob, what it makes of uploads,
//! which manifests it refuses, and the very bytes of its refusals. What differs from registry to
//! registry is data, a [`Profile`] with its [`Quirk`]s; each quirk is acted on in one place.
//!
//! Everything it holds is in memory, bodies are taken whole, and it serves this machine only: it
//! is there for tests, not for keeping anything.
//!
//! ```
//! use oras_emulator::{Emulator, Profile};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let profile = Profile::named("quay").expect("there is one");
//! let emulator = Emulator::new(profile);
//! let listening = emulator.listen(true).await?;
//! println!("{} is at {}", profile.hosts[0], listening.registry());
//! listening.run(std::future::ready(())).await;
//! assert!(emulator.exchanges().is_empty());
//! # Ok(())
//! # }
//! ```

mod ask;
mod certificate;
mod emulator;
mod layer;
mod ledger;
mod listening;
mod profile;
mod refusal;
mod state;

pub use emulator::Emulator;
pub use ledger::{Exchange, Origin, Shown};
pub use listening::Listening;
pub use profile::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Silence, Tokens, Unfit, Voice, Wrong,
};

//! An OCI registry you can embed, or serve.
//!
//! A [`Registry`] answers every request of the [distribution specification], version 1.1, and the
//! additions drafted for 1.2. It keeps what it is given in a local directory, or in memory.
//! [`Registry::into_service`] makes a [`tower_service::Service`] of it, which any HTTP server, or a
//! test, can call; it runs inside a tokio runtime.
//!
//! ```
//! use http::{Request, StatusCode};
//! use http_body_util::{BodyExt as _, Full};
//! use oras_server::Registry;
//! use tower_service::Service as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut service = Registry::builder().memory().build()?.into_service();
//!
//! let digest = oras_spec::Digest::of(b"hello");
//! let push = Request::post(format!("/v2/greetings/blobs/uploads/?digest={digest}"))
//!     .body(Full::from("hello"))?;
//! assert_eq!(service.call(push).await?.status(), StatusCode::CREATED);
//!
//! let pull = Request::get(format!("/v2/greetings/blobs/{digest}")).body(Full::default())?;
//! let blob = service.call(pull).await?.into_body().collect().await?.to_bytes();
//! assert_eq!(blob, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md

mod access;
pub mod auth;
mod body;
mod change;
mod config;
mod error;
mod gate;
mod handle;
mod limits;
mod metrics;
pub mod mirror;
pub mod policy;
mod rate;
mod route;
pub mod serve;
mod service;
mod storage;
pub mod trouble;
mod upkeep;
pub mod webhook;

use std::sync::Arc;

pub use access::{Access, AccessObserver};
pub use body::ResponseBody;
pub use change::{Change, ChangeKind, ChangeObserver};
pub use config::{BuildError, RegistryBuilder};
pub use limits::Limits;
pub use metrics::Metrics;
pub use service::RegistryService;
pub use storage::check::{CheckOptions, Checked, Fault};
pub use storage::garbage::{CollectOptions, Collected, Garbage, TagRules};

use config::Config;
use storage::Storage;

/// A registry: its storage and its rules. Cheap to clone; clones are one registry.
#[derive(Clone, Debug)]
pub struct Registry {
    storage: Storage,
    config: Arc<Config>,
}

impl Registry {
    /// Starts making a registry.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
    }

    pub(crate) fn new(storage: Storage, config: Config) -> Self {
        Self { storage, config: Arc::new(config) }
    }

    /// Returns the numbers of what the registry has done, which `GET /metrics` shows.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.config.metrics)
    }

    /// Makes a service of the registry that answers requests.
    pub fn into_service(self) -> RegistryService {
        RegistryService::new(self)
    }
}

//! One request, one response: what everything that talks to a registry is built on.
//!
//! [`Network`] is the real thing, [`InProcess`] a service in this process. The wrappers are named
//! after what they do to the inner transport, and are meant to be stacked in this order:
//!
//! ```
//! use std::sync::Arc;
//!
//! use oras_client::auth::Anonymous;
//! use oras_client::transport::{
//!     Authenticated, Logged, Network, NetworkOptions, Redirecting, Retrying, Transport,
//! };
//!
//! let network = Network::new(NetworkOptions::default());
//! let logged = Logged::new(network, Arc::new(()));
//! let redirecting = Redirecting::new(Retrying::new(logged));
//! let transport: Arc<dyn Transport> =
//!     Arc::new(Authenticated::new(redirecting, Arc::new(Anonymous)));
//! ```

mod alert;
mod authenticated;
mod body;
mod connector;
mod dial;
mod failure;
mod in_process;
mod logged;
mod network;
mod origin;
mod pauses;
mod proxy;
mod rate_limit;
mod redact;
mod redirecting;
mod refusal;
mod retrying;
mod sniffed;
mod stall;
mod tls;
mod traffic;
mod tunnel;
mod validity;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;

pub use authenticated::{Authenticated, NotGranted, granted};
pub use body::{Body, Replay};
pub use in_process::InProcess;
pub use logged::Logged;
pub use network::{Network, NetworkOptions};
pub use pauses::Pauses;
pub use proxy::Proxies;
pub use rate_limit::RateLimit;
pub use redirecting::Redirecting;
pub use retrying::{DEFAULT_RETRIES, Retrying};
pub use stall::Volume;
pub use tls::{ClientIdentity, TrustRoots};
pub use traffic::{LoggedBody, Traffic, TrafficObserver};

pub(crate) use authenticated::{ChallengeScope, ScopeHint};
pub(crate) use body::read_capped;
pub(crate) use failure::Failure;
pub(crate) use origin::WebOrigin;
pub(crate) use redact::shown;
pub(crate) use redirecting::{FinalUri, NoRedirects};
pub(crate) use refusal::refusal;
pub(crate) use retrying::{RetryRules, back_off};

/// Sends one request and gives back the one response. Knows nothing about registries.
///
/// The request's URI is absolute. Nothing is followed, retried or authenticated here unless a
/// wrapper says so in its name.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`; returns when the head of the response is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Network`](crate::ErrorKind::Network) if there is no response. A response of
    /// any status is a success.
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>> {
        (**self).send(request).await
    }
}

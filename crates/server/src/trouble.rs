//! Faults on demand, to test what talks to registries: refusals, delays, and answers that break.
//!
//! [`Troubles`] is a list of what is to go wrong with which requests. It is put around a service,
//! this crate's or any other, and may be added to while that serves.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Method, Request, Response, StatusCode};
//! use http_body_util::{BodyExt as _, Full};
//! use oras_server::Registry;
//! use oras_server::trouble::{Requests, Trouble, Troubles};
//! use tower_service::Service as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let troubles = Troubles::default();
//! let mut service = troubles.around(Registry::builder().memory().build()?.into_service());
//!
//! // The first two pulls of a manifest are told to come back later.
//! let busy = Response::builder().status(429).header("Retry-After", "1").body(Bytes::new())?;
//! let pulls = Requests::all().method(Method::GET).row("end-3").times(2);
//! troubles.add(pulls, Trouble::Answer(busy));
//! // The third answer breaks off behind its tenth byte.
//! troubles.add(Requests::all().row("end-3").nth(3), Trouble::Cut(10));
//!
//! let mut ask = async || {
//!     let request = Request::get("/v2/app/manifests/v1").body(Full::<Bytes>::default())?;
//!     service.call(request).await
//! };
//! assert_eq!(ask().await?.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(ask().await?.status(), StatusCode::TOO_MANY_REQUESTS);
//! let broken = ask().await?;
//! assert_eq!(broken.status(), StatusCode::NOT_FOUND);
//! assert!(broken.into_body().collect().await.is_err());
//! assert!(ask().await?.into_body().collect().await.is_ok());
//! assert_eq!(troubles.struck(), 3);
//! # Ok(())
//! # }
//! ```

mod body;
mod requests;
mod service;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use self::body::{InterruptedBody, TroubledBody};
pub use self::requests::Requests;
pub use self::service::Troubled;

/// What goes wrong with a request.
///
/// In a program that calls the service itself, a connection that ends is an error, of the service
/// or of the body. Bytes are counted from 0, and those of a body only: a body that is shorter than
/// the place where something is to go wrong with it stays as it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Answers so, and the service never hears of the request.
    Answer(Response<Bytes>),
    /// Waits before the service hears of the request, or before another trouble's answer.
    Delay(Duration),
    /// Lets the service do what it was asked, and ends the connection in place of its answer.
    Lose,
    /// Takes so many bytes of the request's body and ends the connection: to the service as if the
    /// client had hung up, to the client as if the service had.
    HangUp(u64),
    /// Ends the connection before this byte of the answer's body.
    Cut(u64),
    /// As [`Cut`](Self::Cut), with a reset where the service is served by
    /// [`Server`](crate::serve::Server) over HTTP/1.1. A reset may overtake bytes before it.
    Reset(u64),
    /// Sends nothing from this byte of the answer's body on, and keeps the connection.
    Stall(u64),
    /// Sends this byte of the answer's body with all its bits turned.
    Corrupt(u64),
    /// Sends the answer's body so many bytes at a time, at least one, with a pause between.
    Drip {
        /// How many bytes.
        bytes: usize,
        /// How long the pauses are.
        pause: Duration,
    },
}

/// What is to go wrong, and how much of it has. Cheap to clone; clones are one list.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    rules: Vec<Rule>,
    struck: u64,
}

#[derive(Debug)]
struct Rule {
    requests: Requests,
    trouble: Trouble,
    /// How many requests it was about, those it left alone included.
    seen: u64,
}

impl Troubles {
    /// Puts these troubles around a service.
    pub fn around<S>(&self, service: S) -> Troubled<S> {
        Troubled::new(service, self.clone())
    }

    /// Adds a trouble that strikes these requests, counted from now on.
    ///
    /// A request that several are about meets all of them, but the answer of one only: the one
    /// that was added first.
    pub fn add(&self, requests: Requests, trouble: Trouble) {
        self.plan().rules.push(Rule { requests, trouble, seen: 0 });
    }

    /// Ends all troubles for requests to come.
    pub fn clear(&self) {
        self.plan().rules.clear();
    }

    /// Returns how many requests a trouble has struck so far.
    pub fn struck(&self) -> u64 {
        self.plan().struck
    }

    /// Returns what is to go wrong with a request.
    fn strike<B>(&self, request: &Request<B>) -> Vec<Trouble> {
        let mut plan = self.plan();
        let mut found = Vec::new();
        for rule in &mut plan.rules {
            if !rule.requests.are_about(request) {
                continue;
            }
            rule.seen += 1;
            if rule.requests.have_turn(rule.seen) {
                found.push(rule.trouble.clone());
            }
        }
        plan.struck += u64::from(!found.is_empty());
        found
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // Nothing panics with it; a poisoned plan would be whole all the same.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

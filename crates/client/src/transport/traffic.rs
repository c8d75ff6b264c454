//! What transports tell about the requests they send, with the secrets taken out.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::Error;

/// Something that happened on the wire. Borrowed: copy what you keep.
///
/// Secrets are gone already: users and query values of URLs, values of headers that carry
/// credentials, bodies that look as if they hold a token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Traffic<'a> {
    /// A request is about to be sent.
    Request {
        /// Counts the requests of one observed transport, from 0.
        id: u64,
        /// The method.
        method: &'a Method,
        /// The URL.
        url: &'a str,
        /// Names as they are sent and values, in no particular order.
        headers: &'a [(String, String)],
    },
    /// A response has come.
    Response {
        /// The id of its request.
        id: u64,
        /// The status.
        status: StatusCode,
        /// Names and values, in the order they came.
        headers: &'a [(String, String)],
        /// The text of the body.
        body: LoggedBody<'a>,
    },
    /// There will be no response.
    Failed {
        /// The id of the request.
        id: u64,
        /// Why.
        error: &'a Error,
    },
    /// The last answer is not taken for final: the request will be sent again.
    Retrying {
        /// The method.
        method: &'a Method,
        /// The URL.
        url: &'a str,
        /// Which repetition this will be, from 1.
        attempt: u32,
        /// How long it waits before.
        delay: Duration,
        /// What was wrong with the last answer: `429 Too Many Requests`, or why there was none.
        cause: &'a str,
    },
    /// A host has asked to be left alone: nothing is sent to it for a while.
    Paused {
        /// The host, with its port if that is not the usual one.
        host: &'a str,
        /// For how long.
        delay: Duration,
        /// What it answered: `429 Too Many Requests`.
        cause: &'a str,
    },
}

/// What may be shown of the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggedBody<'a> {
    /// There is none to print, as with every answer to HEAD.
    None,
    /// It has no bytes.
    Empty,
    /// It belongs to a redirect.
    Redirect,
    /// Nothing says what it is.
    Untyped,
    /// It is not text; holds the content type.
    Binary(&'a str),
    /// It is longer than 16 KiB.
    TooLarge,
    /// It looks as if it holds a credential.
    Secret,
    /// The text.
    Text(&'a str),
}

/// Hears of traffic, from many tasks at once. `()` hears nothing, and any `Fn(Traffic<'_>)` is an
/// observer.
pub trait TrafficObserver: Send + Sync + 'static {
    /// Takes notice of `traffic`. Called from the tasks that move bytes: be quick.
    fn traffic(&self, traffic: Traffic<'_>);

    /// Tells whether anything is heard at all; bodies are looked at only then.
    fn is_listening(&self) -> bool {
        true
    }
}

impl TrafficObserver for () {
    fn traffic(&self, _: Traffic<'_>) {}

    fn is_listening(&self) -> bool {
        false
    }
}

impl<F: Fn(Traffic<'_>) + Send + Sync + 'static> TrafficObserver for F {
    fn traffic(&self, traffic: Traffic<'_>) {
        self(traffic);
    }
}

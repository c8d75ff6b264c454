//! Sends again what failed for reasons that pass.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::body::drain;
use super::{Body, Failure, Traffic, TrafficObserver, Transport, shown};
use crate::{Error, ErrorKind, Result};

/// How often a request is sent again at most.
const MAX_RETRIES: u32 = 5;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MIN_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(3);
/// The longest wait a registry may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Among the extensions of a request, this narrows down when it is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryRules {
    /// How often at most.
    pub(crate) retries: u32,
    /// Only after answers that say the body was not looked at (429), since the far side may have
    /// taken part of it and would take the repetition for more.
    pub(crate) only_untouched: bool,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { retries: MAX_RETRIES, only_untouched: false }
    }
}

/// Sends a request again after 408, 429, 500, 502, 503, 504 and network timeouts, up to five
/// times; and once, at once, if a connection that was kept open turned out to be dead.
///
/// The delay doubles from 250 ms to 3 s, ±10 %. `Retry-After`, seconds or a date, is obeyed up to
/// five minutes, for all requests to that host; longer ones are an error that names the wait. A
/// request whose body cannot be sent again is sent once.
#[derive(Clone)]
pub struct Retrying<T> {
    inner: T,
    observer: Arc<dyn TrafficObserver>,
    /// Until when hosts have asked to be left alone.
    closed_until: Arc<Mutex<HashMap<String, Instant>>>,
}

impl<T: Transport> Retrying<T> {
    /// Wraps `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, observer: Arc::new(()), closed_until: Arc::default() }
    }

    /// Tells `observer` of each repetition, before the wait.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn TrafficObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Waits until the host may be asked again.
    async fn wait_for(&self, host: &str) {
        let until = {
            let closed = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
            closed.get(host).copied()
        };
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    fn close(&self, host: &str, wait: Duration) {
        let until = Instant::now() + wait;
        let mut closed = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = closed.entry(host.to_owned()).or_insert(until);
        *entry = (*entry).max(until);
    }
}

impl<T: fmt::Debug> fmt::Debug for Retrying<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retrying").field(&self.inner).finish()
    }
}

#[async_trait]
impl<T: Transport> Transport for Retrying<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let rules = request.extensions().get::<RetryRules>().copied().unwrap_or_default();
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let replay = request.body().replay();
        let (parts, body) = request.into_parts();
        let mut body = Some(body);
        let mut attempt = 0;
        let mut may_reconnect = !rules.only_untouched;
        loop {
            let sent = match (body.take(), &replay) {
                (Some(body), _) => body,
                (None, Some(replay)) => replay.open().await?,
                (None, None) => unreachable!("a body without a replay is sent once"),
            };
            self.wait_for(&host).await;
            let outcome = self.inner.send(Request::from_parts(parts.clone(), sent)).await;
            if replay.is_none() {
                return outcome;
            }
            if may_reconnect && outcome.as_ref().is_err_and(is_dead_connection) {
                may_reconnect = false;
                continue;
            }
            if attempt >= rules.retries || !is_passing(&outcome, rules.only_untouched) {
                return outcome;
            }
            let delay = match retry_after(&outcome) {
                Some(wait) if wait > MAX_RETRY_AFTER => return Err(too_long(&parts, wait)),
                Some(wait) => {
                    self.close(&host, wait);
                    wait
                }
                None => back_off(attempt),
            };
            attempt += 1;
            let cause = cause(&outcome);
            if let Ok(response) = outcome {
                drain(response).await;
            }
            self.observer.traffic(Traffic::Retrying {
                method: &parts.method,
                url: &shown(&parts.uri),
                attempt,
                delay,
                cause: &cause,
            });
            tokio::time::sleep(delay).await;
        }
    }
}

fn failure(error: &Error) -> Option<&Failure> {
    std::error::Error::source(error)?.downcast_ref()
}

fn is_dead_connection(error: &Error) -> bool {
    matches!(failure(error), Some(Failure::Lost(_)))
}

fn is_passing(outcome: &Result<Response<Body>>, only_untouched: bool) -> bool {
    match outcome {
        Ok(response) if only_untouched => response.status() == StatusCode::TOO_MANY_REQUESTS,
        Ok(response) => {
            matches!(response.status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
        }
        Err(error) => !only_untouched && failure(error).is_some_and(Failure::is_timeout),
    }
}

/// Reads how long the registry asks to wait; nothing if it does not, or not longer than no time.
fn retry_after(outcome: &Result<Response<Body>>) -> Option<Duration> {
    let response = outcome.as_ref().ok()?;
    if !matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
    {
        return None;
    }
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()?,
    };
    (!wait.is_zero()).then_some(wait)
}

fn too_long(parts: &http::request::Parts, wait: Duration) -> Error {
    let message = format!(
        "{} \"{}\": the registry asks to wait {} s, which is longer than the {} s we would",
        parts.method,
        shown(&parts.uri),
        wait.as_secs(),
        MAX_RETRY_AFTER.as_secs(),
    );
    Error::new(ErrorKind::RateLimited, message)
}

/// 250 ms, doubled for each attempt, ±10 %, within the bounds.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let delay = FIRST_DELAY.saturating_mul(1 << attempt.min(10));
    // Without randomness the clients of a registry would come back all at once; that is all.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    let factor = 0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX);
    delay.mul_f64(factor).clamp(MIN_DELAY, MAX_DELAY)
}

fn cause(outcome: &Result<Response<Body>>) -> String {
    match outcome {
        Ok(response) => response.status().to_string(),
        Err(error) => failure(error).map(ToString::to_string).unwrap_or_default(),
    }
}

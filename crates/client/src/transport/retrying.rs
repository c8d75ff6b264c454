//! Sends again what failed for reasons that pass.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response, StatusCode};

use super::body::drain;
use super::pauses::Host;
use super::rate_limit::retry_after;
use super::{Body, Failure, Pauses, Traffic, TrafficObserver, Transport, refusal, shown};
use crate::{Error, ErrorKind, Result};

/// How often what fails for reasons that pass is tried again, unless somebody says otherwise.
pub const DEFAULT_RETRIES: u32 = 5;
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MIN_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(3);
/// How long the others wait at most for who goes first after a pause.
const FIRST_ALONE: Duration = Duration::from_secs(10);
/// The longest wait a registry may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Among the extensions of a request, this narrows down when it is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryRules {
    /// How often at most, however often others are.
    pub(crate) retries: u32,
    /// Only after answers that say the body was not looked at (429), since the far side may have
    /// taken part of it and would take the repetition for more.
    pub(crate) only_untouched: bool,
    /// How often at most after 500, which for some requests means that they will never do.
    pub(crate) after_500: u32,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { retries: u32::MAX, only_untouched: false, after_500: u32::MAX }
    }
}

/// Sends a request again after 408, 429, 500, 502, 503, 504, network timeouts and connections that
/// end without an answer, up to five times; and once before, at once, if a connection that was kept
/// open turned out to be dead.
///
/// The delay doubles from 250 ms to 3 s, ±10 %. `Retry-After`, seconds or a date, is obeyed up to
/// five minutes; longer ones are an error that names the wait. Who is asked to come later keeps
/// everybody away from that host until then, see [`Pauses`]. A request whose body cannot be sent
/// again is sent once.
#[derive(Clone)]
pub struct Retrying<T> {
    inner: T,
    observer: Arc<dyn TrafficObserver>,
    pauses: Pauses,
    retries: u32,
}

impl<T: Transport> Retrying<T> {
    /// Wraps `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, observer: Arc::new(()), pauses: Pauses::default(), retries: DEFAULT_RETRIES }
    }

    /// Tells `observer` of each repetition and each pause, before the wait.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn TrafficObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Says how often a request is sent again at most, in place of [`DEFAULT_RETRIES`].
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Shares pauses with others that send to the same hosts.
    #[must_use]
    pub fn with_pauses(mut self, pauses: Pauses) -> Self {
        self.pauses = pauses;
        self
    }

    /// Sends once, when the host may be asked. If it wants a pause, everybody keeps away from now on.
    async fn send_once(
        &self,
        name: &str,
        host: &Host,
        attempt: u32,
        request: Request<Body>,
    ) -> (Result<Response<Body>>, Duration) {
        let first = host.admit().await;
        let mut sending = self.inner.send(request);
        let mut early = None;
        if first.is_some() {
            early = tokio::time::timeout(FIRST_ALONE, &mut sending).await.ok();
            if early.is_none() {
                // Who takes our bytes for so long does not turn us away.
                host.open();
                drop(first);
            }
        }
        let outcome = match early {
            Some(outcome) => outcome,
            None => sending.await,
        };
        let Some(response) = outcome.as_ref().ok().filter(|response| wants_a_pause(response))
        else {
            host.open();
            return (outcome, back_off(attempt));
        };
        let wait = retry_after(response.status(), response.headers());
        let delay = wait.unwrap_or_else(|| back_off(attempt));
        if delay <= MAX_RETRY_AFTER && host.close(delay) && wait.is_some() {
            let cause = response.status().to_string();
            self.observer.traffic(Traffic::Paused { host: name, delay, cause: &cause });
        }
        (outcome, delay)
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
        let mut rules = request.extensions().get::<RetryRules>().copied().unwrap_or_default();
        rules.retries = rules.retries.min(self.retries);
        let name = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let host = self.pauses.host(&name);
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
            let request = Request::from_parts(parts.clone(), sent);
            let (outcome, delay) = self.send_once(&name, &host, attempt, request).await;
            if replay.is_none() {
                return outcome;
            }
            if may_reconnect && outcome.as_ref().is_err_and(is_dead_connection) {
                may_reconnect = false;
                continue;
            }
            if !is_passing(&outcome, rules, attempt) {
                return outcome;
            }
            match outcome {
                Ok(response) if is_too_long(&response) => {
                    return Err(too_long(&parts, response).await);
                }
                _ => {}
            }
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
    failure(error).is_some_and(Failure::is_lost)
}

fn is_passing(outcome: &Result<Response<Body>>, rules: RetryRules, attempt: u32) -> bool {
    if attempt >= rules.retries {
        return false;
    }
    match outcome {
        Ok(response) if rules.only_untouched => response.status() == StatusCode::TOO_MANY_REQUESTS,
        Ok(response) => match response.status().as_u16() {
            500 => attempt < rules.after_500,
            408 | 429 | 502 | 503 | 504 => true,
            _ => false,
        },
        Err(error) => {
            let passes = |failure: &Failure| failure.is_timeout() || failure.is_lost();
            !rules.only_untouched && failure(error).is_some_and(passes)
        }
    }
}

/// Tells whether the registry would rather not be asked for a while.
fn wants_a_pause(response: &Response<Body>) -> bool {
    response.status() == StatusCode::TOO_MANY_REQUESTS
        || retry_after(response.status(), response.headers()).is_some()
}

fn is_too_long(response: &Response<Body>) -> bool {
    retry_after(response.status(), response.headers()).is_some_and(|wait| wait > MAX_RETRY_AFTER)
}

async fn too_long(parts: &http::request::Parts, response: Response<Body>) -> Error {
    let wait = retry_after(response.status(), response.headers()).unwrap_or_default();
    let message = format!(
        "{} \"{}\": the registry asks to wait {} s, which is longer than the {} s we would",
        parts.method,
        shown(&parts.uri),
        wait.as_secs(),
        MAX_RETRY_AFTER.as_secs(),
    );
    let refusal = refusal(&parts.method, &parts.uri, response).await;
    Error::new(ErrorKind::RateLimited, message).with_source(refusal)
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

//! How many requests a registry allows in which time, and when it wants to be asked again.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};
use http::{HeaderName, StatusCode};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");

/// What a registry says about how often it may be asked. Found in the chain of causes of an
/// [`ErrorKind::RateLimited`](crate::ErrorKind::RateLimited) error, if the registry said anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// How long to wait.
    pub wait: Option<Duration>,
    /// How many requests are allowed in the window.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// The time in which so many are allowed.
    pub window: Option<Duration>,
    /// When the registry may be asked again, at the latest: the end of the wait, else that of a
    /// window that began now.
    pub until: Option<SystemTime>,
}

impl RateLimit {
    /// Reads the headers of a refusal for asking too often; nothing if it is none, or says nothing.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let wait = retry_after(status, headers);
        if status != StatusCode::TOO_MANY_REQUESTS && wait.is_none() {
            return None;
        }
        let read = Self { wait, ..Self::counted(headers) };
        let until = wait.or(read.window).and_then(|left| SystemTime::now().checked_add(left));
        (read != Self::default()).then_some(Self { until, ..read })
    }

    /// Reads the counters that some registries put into every answer: `100;w=21600`.
    pub(crate) fn counted(headers: &HeaderMap) -> Self {
        let parts = |name: &HeaderName| {
            let text = headers.get(name)?.to_str().ok()?;
            let (count, rest) = text.split_once(';').unwrap_or((text, ""));
            let window = rest.trim().strip_prefix("w=").and_then(|text| text.parse().ok());
            Some((count.trim().parse().ok(), window.map(Duration::from_secs)))
        };
        let (limit, window) = parts(&LIMIT).unwrap_or_default();
        let (remaining, same_window) = parts(&REMAINING).unwrap_or_default();
        Self { limit, remaining, window: window.or(same_window), ..Self::default() }
    }
}

impl std::error::Error for RateLimit {}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.wait, self.limit, self.window) {
            (Some(wait), ..) => write!(f, "the registry asks to wait {} s", wait.as_secs()),
            (None, Some(limit), Some(window)) => {
                write!(f, "the registry allows {limit} requests in {} s", window.as_secs())
            }
            _ => f.write_str("the registry allows no more requests"),
        }
    }
}

/// Reads how long the registry asks to wait; nothing if it does not, or not longer than no time.
pub(super) fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()?,
    };
    (!wait.is_zero()).then_some(wait)
}

//! What crossed the wire: challenges, tokens and answers, for those who look at them later.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use oras_client::transport::{Body, Transport, granted};
use oras_spec::distribution::Challenge;

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    shown: Option<HeaderValue>,
}

/// Writes down all answers on their way through.
#[derive(Debug)]
pub(super) struct Witness<T> {
    inner: T,
    seen: Record,
}

/// What was written down; clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Arc<Mutex<Vec<Seen>>>);

impl<T> Witness<T> {
    pub(super) fn new(inner: T, seen: Record) -> Self {
        Self { inner, seen }
    }
}

impl Record {
    fn find<R>(&self, of: impl FnMut(&Seen) -> Option<R>) -> Option<R> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().rev().find_map(of)
    }

    /// Returns what the last challenge asks for.
    pub(super) fn challenges(&self) -> Vec<Challenge> {
        let challenges = |seen: &Seen| {
            let values = seen.headers.get_all(WWW_AUTHENTICATE).iter();
            let all: Vec<Challenge> = values
                .flat_map(|value| Challenge::parse_all(&String::from_utf8_lossy(value.as_bytes())))
                .collect();
            (seen.status == StatusCode::UNAUTHORIZED && !all.is_empty()).then_some(all)
        };
        self.find(challenges).unwrap_or_default()
    }

    /// Returns what the last token that was shown allows, if it says.
    pub(super) fn granted(&self) -> Option<String> {
        self.find(|seen| seen.shown.as_ref().map(granted)).flatten()
    }

    /// Tells whether a token was shown.
    pub(super) fn has_token(&self) -> bool {
        let is_bearer = |value: &HeaderValue| value.as_bytes().starts_with(b"Bearer ");
        self.find(|seen| seen.shown.as_ref().filter(|value| is_bearer(value)).map(|_| ())).is_some()
    }
}

#[async_trait]
impl<T: Transport> Transport for Witness<T> {
    async fn send(&self, request: Request<Body>) -> oras_client::Result<Response<Body>> {
        let shown = request.headers().get(AUTHORIZATION).cloned();
        let response = self.inner.send(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { status, headers, shown });
        drop(seen);
        Ok(response)
    }
}

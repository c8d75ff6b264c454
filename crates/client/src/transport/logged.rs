//! Tells an observer of each request and response, with the secrets taken out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response, Uri};
use serde_json::Value;

use super::body::peek;
use super::redact::logged;
use super::traffic::LoggedBody;
use super::{Body, Traffic, TrafficObserver, Transport};
use crate::Result;

/// The largest body that is logged, in bytes.
const MAX_BODY: usize = 16 * 1024;
const HIDDEN: &str = "*****";
/// The keys whose values are credentials in the answers of token services.
const SECRET_KEYS: [&str; 5] =
    ["access_token", "id_token", "identity_token", "refresh_token", "token"];

/// Tells an observer of each request and response.
pub struct Logged<T> {
    inner: T,
    observer: Arc<dyn TrafficObserver>,
    hidden: Vec<HeaderName>,
    next_id: Arc<AtomicU64>,
}

impl<T: Transport> Logged<T> {
    /// Wraps `inner`. Costs next to nothing while `observer` does not listen.
    pub fn new(inner: T, observer: Arc<dyn TrafficObserver>) -> Self {
        let hidden = vec![
            header::AUTHORIZATION,
            header::COOKIE,
            header::PROXY_AUTHORIZATION,
            header::SET_COOKIE,
        ];
        Self { inner, observer, hidden, next_id: Arc::default() }
    }

    /// Hides the values of further headers, such as those users add themselves.
    #[must_use]
    pub fn hiding(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.hidden.extend(names);
        self
    }

    /// Counts requests with `counter`, so that ids are unique over all that share it.
    #[must_use]
    pub fn counted_by(mut self, counter: Arc<AtomicU64>) -> Self {
        self.next_id = counter;
        self
    }

    /// Counts requests together with `other`, so that ids are unique over both.
    #[must_use]
    pub fn counting_with<U>(mut self, other: &Logged<U>) -> Self {
        self.next_id = Arc::clone(&other.next_id);
        self
    }

    fn headers(&self, headers: &HeaderMap, base: &Uri) -> Vec<(String, String)> {
        let print = |(name, value): (&HeaderName, &http::HeaderValue)| {
            let value = if self.hidden.contains(name) {
                HIDDEN.to_owned()
            } else {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                if is_url(name) { logged_reference(base, &text) } else { text }
            };
            (canonical(name), value)
        };
        headers.iter().map(print).collect()
    }

    async fn log_response(
        &self,
        id: u64,
        reads_body: bool,
        uri: &Uri,
        response: Response<Body>,
    ) -> Response<Body> {
        let headers = self.headers(response.headers(), uri);
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type =
            content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let status = response.status();
        let (parts, mut body) = response.into_parts();
        let size = http_body::Body::size_hint(&body).exact();
        let read;
        let text;
        let shown = if !reads_body {
            LoggedBody::None
        } else if status.is_redirection() {
            LoggedBody::Redirect
        } else if size == Some(0) {
            LoggedBody::Empty
        } else if let Some(content_type) = &content_type {
            if !is_text(content_type) {
                LoggedBody::Binary(content_type)
            } else if size.is_some_and(|size| size > MAX_BODY as u64) {
                LoggedBody::TooLarge
            } else {
                (read, body) = peek(body, MAX_BODY).await;
                text = String::from_utf8_lossy(&read.bytes);
                if read.complete { judge(&text) } else { LoggedBody::TooLarge }
            }
        } else {
            LoggedBody::Untyped
        };
        self.observer.traffic(Traffic::Response { id, status, headers: &headers, body: shown });
        Response::from_parts(parts, body)
    }
}

impl<T: fmt::Debug> fmt::Debug for Logged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logged").field(&self.inner).finish()
    }
}

#[async_trait]
impl<T: Transport> Transport for Logged<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        if !self.observer.is_listening() {
            return self.inner.send(request).await;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let uri = request.uri().clone();
        let reads_body = *request.method() != Method::HEAD;
        self.observer.traffic(Traffic::Request {
            id,
            method: request.method(),
            url: &logged(&uri),
            headers: &self.headers(request.headers(), &uri),
        });
        match self.inner.send(request).await {
            Ok(response) => Ok(self.log_response(id, reads_body, &uri, response).await),
            Err(error) => {
                self.observer.traffic(Traffic::Failed { id, error: &error });
                Err(error)
            }
        }
    }
}

/// `Content-Type`, as Go spells it.
fn canonical(name: &HeaderName) -> String {
    let mut begins = true;
    let letter = |character: char| {
        let spelled = if begins { character.to_ascii_uppercase() } else { character };
        begins = character == '-';
        spelled
    };
    name.as_str().chars().map(letter).collect()
}

fn is_url(name: &HeaderName) -> bool {
    *name == header::LOCATION || *name == header::CONTENT_LOCATION || *name == header::REFERER
}

/// Takes the secrets out of a URL that may be relative.
fn logged_reference(base: &Uri, text: &str) -> String {
    let absolute = url::Url::parse(&base.to_string()).and_then(|base| base.join(text));
    let uri: Option<Uri> = absolute.ok().and_then(|url| url.as_str().parse().ok());
    let Some(whole) = uri.as_ref().map(logged) else { return HIDDEN.to_owned() };
    if text.contains("://") {
        return whole;
    }
    let after_scheme = whole.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme.find('/').map_or(HIDDEN, |path| &after_scheme[path..]).to_owned()
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/plain" | "text/html")
        || essence.ends_with("+json")
}

fn judge(text: &str) -> LoggedBody<'_> {
    let is_secret = if let Ok(value) = serde_json::from_str::<Value>(text) {
        holds_secret(&value)
    } else {
        let lower = text.to_ascii_lowercase();
        SECRET_KEYS.iter().any(|key| lower.contains(&format!("\"{key}\"")))
    };
    match (is_secret, text.is_empty()) {
        (true, _) => LoggedBody::Secret,
        (false, true) => LoggedBody::Empty,
        (false, false) => LoggedBody::Text(text),
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str()) || holds_secret(value)
        }),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

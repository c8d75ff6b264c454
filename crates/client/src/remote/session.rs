//! Sends operations to one registry: URLs, headers, statuses, errors.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use oras_spec::distribution::{Operation, Warning, header::DOCKER_CONTENT_DIGEST};
use oras_spec::image::MediaType;
use oras_spec::{Digest, RegistryName};

use super::RegistryOptions;
use super::referrers::Support;
use super::upload::Lessons;
use crate::transport::{
    Body, FinalUri, RateLimit, ScopeHint, Transport, back_off, read_capped, refusal, shown,
};
use crate::{Error, ErrorKind, Result};

/// What the requests to one registry have in common.
pub(super) struct Session {
    name: RegistryName,
    transport: Arc<dyn Transport>,
    options: RegistryOptions,
    warned: Mutex<HashSet<Warning>>,
    pub(super) support: Support,
    pub(super) uploads: Lessons,
}

/// As many different warnings of one registry as anybody reads.
const MAX_WARNINGS: usize = 100;

impl Session {
    pub(super) fn new(
        name: RegistryName,
        transport: Arc<dyn Transport>,
        options: RegistryOptions,
    ) -> Self {
        Self {
            name,
            transport,
            options,
            warned: Mutex::default(),
            support: Support::default(),
            uploads: Lessons::default(),
        }
    }

    pub(super) fn name(&self) -> &RegistryName {
        &self.name
    }

    pub(super) fn options(&self) -> &RegistryOptions {
        &self.options
    }

    /// Makes the request for `operation`: bare of a body, and with the scopes it needs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a name is longer than any URL may be.
    pub(super) fn request(&self, operation: &Operation) -> Result<Request<Body>> {
        let scheme = if self.options.plain_http { "http" } else { "https" };
        let host = match self.name.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            name => name,
        };
        let uri: Uri = format!("{scheme}://{host}{}", operation.path_and_query())
            .parse()
            .map_err(|error| Error::new(ErrorKind::Invalid, "make URL").with_source(error))?;
        let hint = ScopeHint { wanted: operation.scopes(), ..ScopeHint::default() };
        Ok(self.request_to(operation.method(), uri, hint))
    }

    /// Makes a request to where the registry said to go.
    pub(super) fn request_to(&self, method: Method, uri: Uri, hint: ScopeHint) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        for (name, value) in &self.options.headers {
            headers.append(name, value.clone());
        }
        if !headers.contains_key(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, self.options.user_agent.clone());
        }
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.extensions_mut().insert(hint);
        request
    }

    /// Sends `request`. Any status is a success here; see [`Answer::expect`].
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Answer> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let response = self.transport.send(request).await?;
        self.hear_warnings(&response);
        Ok(Answer { method, uri, response })
    }

    /// Sends a request that only reads, and takes the whole answer if it is a success; from its
    /// beginning if the connection breaks amid it.
    pub(super) async fn get(
        &self,
        request: Request<Body>,
        limit: usize,
    ) -> Result<(Answer, Bytes)> {
        let (parts, _) = request.into_parts();
        let mut broken = 0;
        loop {
            let request = Request::from_parts(parts.clone(), Body::empty());
            let mut answer = self.send(request).await?;
            if answer.status() != StatusCode::OK {
                return Ok((answer, Bytes::new()));
            }
            match answer.read(limit).await {
                Ok(bytes) => return Ok((answer, bytes)),
                Err(error)
                    if error.kind() == ErrorKind::Network && broken < self.options.retries =>
                {
                    tokio::time::sleep(back_off(broken)).await;
                    broken += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn hear_warnings(&self, response: &Response<Body>) {
        for value in response.headers().get_all(header::WARNING) {
            let Some(warning) = value.to_str().ok().and_then(Warning::parse) else { continue };
            self.warn(&warning);
        }
        let limit = RateLimit::counted(response.headers());
        if limit.remaining == Some(0) {
            let window =
                limit.window.map_or(String::new(), |window| format!(" in {} s", window.as_secs()));
            let allowed =
                limit.limit.map_or(String::new(), |limit| format!(": {limit} requests{window}"));
            self.warn(&Warning::new(&format!("the registry's rate limit is used up{allowed}")));
        }
    }

    fn warn(&self, warning: &Warning) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < MAX_WARNINGS && warned.insert(warning.clone()) {
            drop(warned);
            (self.options.warnings)(warning);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name)
            .field("transport", &self.transport)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A response, and what it is the response to.
pub(super) struct Answer {
    method: Method,
    uri: Uri,
    response: Response<Body>,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the URL the request was sent to, before any redirect.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn into_body(self) -> Body {
        self.response.into_body()
    }

    /// Tells whether this is a refusal that may say more to GET: the answer to HEAD has no body.
    pub(super) fn is_unexplained(&self) -> bool {
        self.method == Method::HEAD
            && self.status().is_client_error()
            && self.status() != StatusCode::TOO_MANY_REQUESTS
    }

    /// Passes the answer on if its status is one of `statuses`.
    pub(super) async fn expect(self, statuses: &[StatusCode]) -> Result<Self> {
        if statuses.contains(&self.status()) { Ok(self) } else { Err(self.refusal().await) }
    }

    /// Makes the error of an answer that is a refusal.
    pub(super) async fn refusal(self) -> Error {
        refusal(&self.method, &self.uri, self.response).await
    }

    /// Makes an error about an answer that no registry should give: `GET "URL": …`.
    pub(super) fn wrong(&self, what: &str) -> Error {
        let uri = self.response.extensions().get::<FinalUri>().map_or(&self.uri, |uri| &uri.0);
        Error::new(ErrorKind::Server, format!("{} \"{}\": {what}", self.method, shown(uri)))
    }

    /// As [`wrong`](Self::wrong), for content that is not what was asked for.
    pub(super) fn mismatch(&self, what: &str) -> Error {
        Error::new(ErrorKind::Mismatch, self.wrong(what).to_string())
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the media type, without its parameters.
    pub(super) fn media_type(&self) -> Result<MediaType> {
        let value = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence.is_empty() {
            return Err(self.wrong("invalid response `Content-Type` header; mime: no media type"));
        }
        Ok(MediaType::from(essence))
    }

    /// Returns the length of the content, which for HEAD is not that of the body.
    pub(super) fn length(&self) -> Option<u64> {
        match self.header(&header::CONTENT_LENGTH) {
            Some(text) => text.trim().parse().ok(),
            None if self.method == Method::HEAD => None,
            None => http_body::Body::size_hint(self.response.body()).exact(),
        }
    }

    /// Returns the digest the registry states, held against the one that was asked for.
    pub(super) fn digest(&self, asked: Option<&Digest>) -> Result<Option<Digest>> {
        let Some(value) = self.response.headers().get(DOCKER_CONTENT_DIGEST) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if text.is_empty() {
            return Ok(None);
        }
        let stated: Digest = text.parse().map_err(|error| {
            self.wrong(&format!(
                "invalid response header value: `Docker-Content-Digest: {text}`; {error}"
            ))
        })?;
        match asked {
            Some(asked) if *asked != stated => Err(self.mismatch(&format!(
                "invalid response; digest mismatch in Docker-Content-Digest: received \"{stated}\" when expecting \"{asked}\""
            ))),
            _ => Ok(Some(stated)),
        }
    }

    async fn read(&mut self, limit: usize) -> Result<Bytes> {
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(self.too_large(limit));
        }
        let read = read_capped(self.response.body_mut(), limit).await.map_err(|error| {
            Error::new(ErrorKind::Network, self.wrong("read response").to_string())
                .with_source(error)
        })?;
        if read.complete { Ok(read.bytes) } else { Err(self.too_large(limit)) }
    }

    fn too_large(&self, limit: usize) -> Error {
        let what = match self.length() {
            Some(size) => {
                format!("content size {size} exceeds MaxMetadataBytes {limit}: size exceeds limit")
            }
            None => format!("content exceeds MaxMetadataBytes {limit}: size exceeds limit"),
        };
        Error::new(ErrorKind::LimitExceeded, self.wrong(&what).to_string())
    }
}

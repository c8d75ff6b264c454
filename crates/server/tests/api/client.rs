//! A client of a registry in this process, and the registries to run it against.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use oras_server::{Registry, RegistryBuilder, RegistryService};
use oras_spec::Digest;
use oras_spec::distribution::ErrorBody;
use serde_json::Value;
use tower_service::Service as _;

use crate::body::Pieces;

/// Runs a test against a registry in memory and against one in a directory.
pub(crate) async fn on_every_store(test: impl AsyncFn(Client)) {
    on_every_store_with(|builder| builder, test).await;
}

/// As [`on_every_store`], for registries that are set up in some way.
pub(crate) async fn on_every_store_with(
    configure: impl Fn(RegistryBuilder) -> RegistryBuilder,
    test: impl AsyncFn(Client),
) {
    let memory = configure(Registry::builder()).memory().build().expect("a registry in memory");
    test(Client::new(memory)).await;
    let root = tempfile::tempdir().expect("a temporary directory");
    let directory = configure(Registry::builder()).directory(root.path()).build();
    test(Client::new(directory.expect("a registry in a directory"))).await;
}

/// A client of one registry.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    service: RegistryService,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { service: registry.into_service(), headers: HeaderMap::new() }
    }

    /// Sends a header with every request.
    pub(crate) fn with_header(&self, name: HeaderName, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.parse().expect("a header value"));
        client
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> Sending {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().expect("a target");
        *request.headers_mut() = self.headers.clone();
        Sending { service: self.service.clone(), request }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request(Method::GET, target).send().await
    }

    pub(crate) async fn head(&self, target: &str) -> Answer {
        self.request(Method::HEAD, target).send().await
    }

    pub(crate) async fn post(&self, target: &str) -> Answer {
        self.request(Method::POST, target).send().await
    }

    pub(crate) async fn put(&self, target: &str, body: impl Into<Bytes>) -> Answer {
        self.request(Method::PUT, target).body(body).send().await
    }

    pub(crate) async fn patch(&self, target: &str, body: impl Into<Bytes>) -> Answer {
        self.request(Method::PATCH, target).body(body).send().await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.request(Method::DELETE, target).send().await
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) async fn push_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.request(Method::POST, &target).body(bytes).send().await;
        answer.expect_status(StatusCode::CREATED);
        digest
    }

    /// Opens an upload and returns its location.
    pub(crate) async fn start_upload(&self, repository: &str) -> String {
        let answer = self.post(&format!("/v2/{repository}/blobs/uploads/")).await;
        answer.expect_status(StatusCode::ACCEPTED).header("location").to_owned()
    }

    /// A request with a body that arrives in its own time.
    pub(crate) fn streamed(&self, method: Method, target: &str, body: Pieces) -> Sending<Pieces> {
        let Sending { service, request } = self.request(method, target);
        Sending { service, request: request.map(|_| body) }
    }

    /// The service itself, for requests of other kinds.
    pub(crate) fn service(&self) -> RegistryService {
        self.service.clone()
    }
}

/// A request in the making.
pub(crate) struct Sending<B = Full<Bytes>> {
    service: RegistryService,
    request: Request<B>,
}

impl Sending {
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }
}

impl<B> Sending<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(crate) fn header(mut self, name: impl AsRef<str>, value: &str) -> Self {
        let name: HeaderName = name.as_ref().parse().expect("a header name");
        self.request.headers_mut().append(name, value.parse().expect("a header value"));
        self
    }

    pub(crate) async fn send(mut self) -> Answer {
        let what = format!("{} {}", self.request.method(), self.request.uri());
        let response = self.service.call(self.request).await.expect("never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { what: what.into(), status: parts.status, headers: parts.headers, body }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    what: Arc<str>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect_status(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Checks that this is a refusal with a status and a code, in the form of the specification.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: StatusCode, code: &str) -> &Self {
        self.expect_status(status);
        assert_eq!(self.header("content-type"), "application/json", "{self}");
        let body: ErrorBody = serde_json::from_slice(&self.body).expect("an error body");
        assert_eq!(body.errors[0].code.as_str(), code, "{self}");
        assert!(!body.errors[0].message.is_empty(), "{self}");
        self
    }

    /// Returns the one value of a header; empty if there is none.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map_or("", |value| value.to_str().expect("a text"));
        assert!(values.next().is_none(), "{name} twice in {self}");
        first
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Returns the target of the next page, if there is one.
    #[track_caller]
    pub(crate) fn next(&self) -> Option<String> {
        oras_spec::distribution::parse_next_link(self.header("link")).map(str::to_owned)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {} {:?}", self.what, self.status, self.body)
    }
}

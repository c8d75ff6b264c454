//! Hands requests to the service, as exchanges of their connection.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::activity::Activity;
use super::body::{RequestBody, ResponseBody};

/// The address a request came from: the other end of its connection, in the request's extensions.
///
/// Behind a proxy it is the proxy's. No header field is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress(pub SocketAddr);

/// Marks, in a request's extensions, that its connection is encrypted as far as this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encrypted;

/// The connection a request came by, in the request's extensions.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Activity>);

impl Connection {
    /// Makes the connection end in a reset, whenever it ends: the client hears of an error, and
    /// what it has not been sent yet is lost. For testing clients.
    pub fn reset(&self) {
        self.0.reset();
    }
}

/// A service that a [`Server`](super::Server) can serve.
///
/// Implemented for every [`tower_service::Service`] of the right shape; nothing else can.
pub trait HttpService:
    tower_service::Service<
        Request<RequestBody>,
        Response = Response<Self::Body>,
        Error: Into<Box<dyn StdError + Send + Sync>>,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>
        + Send
        + 'static;
}

impl<S, B> HttpService for S
where
    S: tower_service::Service<Request<RequestBody>, Response = Response<B>>,
    S: Clone + Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Body = B;
}

/// A service on one connection.
#[derive(Debug)]
pub(super) struct Watched<S> {
    service: S,
    peer: PeerAddress,
    is_encrypted: bool,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    pub(super) fn new(
        service: S,
        peer: SocketAddr,
        is_encrypted: bool,
        activity: Arc<Activity>,
    ) -> Self {
        Self { service, peer: PeerAddress(peer), is_encrypted, activity }
    }
}

impl<S: HttpService> hyper::service::Service<Request<Incoming>> for Watched<S> {
    type Response = Response<ResponseBody<S::Body>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange = Arc::new(self.activity.begin());
        let mut request = request.map(|body| RequestBody::new(body, Arc::clone(&exchange)));
        if let Err(why) = check_host(&request) {
            let response = bad_request(why, exchange);
            return Box::pin(async { Ok(response) });
        }
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(Connection(Arc::clone(&self.activity)));
        if self.is_encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        let mut service = self.service.clone();
        Box::pin(async move {
            poll_fn(|context| service.poll_ready(context)).await?;
            let response = service.call(request).await?;
            Ok(response.map(|body| ResponseBody::new(body, exchange)))
        })
    }
}

/// Checks that a request says once, and only once, whom it is for.
///
/// [RFC 9112, section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)
fn check_host<B>(request: &Request<B>) -> Result<(), &'static str> {
    if request.version() != Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().ok_or("a request must have a Host\n")?;
    if hosts.next().is_some() {
        return Err("a request must have one Host\n");
    }
    match request.uri().authority() {
        Some(authority) if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            Err("a request must be for its Host\n")
        }
        _ => Ok(()),
    }
}

fn bad_request<B>(
    why: &'static str,
    exchange: Arc<super::activity::Exchange>,
) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::text(why, exchange));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    // Whoever sends such a thing may mean what follows for somebody else.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

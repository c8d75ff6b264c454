//! Servers that do as they are told: a function from requests to responses, behind a loopback
//! port or in this process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oras_client::transport::{Body, InProcess};
use oras_spec::RegistryName;
use tokio::net::TcpListener;
use tower_service::Service;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query behind a port, the whole URL in process.
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible ASCII"))
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        assert!(self.headers.get_all("authorization").iter().count() < 2, "said twice");
        self.header("authorization")
    }

    /// `GET /v2/`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }
}

pub(crate) type Reply = Response<Bytes>;

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A script, and what it was asked.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default() }
    }

    /// Answers each request with the next reply; the last one for ever.
    pub(crate) fn in_turn(replies: Vec<Reply>) -> Self {
        let next = Mutex::new(0);
        Self::new(move |_| {
            let mut next = next.lock().expect("no panic");
            let reply = replies[(*next).min(replies.len() - 1)].clone();
            *next += 1;
            reply
        })
    }

    pub(crate) fn transport(&self) -> InProcess<Self> {
        InProcess::new(self.clone())
    }

    fn answer(&self, seen: Seen) -> Response<Full<Bytes>> {
        let reply = (self.script)(&seen).map(Full::new);
        self.seen.lock().expect("no panic").push(seen);
        reply
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Methods and targets of the requests so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

impl Service<Request<Body>> for Scripted {
    type Response = Response<Full<Bytes>>;
    type Error = String;
    type Future = BoxFuture<'static, Result<Self::Response, String>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body };
            Ok(this.answer(seen))
        })
    }
}

/// A script behind a port.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scripted: Scripted,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::start_on(listener, script)
    }

    /// For scripts that must know where they run.
    pub(crate) fn start_on(
        listener: TcpListener,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("bound");
        let scripted = Scripted::new(script);
        let accepting = tokio::spawn(accept(listener, scripted.clone()));
        Self { address, scripted, accepting }
    }

    pub(crate) fn name(&self) -> RegistryName {
        self.address.to_string().parse().expect("an address is a name")
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.scripted.seen()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.scripted.lines()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, scripted: Scripted) {
    while let Ok((stream, _)) = listener.accept().await {
        let scripted = scripted.clone();
        let service = service_fn(move |request| serve(scripted.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn serve(
    scripted: Scripted,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    Ok(scripted.answer(seen))
}

/// A response without a body.
pub(crate) fn status(code: u16) -> Reply {
    reply(code, &[], "")
}

pub(crate) fn reply(code: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        response.headers_mut().append(name, value.parse().expect("a value"));
    }
    response
}

pub(crate) fn error(code: u16, name: &str, message: &str) -> Reply {
    let body = format!(r#"{{"errors":[{{"code":"{name}","message":"{message}"}}]}}"#);
    reply(code, &[("content-type", "application/json")], body)
}

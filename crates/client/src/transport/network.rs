//! The real network: pooled HTTP/1.1 and HTTP/2 connections, with or without TLS.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request, Response, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::alert::LastWord;
use super::connector::Connector;
use super::stall::{Outgoing, Volume, Watched};
use super::{Body, ClientIdentity, Failure, Proxies, Transport, TrustRoots, WebOrigin};
use crate::Result;

/// How [`Network`] makes and keeps connections.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// Whom to trust.
    pub roots: TrustRoots,
    /// Whether to trust everybody instead.
    pub insecure: bool,
    /// A certificate of our own, for one registry.
    pub identity: Option<ClientIdentity>,
    /// Host (lower case, no brackets) and port to the address to connect to instead of asking the
    /// resolver; the URL, the `Host` header and the name checked by TLS stay.
    pub resolve: HashMap<(String, u16), SocketAddr>,
    /// Which requests go through a proxy.
    pub proxies: Proxies,
    /// How long making a TCP connection may take, over all addresses of a host; 30 s.
    pub connect_timeout: Duration,
    /// How long a TLS handshake may take; 10 s.
    pub handshake_timeout: Duration,
    /// How long bytes of a body may fail to flow while somebody waits for them, and how long the
    /// head of an answer to GET, HEAD and a POST without a body may take; 30 s. Twice as long, on
    /// average, there must come 1 KiB each second.
    pub idle_timeout: Duration,
    /// How long the head of an answer to other requests may take once they are sent, since
    /// registries check and move what was uploaded before they answer; 5 min.
    pub answer_timeout: Duration,
    /// How many idle connections to keep for each host; 32.
    pub idle_connections: usize,
    /// Counts the bytes of bodies.
    pub volume: Arc<Volume>,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            roots: TrustRoots::default(),
            insecure: false,
            identity: None,
            resolve: HashMap::new(),
            proxies: Proxies::default(),
            connect_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_mins(5),
            idle_connections: 32,
            volume: Arc::default(),
        }
    }
}

/// Sends requests over the network. Cheap to clone: the clones share their connections.
#[derive(Clone)]
pub struct Network {
    client: Client<Connector, Outgoing>,
    last_word: LastWord,
    proxies: Arc<Proxies>,
    idle_timeout: Duration,
    answer_timeout: Duration,
    volume: Arc<Volume>,
}

impl Network {
    /// Opens nothing yet, reads no certificate yet.
    pub fn new(options: NetworkOptions) -> Self {
        let (idle_timeout, answer_timeout) = (options.idle_timeout, options.answer_timeout);
        let proxies = Arc::new(options.proxies.clone());
        let volume = Arc::clone(&options.volume);
        let last_word = LastWord::default();
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(options.idle_connections)
            .http1_title_case_headers(true)
            .http1_max_buf_size(HTTP1_BUFFER)
            .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .build(Connector::new(options, last_word.clone()));
        Self { client, last_word, proxies, idle_timeout, answer_timeout, volume }
    }
}

/// How many bytes of a connection are buffered: the largest piece a body comes in.
const HTTP1_BUFFER: usize = 256 * 1024;
/// How many bytes of one answer may be under way.
const HTTP2_STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// How many bytes of all answers of one connection may be under way.
const HTTP2_CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        match self.exchange(request).await {
            Ok(response) => {
                let (limit, volume) = (self.idle_timeout, Arc::clone(&self.volume));
                Ok(response.map(|body| Body::new(Watched::new(body, limit, volume))))
            }
            Err(Broken::Network(failure)) => Err(failure.of_request(&method, &uri)),
            Err(Broken::Body(error)) => Err(error),
        }
    }
}

/// Whose fault it is that there is no answer.
enum Broken {
    Network(Failure),
    Body(crate::Error),
}

impl Network {
    /// What to show to the proxy that a plain request goes through; one with TLS goes through a
    /// tunnel that was opened before.
    fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let origin = WebOrigin::of(uri).filter(|origin| !origin.is_https)?;
        self.proxies.proxy(&origin)?.authorization.clone()
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Incoming>, Broken> {
        let is_quick = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
        let is_empty = request.body().is_end_stream();
        let (parts, body) = request.into_parts();
        let (body, sending) = Outgoing::new(body, Arc::clone(&self.volume));
        let mut request = Request::from_parts(parts, body);
        if let Some(authorization) = self.proxy_authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let connection = capture_connection(&mut request);
        let answer = self.client.request(request);
        let stalled = async {
            let mut connection = connection;
            drop(connection.wait_for_connection_metadata().await);
            if is_empty {
                let limit = if is_quick { self.idle_timeout } else { self.answer_timeout };
                tokio::time::sleep(limit).await;
                Failure::ResponseTimeout
            } else {
                sending.stalled(self.idle_timeout, self.answer_timeout).await
            }
        };
        match select(answer, pin!(stalled)).await {
            Either::Left((answer, _)) => answer.map_err(|error| match sending.take_error() {
                Some(error) => Broken::Body(error),
                None => Broken::Network(self.last_word.instead_of(Failure::of(&error))),
            }),
            Either::Right((failure, _)) => Err(Broken::Network(failure)),
        }
    }
}

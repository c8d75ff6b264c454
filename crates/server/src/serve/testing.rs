//! A service to be served in tests, and what its clients say.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::sync::Notify;

use super::{Encrypted, PeerAddress, RequestBody, RequestBodyError, ServeEvent, ServeOptions};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Does what the path says.
///
/// * `/count` answers how many bytes the body has.
/// * `/bytes` answers `self.bytes` bytes.
/// * `/ignore` answers without a look at the body.
/// * `/peer` answers who asks.
/// * `/secure` answers whether the connection is encrypted.
/// * `/held` answers once `self.release` says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) bytes: usize,
    /// Told when a request for `/held` is there.
    pub(super) held: Arc<Notify>,
    pub(super) release: Arc<Notify>,
}

impl tower_service::Service<Request<RequestBody>> for Sample {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let sample = self.clone();
        Box::pin(async move { Ok(sample.answer(request).await) })
    }
}

impl Sample {
    async fn answer(self, request: Request<RequestBody>) -> Response<Body> {
        match request.uri().path() {
            "/count" => count(request.into_body()).await,
            "/bytes" => Response::new(zeros(self.bytes)),
            "/peer" => {
                let peer = request.extensions().get::<PeerAddress>().expect("a peer").0;
                Response::new(text(peer.to_string()))
            }
            "/secure" => {
                let encrypted = request.extensions().get::<Encrypted>().is_some();
                Response::new(text(if encrypted { "encrypted" } else { "plain" }))
            }
            "/held" => {
                self.held.notify_one();
                self.release.notified().await;
                Response::new(text("released"))
            }
            _ => Response::new(text("ignored")),
        }
    }
}

async fn count(mut body: RequestBody) -> Response<Body> {
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        let status = match frame {
            Ok(frame) => {
                count += frame.into_data().map_or(0, |data| data.len());
                continue;
            }
            Err(RequestBodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Err(RequestBodyError::Broken(_)) => StatusCode::BAD_REQUEST,
        };
        let mut response = Response::new(text("no"));
        *response.status_mut() = status;
        return response;
    }
    Response::new(text(count.to_string()))
}

fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

fn zeros(bytes: usize) -> Body {
    const CHUNK: usize = 64 * 1024;
    let chunk = Bytes::from(vec![0; CHUNK]);
    let frames = (0..bytes.div_ceil(CHUNK)).map(move |index| {
        let length = CHUNK.min(bytes - index * CHUNK);
        Ok(Frame::data(chunk.slice(..length)))
    });
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// What the observer heard, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<ServeEvent>>>);

impl Heard {
    /// Makes `options` tell this of events.
    pub(super) fn listen(&self, options: &mut ServeOptions) {
        let events = Arc::clone(&self.0);
        options.observer = Arc::new(move |event| events.lock().expect("whole").push(event));
    }

    /// Returns what has been heard, without the addresses.
    pub(super) fn events(&self) -> Vec<String> {
        let events = self.0.lock().expect("whole");
        events
            .iter()
            .map(|event| match event {
                ServeEvent::Shed(_, slow) => format!("{slow:?}"),
                ServeEvent::Refused(_) => "Refused".into(),
                ServeEvent::Tls(_) => "Tls".into(),
                ServeEvent::Plain(_) => "Plain".into(),
                other => format!("{other:?}"),
            })
            .collect()
    }
}

/// A request as its client sends it.
pub(super) fn request(path: &str, fields: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: registry.example\r\n{fields}\r\n")
}

/// Reads one response with a `Content-Length`; returns its head and body.
pub(super) async fn read_response(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
) -> (String, String) {
    use tokio::io::AsyncReadExt as _;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(reader.read_u8().await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let length = length.lines().next().expect("a line").parse().expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.expect("a body");
    (head, String::from_utf8(body).expect("text"))
}

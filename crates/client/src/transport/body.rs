//! Bodies of requests and responses, and how a request's body is sent once more.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};

use crate::Result;

/// The body of a request or a response.
pub struct Body {
    inner: UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>,
    replay: Option<Replay>,
}

impl Body {
    /// Wraps any body. It can be sent only once unless [`with_replay`](Self::with_replay) says how
    /// to have it again.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self { inner: body.map_err(Into::into).boxed_unsync(), replay: None }
    }

    /// Makes a body without bytes.
    pub fn empty() -> Self {
        let mut body = Self::new(http_body_util::Empty::new());
        body.replay = Some(Replay(Again::Bytes(Bytes::new())));
        body
    }

    /// Says how to have the same bytes again, for a request that must be sent again.
    #[must_use]
    pub fn with_replay<F>(mut self, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Self>> + Send + 'static,
    {
        self.replay = Some(Replay(Again::Open(Arc::new(move || Box::pin(open())))));
        self
    }

    /// Returns how to have the body again; nothing if it can be sent only once.
    pub fn replay(&self) -> Option<Replay> {
        self.replay.clone()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::new(http_body_util::Full::new(bytes.clone()));
        body.replay = Some(Replay(Again::Bytes(bytes)));
        body
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

/// How to have the body of a request again. Cheap to clone.
#[derive(Clone)]
pub struct Replay(Again);

#[derive(Clone)]
enum Again {
    Bytes(Bytes),
    Open(Arc<dyn Fn() -> BoxFuture<'static, Result<Body>> + Send + Sync>),
}

impl Replay {
    /// Opens the body again, from its first byte.
    ///
    /// # Errors
    ///
    /// If the bytes are gone, such as when a file has been removed meanwhile.
    pub async fn open(&self) -> Result<Body> {
        match &self.0 {
            Again::Bytes(bytes) if bytes.is_empty() => Ok(Body::empty()),
            Again::Bytes(bytes) => Ok(bytes.clone().into()),
            Again::Open(open) => {
                let mut body = open().await?;
                body.replay = Some(self.clone());
                Ok(body)
            }
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replay")
    }
}

/// The beginning of a body, and whether that was all of it.
pub(crate) struct Capped {
    pub(crate) bytes: Bytes,
    pub(crate) complete: bool,
}

/// Reads the beginning of a body, some more than `limit` bytes at most, and gives back a body that
/// is still whole.
pub(crate) async fn peek(mut body: Body, limit: usize) -> (Capped, Body) {
    let mut taken = Vec::new();
    let mut bytes = BytesMut::new();
    let mut complete = true;
    while let Some(frame) = body.frame().await {
        let is_last = match &frame {
            Ok(frame) => {
                bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                bytes.len() > limit
            }
            Err(_) => true,
        };
        taken.push(frame);
        if is_last {
            complete = false;
            break;
        }
    }
    let frames = futures_util::stream::iter(taken).chain(BodyStream::new(body));
    (Capped { bytes: bytes.freeze(), complete }, Body::new(StreamBody::new(frames)))
}

/// Reads what is left of the body of an answer nobody wants, if it is little, so that its
/// connection can be used again.
pub(super) async fn drain(response: http::Response<Body>) {
    drop(read_capped(&mut response.into_body(), 16 * 1024).await);
}

/// Reads at most `limit` bytes; what is behind them is left unread.
pub(crate) async fn read_capped(
    body: &mut Body,
    limit: usize,
) -> Result<Capped, Box<dyn StdError + Send + Sync>> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(chunk) = frame.into_data() else { continue };
        if all.len() + chunk.len() > limit {
            all.extend_from_slice(&chunk[..limit - all.len()]);
            return Ok(Capped { bytes: all.freeze(), complete: false });
        }
        all.extend_from_slice(&chunk);
    }
    Ok(Capped { bytes: all.freeze(), complete: true })
}

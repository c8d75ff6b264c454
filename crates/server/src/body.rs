//! Bodies: requests' as they are read, responses' as they are sent.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyDataStream;

use crate::access::AccessGuard;
use crate::storage::Pieces;
use crate::storage::uploads::Incoming;

/// What the service answers with: bytes in memory, or a file that is read while it is sent.
///
/// Its length is always known. Dropping it, sent or not, is what ends the request for the
/// [`AccessObserver`](crate::AccessObserver).
pub struct ResponseBody {
    content: Content,
    access: Option<AccessGuard>,
}

enum Content {
    Full(Bytes),
    Pieces { pieces: Pieces, left: u64 },
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self::full(Bytes::new())
    }

    pub(crate) fn full(bytes: Bytes) -> Self {
        Self { content: Content::Full(bytes), access: None }
    }

    /// Makes a body of pieces that are `length` bytes together.
    pub(crate) fn pieces(pieces: Pieces, length: u64) -> Self {
        Self { content: Content::Pieces { pieces, left: length }, access: None }
    }

    pub(crate) fn with_access(mut self, access: AccessGuard) -> Self {
        self.access = Some(access);
        self
    }

    /// Bytes that are still to come.
    pub(crate) fn length(&self) -> u64 {
        match &self.content {
            Content::Full(bytes) => bytes.len() as u64,
            Content::Pieces { left, .. } => *left,
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.content {
            Content::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Full(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Content::Pieces { left: 0, .. } => Poll::Ready(None),
            Content::Pieces { pieces, left } => {
                let piece = ready!(pieces.as_mut().poll_next(cx));
                // Never a short answer that looks complete.
                let piece = piece.unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
                *left = left.saturating_sub(piece.len() as u64);
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let item = ready!(self.poll_content(cx));
        if let (Some(Err(error)), Some(access)) = (&item, &mut self.access) {
            access.access.failure = Some(error.to_string());
        }
        if let (Some(Ok(piece)), Some(access)) = (&item, &mut self.access) {
            access.sent(piece.len() as u64);
        }
        if item.is_none() {
            self.access = None;
        }
        Poll::Ready(item.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("length", &self.length()).finish_non_exhaustive()
    }
}

/// The body of a request, to be taken once.
pub(crate) struct RequestBody(Option<Incoming>);

impl RequestBody {
    /// Boxes `body` and counts its bytes in `received`.
    pub(crate) fn new<B>(body: B, received: Arc<AtomicU64>) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if body.is_end_stream() {
            return Self(None);
        }
        let counted = BodyDataStream::new(body).map(move |piece| {
            let piece = piece.map_err(Into::into)?;
            received.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Ok(piece)
        });
        Self(Some(Box::pin(counted)))
    }

    /// Takes the body; what comes after that is empty.
    pub(crate) fn take(&mut self) -> Incoming {
        self.0.take().unwrap_or_else(|| Box::pin(futures_util::stream::empty()))
    }

    /// Reads at most `limit` bytes that nobody wants, so that a client that sends before it listens
    /// hears the answer.
    pub(crate) async fn drain(&mut self, limit: usize) {
        let Some(mut body) = self.0.take() else { return };
        let mut left = limit;
        while let Some(Ok(piece)) = body.next().await {
            let Some(rest) = left.checked_sub(piece.len()) else { return };
            left = rest;
        }
    }
}

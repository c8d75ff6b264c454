//! Bodies on their way in and out, watched.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::activity::{Exchange, Protocol};
use super::options::Slow;
use super::patience::{Patience, Watch};

/// The body of a request as the network brings it.
///
/// Ends in an error when its sender is slower than
/// [`ServeOptions::minimum_rate`](super::ServeOptions::minimum_rate) and its companions allow.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    watch: Watch,
    ended: bool,
    exchange: Arc<Exchange>,
}

/// Why the body of a request could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// The sender was too slow. Answer `408 Request Timeout`.
    #[error("the body came too slowly")]
    TooSlow,
    /// The connection broke, or the body was not framed as HTTP wants it.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, exchange: Arc<Exchange>) -> Self {
        let options = exchange.activity().options();
        let patience = Patience::new(options.body_grace, options.body_stall, options.minimum_rate);
        Self { incoming, watch: Watch::new(patience), ended: false, exchange }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.watch.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(RequestBodyError::Broken(error))))
            }
            Poll::Ready(None) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => self.watch.poll_end(context).map(|()| {
                self.exchange.activity().too_slow(Slow::Body);
                Some(Err(RequestBodyError::TooSlow))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended && !self.incoming.is_end_stream() {
            self.exchange.activity().leave_unread();
        }
    }
}

/// The body of a response, and the exchange it ends.
pub(super) struct ResponseBody<B> {
    content: Content<B>,
    exchange: Arc<Exchange>,
    /// HTTP/2: what the service gave and the protocol has not asked for.
    rest: Bytes,
    /// HTTP/2: how much the protocol took last, and has not sent as far as we know.
    held_back: Option<usize>,
    /// HTTP/2: the peer has taken some of it.
    is_taken: bool,
}

enum Content<B> {
    /// What the service answers.
    Service(Pin<Box<B>>),
    /// What we answer in its place.
    Text(Option<&'static str>),
}

/// The largest piece given to HTTP/2 at a time. It asks for the next when the peer has taken
/// nearly all of one, so this is how finely we see a slow reader's progress.
const PIECE: usize = 32 * 1024;

impl<B> ResponseBody<B> {
    pub(super) fn new(body: B, exchange: Arc<Exchange>) -> Self {
        Self::with(Content::Service(Box::pin(body)), exchange)
    }

    pub(super) fn text(text: &'static str, exchange: Arc<Exchange>) -> Self {
        Self::with(Content::Text(Some(text)), exchange)
    }

    fn with(content: Content<B>, exchange: Arc<Exchange>) -> Self {
        Self { content, exchange, rest: Bytes::new(), held_back: None, is_taken: false }
    }

    fn let_go(&mut self) {
        if let Some(bytes) = self.held_back.take() {
            self.exchange.let_go(bytes);
            self.exchange.leave(bytes);
            self.is_taken = true;
        }
    }
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        this.let_go();
        if this.rest.is_empty() {
            if this.exchange.activity().protocol() == Protocol::Http2 && !this.is_taken {
                std::task::ready!(this.exchange.poll_room(context));
            }
            let frame = match std::task::ready!(this.content.poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) if this.exchange.activity().protocol() == Protocol::Http2 => {
                    this.exchange.rest(data.len());
                    this.rest = data;
                }
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        this.held_back = Some(piece.len());
        this.exchange.hold_back();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.content.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

impl<B> Content<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self {
            Self::Service(body) => {
                body.as_mut().poll_frame(context).map(|frame| Some(frame?.map_err(Into::into)))
            }
            Self::Text(text) => {
                let text = text.take().map(|text| Bytes::from_static(text.as_bytes()));
                Poll::Ready(text.map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Service(body) => body.is_end_stream(),
            Self::Text(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Service(body) => body.size_hint(),
            Self::Text(text) => SizeHint::with_exact(text.map_or(0, str::len) as u64),
        }
    }
}

impl<B> Drop for ResponseBody<B> {
    fn drop(&mut self) {
        self.let_go();
        self.exchange.leave(self.rest.len());
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

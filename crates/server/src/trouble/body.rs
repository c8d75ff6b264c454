//! Bodies that break: a request's on its way in, an answer's on its way out.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::time::{Sleep, sleep};

use super::Trouble;
use crate::serve::Connection;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The body of a request, of which only some may arrive.
pub struct InterruptedBody<B> {
    body: Pin<Box<B>>,
    /// How many bytes may still pass, if not all.
    left: Option<u64>,
}

impl<B> InterruptedBody<B> {
    pub(super) fn new(body: B, left: Option<u64>) -> Self {
        Self { body: Box::pin(body), left }
    }
}

impl<B> Body for InterruptedBody<B>
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
        if this.left == Some(0) {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
        }
        let frame = ready!(this.body.as_mut().poll_frame(context));
        let Some(left) = &mut this.left else {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        };
        Poll::Ready(frame.map(|frame| {
            frame.map_err(Into::into).map(|frame| {
                frame.map_data(|mut data| {
                    data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= data.len() as u64;
                    data
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for InterruptedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterruptedBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The body of an answer, and what goes wrong with it.
pub struct TroubledBody<B> {
    content: Content<B>,
    /// What the content gave and nobody has taken yet.
    rest: Bytes,
    /// How many bytes have passed.
    passed: u64,
    corrupt: Vec<u64>,
    drip: Option<(usize, Duration)>,
    end: Option<End>,
    pause: Option<Pin<Box<Sleep>>>,
}

enum Content<B> {
    Service(Pin<Box<B>>),
    Own(Full<Bytes>),
}

/// Where a body ends before its time.
struct End {
    at: u64,
    how: How,
    /// What came before has had time to leave.
    is_alone: bool,
}

enum How {
    Cut,
    Reset(Option<Connection>),
    Stall,
}

/// How long we wait before an end, so that what was given to the protocol before leaves before.
const LEAVE: Duration = Duration::from_millis(20);

impl<B> TroubledBody<B> {
    pub(super) fn new(body: B) -> Self {
        Self::with(Content::Service(Box::pin(body)))
    }

    pub(super) fn own(body: Bytes) -> Self {
        Self::with(Content::Own(Full::new(body)))
    }

    fn with(content: Content<B>) -> Self {
        Self {
            content,
            rest: Bytes::new(),
            passed: 0,
            corrupt: Vec::new(),
            drip: None,
            end: None,
            pause: None,
        }
    }

    /// Takes on what is to go wrong with a body; other troubles are none of it. Of several ends the
    /// first counts.
    pub(super) fn suffer(&mut self, trouble: &Trouble, connection: Option<&Connection>) {
        let (at, how) = match *trouble {
            Trouble::Corrupt(at) => return self.corrupt.push(at),
            Trouble::Drip { bytes, pause } => {
                self.drip = Some((bytes.max(1), pause));
                return;
            }
            Trouble::Cut(at) => (at, How::Cut),
            Trouble::Reset(at) => (at, How::Reset(connection.cloned())),
            Trouble::Stall(at) => (at, How::Stall),
            Trouble::Answer(_) | Trouble::Delay(_) | Trouble::Lose | Trouble::HangUp(_) => return,
        };
        if self.end.as_ref().is_none_or(|end| at < end.at) {
            self.end = Some(End { at, how, is_alone: false });
        }
    }

    /// Takes the next piece off the rest: what is left before the end, and no more than a drop.
    fn piece(&mut self) -> Bytes {
        let before_end = self.end.as_ref().map_or(u64::MAX, |end| end.at - self.passed);
        let room = usize::try_from(before_end).unwrap_or(usize::MAX);
        let drop = self.drip.map_or(usize::MAX, |(bytes, _)| bytes);
        let piece = self.rest.split_to(self.rest.len().min(room).min(drop));
        let first = self.passed;
        self.passed += piece.len() as u64;
        let turned = |at: &u64| usize::try_from(at.checked_sub(first)?).ok();
        let turned = self.corrupt.iter().filter_map(turned).filter(|&at| at < piece.len());
        let turned: Vec<usize> = turned.collect();
        if turned.is_empty() {
            return piece;
        }
        let mut piece = piece.to_vec();
        for at in turned {
            piece[at] ^= 0xff;
        }
        piece.into()
    }
}

impl End {
    fn poll(
        &mut self,
        pause: &mut Option<Pin<Box<Sleep>>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Error> {
        if !self.is_alone {
            self.is_alone = true;
            let leave = pause.insert(Box::pin(sleep(LEAVE)));
            ready!(leave.as_mut().poll(context));
        }
        match &self.how {
            How::Cut => Poll::Ready(io::ErrorKind::UnexpectedEof.into()),
            How::Reset(connection) => {
                if let Some(connection) = connection {
                    connection.reset();
                }
                Poll::Ready(io::ErrorKind::ConnectionReset.into())
            }
            How::Stall => Poll::Pending,
        }
    }
}

impl<B> Body for TroubledBody<B>
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
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(context));
            this.pause = None;
        }
        if this.rest.is_empty() {
            let frame = match &mut this.content {
                Content::Service(body) => {
                    ready!(body.as_mut().poll_frame(context)).map(|frame| frame.map_err(Into::into))
                }
                Content::Own(body) => ready!(Pin::new(body).poll_frame(context))
                    .map(|frame| frame.map_err(|never| match never {})),
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.rest = data,
                Some(Ok(Err(frame))) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        if let Some(end) = this.end.as_mut().filter(|end| end.at == this.passed)
            && !this.rest.is_empty()
        {
            let error = ready!(end.poll(&mut this.pause, context));
            return Poll::Ready(Some(Err(error.into())));
        }
        let piece = this.piece();
        if let Some((_, pause)) = this.drip {
            this.pause = Some(Box::pin(sleep(pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && match &self.content {
                Content::Service(body) => body.is_end_stream(),
                Content::Own(body) => body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = match &self.content {
            Content::Service(body) => body.size_hint(),
            Content::Own(body) => body.size_hint(),
        };
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

impl<B> fmt::Debug for TroubledBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TroubledBody").field("passed", &self.passed).finish_non_exhaustive()
    }
}

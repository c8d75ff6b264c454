//! Notices when bytes stop flowing, in either direction.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::{Body, Failure};
use crate::Error;

/// How many bytes must come in a second, on average over twice the time that none need come.
const SLOWEST: u64 = 1024;

/// A response body that fails when its reader has waited too long for the next bytes, or waits nearly
/// all the time and gets next to nothing.
///
/// A reader that takes its time does not count: the clock runs only while it waits.
pub(super) struct Watched<B> {
    inner: B,
    limit: Duration,
    /// There while the reader waits; since when.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
    /// How long the reader has waited for how many bytes.
    waited: Duration,
    came: u64,
    volume: Arc<Volume>,
}

/// How many bytes of bodies have gone over the network, all connections together.
#[derive(Debug, Default)]
pub struct Volume {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Volume {
    /// Returns how many bytes were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were received.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl<B> Watched<B> {
    pub(super) fn new(inner: B, limit: Duration, volume: Arc<Volume>) -> Self {
        Self { inner, limit, wait: None, waited: Duration::ZERO, came: 0, volume }
    }

    /// Counts bytes that have come; tells whether they are too few for the time it took.
    fn is_too_slow(&mut self, count: usize) -> bool {
        if let Some((since, _)) = self.wait.take() {
            self.waited += since.elapsed();
        }
        self.came += count as u64;
        let window = self.limit.saturating_mul(2);
        let enough =
            SLOWEST.saturating_mul(window.as_millis().try_into().unwrap_or(u64::MAX)) / 1000;
        if self.came >= enough {
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        self.waited >= window
    }
}

impl<B> http_body::Body for Watched<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: StdError + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            let data = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, Bytes::len);
            let count = frame.as_ref().map(|frame| frame.as_ref().map_or(0, data));
            this.volume.received.fetch_add(count.unwrap_or_default() as u64, Ordering::Relaxed);
            let is_too_slow = this.is_too_slow(count.unwrap_or_default());
            if is_too_slow && count.is_some() {
                return Poll::Ready(Some(Err(Failure::Slow(this.limit.saturating_mul(2)))));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| Failure::of(&error))));
        }
        let limit = this.limit;
        let begin = || (Instant::now(), Box::pin(tokio::time::sleep(limit)));
        let (_, timer) = this.wait.get_or_insert_with(begin);
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Failure::Stalled(limit)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What is known of a request body while it is sent.
#[derive(Default)]
pub(super) struct Sending(Mutex<State>);

#[derive(Default)]
struct State {
    /// Since when the network has not asked for more; nothing while it waits for our bytes.
    blocked_since: Option<Instant>,
    is_done: bool,
    error: Option<Error>,
}

impl Sending {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the error that broke the body on our own side.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.with(|state| state.error.take())
    }

    /// Waits until the network has taken nothing for `idle`, or, once it has taken all, for an
    /// answer for `answer`.
    pub(super) async fn stalled(&self, idle: Duration, answer: Duration) -> Failure {
        loop {
            let (since, is_done) = self.with(|state| (state.blocked_since, state.is_done));
            let now = Instant::now();
            let limit = if is_done { answer } else { idle };
            let deadline = since.unwrap_or(now) + limit;
            if deadline <= now {
                return if is_done { Failure::ResponseTimeout } else { Failure::Stalled(idle) };
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

/// A request body that tells [`Sending`] how it goes.
pub(super) struct Outgoing {
    inner: Body,
    sending: Arc<Sending>,
    volume: Arc<Volume>,
}

impl Outgoing {
    pub(super) fn new(inner: Body, volume: Arc<Volume>) -> (Self, Arc<Sending>) {
        let sending = Arc::new(Sending::default());
        (Self { inner, sending: Arc::clone(&sending), volume }, sending)
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        let is_done = this.inner.is_end_stream();
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let count = frame.data_ref().map_or(0, Bytes::len) as u64;
            this.volume.sent.fetch_add(count, Ordering::Relaxed);
        }
        this.sending.with(|state| match polled {
            Poll::Pending => {
                state.blocked_since = None;
                Poll::Pending
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(match error.downcast::<Error>() {
                    Ok(error) => {
                        let text = error.to_string();
                        state.error = Some(*error);
                        text.into()
                    }
                    Err(error) => error,
                })))
            }
            Poll::Ready(frame) => {
                state.blocked_since = Some(Instant::now());
                state.is_done = is_done || frame.is_none();
                Poll::Ready(frame)
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

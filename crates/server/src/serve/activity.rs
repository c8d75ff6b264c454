//! What one connection is doing, and by when it must do something else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::options::{ServeOptions, Slow};
use super::patience::Patience;

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What is to be done when a deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask the connection to end: nobody has used it for long.
    Idle,
    /// Drop the connection: it was asked to end and has not.
    Closing,
    /// Drop the connection: its peer is too slow.
    Shed(Slow),
}

/// What one connection is doing.
///
/// Told by the stream below the protocol and by the requests above it; asked by the task that
/// drives the connection.
#[derive(Debug)]
pub(super) struct Activity {
    options: Arc<ServeOptions>,
    protocol: Protocol,
    /// Whether the connection is to end in a reset.
    is_reset: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests that have not been answered to the end.
    exchanges: usize,
    /// Since when there have been none, or the last of an answer left.
    quiet_since: Instant,
    /// When bytes came that must be the beginning of a request's head.
    head_since: Option<Instant>,
    /// Whether there has been a request at all.
    served: bool,
    /// Whether the kernel takes no more of what we write.
    write_waits: bool,
    /// Since when the connection has been asked to end.
    closing_since: Option<Instant>,
    /// Whether a request was answered before it had been read to its end.
    unread: bool,
    /// What the peer was too slow at, if it was.
    slow: Option<Slow>,
    /// HTTP/2: the frames of answers that wait for the peer to want more.
    held_back: usize,
    /// HTTP/2: how many bytes of answers wait for the peer to want them.
    resting: usize,
    /// HTTP/2: answers that wait for room to begin.
    waiting: Vec<Waker>,
    patience: Patience,
}

/// How many bytes of answers wait for an HTTP/2 peer before further answers begin. One that the
/// peer takes goes on whatever the others do.
const RESTING: usize = 2 << 20;

impl Activity {
    /// Begins with a connection whose first byte came at `first_byte`.
    pub(super) fn new(options: Arc<ServeOptions>, protocol: Protocol, first_byte: Instant) -> Self {
        let stall = options.write_stall;
        let state = State {
            exchanges: 0,
            quiet_since: first_byte,
            head_since: Some(first_byte),
            served: false,
            write_waits: false,
            closing_since: None,
            unread: false,
            slow: None,
            held_back: 0,
            resting: 0,
            waiting: Vec::new(),
            patience: Patience::new(stall, stall, options.minimum_rate),
        };
        Self { options, protocol, is_reset: AtomicBool::new(false), state: Mutex::new(state) }
    }

    pub(super) fn options(&self) -> &ServeOptions {
        &self.options
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Notes that bytes came.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.exchanges == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// Notes that bytes left.
    pub(super) fn wrote(&self) {
        let mut state = self.state();
        state.write_waits = false;
        // Over HTTP/2 it may be the answer to a ping, which is no use of the connection.
        if state.exchanges == 0 && self.protocol == Protocol::Http1 {
            state.quiet_since = Instant::now();
        }
    }

    /// Notes that bytes could not leave.
    pub(super) fn write_waits(&self) {
        self.state().write_waits = true;
    }

    /// Notes that a request is there; it is in flight until the exchange is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let mut state = self.state();
        state.exchanges += 1;
        state.head_since = None;
        state.served = true;
        drop(state);
        Exchange(Arc::clone(self))
    }

    /// Notes that nobody will read the rest of a request.
    pub(super) fn leave_unread(&self) {
        self.state().unread = true;
    }

    /// Notes that the connection is to end in a reset.
    pub(super) fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    /// Tells whether the connection is to end in a reset.
    pub(super) fn is_reset(&self) -> bool {
        self.is_reset.load(Ordering::Relaxed)
    }

    /// Notes that the connection has been asked to end.
    pub(super) fn close(&self) {
        self.state().closing_since.get_or_insert_with(Instant::now);
    }

    /// Notes what the peer was too slow at.
    pub(super) fn too_slow(&self, slow: Slow) {
        self.state().slow.get_or_insert(slow);
    }

    /// Returns what the peer was too slow at, if it was.
    pub(super) fn slow(&self) -> Option<Slow> {
        self.state().slow
    }

    /// Tells whether the peer may be sending what nobody will read.
    pub(super) fn is_unread(&self) -> bool {
        let state = self.state();
        let mid_head = state.exchanges == 0 && state.head_since.is_some();
        self.protocol == Protocol::Http1 && (state.unread || mid_head)
    }

    /// Returns what is to be done next, and when, if nothing happens before.
    pub(super) fn due(&self) -> Option<(Instant, Due)> {
        let state = self.state();
        if state.exchanges > 0 {
            return state.patience.ends_at().map(|at| (at, Due::Shed(Slow::Response)));
        }
        if state.write_waits {
            return None; // the stream watches over this
        }
        if let Some(since) = state.closing_since {
            return Some((since.max(state.quiet_since) + self.options.linger, Due::Closing));
        }
        match state.head_since {
            Some(since) if self.protocol == Protocol::Http1 || !state.served => {
                Some((since + self.options.head, Due::Shed(Slow::Head)))
            }
            _ => Some((state.quiet_since + self.options.keep_alive, Due::Idle)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between lock and unlock; a poisoned state would be whole all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight, from its head until its body and its answer are gone.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Activity>);

impl Exchange {
    pub(super) fn activity(&self) -> &Activity {
        &self.0
    }

    /// Waits until there is room for another answer to begin.
    ///
    /// Without that a peer that opens all streams it may, and no window, makes us read a piece for
    /// each: hyper asks for one before it knows whether the peer wants it.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.resting < RESTING {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Notes that bytes of the answer are here.
    pub(super) fn rest(&self, bytes: usize) {
        self.0.state().resting += bytes;
    }

    /// Notes that bytes of the answer have gone.
    pub(super) fn leave(&self, bytes: usize) {
        let mut state = self.0.state();
        state.resting -= bytes;
        if state.resting < RESTING {
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Notes that part of the answer waits for the peer to want it.
    pub(super) fn hold_back(&self) {
        let mut state = self.0.state();
        state.held_back += 1;
        state.patience.wait(Instant::now());
    }

    /// Notes that `bytes` held back were taken, or are no longer wanted.
    pub(super) fn let_go(&self, bytes: usize) {
        let now = Instant::now();
        let mut state = self.0.state();
        state.held_back -= 1;
        state.patience.moved(now, bytes);
        if state.held_back > 0 {
            state.patience.wait(now);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.exchanges -= 1;
        if state.exchanges == 0 {
            state.quiet_since = Instant::now();
        }
    }
}

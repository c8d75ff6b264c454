//! Receiving: from the body of a request to an object in the making, with bounded memory.
//!
//! Reading the network, and hashing and writing, go on side by side: a batch is collected while
//! the one before is written. No thread waits for the network.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use oras_spec::Hasher;
use tokio::task::JoinHandle;

use super::UploadError;
use crate::storage::{Result, Stage, StoreError};

/// The bytes of a request's body as they arrive.
pub(crate) type Incoming =
    Pin<Box<dyn Stream<Item = Result<Bytes, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Bytes handed to another thread at once: at least so many, because a hand-over costs tens of
/// microseconds ...
const BATCH: usize = 256 << 10;
/// ... and while that thread is busy at most so many, and no fewer than that many.
const BACKLOG: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 20;
/// Bytes that all bodies together have collected, if they are not too many for the least backlog.
/// As many are on their way to the disk.
const MEMORY: usize = 12 << 20;
/// What a piece costs beside its bytes, roughly: a peer may send them one by one.
const PIECE_COST: usize = 64;

/// Counts the bodies that are being received, which share the memory for what they collect.
#[derive(Debug, Default)]
pub(super) struct Receivers(AtomicUsize);

impl Receivers {
    fn enter(self: &Arc<Self>) -> Receiver {
        self.0.fetch_add(1, Ordering::Relaxed);
        Receiver(Arc::clone(self))
    }
}

/// One body that is being received.
struct Receiver(Arc<Receivers>);

impl Receiver {
    /// How many bytes this body may collect.
    fn backlog(&self) -> usize {
        let share = MEMORY / self.0.0.load(Ordering::Relaxed).max(1);
        share.clamp(*BACKLOG.start(), *BACKLOG.end())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is cut off where it becomes longer than it may, or said it would, be.
pub(super) struct Limited {
    body: Incoming,
    left: u64,
    /// Fewer bytes are as wrong as more.
    is_exact: bool,
    /// What has arrived and waits to be used.
    pub(super) gathered: Gathered,
    receiver: Receiver,
}

impl Limited {
    /// Takes a body of at most `limit` bytes, or of exactly that many.
    pub(super) fn new(
        body: Incoming,
        limit: u64,
        is_exact: bool,
        receivers: &Arc<Receivers>,
    ) -> Self {
        let gathered = Gathered::default();
        Self { body, left: limit, is_exact, gathered, receiver: receivers.enter() }
    }

    async fn next(&mut self) -> Option<Result<Bytes, UploadError>> {
        let piece = match self.body.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some(Err(UploadError::Interrupted(error))),
            None if self.is_exact && self.left > 0 => return Some(Err(UploadError::Length)),
            None => return None,
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => {
                self.left = left;
                Some(Ok(piece))
            }
            None if self.is_exact => Some(Err(UploadError::Length)),
            None => Some(Err(UploadError::TooLarge)),
        }
    }

    /// Takes pieces until they cost `enough` bytes of memory, or there are no more.
    pub(super) async fn gather(&mut self, enough: usize) {
        while self.gathered.cost < enough && self.gathered.end.is_none() {
            self.gather_one().await;
        }
    }

    async fn gather_one(&mut self) {
        let next = self.next().await;
        let gathered = &mut self.gathered;
        match next {
            Some(Ok(piece)) if piece.is_empty() => {}
            Some(Ok(piece)) => {
                gathered.size += piece.len();
                gathered.cost += piece.len() + PIECE_COST;
                gathered.pieces.push(piece);
            }
            Some(Err(error)) => gathered.end = Some(Err(error)),
            None => gathered.end = Some(Ok(())),
        }
    }
}

/// Pieces in memory.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) pieces: Vec<Bytes>,
    pub(super) size: usize,
    /// Bytes of memory.
    cost: usize,
    /// How the body ended, once it has.
    pub(super) end: Option<Result<(), UploadError>>,
}

impl Gathered {
    /// Tells whether this is all of the body.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.end, Some(Ok(())))
    }

    fn take(&mut self) -> (Vec<Bytes>, usize) {
        self.cost = 0;
        (std::mem::take(&mut self.pieces), std::mem::take(&mut self.size))
    }
}

/// How far receiving came.
pub(super) struct Received {
    /// Bytes that are in the object now, those from before included.
    pub(super) size: u64,
    /// The hash of all of them, if it was kept.
    pub(super) hasher: Option<Hasher>,
    /// Nothing after writing failed.
    pub(super) stage: Option<Box<dyn Stage>>,
    pub(super) outcome: Result<(), UploadError>,
}

/// Moves the body, what was gathered of it first, into `stage`, which has `size` bytes whose
/// hash is `hasher`'s. Reading the network, and hashing and writing, go on side by side.
pub(super) async fn receive(
    stage: Box<dyn Stage>,
    hasher: Option<Hasher>,
    size: u64,
    mut body: Limited,
) -> Received {
    let mut writer = Writer { idle: Some((stage, hasher)), writing: None, size, in_flight: 0 };
    let outcome = loop {
        let backlog = body.receiver.backlog();
        let gathered = &mut body.gathered;
        let is_worth_it = gathered.cost >= BATCH && !writer.is_busy();
        // What did arrive of a body that broke off counts: the upload goes on from there.
        if (is_worth_it || gathered.cost >= backlog || gathered.end.is_some())
            && let Err(error) = writer.write(gathered.take()).await
        {
            break Err(error.into());
        }
        match gathered.end.take() {
            Some(end) => break end,
            None => body.gather_one().await,
        }
    };
    let settled = writer.settle().await.map_err(UploadError::from);
    let (stage, hasher) = writer.idle.unzip();
    Received { size: writer.size, hasher: hasher.flatten(), stage, outcome: outcome.and(settled) }
}

type Written = (Box<dyn Stage>, Result<Option<Hasher>>);

/// Writes one batch at a time while the next is collected.
struct Writer {
    /// Nothing while writing, and for good after an error.
    idle: Option<(Box<dyn Stage>, Option<Hasher>)>,
    writing: Option<JoinHandle<Written>>,
    size: u64,
    in_flight: usize,
}

impl Writer {
    fn is_busy(&self) -> bool {
        self.writing.as_ref().is_some_and(|writing| !writing.is_finished())
    }

    /// Waits for the batch before, then starts writing this one.
    async fn write(&mut self, (pieces, size): (Vec<Bytes>, usize)) -> Result<()> {
        self.settle().await?;
        if pieces.is_empty() {
            return Ok(());
        }
        let (mut stage, hasher) = self.idle.take().ok_or(StoreError::StageLost)?;
        self.in_flight = size;
        self.writing = Some(tokio::spawn(async move {
            let written = stage.append(pieces, hasher).await;
            (stage, written)
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let (stage, written) =
            writing.await.map_err(|error| StoreError::from(std::io::Error::other(error)))?;
        self.idle = Some((stage, written?));
        self.size += self.in_flight as u64;
        Ok(())
    }
}

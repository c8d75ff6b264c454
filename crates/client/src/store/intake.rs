//! Takes content from async code to a blocking thread, where it is hashed and written.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use oras_spec::Hasher;
use oras_spec::image::Descriptor;
use tokio::sync::mpsc;

use crate::content::ByteStream;
use crate::{Content, Error, ErrorKind, Result};

/// How many bytes are handed over at a time, at least. A hand-over costs tens of microseconds.
const BATCH: usize = 256 * 1024;

/// How many batches wait for the thread, at most.
const WAITING: usize = 2;

enum Message {
    Bytes(Vec<Bytes>),
    Failed(Error),
    End,
}

/// What arrives on the blocking thread. Hashes what passes.
pub(crate) struct Incoming {
    descriptor: Descriptor,
    hasher: Hasher,
    /// How many bytes at the beginning do not come, and of those that come how many are known.
    start: u64,
    skip: u64,
    ready: std::vec::IntoIter<Bytes>,
    messages: mpsc::Receiver<Message>,
}

impl Incoming {
    /// Waits for the next bytes; nothing when all have come and are what the descriptor says.
    ///
    /// # Errors
    ///
    /// What the content's stream says, [`ErrorKind::Mismatch`] if the digest is another, and
    /// [`ErrorKind::Canceled`] if nobody is there anymore who would send the rest.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        if self.start > 0 {
            // Who cannot go on with a part must not take it for the whole.
            return Err(self.lacking());
        }
        loop {
            if let Some(mut bytes) = self.ready.next() {
                let known = self.skip.min(bytes.len() as u64);
                self.skip -= known;
                bytes.advance(usize::try_from(known).expect("no longer than the bytes"));
                if bytes.is_empty() {
                    continue;
                }
                self.hasher.update(&bytes);
                return Ok(Some(bytes));
            }
            match self.messages.blocking_recv() {
                Some(Message::Bytes(bytes)) => self.ready = bytes.into_iter(),
                Some(Message::Failed(error)) => return Err(error),
                Some(Message::End) => return self.finish().map(|()| None),
                None => return Err(Error::new(ErrorKind::Canceled, "canceled")),
            }
        }
    }

    /// Returns what is coming.
    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Returns how many bytes at the beginning do not come.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Returns the hash of all that has passed.
    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Says that the first `length` bytes are here, and their hash: only what is behind them passes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if even more than that was left out by the sender.
    pub(crate) fn go_on(&mut self, length: u64, hasher: Hasher) -> Result<()> {
        let Some(skip) = length.checked_sub(self.start) else { return Err(self.lacking()) };
        self.skip = skip;
        self.start = 0;
        self.hasher = hasher;
        Ok(())
    }

    fn lacking(&self) -> Error {
        let digest = &self.descriptor.digest;
        let error = Error::new(ErrorKind::Mismatch, "the beginning is gone");
        error.context(format!("read {digest}"))
    }

    fn finish(&mut self) -> Result<()> {
        let algorithm = self.descriptor.digest.algorithm();
        let hasher = std::mem::replace(&mut self.hasher, algorithm.hasher());
        if hasher.finish() == self.descriptor.digest {
            return Ok(());
        }
        let digest = &self.descriptor.digest;
        let error = Error::new(ErrorKind::Mismatch, "mismatched digest");
        Err(error.context(format!("read {digest}")))
    }
}

/// As [`receive`], and once more from the first byte if the bytes turn out to be wrong and may be
/// right the next time.
pub(crate) async fn receive_twice<T: Send + 'static>(
    content: Content,
    work: impl Fn(&mut Incoming) -> Result<T> + Send + Sync + 'static,
) -> Result<T> {
    let again = content.second_source();
    let work = Arc::new(work);
    let first = Arc::clone(&work);
    match (receive(content, move |incoming| first(incoming)).await, again) {
        (Err(error), Some(again)) if error.kind() == ErrorKind::Mismatch => {
            receive(again.open(0).await?, move |incoming| work(incoming)).await
        }
        (done, _) => done,
    }
}

/// Runs `work` on a blocking thread and feeds it the content. Its size is checked on the way and
/// its digest at its end: `work` must take everything, and trust nothing before.
///
/// Small content makes one hand-over. If this future is dropped, `work` meets an error.
pub(crate) async fn receive<T: Send + 'static>(
    content: Content,
    work: impl FnOnce(&mut Incoming) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (descriptor, start) = (content.descriptor().clone(), content.start());
    let mut stream = content.into_unhashed_stream();
    let (sender, messages) = mpsc::channel(WAITING);
    let hasher = descriptor.digest.algorithm().hasher();
    let (first, mut end) = gather(&mut stream).await;
    let mut incoming =
        Incoming { descriptor, hasher, start, skip: 0, ready: first.into_iter(), messages };
    if let Some(end) = end.take() {
        drop(sender.try_send(end));
        return blocking(move || work(&mut incoming)).await;
    }
    let worker = tokio::task::spawn_blocking(move || work(&mut incoming));
    while end.is_none() {
        let batch;
        (batch, end) = gather(&mut stream).await;
        // A worker that is gone has an error to tell.
        if sender.send(Message::Bytes(batch)).await.is_err() {
            break;
        }
    }
    if let Some(end) = end {
        drop(sender.send(end).await);
    }
    worker.await.map_err(stopped)?
}

/// Collects a batch, and how the stream ended if it did.
async fn gather(stream: &mut ByteStream) -> (Vec<Bytes>, Option<Message>) {
    let mut batch = Vec::new();
    let mut length = 0;
    while length < BATCH {
        match stream.next().await {
            Some(Ok(bytes)) => {
                length += bytes.len();
                batch.push(bytes);
            }
            Some(Err(error)) => return (batch, Some(Message::Failed(error))),
            None => return (batch, Some(Message::End)),
        }
    }
    (batch, None)
}

/// Runs `work` on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

fn stopped(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Canceled, "the work on a file was stopped").with_source(error)
}

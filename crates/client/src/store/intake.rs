//! Takes content from async code to blocking threads, where it is hashed and written.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use oras_spec::Hasher;
use oras_spec::image::Descriptor;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::content::ByteStream;
use crate::{Content, Error, ErrorKind, Result};

/// How many bytes are handed over at a time, at least. A hand-over costs tens of microseconds.
const BATCH: usize = 512 * 1024;

/// How many batches wait for the thread, at most.
const WAITING: usize = 2;

/// From how many bytes on content is hashed by one thread and written by another: 8 MiB.
const LARGE: u64 = 8 * 1024 * 1024;

enum Message {
    Bytes(Vec<Bytes>),
    Failed(Error),
    End,
}

/// What arrives on the blocking thread. Hashes what passes.
pub(crate) struct Incoming {
    descriptor: Descriptor,
    /// The hash of all that has passed when nothing is ready anymore.
    hasher: Hasher,
    /// How many bytes at the beginning do not come.
    start: u64,
    ready: std::vec::IntoIter<Bytes>,
    work: Work,
}

/// Who hashes.
enum Work {
    /// This thread.
    Here(Box<Hashing>),
    /// Another thread, which is a batch or two ahead.
    Elsewhere(Receiver<Result<Option<Batch>>>),
    /// Nobody anymore.
    Done,
}

/// Bytes, and the hash of everything up to their end.
struct Batch {
    bytes: Vec<Bytes>,
    hasher: Hasher,
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
            return Err(lacking(&self.descriptor));
        }
        loop {
            if let Some(bytes) = self.ready.next() {
                return Ok(Some(bytes));
            }
            let batch = match &mut self.work {
                Work::Here(hashing) if hashing.descriptor.size >= LARGE => {
                    self.part();
                    continue;
                }
                Work::Here(hashing) => hashing.next()?,
                Work::Elsewhere(batches) => batches.recv().unwrap_or_else(|_| Err(canceled()))?,
                Work::Done => None,
            };
            let Some(batch) = batch else { return Ok(None) };
            self.hasher = batch.hasher;
            self.ready = batch.bytes.into_iter();
        }
    }

    /// Gives the hashing to another thread.
    fn part(&mut self) {
        if let Work::Here(mut hashing) = std::mem::replace(&mut self.work, Work::Done) {
            let (sender, batches) = sync_channel(1);
            self.work = Work::Elsewhere(batches);
            // The handle is not kept: who does not take the batches ends it.
            drop(tokio::task::spawn_blocking(move || hashing.run(&sender)));
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

    /// Returns the hash of all that has passed; nothing if it is that of more.
    pub(crate) fn hasher(&self) -> Option<&Hasher> {
        (self.ready.len() == 0).then_some(&self.hasher)
    }

    /// Says that the first `length` bytes are here, and their hash: only what is behind them passes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if even more than that was left out by the sender.
    pub(crate) fn go_on(&mut self, length: u64, hasher: Hasher) -> Result<()> {
        let Some(skip) = length.checked_sub(self.start) else {
            return Err(lacking(&self.descriptor));
        };
        self.start = 0;
        self.hasher = hasher.clone();
        if let Work::Here(hashing) = &mut self.work {
            hashing.skip = skip;
            hashing.hasher = hasher;
        }
        Ok(())
    }
}

/// Hashes batch by batch.
struct Hashing {
    descriptor: Descriptor,
    hasher: Hasher,
    /// How many of the bytes that come are known.
    skip: u64,
    first: Vec<Bytes>,
    messages: mpsc::Receiver<Message>,
}

impl Hashing {
    /// Hashes until the end, or until nobody wants to have any more.
    fn run(&mut self, sender: &SyncSender<Result<Option<Batch>>>) {
        let mut is_last = false;
        while !is_last {
            let batch = self.next();
            is_last = !matches!(batch, Ok(Some(_)));
            is_last |= sender.send(batch).is_err();
        }
    }

    /// Waits for the next batch; nothing when all have come and are right.
    fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let mut bytes = std::mem::take(&mut self.first);
            if bytes.is_empty() {
                bytes = match self.messages.blocking_recv() {
                    Some(Message::Bytes(bytes)) => bytes,
                    Some(Message::Failed(error)) => return Err(error),
                    Some(Message::End) => return self.finish().map(|()| None),
                    None => return Err(canceled()),
                };
            }
            for piece in &mut bytes {
                let known = self.skip.min(piece.len() as u64);
                self.skip -= known;
                piece.advance(usize::try_from(known).expect("no longer than the piece"));
                self.hasher.update(piece);
            }
            bytes.retain(|piece| !piece.is_empty());
            if !bytes.is_empty() {
                return Ok(Some(Batch { bytes, hasher: self.hasher.clone() }));
            }
        }
    }

    fn finish(&mut self) -> Result<()> {
        if self.hasher.clone().finish() == self.descriptor.digest {
            return Ok(());
        }
        let digest = &self.descriptor.digest;
        let error = Error::new(ErrorKind::Mismatch, "mismatched digest");
        Err(error.context(format!("read {digest}")))
    }
}

fn lacking(descriptor: &Descriptor) -> Error {
    let error = Error::new(ErrorKind::Mismatch, "the beginning is gone");
    error.context(format!("read {}", descriptor.digest))
}

fn canceled() -> Error {
    Error::new(ErrorKind::Canceled, "canceled")
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
    let (first, end) = gather(&mut stream).await;
    let hashing = Hashing {
        descriptor: descriptor.clone(),
        hasher: hasher.clone(),
        skip: 0,
        first,
        messages,
    };
    let work_here = Work::Here(Box::new(hashing));
    let ready = Vec::new().into_iter();
    let mut incoming = Incoming { descriptor, hasher, start, ready, work: work_here };
    if let Some(end) = end {
        drop(sender.try_send(end));
        return blocking(move || work(&mut incoming)).await;
    }
    let worker = tokio::task::spawn_blocking(move || work(&mut incoming));
    // Beside what reads from the network, not wherever the caller waits: to wake another thread for
    // each piece costs more than to receive it.
    let feeding = Feeding(tokio::spawn(feed(stream, sender)));
    let done = worker.await.map_err(stopped)?;
    drop(feeding);
    done
}

/// A task that ends when it is dropped.
struct Feeding(JoinHandle<()>);

impl Drop for Feeding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends batch after batch to the thread, until the end.
async fn feed(mut stream: ByteStream, sender: mpsc::Sender<Message>) {
    loop {
        let (batch, end) = gather(&mut stream).await;
        // A thread that is gone has an error to tell.
        if sender.send(Message::Bytes(batch)).await.is_err() {
            return;
        }
        if let Some(end) = end {
            drop(sender.send(end).await);
            return;
        }
    }
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

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;

    use super::*;

    /// Content of 9 MiB in pieces of 100,000 bytes, one of which may be wrong.
    fn content(wrong: Option<usize>) -> (Vec<u8>, Content) {
        let bytes: Vec<u8> =
            (0..9 << 20).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
        let pieces: Vec<Result<Bytes>> = bytes
            .chunks(100_000)
            .enumerate()
            .map(|(at, piece)| {
                let mut piece = piece.to_vec();
                piece[0] ^= u8::from(wrong == Some(at));
                Ok(piece.into())
            })
            .collect();
        (bytes, Content::new(&descriptor, futures_util::stream::iter(pieces)))
    }

    /// Takes everything; fails if a hash is not that of what has passed.
    fn take(incoming: &mut Incoming) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut noted = 0;
        while let Some(piece) = incoming.next()? {
            all.extend_from_slice(&piece);
            let Some(hasher) = incoming.hasher() else { continue };
            assert_eq!(hasher.clone().finish(), oras_spec::Digest::of(&all), "at {}", all.len());
            noted += 1;
        }
        assert!(noted > 5, "it cannot be gone on with from anywhere");
        Ok(all)
    }

    #[tokio::test]
    async fn a_large_content_arrives_in_order_with_the_hash_of_what_has_passed() {
        let (bytes, sent) = content(None);
        assert!(receive(sent, take).await.expect("arrived") == bytes, "other bytes");
    }

    #[tokio::test]
    async fn a_large_content_that_is_wrong_anywhere_is_never_whole() {
        for wrong in [0, 50, 94] {
            let (_, sent) = content(Some(wrong));
            let error = receive(sent, take).await.expect_err("wrong");
            assert_eq!(error.kind(), ErrorKind::Mismatch, "piece {wrong}");
        }
    }
}

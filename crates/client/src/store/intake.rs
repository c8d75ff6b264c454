//! Takes content from async code to a blocking thread, where it is hashed and written.

use bytes::Bytes;
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
        loop {
            if let Some(bytes) = self.ready.next() {
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

/// Runs `work` on a blocking thread and feeds it the content. Its size is checked on the way and
/// its digest at its end: `work` must take everything, and trust nothing before.
///
/// Small content makes one hand-over. If this future is dropped, `work` meets an error.
pub(crate) async fn receive<T: Send + 'static>(
    content: Content,
    work: impl FnOnce(&mut Incoming) -> Result<T> + Send + 'static,
) -> Result<T> {
    let descriptor = content.descriptor().clone();
    let mut stream = content.into_unhashed_stream();
    let (sender, messages) = mpsc::channel(WAITING);
    let hasher = descriptor.digest.algorithm().hasher();
    let (first, mut end) = gather(&mut stream).await;
    let mut incoming = Incoming { descriptor, hasher, ready: first.into_iter(), messages };
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

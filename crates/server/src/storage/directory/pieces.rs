//! Reading a file piece by piece, off the async threads, one piece ahead of who asks.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::task::JoinHandle;

use super::disk::read_piece;

/// Bytes of a piece: a hand-over to another thread costs tens of microseconds, so it must be worth
/// it; larger pieces only cost memory.
pub(super) const PIECE: u64 = 256 << 10;

/// A piece on its way, and the file behind it.
type Reading = JoinHandle<io::Result<(File, Vec<u8>)>>;

/// The rest of a file, from where it stands, as a stream of pieces.
pub(super) struct FilePieces {
    /// Read before the stream was made.
    first: Option<Bytes>,
    reading: Option<Reading>,
    /// How many bytes no read was started for.
    remaining: u64,
}

impl FilePieces {
    /// Reads the first of `length` bytes; blocks. Shorter files fail here or on the way.
    pub(super) fn start(mut file: File, length: u64) -> io::Result<(Self, Option<File>)> {
        let first = read_piece(&mut file, length.min(PIECE))?;
        let remaining = length - first.len() as u64;
        let first = (!first.is_empty()).then(|| Bytes::from(first));
        Ok((Self { first, reading: None, remaining }, (remaining > 0).then_some(file)))
    }

    /// Starts reading ahead, if there is more.
    pub(super) fn read_ahead(mut self, file: Option<File>) -> Self {
        self.reading = file.and_then(|file| self.read(file));
        self
    }

    fn read(&mut self, mut file: File) -> Option<Reading> {
        let length = self.remaining.min(PIECE);
        self.remaining -= length;
        (length > 0).then(|| {
            tokio::task::spawn_blocking(move || {
                let piece = read_piece(&mut file, length)?;
                Ok((file, piece))
            })
        })
    }
}

impl Stream for FilePieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        Poll::Ready(Some(match read.map_err(io::Error::other).flatten() {
            Ok((file, piece)) => {
                self.reading = self.read(file);
                Ok(Bytes::from(piece))
            }
            Err(error) => Err(error),
        }))
    }
}

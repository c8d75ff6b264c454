//! Reading a file piece by piece: at once what the system has in memory, and the rest off the async
//! threads, one piece ahead of who asks.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

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
    state: State,
    /// Where the next piece begins.
    offset: u64,
    /// How many bytes no read was started for.
    remaining: u64,
}

enum State {
    Idle(File),
    Reading(Reading),
    Done,
}

impl FilePieces {
    /// Takes a file that stands at `offset`, to read `length` bytes of it.
    pub(super) fn new(file: File, offset: u64, length: u64) -> Self {
        Self { state: State::Idle(file), offset, remaining: length }
    }

    /// Takes the next piece out of what is still to be read; returns its length.
    fn advance(&mut self) -> u64 {
        let length = self.remaining.min(PIECE);
        self.remaining -= length;
        self.offset += length;
        length
    }

    /// Starts to read a piece on a thread that may wait for the disk.
    fn read(&mut self, mut file: File) {
        let length = self.advance();
        self.state = State::Reading(tokio::task::spawn_blocking(move || {
            let piece = read_piece(&mut file, length)?;
            Ok((file, piece))
        }));
    }

    /// Goes on once a piece has come from another thread: whoever had to wait for the disk once
    /// had better ask for what is next before it is wanted.
    fn read_ahead(&mut self, file: File) {
        if self.remaining > 0 && !is_in_memory(&file, self.offset, self.remaining.min(PIECE)) {
            self.read(file);
        } else {
            self.state = State::Idle(file);
        }
    }
}

impl Stream for FilePieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(_) if self.remaining == 0 => return Poll::Ready(None),
                State::Idle(mut file) => {
                    if !is_in_memory(&file, self.offset, self.remaining.min(PIECE)) {
                        self.read(file);
                        continue;
                    }
                    let length = self.advance();
                    let piece = read_piece(&mut file, length).map(Bytes::from);
                    if piece.is_ok() {
                        self.state = State::Idle(file);
                    }
                    return Poll::Ready(Some(piece));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(match read.map_err(io::Error::other).flatten() {
                        Ok((file, piece)) => {
                            self.read_ahead(file);
                            Ok(Bytes::from(piece))
                        }
                        Err(error) => Err(error),
                    }));
                }
            }
        }
    }
}

/// Tells whether reading a piece would not have to wait for the disk, as far as its first and its
/// last byte tell: systems read files in order and ahead.
#[cfg(target_os = "linux")]
pub(super) fn is_in_memory(file: &File, offset: u64, length: u64) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};

    let is_there = |offset| {
        let mut byte = [0];
        let mut into = [io::IoSliceMut::new(&mut byte)];
        preadv2(file, &mut into, offset, ReadWriteFlags::NOWAIT) == Ok(1)
    };
    length == 0 || is_there(offset) && is_there(offset + length - 1)
}

/// Tells whether the bytes of a file are in memory, as far as some of them, spread evenly, tell.
#[cfg(target_os = "linux")]
pub(super) fn seems_in_memory(file: &File, size: u64) -> bool {
    let step = (size / SAMPLES).max(PIECE);
    (0..size).step_by(usize::try_from(step).unwrap_or(usize::MAX)).all(|offset| {
        let length = step.min(size - offset);
        is_in_memory(file, offset, length)
    })
}

/// Nobody says: then what was right once is taken to be right.
#[cfg(not(target_os = "linux"))]
pub(super) fn seems_in_memory(_: &File, _: u64) -> bool {
    true
}

/// Into how many parts a file is divided at most, to ask whether it is in memory.
#[cfg(target_os = "linux")]
const SAMPLES: u64 = 128;

/// Nobody says: so it is not.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_in_memory(_: &File, _: u64, length: u64) -> bool {
    length == 0
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn pieces_are_the_file_wherever_it_comes_from() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = root.path().join("file");
        let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
        std::fs::write(&path, &bytes).expect("a file");
        for is_elsewhere in [false, true] {
            let mut pieces = FilePieces::new(File::open(&path).expect("it"), 0, 700_000);
            if is_elsewhere {
                pieces.read(File::open(&path).expect("it"));
            }
            let mut found = Vec::new();
            while let Some(piece) = pieces.next().await {
                found.extend_from_slice(&piece.expect("a piece"));
            }
            assert!(found == bytes, "{is_elsewhere}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_it_was_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = root.path().join("file");
        std::fs::write(&path, "short").expect("a file");
        let mut pieces = FilePieces::new(File::open(&path).expect("it"), 0, 6);
        assert!(pieces.next().await.expect("an item").is_err());
        assert!(pieces.next().await.is_none());
    }
}

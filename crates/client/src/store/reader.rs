//! Streams a file from a thread of its own, without hashing, noticing if it changes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use oras_spec::{Algorithm, Digest};
use rustix::buffer::spare_capacity;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::directory::{file_type, of_file};
use crate::content::ByteStream;
use crate::lexical::clean;
use crate::{Error, ErrorKind, Result};

/// How many bytes are read and handed over at a time.
pub(crate) const CHUNK: usize = 256 * 1024;

/// From how many bytes on a file that is read whole is read by two threads: 8 MiB. Most of the time
/// goes into memory that is touched for the first time, which each can do for its half.
const LARGE: u64 = 8 * 1024 * 1024;

/// How many chunks are read ahead.
const AHEAD: usize = 2;

/// What tells a file from the one it was before: if these are equal, so are the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    /// Looks at an open file.
    pub(crate) fn of(file: &File, path: &Path) -> Result<Self> {
        let stat = rustix::fs::fstat(file).map_err(|error| of_file("stat", path, error))?;
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size.try_into().unwrap_or_default(),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        })
    }

    /// Tells whether nothing but the file's names and its mode may be new.
    fn has_bytes_of(&self, other: &Self) -> bool {
        *self == Self { changed: self.changed, ..*other }
    }

    /// Which file of its disk it is.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    /// When the file was changed last, in nanoseconds since 1970, and whether its file system may
    /// only know whole seconds.
    pub(crate) fn last_change(&self) -> (u64, bool) {
        let nanoseconds = |(seconds, rest): (i64, u64)| {
            u64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000_000) + rest
        };
        let is_coarse = self.modified.1 == 0 && self.changed.1 == 0;
        (nanoseconds(self.modified).max(nanoseconds(self.changed)), is_coarse)
    }

    /// How long the file was, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// A file, or a part of one, that is to be read, and what the file was when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    /// Where the part begins, and how many bytes it has.
    start: u64,
    size: u64,
}

impl Reading {
    /// Opens a file, without waiting for whoever may be at the other end of it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| of_file("open", &clean(path), error))?;
        Self::of(Arc::new(file.into()), path)
    }

    /// As [`Reading::open`], and fails unless it is a regular file.
    pub(crate) fn open_regular(path: &Path) -> Result<Self> {
        let reading = Self::open(path)?;
        let stat =
            rustix::fs::fstat(&reading.file).map_err(|error| of_file("stat", path, error))?;
        match file_type(&stat) {
            FileType::RegularFile => Ok(reading),
            FileType::Directory => Err(of_file("read", path, Errno::ISDIR)),
            _ => {
                let message = format!("{}: not a regular file", path.display());
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }

    /// Takes an open file.
    pub(crate) fn of(file: Arc<File>, path: &Path) -> Result<Self> {
        let stamp = Stamp::of(&file, path)?;
        Ok(Self { file, path: path.to_owned(), stamp, start: 0, size: stamp.size })
    }

    /// Narrows it to a part, which must lie inside.
    pub(crate) fn part(&self, start: u64, size: u64) -> Self {
        Self { start: self.start + start, size, ..self.clone() }
    }

    /// Returns how many bytes there are to read.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads everything into memory. Whether it has changed meanwhile is not looked at.
    ///
    /// # Errors
    ///
    /// Also if there is more than `limit`, or less than there was.
    pub(crate) fn read_at_most(&self, limit: u64) -> Result<Vec<u8>> {
        if self.size > limit {
            let message = format!("{}: larger than {limit} bytes", self.path.display());
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        if self.size >= LARGE {
            return self.read_by_two();
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        self.fill(&mut bytes, 0)?;
        if (bytes.len() as u64) < self.size { Err(changed(&self.path)) } else { Ok(bytes) }
    }

    fn read_by_two(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or_default()];
        let half = bytes.len() / 2;
        let (front, back) = bytes.split_at_mut(half);
        let (front, back) = std::thread::scope(|scope| {
            let back = scope.spawn(|| self.read_exactly(back, half as u64));
            (self.read_exactly(front, 0), back.join().expect("reading does not panic"))
        });
        front.and(back).map(|()| bytes)
    }

    /// Fills `part` with what begins at `offset`.
    fn read_exactly(&self, mut part: &mut [u8], mut offset: u64) -> Result<()> {
        while !part.is_empty() {
            match rustix::io::pread(&self.file, &mut *part, self.start + offset) {
                Ok(0) => return Err(changed(&self.path)),
                Ok(count) => {
                    part = &mut part[count..];
                    offset += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(of_file("read", &self.path, error)),
            }
        }
        Ok(())
    }

    /// Streams everything but the first `start` bytes. The last bytes are held back until it is sure
    /// that nothing changed.
    pub(crate) fn stream(self, start: u64) -> ByteStream {
        ByteStream::new(FileStream::Idle(Some(Reader { reading: self, start, watch: Watch::All })))
    }

    /// As [`stream`](Self::stream), for a reader that finds out itself what has changed.
    pub(crate) fn stream_blindly(self, start: u64) -> ByteStream {
        ByteStream::new(FileStream::Idle(Some(Reader {
            reading: self,
            start,
            watch: Watch::Nothing,
        })))
    }

    /// As [`stream`](Self::stream), of a file that its user may rename or remove meanwhile.
    pub(crate) fn stream_of_any_name(self, start: u64) -> ByteStream {
        ByteStream::new(FileStream::Idle(Some(Reader {
            reading: self,
            start,
            watch: Watch::Bytes,
        })))
    }

    /// Hashes the whole file.
    ///
    /// # Errors
    ///
    /// Also if the file is not what it was.
    pub(crate) fn digest(&self, algorithm: Algorithm) -> Result<Digest> {
        self.digest_of_bytes(algorithm, true)
    }

    /// As [`digest`](Self::digest); whatever else is new about the file counts only if it is
    /// watched.
    pub(crate) fn digest_of_bytes(&self, algorithm: Algorithm, is_watched: bool) -> Result<Digest> {
        let mut hasher = algorithm.hasher();
        let mut buffer = vec![0; CHUNK];
        let mut size = 0;
        loop {
            let count = match rustix::io::pread(&self.file, &mut buffer, size) {
                Ok(0) => break,
                Err(Errno::INTR) => continue,
                count => count.map_err(|error| of_file("read", &self.path, error))?,
            };
            hasher.update(&buffer[..count]);
            size += count as u64;
            if size > self.stamp.size {
                self.check()?;
                let path = self.path.display();
                let message = format!("{path}: there is more in it than its size says");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        if is_watched {
            self.check()?;
        }
        if size == self.stamp.size { Ok(hasher.finish()) } else { Err(changed(&self.path)) }
    }

    /// Fails if the file is not what it was.
    pub(crate) fn check(&self) -> Result<()> {
        if Stamp::of(&self.file, &self.path)? == self.stamp {
            return Ok(());
        }
        Err(changed(&self.path))
    }

    fn read(&self, offset: u64) -> Result<Bytes> {
        let rest = usize::try_from(self.size - offset).unwrap_or(CHUNK);
        let mut buffer = Vec::with_capacity(CHUNK.min(rest));
        self.fill(&mut buffer, offset)?;
        Ok(buffer.into())
    }

    /// Reads into an empty buffer until that is full, or the file ends.
    fn fill(&self, buffer: &mut Vec<u8>, offset: u64) -> Result<()> {
        while buffer.len() < buffer.capacity() {
            let at = self.start + offset + buffer.len() as u64;
            match rustix::io::pread(&self.file, spare_capacity(buffer), at) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(of_file("read", &self.path, error)),
            }
        }
        Ok(())
    }
}

/// Reads a file for a stream.
struct Reader {
    reading: Reading,
    start: u64,
    watch: Watch,
}

/// What of a file must not be new when its last bytes are read.
#[derive(Clone, Copy, Debug)]
enum Watch {
    Nothing,
    Bytes,
    All,
}

impl Reader {
    fn run(&self, sender: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
        let (reading, size) = (&self.reading, self.reading.size);
        let mut offset = self.start;
        while offset < size {
            let chunk = reading.read(offset)?;
            offset += chunk.len() as u64;
            if chunk.is_empty() || offset > size {
                return Err(changed(&reading.path));
            }
            if offset == size {
                self.check()?;
            }
            if sender.blocking_send(Ok(chunk)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let Reading { file, path, stamp, .. } = &self.reading;
        match self.watch {
            Watch::Nothing => Ok(()),
            Watch::Bytes if Stamp::of(file, path)?.has_bytes_of(stamp) => Ok(()),
            Watch::Bytes => Err(changed(path)),
            Watch::All => self.reading.check(),
        }
    }
}

/// Makes the error for a file that is not what it was when it was hashed.
pub(crate) fn changed(path: &Path) -> Error {
    Error::new(ErrorKind::Mismatch, format!("{}: file changed while reading", path.display()))
}

/// Starts its thread when it is polled first.
enum FileStream {
    Idle(Option<Reader>),
    Running(mpsc::Receiver<Result<Bytes>>),
}

impl Stream for FileStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Idle(reader) = &mut *self {
            let Some(reader) = reader.take() else { return Poll::Ready(None) };
            let (sender, receiver) = mpsc::channel(AHEAD);
            // The handle is not kept: a reader that nobody listens to ends by itself.
            drop(tokio::task::spawn_blocking(move || {
                if let Err(error) = reader.run(&sender) {
                    drop(sender.blocking_send(Err(error)));
                }
            }));
            *self = Self::Running(receiver);
        }
        match &mut *self {
            Self::Running(receiver) => receiver.poll_recv(cx),
            Self::Idle(_) => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_large_file_is_read_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("large");
        let bytes: Vec<u8> =
            (0..9 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(&path, &bytes).expect("written");
        let reading = Reading::open(&path).expect("opened");
        assert!(reading.read_at_most(10 << 20).expect("read") == bytes, "other bytes");
        let part = reading.part(1, 8 << 20).read_at_most(10 << 20).expect("read");
        assert!(part == bytes[1..=8 << 20], "another part");
        assert!(reading.read_at_most(9 << 19).is_err(), "larger than the limit");
        fs::write(&path, &bytes[..8 << 20]).expect("cut");
        let error = reading.read_at_most(10 << 20).expect_err("shorter than it was");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }
}

//! How far an archive may go, and what stops it there.

use std::io::{self, Read};

use oras_spec::Hasher;

use crate::store::entries::Tape;

/// How far an archive may go.
#[derive(Clone, Copy, Debug)]
pub struct UnpackLimits {
    /// How many bytes it may unpack to: 1 TiB.
    pub bytes: u64,
    /// How many files, directories and links it may hold: a million.
    pub entries: u64,
    /// How many directories it may hold inside one another: 255.
    pub depth: usize,
    /// How many times larger than the archive its content may be: 200. Only above
    /// [`UnpackLimits::unsuspicious`] bytes, because disk images may well be that empty.
    pub ratio: u64,
    /// How many bytes an archive may unpack to whatever the ratio: 4 GiB.
    pub unsuspicious: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { bytes: 1 << 40, entries: 1_000_000, depth: 255, ratio: 200, unsuspicious: 4 << 30 }
    }
}

impl UnpackLimits {
    /// How many bytes an archive of `size` bytes may unpack to.
    pub(super) fn bytes_of(&self, size: u64) -> u64 {
        self.bytes.min(self.unsuspicious.max(size.saturating_mul(self.ratio)))
    }
}

/// Counts and hashes what passes.
pub(super) struct Counted<R> {
    pub(super) reader: R,
    /// How many bytes may still come.
    pub(super) left: u64,
    pub(super) hasher: Option<Hasher>,
}

#[derive(Debug, thiserror::Error)]
#[error("the unpacked size exceeds the limit")]
struct OverLimit;

/// Tells whether reading stopped because there was too much.
pub(super) fn is_limit(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.is::<OverLimit>()
}

impl<R: Read> Tape for Counted<R> {}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left =
            self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(OverLimit))?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

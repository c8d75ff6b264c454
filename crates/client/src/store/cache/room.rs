//! How much room a cache has: a count that everybody keeps, and what goes when it is too high.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::blobs::Blobs;
use super::entries::{self, CacheEntry};

/// How many bytes are in the cache: a hint, set right whenever somebody counts.
const COUNT_FILE: &str = "usage";

/// Room in a cache.
pub(super) struct Room<'a> {
    blobs: &'a Blobs,
    limit: u64,
    share: u64,
}

impl<'a> Room<'a> {
    pub(super) fn new(blobs: &'a Blobs, limit: u64, share: u64) -> Self {
        Self { blobs, limit, share }
    }

    /// Tells whether so many bytes may be put in, others being thrown out for them.
    pub(super) fn fits(&self, size: u64) -> bool {
        // What takes more than a quarter would throw out too much for one use.
        size <= self.limit / 4 && size <= self.free() / self.share.max(1)
    }

    /// Returns how many bytes are free on the disk.
    fn free(&self) -> u64 {
        let stat = rustix::fs::fstatvfs(self.blobs.root.handle());
        stat.map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Returns how many bytes the cache may take up in all.
    fn bound(&self, used: u64) -> u64 {
        self.limit.min(self.free().saturating_add(used) / self.share.max(1))
    }

    /// Counts bytes that were put in, and throws others out if there are too many. Whoever counts
    /// at the same time waits, and nobody else.
    pub(super) fn taken(&self, size: u64) {
        let Some(mut file) = self.count_file() else { return };
        let mut text = String::new();
        let used = match (&mut file).take(64).read_to_string(&mut text) {
            Ok(_) => text.trim().parse::<u64>().ok(),
            Err(_) => None,
        };
        let used = used.map(|used| used.saturating_add(size));
        let used = match used {
            Some(used) if used <= self.bound(used) => used,
            // Too much, or nobody knows.
            _ => prune(self.blobs, |used| self.bound(used)),
        };
        let write = file.rewind().and_then(|()| file.set_len(0));
        write.and_then(|()| file.write_all(used.to_string().as_bytes())).unwrap_or_default();
    }

    fn count_file(&self) -> Option<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(self.blobs.root.handle(), COUNT_FILE, flags, mode).ok()?;
        let file = File::from(file);
        rustix::fs::flock(&file, FlockOperation::LockExclusive).ok()?;
        Some(file)
    }
}

/// Throws out what was not used for longest until seven eighths of `bound` are taken; returns how
/// many bytes are left.
pub(super) fn prune(blobs: &Blobs, bound: impl FnOnce(u64) -> u64) -> u64 {
    let mut found = entries::list(blobs);
    let mut used: u64 = found.iter().map(|entry| entry.size).sum();
    let bound = bound(used);
    if used <= bound {
        return used;
    }
    found.sort_by_key(|entry| entry.used);
    for CacheEntry { digest, size, .. } in found {
        if used <= bound / 8 * 7 {
            break;
        }
        blobs.remove(&digest);
        used -= size;
    }
    used
}

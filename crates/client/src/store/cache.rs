//! A cache of content: what was fetched or hashed once need not be again.
//!
//! All of it is a hint. What is taken from the cache is held against its digest like everything
//! else, what turns out wrong is removed, and a cache that cannot be read or written is done
//! without.

mod blobs;
mod entries;
mod known;
mod room;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use oras_spec::Digest;
use oras_spec::image::Descriptor;

pub use self::entries::{CacheCheck, CacheEntry, CacheUsage};

use self::blobs::Blobs;
use self::known::Known;
use self::room::Room;
use super::intake::blocking;
use super::reader::{Reading, Stamp};
use crate::content::ByteStream;
use crate::{Content, Error, Result};

/// How large content may be that is put into the cache while it passes, in bytes: 4 MiB. Larger
/// content is taken from the file it was written to, see [`CacheOptions::largest_copy`].
pub(super) const MAX_PASSING: u64 = 4 * 1024 * 1024;

const MIB: u64 = 1024 * 1024;

/// What a cache may take up, and who hears that it does not work.
#[derive(Clone)]
pub struct CacheOptions {
    /// How many bytes of content to hold at most; what was not used for longest goes first. Without
    /// a limit nothing ever goes. 2 GiB by default.
    pub limit: Option<u64>,
    /// How much of the free space of its disk the cache may take, as a divisor: a tenth by default.
    /// Without effect where there is no limit.
    pub share: u64,
    /// Up to which size, in bytes, content is copied into the cache where it cannot share its
    /// blocks with the file it was written to: 64 MiB by default. Of larger content the cache only
    /// remembers where it was written.
    pub largest_copy: u64,
    /// Makes the directory an OCI image layout, which others may read.
    pub is_layout: bool,
    /// Hears why the cache is done without, once.
    pub trouble: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            limit: Some(2048 * MIB),
            share: 10,
            largest_copy: 64 * MIB,
            is_layout: false,
            trouble: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheOptions")
            .field("limit", &self.limit)
            .field("share", &self.share)
            .field("largest_copy", &self.largest_copy)
            .field("is_layout", &self.is_layout)
            .finish_non_exhaustive()
    }
}

/// A directory of content that was fetched before, and notes on files that were hashed before.
/// Cheap to clone. Any number of processes may use one at the same time.
///
/// Content lies under `blobs/sha256/` by its digest, as in an OCI image layout. Nothing in it is
/// trusted: it is hashed when it is used.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Where files that were hashed are noted; nothing if none is.
    notes: Option<PathBuf>,
    options: CacheOptions,
    is_told: AtomicBool,
    /// Writing failed: nothing more is written.
    is_closed: AtomicBool,
}

impl Cache {
    /// Names the directory of content, and the one of notes on files; nothing is opened or made yet.
    pub fn new(root: &Path, notes: Option<&Path>, options: CacheOptions) -> Self {
        Self(Arc::new(Inner {
            root: root.to_owned(),
            notes: notes.map(Path::to_owned),
            options,
            is_told: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// Returns the directory of the content.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Tells whether there is content of a digest. It is not looked at.
    pub async fn contains(&self, digest: &Digest) -> bool {
        let (cache, digest) = (self.clone(), digest.clone());
        let found = blocking(move || {
            Ok(cache.present().is_some_and(|blobs| blobs.size(&digest).is_some()))
        });
        found.await.unwrap_or(false)
    }

    /// Reads a small blob, verified; nothing if it is not there. A wrong one is removed.
    pub(super) async fn read(&self, descriptor: &Descriptor) -> Option<Bytes> {
        let (cache, descriptor) = (self.clone(), descriptor.clone());
        blocking(move || Ok(cache.read_now(&descriptor))).await.ok().flatten()
    }

    fn read_now(&self, descriptor: &Descriptor) -> Option<Bytes> {
        let blobs = self.present()?;
        let bytes = blobs.read(descriptor)?;
        if descriptor.digest.algorithm().digest(&bytes) == descriptor.digest {
            blobs.touch(&descriptor.digest);
            return Some(bytes);
        }
        blobs.remove(&descriptor.digest);
        None
    }

    /// Opens a blob as it is; nothing if it is not there in the right length.
    pub(super) async fn open(&self, descriptor: &Descriptor) -> Option<Held> {
        let (cache, descriptor) = (self.clone(), descriptor.clone());
        blocking(move || Ok(cache.open_now(&descriptor))).await.ok().flatten()
    }

    fn open_now(&self, descriptor: &Descriptor) -> Option<Held> {
        if let Some(blobs) = self.present()
            && let Some(reading) = blobs.open(descriptor)
        {
            blobs.touch(&descriptor.digest);
            return Some(Held { reading, is_ours: true });
        }
        let reading = self.known()?.place(descriptor)?;
        Some(Held { reading, is_ours: false })
    }

    /// As [`open`](Self::open), hashed before it is given out. A wrong one is removed.
    pub(super) async fn open_verified(&self, descriptor: &Descriptor) -> Option<Held> {
        let (cache, descriptor) = (self.clone(), descriptor.clone());
        let opened = blocking(move || {
            let Some(held) = cache.open_now(&descriptor) else { return Ok(None) };
            if held.hash(&descriptor).is_some_and(|found| found == descriptor.digest) {
                return Ok(Some(held));
            }
            match (held.is_ours, cache.present(), cache.known()) {
                (true, Some(blobs), _) => blobs.remove(&descriptor.digest),
                (false, _, Some(known)) => known.forget(&descriptor.digest),
                _ => {}
            }
            Ok(None)
        });
        opened.await.ok().flatten()
    }

    /// Puts bytes in that were verified.
    pub(super) async fn keep(&self, descriptor: &Descriptor, chunks: Vec<Bytes>) {
        let (cache, descriptor) = (self.clone(), descriptor.clone());
        let kept = blocking(move || {
            cache.change(&descriptor, |blobs| blobs.write(&descriptor.digest, &chunks));
            Ok(())
        });
        kept.await.unwrap_or_default();
    }

    /// Takes note of a file that holds content, and puts it in, if that costs nothing or little.
    pub(super) fn adopt(&self, file: &File, path: &Path, stamp: &Stamp, digest: &Digest) {
        if let Some(known) = self.known() {
            known.note(stamp, digest, path, SystemTime::now());
        }
        let size = stamp.size();
        if size <= MAX_PASSING {
            return;
        }
        let descriptor =
            Descriptor::new(oras_spec::image::MediaType::OCTET_STREAM, digest.clone(), size);
        let largest = self.0.options.largest_copy;
        self.change(&descriptor, |blobs| blobs.clone_from(digest, file, size, size <= largest));
    }

    /// Returns the digest that a file had when it was hashed last, if it cannot have changed since.
    pub(super) fn digest_of(&self, stamp: &Stamp) -> Option<Digest> {
        self.known()?.digest(stamp)
    }

    /// As [`digest_of`](Self::digest_of); a file that was hashed too soon after it was written is
    /// hashed again.
    pub(super) fn digest_of_file(&self, reading: &Reading) -> Option<Digest> {
        let known = self.known()?;
        if let Some(digest) = known.digest(&reading.stamp) {
            return Some(digest);
        }
        let suspected = known.suspected(&reading.stamp)?;
        let found = reading.digest(suspected.algorithm()).ok()?;
        known.note(&reading.stamp, &found, &reading.path, SystemTime::now());
        Some(found)
    }

    /// Takes note of the digest of a file that was hashed just now.
    pub(super) fn note(&self, stamp: &Stamp, digest: &Digest, path: &Path) {
        if let Some(known) = self.known() {
            known.note(stamp, digest, path, SystemTime::now());
        }
    }

    /// Opens the directory of the blobs, if it is there.
    fn present(&self) -> Option<Blobs> {
        Blobs::find(&self.0.root).ok()
    }

    fn known(&self) -> Option<Known> {
        self.0.notes.as_deref().map(Known::new)
    }

    /// Adds a blob with `write`, which says whether it did, and makes room for it.
    fn change(&self, descriptor: &Descriptor, write: impl FnOnce(&Blobs) -> Result<bool>) {
        if self.0.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let added = self.add(descriptor, write);
        if let Err(error) = added {
            self.0.is_closed.store(true, Ordering::Relaxed);
            if !self.0.is_told.swap(true, Ordering::Relaxed) {
                (self.0.options.trouble)(&error);
            }
        }
    }

    fn add(
        &self,
        descriptor: &Descriptor,
        write: impl FnOnce(&Blobs) -> Result<bool>,
    ) -> Result<()> {
        let options = &self.0.options;
        let blobs = Blobs::create(&self.0.root, options.is_layout)?;
        if blobs.size(&descriptor.digest) == Some(descriptor.size) {
            return Ok(());
        }
        let Some(limit) = options.limit else { return write(&blobs).map(drop) };
        let room = Room::new(&blobs, limit, options.share);
        if !room.fits(descriptor.size) {
            return Ok(());
        }
        if write(&blobs)? {
            room.taken(descriptor.size);
        }
        Ok(())
    }
}

/// A blob that is open.
pub(super) struct Held {
    reading: Reading,
    /// It lies in the cache; else it is a file of the user's, who may change it.
    is_ours: bool,
}

impl Held {
    /// Makes content of it, without its first `start` bytes, that nobody has verified.
    pub(super) fn content(self, descriptor: &Descriptor, start: u64) -> Content {
        // Who reads it hashes it. That a file of the user's was renamed or removed meanwhile, which
        // changes its times, is no reason to fail.
        Content::new(descriptor, self.reading.stream_blindly(start)).left_out(start)
    }

    /// Streams what was verified.
    pub(super) fn stream(self, start: u64) -> ByteStream {
        // Others may say that they use ours, which changes its time.
        if self.is_ours {
            self.reading.stream_blindly(start)
        } else {
            self.reading.stream_of_any_name(start)
        }
    }

    fn hash(&self, descriptor: &Descriptor) -> Option<Digest> {
        let algorithm = descriptor.digest.algorithm();
        self.reading.digest_of_bytes(algorithm, !self.is_ours).ok()
    }
}

#[cfg(test)]
mod tests;

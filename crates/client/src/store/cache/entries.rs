//! What is in a cache, for those who look after it.

use std::time::{Duration, SystemTime};

use oras_spec::image::layout::BLOBS_DIRECTORY;
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Algorithm, Digest};

use super::blobs::Blobs;
use super::known::Known;
use super::{Cache, Held, room};
use crate::Result;
use crate::store::intake::blocking;
use crate::store::reader::Reading;

/// A blob in a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// Its digest; whether its bytes have it is another question.
    pub digest: Digest,
    /// How long it is, in bytes.
    pub size: u64,
    /// When it was used last.
    pub used: SystemTime,
}

/// What a cache takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// How many blobs there are.
    pub blobs: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// What a look at all bytes of a cache found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheCheck {
    /// What was right.
    pub right: CacheUsage,
    /// What was wrong, and is removed.
    pub wrong: Vec<Digest>,
}

impl Cache {
    /// Lists the blobs, those used longest ago first. A cache that is not there is empty.
    ///
    /// # Errors
    ///
    /// If the work was stopped.
    pub async fn entries(&self) -> Result<Vec<CacheEntry>> {
        let cache = self.clone();
        blocking(move || {
            let mut found = cache.present().as_ref().map(list).unwrap_or_default();
            found.sort_by(|one, other| (one.used, &one.digest).cmp(&(other.used, &other.digest)));
            Ok(found)
        })
        .await
    }

    /// Throws out what was not used for longest until at most `bytes` are left; returns what went.
    ///
    /// # Errors
    ///
    /// As [`entries`](Self::entries).
    pub async fn prune(&self, bytes: u64) -> Result<CacheUsage> {
        let cache = self.clone();
        blocking(move || {
            let Some(blobs) = cache.present() else { return Ok(CacheUsage::default()) };
            let mut found = list(&blobs);
            let before = usage(&found);
            found.sort_by_key(|entry| entry.used);
            let mut left = before;
            for entry in found {
                if left.bytes <= bytes {
                    break;
                }
                blobs.remove(&entry.digest);
                left.bytes -= entry.size;
                left.blobs -= 1;
            }
            // Sets the count right.
            room::prune(&blobs, |used| used);
            Ok(CacheUsage { blobs: before.blobs - left.blobs, bytes: before.bytes - left.bytes })
        })
        .await
    }

    /// Hashes everything and removes what is wrong.
    ///
    /// # Errors
    ///
    /// As [`entries`](Self::entries).
    pub async fn verify(&self) -> Result<CacheCheck> {
        let cache = self.clone();
        blocking(move || {
            let mut check = CacheCheck::default();
            let Some(blobs) = cache.present() else { return Ok(check) };
            for entry in list(&blobs) {
                if is_right(&blobs, &entry) {
                    check.right.blobs += 1;
                    check.right.bytes += entry.size;
                } else {
                    blobs.remove(&entry.digest);
                    check.wrong.push(entry.digest);
                }
            }
            Ok(check)
        })
        .await
    }

    /// Removes all blobs and all notes; returns what went.
    ///
    /// # Errors
    ///
    /// As [`entries`](Self::entries).
    pub async fn clear(&self) -> Result<CacheUsage> {
        let gone = self.prune(0).await?;
        let cache = self.clone();
        blocking(move || {
            if let Some(blobs) = cache.present() {
                // Those without bytes take no room and so made none.
                for entry in list(&blobs) {
                    blobs.remove(&entry.digest);
                }
            }
            cache.known().as_ref().map(Known::clear);
            Ok(())
        })
        .await?;
        Ok(gone)
    }
}

fn is_right(blobs: &Blobs, entry: &CacheEntry) -> bool {
    let octets = MediaType::OCTET_STREAM;
    let descriptor = Descriptor::new(octets, entry.digest.clone(), entry.size);
    let held = |reading: Reading| Held { reading, is_ours: true };
    let found = blobs.open(&descriptor).map(held).and_then(|held| held.hash(&descriptor));
    found.is_some_and(|found| found == entry.digest)
}

fn usage(entries: &[CacheEntry]) -> CacheUsage {
    CacheUsage { blobs: entries.len() as u64, bytes: entries.iter().map(|entry| entry.size).sum() }
}

/// Lists what looks like a blob; whatever else lies there is none of ours.
pub(super) fn list(blobs: &Blobs) -> Vec<CacheEntry> {
    let mut found = Vec::new();
    let Ok(directory) = blobs.root.child(BLOBS_DIRECTORY) else { return found };
    for algorithm in Algorithm::ALL {
        let Ok(directory) = directory.child(algorithm.name()) else { continue };
        for (name, _) in directory.list().unwrap_or_default() {
            let digest = name.to_str().map(|name| format!("{algorithm}:{name}").parse::<Digest>());
            let (Some(Ok(digest)), Ok(Some(stat))) = (digest, directory.stat(&name)) else {
                continue;
            };
            let seconds = Duration::from_secs(stat.st_mtime.try_into().unwrap_or_default());
            let rest = Duration::from_nanos(stat.st_mtime_nsec);
            found.push(CacheEntry {
                digest,
                size: stat.st_size.try_into().unwrap_or_default(),
                used: SystemTime::UNIX_EPOCH + seconds + rest,
            });
        }
    }
    found
}

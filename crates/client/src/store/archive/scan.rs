//! Finds out where everything stands in an archive, by its headers alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::io::{self, Read};
use std::path::Path;

use oras_spec::Digest;
use oras_spec::image::layout::{BLOBS_DIRECTORY, INDEX_FILE, MARKER_FILE};

use crate::store::entries::{Entries, Entry, Flaw, Kind, Tape};
use crate::store::reader::Reading;
use crate::{Error, ErrorKind, Result};

/// How many entries an archive may have.
const MAX_ENTRIES: usize = 1_000_000;

/// How many bytes of headers are read ahead. Small files are passed over within.
const AHEAD: usize = 32 * 1024;

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) size: u64,
}

/// An archive, and where what belongs to a layout stands in it.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) reading: Reading,
    pub(super) size: u64,
    pub(super) marker: Option<Reading>,
    pub(super) index: Option<Reading>,
    pub(super) blobs: HashMap<Digest, Extent>,
}

/// Why a tar file is not taken for a layout.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Flaw(#[from] Flaw),
    #[error("the entry {0:?} is no regular file")]
    NoFile(String),
    #[error("the entry {0:?} leads out of the archive")]
    Outside(String),
    #[error("two entries have the name {0:?}")]
    Twice(String),
}

/// What an entry is to a layout.
enum Part {
    Marker,
    Index,
    Blob(Digest),
    /// A directory on the way to blobs.
    Way,
    Other,
}

impl Contents {
    pub(super) fn scan(path: &Path) -> Result<Self> {
        let reading = Reading::open_regular(path)?;
        let mut contents = Self {
            size: reading.size(),
            reading,
            marker: None,
            index: None,
            blobs: HashMap::new(),
        };
        let tape =
            Skimming { reading: contents.reading.clone(), at: 0, ahead: Vec::new(), from: 0 };
        contents.read(Entries::new(tape)).map_err(|refusal| contents.refuse(&refusal, path))?;
        Ok(contents)
    }

    fn read(&mut self, mut entries: Entries<Skimming>) -> Result<(), Refusal> {
        let mut count = 0;
        while let Some(entry) = entries.next()? {
            count += 1;
            if count > MAX_ENTRIES {
                return Err(Flaw::TooLarge("the number of entries").into());
            }
            self.add(&entry, entries.tape().at)?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry, start: u64) -> Result<(), Refusal> {
        let part = part(&entry.name).ok_or_else(|| Refusal::Outside(entry.name.clone()))?;
        let wanted = match part {
            Part::Other => return Ok(()),
            Part::Way => Kind::Directory,
            Part::Marker | Part::Index | Part::Blob(_) => Kind::File,
        };
        if entry.kind != wanted {
            return Err(Refusal::NoFile(entry.name.clone()));
        }
        // A file that is not all there is found out when the next header is looked for; the last
        // one has none behind it.
        let end = start.checked_add(entry.size).filter(|&end| end <= self.size);
        if end.is_none() {
            return Err(Flaw::Truncated.into());
        }
        let extent = Extent { start, size: entry.size };
        let reading = || self.reading.part(start, entry.size);
        let is_new = match part {
            Part::Marker => self.marker.replace(reading()).is_none(),
            Part::Index => self.index.replace(reading()).is_none(),
            Part::Blob(digest) => match self.blobs.entry(digest) {
                Slot::Vacant(slot) => {
                    slot.insert(extent);
                    true
                }
                Slot::Occupied(_) => false,
            },
            Part::Way | Part::Other => true,
        };
        if is_new { Ok(()) } else { Err(Refusal::Twice(entry.name.clone())) }
    }

    fn refuse(&self, refusal: &Refusal, path: &Path) -> Error {
        let shown = path.display();
        let why = self.compression().map_or_else(|| refusal.to_string(), str::to_owned);
        match refusal {
            Refusal::Flaw(Flaw::Malformed(_) | Flaw::Truncated) => {
                let outer = format!("\"{shown}\" does not look like a tar archive");
                Error::new(ErrorKind::Invalid, why).context(outer)
            }
            Refusal::Flaw(Flaw::Read(error)) => {
                Error::new(ErrorKind::Io, format!("read {shown}")).with_source(error.to_string())
            }
            Refusal::Flaw(flaw) => {
                Error::new(flaw.kind(), refusal.to_string()).context(format!("read \"{shown}\""))
            }
            Refusal::NoFile(_) | Refusal::Outside(_) | Refusal::Twice(_) => {
                let outer = format!("\"{shown}\" is no archive of an OCI layout");
                Error::new(ErrorKind::Invalid, refusal.to_string()).context(outer)
            }
        }
    }

    /// Says by what the file is compressed, as far as its first bytes tell.
    fn compression(&self) -> Option<&'static str> {
        let first = self.reading.part(0, self.size.min(4)).read_at_most(4).ok()?;
        match first.as_slice() {
            [0x1f, 0x8b, ..] => Some("it is compressed by gzip"),
            [0x28, 0xb5, 0x2f, 0xfd] => Some("it is compressed by zstd"),
            _ => None,
        }
    }
}

/// Tells what an entry is by its name; nothing if the name leads out.
fn part(name: &str) -> Option<Part> {
    if name.starts_with('/') {
        return None;
    }
    let names: Vec<&str> =
        name.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.contains(&"..") {
        return None;
    }
    Some(match names.as_slice() {
        [MARKER_FILE] => Part::Marker,
        [INDEX_FILE] => Part::Index,
        [BLOBS_DIRECTORY] | [BLOBS_DIRECTORY, _] => Part::Way,
        [BLOBS_DIRECTORY, algorithm, encoded] => {
            let digest = format!("{algorithm}:{encoded}").parse();
            digest.map_or(Part::Other, Part::Blob)
        }
        _ => Part::Other,
    })
}

/// A file that is read front to back, and of which most is passed over.
struct Skimming {
    reading: Reading,
    /// How far it was read.
    at: u64,
    /// What has been read ahead, and from where on.
    ahead: Vec<u8>,
    from: u64,
}

impl Read for Skimming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.from + self.ahead.len() as u64;
        if self.at < self.from || self.at >= end {
            let size = (self.reading.size() - self.at.min(self.reading.size())).min(AHEAD as u64);
            self.ahead = self
                .reading
                .part(self.at, size)
                .read_at_most(AHEAD as u64)
                .map_err(io::Error::other)?;
            self.from = self.at;
        }
        let skipped = usize::try_from(self.at - self.from).unwrap_or(usize::MAX);
        let left = self.ahead.get(skipped..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Tape for Skimming {
    fn pass(&mut self, count: u64) -> io::Result<u64> {
        let passed = count.min(self.reading.size().saturating_sub(self.at));
        self.at += passed;
        Ok(passed)
    }
}

//! Notes on files that were hashed: which digest a file had, and where content was written.
//!
//! A note is believed for a file of the same device, inode, size and times, and only if the file
//! was last changed well before it was hashed: a change within the same tick of the clock would not
//! show. As in git, see <https://git-scm.com/docs/racy-git>.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oras_spec::Digest;
use oras_spec::image::Descriptor;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use crate::store::directory::Directory;
use crate::store::draft::Draft;
use crate::store::reader::{Reading, Stamp};

/// Notes by the inode of the file.
const FILES: &str = "files";
/// Notes by the digest of the content.
const PLACES: &str = "places";

/// How long a part of the notes may be, in bytes, before its older half goes: 128 KiB.
const MAX_PART: u64 = 128 * 1024;

/// How long before the hash a file must have been changed last: clocks of file systems tick in
/// hundredths of a second, ...
const TICK: Duration = Duration::from_millis(100);
/// ... or, where there are only whole seconds, in up to two.
const COARSE_TICK: Duration = Duration::from_millis(2100);

#[derive(Serialize, Deserialize)]
struct Note {
    stamp: Stamp,
    /// When the hash was done, in nanoseconds since 1970.
    hashed: u64,
    digest: Digest,
    path: Vec<u8>,
}

/// The notes.
pub(super) struct Known {
    root: PathBuf,
}

impl Known {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Returns the digest of a file.
    pub(super) fn digest(&self, stamp: &Stamp) -> Option<Digest> {
        let notes = self.read(FILES, &of_inode(stamp));
        let found = notes.into_iter().rev().find(|note| note.stamp == *stamp)?;
        is_settled(stamp, found.hashed).then_some(found.digest)
    }

    /// Returns the digest that a file had, if it is what it was or has changed just then.
    pub(super) fn suspected(&self, stamp: &Stamp) -> Option<Digest> {
        let notes = self.read(FILES, &of_inode(stamp));
        Some(notes.into_iter().rev().find(|note| note.stamp == *stamp)?.digest)
    }

    /// Opens a file that content was written to, if it is still as it was.
    pub(super) fn place(&self, descriptor: &Descriptor) -> Option<Reading> {
        let notes = self.read(PLACES, &of_digest(&descriptor.digest));
        let notes = notes.into_iter().rev().filter(|note| note.digest == descriptor.digest);
        // A few places are enough to look at.
        notes.take(8).find_map(|note| {
            let path = PathBuf::from(std::ffi::OsString::from_vec(note.path));
            let reading = Reading::open(&path).ok()?;
            (reading.stamp == note.stamp && note.stamp.size() == descriptor.size).then_some(reading)
        })
    }

    /// Takes a note. One that cannot be written is not missed.
    pub(super) fn note(&self, stamp: &Stamp, digest: &Digest, path: &Path, hashed: SystemTime) {
        let hashed = nanoseconds(hashed);
        let path = path.as_os_str().as_bytes().to_vec();
        let note = Note { stamp: *stamp, hashed, digest: digest.clone(), path };
        let Ok(mut line) = serde_json::to_vec(&note) else { return };
        let sum = Digest::of(&line);
        line.extend_from_slice(&sum.encoded().as_bytes()[..SUM]);
        line.push(b'\n');
        self.append(FILES, &of_inode(stamp), &line);
        if stamp.size() > super::MAX_PASSING {
            self.append(PLACES, &of_digest(digest), &line);
        }
    }

    /// Forgets the places of content.
    pub(super) fn forget(&self, digest: &Digest) {
        let path = self.root.join(PLACES).join(of_digest(digest));
        std::fs::remove_file(path).unwrap_or_default();
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for directory in [FILES, PLACES] {
            std::fs::remove_dir_all(self.root.join(directory)).unwrap_or_default();
        }
    }

    fn read(&self, directory: &str, part: &str) -> Vec<Note> {
        let Ok(file) = File::open(self.root.join(directory).join(part)) else { return Vec::new() };
        let mut text = Vec::new();
        if file.take(2 * MAX_PART).read_to_end(&mut text).is_err() {
            return Vec::new();
        }
        text.split(|byte| *byte == b'\n').filter_map(parse).collect()
    }

    fn append(&self, directory: &str, part: &str, line: &[u8]) {
        let Ok(blobs) = Blobs::create(&self.root, false) else { return };
        let Ok(directory) = blobs.root.make(directory) else { return };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let Ok(file) = rustix::fs::openat(directory.handle(), part, flags, mode) else { return };
        let mut file = File::from(file);
        // One write: lines of several processes do not mix.
        if file.write_all(line).is_ok()
            && file.metadata().is_ok_and(|metadata| metadata.len() > MAX_PART)
        {
            halve(&directory, part);
        }
    }
}

/// Drops the older half of the notes of a part.
fn halve(directory: &Directory, part: &str) {
    let halved = || -> crate::Result<()> {
        let mut text = Vec::new();
        let file = directory.read(part).map_err(std::io::Error::from);
        let read = file.and_then(|file| file.take(4 * MAX_PART).read_to_end(&mut text));
        if read.is_err() {
            return Ok(());
        }
        let middle = text.len() / 2;
        let start = text[middle..].iter().position(|byte| *byte == b'\n').unwrap_or(0);
        let mut draft = Draft::create(directory, 0o600)?;
        draft.write(&text[middle + start + 1..])?;
        draft.name_unsynced(directory, part.as_ref())
    };
    halved().unwrap_or_default();
}

/// How many characters of a line's own hash stand at its end.
const SUM: usize = 16;

fn parse(line: &[u8]) -> Option<Note> {
    let (note, sum) = line.split_at_checked(line.len().checked_sub(SUM)?)?;
    let is_whole = &Digest::of(note).encoded().as_bytes()[..SUM] == sum;
    is_whole.then(|| serde_json::from_slice(note).ok())?
}

fn of_inode(stamp: &Stamp) -> String {
    format!("{:02x}", stamp.inode() % 256)
}

fn of_digest(digest: &Digest) -> String {
    digest.encoded()[..2].to_owned()
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Tells whether a file was changed last so long before it was hashed that any later change shows.
pub(super) fn is_settled(stamp: &Stamp, hashed: u64) -> bool {
    let (changed, is_coarse) = stamp.last_change();
    let tick = if is_coarse { COARSE_TICK } else { TICK };
    let settled = changed.saturating_add(u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX));
    settled <= hashed
}

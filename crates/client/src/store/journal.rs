//! The journal of a draft: how far it is written and the hash of that, for a process that goes on.
//!
//! A hint. What is behind the last entry is hashed anew, and without an entry all of it is; in the
//! end the digest decides. An entry counts only in the boot it was written in: what a crash of the
//! machine leaves of a file need not be what was hashed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use oras_spec::image::Descriptor;
use oras_spec::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use super::directory::Directory;

/// How many bytes are written between two entries: 1 MiB. As many are hashed anew at most.
const STEP: u64 = 1024 * 1024;

/// How long an entry may be, in bytes.
const MAX_ENTRY: u64 = 4096;

/// Changes with the form of an entry, and with that of a hash's state.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Entry {
    form: u32,
    digest: Digest,
    /// Which boot of the machine, and which file.
    boot: String,
    inode: u64,
    offset: u64,
    /// The state of the hash, two digits a byte.
    state: String,
}

/// A journal that is open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    directory: Directory,
    name: OsString,
    digest: Digest,
    inode: u64,
    noted: u64,
    /// Made with the first entry; nothing if it cannot be: then there is no journal.
    file: Option<File>,
    is_broken: bool,
}

impl Journal {
    /// Names the journal of a draft; nothing is made yet.
    pub(super) fn new(
        directory: &Directory,
        name: OsString,
        descriptor: &Descriptor,
        inode: u64,
    ) -> Self {
        let digest = descriptor.digest.clone();
        let directory = directory.clone();
        Self { directory, name, digest, inode, noted: 0, file: None, is_broken: false }
    }

    /// Reads how far the draft was written when the last entry was made, and the hash of that.
    pub(super) fn read(&mut self) -> Option<(u64, Hasher)> {
        let file = self.directory.read(&self.name).ok()?;
        let mut text = Vec::new();
        file.take(MAX_ENTRY).read_to_end(&mut text).ok()?;
        let line = text.split(|byte| *byte == b'\n').next()?;
        let (entry, sum) = line.split_at_checked(line.len().checked_sub(64)?)?;
        if Digest::of(entry).encoded().as_bytes() != sum {
            return None;
        }
        let entry: Entry = serde_json::from_slice(entry).ok()?;
        let is_ours = entry.form == FORM
            && entry.digest == self.digest
            && entry.inode == self.inode
            && boot().is_some_and(|boot| boot == entry.boot);
        if !is_ours {
            return None;
        }
        let hasher = self.digest.algorithm().resume(&bytes_of(&entry.state)?)?;
        self.noted = entry.offset;
        Some((entry.offset, hasher))
    }

    /// Makes an entry, if it is time for one.
    pub(super) fn note(&mut self, offset: u64, hasher: &Hasher) {
        if offset >= self.noted + STEP {
            self.note_now(offset, hasher);
        }
    }

    /// Makes an entry. A journal that cannot be written is done without.
    pub(super) fn note_now(&mut self, offset: u64, hasher: &Hasher) {
        if self.is_broken {
            return;
        }
        self.is_broken = self.write(offset, hasher).is_none();
        self.noted = offset;
    }

    fn write(&mut self, offset: u64, hasher: &Hasher) -> Option<()> {
        let entry = Entry {
            form: FORM,
            digest: self.digest.clone(),
            boot: boot()?,
            inode: self.inode,
            offset,
            state: text_of(&hasher.state()),
        };
        let mut line = serde_json::to_vec(&entry).ok()?;
        let sum = Digest::of(&line);
        line.extend_from_slice(sum.encoded().as_bytes());
        line.push(b'\n');
        if self.file.is_none() {
            // One that a killed process has left is of no use once we write.
            self.directory.remove(&self.name).unwrap_or_default();
            self.file = Some(self.directory.create_new(&self.name, 0o600).ok()?);
        }
        self.file.as_ref()?.write_all_at(&line, 0).ok()
    }

    /// Removes the journal.
    pub(super) fn remove(&self) {
        self.directory.remove(&self.name).unwrap_or_default();
    }
}

/// Names this boot of the machine.
fn boot() -> Option<String> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    };
    BOOT.get_or_init(read).clone()
}

fn text_of(bytes: &[u8]) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16));
    bytes.iter().flat_map(|byte| digits(*byte)).flatten().collect()
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Makes the name of a journal from that of its draft.
pub(super) fn name_of(draft: &OsStr) -> OsString {
    let mut name = draft.to_owned();
    name.push(".journal");
    name
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;

    use super::*;

    fn journal(directory: &Directory, inode: u64) -> Journal {
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"abcdef");
        Journal::new(directory, "j".into(), &descriptor, inode)
    }

    #[test]
    fn an_entry_carries_the_hash_to_the_next_process() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::open(place.path()).expect("opened");
        let mut hasher = oras_spec::Algorithm::Sha256.hasher();
        hasher.update(b"abc");
        let mut first = journal(&directory, 7);
        assert!(first.read().is_none());
        first.note(3, &hasher);
        assert!(first.read().is_none(), "not worth an entry yet");
        first.note_now(3, &hasher);
        let (offset, mut found) = journal(&directory, 7).read().expect("an entry");
        found.update(b"def");
        assert_eq!((offset, found.finish()), (3, Digest::of(b"abcdef")));
        assert!(journal(&directory, 8).read().is_none(), "of another file");
    }

    #[test]
    fn an_entry_that_was_tampered_with_does_not_count() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::open(place.path()).expect("opened");
        journal(&directory, 7).note_now(3, &oras_spec::Algorithm::Sha256.hasher());
        let path = place.path().join("j");
        let good = std::fs::read(&path).expect("written");
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).expect("written");
            assert!(journal(&directory, 7).read().is_none(), "byte {at}");
            std::fs::write(&path, &good[..at]).expect("written");
            assert!(journal(&directory, 7).read().is_none(), "cut at {at}");
        }
    }
}

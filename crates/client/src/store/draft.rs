//! Drafts: files that get their final name only when they are complete, verified and durable.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use oras_spec::Hasher;
use rustix::fs::{Advice, AtFlags, FlockOperation, Mode, RenameFlags};
use rustix::io::Errno;

use super::directory::{Directory, of_file};
use super::journal::Journal;
use crate::{Error, ErrorKind, Result};

pub(super) const PREFIX: &str = ".oras-";
pub(super) const SUFFIX: &str = ".partial";

/// How many bytes are written before the disk begins to write them out: 16 MiB. Waiting for all of
/// them in the end would take as long again as everything before.
const WINDOW: u64 = 16 * 1024 * 1024;

/// How many bytes a draft must have to be left to the next process: 4 MiB. Fewer are back sooner
/// than somebody wonders what file that is.
const WORTH_KEEPING: u64 = 4 * 1024 * 1024;

/// A file under a temporary name in the directory that its final name will be in.
///
/// Dropped without [`Draft::commit`], it removes itself, unless it is [kept](Draft::keep). The
/// draft of a process that was killed stays, without a lock on it, until another process goes on
/// with it or a sweep finds it.
#[derive(Debug)]
pub(crate) struct Draft {
    directory: Directory,
    name: OsString,
    file: File,
    is_named: bool,
    /// How many bytes were written, and of how many the disk has been told.
    written: u64,
    told: u64,
    /// There if another process may go on with the draft.
    journal: Option<Journal>,
}

impl Draft {
    /// Makes an empty draft; `mode` is narrowed by the umask.
    pub(crate) fn create(directory: &Directory, mode: u32) -> Result<Self> {
        Self::make(directory, mode, None)
    }

    /// As [`Draft::create`] for what will be called `name`, which is what errors speak of.
    pub(crate) fn create_for(directory: &Directory, mode: u32, name: &OsStr) -> Result<Self> {
        Self::make(directory, mode, Some(name))
    }

    fn make(directory: &Directory, mode: u32, final_name: Option<&OsStr>) -> Result<Self> {
        loop {
            let name = fresh_name()?;
            match directory.create_new(&name, mode) {
                Ok(file) => {
                    let draft = Self::of(directory, name, file, 0);
                    if draft.lock()? {
                        return Ok(draft);
                    }
                }
                Err(Errno::EXIST) => {}
                Err(error) => {
                    let path = directory.path_of(final_name.unwrap_or(&name));
                    return Err(of_file("open", &path, error));
                }
            }
        }
    }

    /// Wraps a file that has so many bytes, at whose end it stands.
    pub(super) fn of(directory: &Directory, name: OsString, file: File, written: u64) -> Self {
        Self {
            directory: directory.clone(),
            name,
            file,
            is_named: false,
            written,
            told: written,
            journal: None,
        }
    }

    /// Lets other processes go on with the draft, should this one not come to its end.
    pub(super) fn journaled(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Returns how many bytes are in the draft.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes down the hash of all that was written, now and then.
    pub(crate) fn note(&mut self, hasher: &Hasher) {
        if let Some(journal) = &mut self.journal {
            journal.note(self.written, hasher);
        }
    }

    /// Leaves what there is to the next process, if that is worth it, and removes it otherwise.
    pub(crate) fn keep(mut self, hasher: &Hasher) {
        if self.written < WORTH_KEEPING {
            return;
        }
        if let Some(mut journal) = self.journal.take() {
            journal.note_now(self.written, hasher);
            self.is_named = true;
        }
    }

    /// Marks the draft as being worked on; `false` if a sweep has taken it away just before.
    fn lock(&self) -> Result<bool> {
        let lock = FlockOperation::NonBlockingLockExclusive;
        // A file system that knows no locks is not swept.
        if rustix::fs::flock(&self.file, lock) == Err(Errno::WOULDBLOCK) {
            return Ok(false);
        }
        let stat = rustix::fs::fstat(&self.file).map_err(|error| self.failed("stat", error))?;
        Ok(stat.st_nlink > 0)
    }

    /// Adds bytes at the end.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| of_file("write", &self.path(), error))?;
        self.written += bytes.len() as u64;
        if let Some(window) = NonZeroU64::new(self.written - self.told)
            && window.get() >= WINDOW
        {
            // The kernel begins to write out what it is told we do not need; what is not written
            // yet it keeps.
            rustix::fs::fadvise(&self.file, self.told, Some(window), Advice::DontNeed)
                .unwrap_or_default();
            self.told = self.written;
        }
        Ok(())
    }

    /// Sets the permission bits.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))
            .map_err(|error| self.failed("chmod", error))
    }

    /// Gives the draft its name, durably. What had the name before is gone then, unless `overwrite`
    /// is false: then it stays and the draft goes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if the name is taken and must not be overwritten.
    pub(crate) fn commit(self, name: &OsStr, overwrite: bool) -> Result<File> {
        let directory = self.directory.clone();
        self.commit_to(&directory, name, overwrite)
    }

    /// As [`Draft::commit`], into another directory of the same file system.
    pub(crate) fn commit_to(
        mut self,
        directory: &Directory,
        name: &OsStr,
        overwrite: bool,
    ) -> Result<File> {
        rustix::fs::fsync(&self.file).map_err(|error| self.failed("sync", error))?;
        match self.rename(directory, name, overwrite) {
            Ok(()) => {
                self.is_named = true;
                if let Some(journal) = self.journal.take() {
                    journal.remove();
                }
            }
            Err(Errno::EXIST) if !overwrite => {
                return Err(Error::new(ErrorKind::AlreadyExists, "overwrite disallowed"));
            }
            Err(error) => return Err(of_file("rename", &directory.path_of(name), error)),
        }
        directory.sync()?;
        self.file.try_clone().map_err(|error| of_file("dup", &directory.path_of(name), error))
    }

    /// Makes the draft, which is empty, of the first `size` bytes of a file, whose blocks both share
    /// then; `false` if the file system cannot.
    pub(crate) fn clone_from(&mut self, file: &File, size: u64) -> Result<bool> {
        if rustix::fs::ioctl_ficlone(&self.file, file).is_err() {
            return Ok(false);
        }
        self.file.set_len(size).map_err(|error| of_file("truncate", &self.path(), error))?;
        self.written = size;
        Ok(true)
    }

    /// Copies the first `size` bytes of a file to the draft, which is empty.
    pub(crate) fn copy_from(&mut self, file: &File, size: u64) -> Result<()> {
        let mut from = 0;
        while from < size {
            let room = usize::try_from(size - from).unwrap_or(1 << 30).min(1 << 30);
            match rustix::fs::copy_file_range(file, Some(&mut from), &self.file, None, room) {
                Ok(0) => return Err(self.failed("copy", Errno::IO)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(self.failed("write", error)),
            }
        }
        self.written = size;
        Ok(())
    }

    /// Gives the draft its name, in place of what had it, without waiting for the disk: for what
    /// can be had again.
    pub(crate) fn name_unsynced(mut self, directory: &Directory, name: &OsStr) -> Result<()> {
        let renamed = self.rename(directory, name, true);
        renamed.map_err(|error| of_file("rename", &directory.path_of(name), error))?;
        self.is_named = true;
        Ok(())
    }

    fn rename(&self, directory: &Directory, name: &OsStr, overwrite: bool) -> Result<(), Errno> {
        let (from, to) = (self.directory.handle(), directory.handle());
        if overwrite {
            return rustix::fs::renameat(from, &self.name, to, name);
        }
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(from, &self.name, to, name, flags) {
            // Not every file system can; a hard link does not overwrite either.
            Err(Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::linkat(from, &self.name, to, name, AtFlags::empty())?;
                rustix::fs::unlinkat(from, &self.name, AtFlags::empty())
            }
            done => done,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path_of(&self.name)
    }

    fn failed(&self, verb: &str, error: Errno) -> Error {
        of_file(verb, &self.path(), error)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_named {
            // Nothing can be done about a failure; the next sweep tries again.
            self.directory.remove(&self.name).unwrap_or_default();
            if let Some(journal) = self.journal.take() {
                journal.remove();
            }
        }
    }
}

/// Tells whether `name` is one that drafts have.
pub(crate) fn is_draft_name(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()))
        .is_some_and(|middle| middle.len() == 16 && middle.iter().all(u8::is_ascii_hexdigit))
}

/// Removes a draft that nobody works on anymore. Best effort.
pub(crate) fn sweep(directory: &Directory, name: &OsStr) {
    let Ok(file) = directory.read(name) else { return };
    let lock = FlockOperation::NonBlockingLockExclusive;
    if is_draft_name(name.as_bytes()) && rustix::fs::flock(&file, lock).is_ok() {
        directory.remove(name).unwrap_or_default();
    }
}

/// Makes up a name for a draft.
pub(crate) fn fresh_name() -> Result<OsString> {
    let random = getrandom::u64().map_err(|error| {
        Error::new(ErrorKind::Io, "find a name for a temporary file").with_source(error)
    })?;
    Ok(format!("{PREFIX}{random:016x}{SUFFIX}").into())
}

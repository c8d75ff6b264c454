//! The disk: files that are whole or absent, whatever happens. All of it blocks.

use std::collections::{BinaryHeap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use oras_spec::distribution::UploadId;

use super::file_name;
use super::group::Groups;
use super::records::{Records, Stamp};
use super::sorted::{Change, Sorted};
use crate::storage::{Collection, Condition, Durability, Key, Result, StoreError, random_name};

/// A directory that this process alone writes to.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    /// Held open: the lock goes with it. Nothing if nothing is written.
    _lock: Option<File>,
    /// Writers of one key exclude each other by the lock the key's hash picks.
    locks: [Mutex<()>; 64],
    hash: RandomState,
    /// Directories whose own entry in their parent is known to be durable.
    durable: Mutex<HashSet<PathBuf>>,
    sorted: Sorted,
    records: Records,
    groups: Groups,
    is_synced: bool,
    /// Set once a sync has failed: what the kernel then still has in memory is anyone's guess.
    broken: AtomicBool,
}

/// How many directories are remembered as durable before forgetting them all.
const DURABLE_DIRECTORIES: usize = 1 << 14;

/// The directories that are there from the start: temporary files, objects in the making, uploads.
pub(super) const MEMBERS: [&str; 3] = ["tmp", "staging", "uploads"];

impl Disk {
    /// Takes a directory whose direct members, made before, are durable. Without its lock nothing
    /// is written.
    pub(super) fn new(root: PathBuf, lock: Option<File>) -> Self {
        let durable = MEMBERS.iter().map(|member| root.join(member)).collect();
        Self {
            root,
            broken: AtomicBool::new(lock.is_none()),
            _lock: lock,
            locks: std::array::from_fn(|_| Mutex::new(())),
            hash: RandomState::new(),
            durable: Mutex::new(durable),
            sorted: Sorted::default(),
            records: Records::default(),
            groups: Groups::default(),
            is_synced: true,
        }
    }

    pub(super) fn leave_syncs_to_the_system(&mut self) {
        self.is_synced = false;
    }

    fn directory(&self, collection: &Collection) -> PathBuf {
        self.root.join(collection.path())
    }

    pub(super) fn path(&self, key: &Key) -> PathBuf {
        self.directory(key.collection()).join(file_name::print(key.name()))
    }

    pub(super) fn staged(&self, id: &UploadId) -> PathBuf {
        self.root.join("staging").join(file_name::print(id.as_str()))
    }

    fn lock(&self, key: &Key) -> MutexGuard<'_, ()> {
        let hash = self.hash.hash_one(key);
        let index = usize::try_from(hash % 64).expect("below 64");
        self.locks[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a record that was read before and has not changed since.
    pub(super) fn recall(&self, key: &Key) -> Option<Bytes> {
        self.records.recall(key, || self.path(key))
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        let Some(mut file) = self.open(key)? else { return Ok(None) };
        let metadata = file.metadata()?;
        let mut value = Vec::new();
        // A directory is no record.
        if absent_as_none(file.read_to_end(&mut value))?.is_none() {
            return Ok(None);
        }
        let value = Bytes::from(value);
        if let Some(stamp) = Stamp::of(&metadata) {
            self.records.remember(key, stamp, &value);
        }
        Ok(Some(value))
    }

    pub(super) fn open(&self, key: &Key) -> Result<Option<File>> {
        Ok(absent_as_none(File::open(self.path(key)))?)
    }

    pub(super) fn size(&self, key: &Key) -> Result<Option<u64>> {
        Ok(file_size(&self.path(key))?)
    }

    pub(super) fn put(
        &self,
        key: &Key,
        value: &[u8],
        condition: &Condition,
        durability: Durability,
    ) -> Result<bool> {
        self.check()?;
        let path = self.path(key);
        let directory = self.directory(key.collection());
        let mut temporary = Temporary::write(&self.root, value)?;
        if durability == Durability::Durable {
            self.sync(&temporary.file)?;
        }
        self.make_directory(&directory, durability)?;
        let guard = self.lock(key);
        // What is empty is torn: no record is.
        let written = match condition {
            Condition::Absent => file_size(&path)?.unwrap_or(0) == 0,
            Condition::Any => true,
        };
        if written {
            self.records.forget(key);
            // A directory of hints may go at any time.
            while absent_as_none(temporary.rename(&path))?.is_none() {
                self.make_directory(&directory, durability)?;
            }
            self.sorted.note(key.collection(), key.name(), Change::Added);
        }
        drop(guard);
        // Also where nothing was written: what is there may be a moment old.
        if durability == Durability::Durable {
            self.sync_directory(&directory)?;
        }
        Ok(written)
    }

    pub(super) fn delete(
        &self,
        key: &Key,
        expected: Option<&[u8]>,
        durability: Durability,
    ) -> Result<bool> {
        self.check()?;
        let path = self.path(key);
        let guard = self.lock(key);
        if let Some(expected) = expected
            && absent_as_none(fs::read(&path))?.as_deref() != Some(expected)
        {
            return Ok(false);
        }
        if absent_as_none(fs::remove_file(&path))?.is_none() {
            return Ok(false);
        }
        self.records.forget(key);
        self.sorted.note(key.collection(), key.name(), Change::Removed);
        drop(guard);
        let directory = self.directory(key.collection());
        match durability {
            Durability::Durable => self.sync_directory(&directory)?,
            // Fails, as it should, unless the directory is empty.
            Durability::Hint if self.durable().contains(&directory) => {}
            Durability::Hint => drop(fs::remove_dir(&directory)),
        }
        Ok(true)
    }

    /// Memory grows with the page. Time grows with the collection, but only the first time if it
    /// is a large one.
    pub(super) fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        if let Some(page) = self.sorted.list(collection, after, limit) {
            return Ok(page);
        }
        let mut smallest = BinaryHeap::new();
        let mut count = 0;
        for name in self.names(collection)? {
            let name = name?;
            count += 1;
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            if smallest.len() < limit {
                smallest.push(name);
            } else if smallest.peek().is_some_and(|largest| name < *largest) {
                smallest.pop();
                smallest.push(name);
            }
        }
        self.sorted.remember(collection, count, || {
            self.names(collection)?.map(|name| Ok(name?)).collect()
        })?;
        Ok(smallest.into_sorted_vec())
    }

    /// Reads the names in a collection, in no order. Files that are none of ours are left out.
    fn names(
        &self,
        collection: &Collection,
    ) -> Result<impl Iterator<Item = io::Result<String>> + use<>> {
        let entries = absent_as_none(fs::read_dir(self.directory(collection)))?;
        Ok(entries.into_iter().flatten().filter_map(|entry| match entry {
            Ok(entry) => entry.file_name().to_str().and_then(file_name::parse).map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Gives a synced file its final name, in place of what had it.
    pub(super) fn commit(&self, staged: &Path, key: &Key) -> Result<()> {
        self.check()?;
        let file = absent_as_none(File::open(staged))?.ok_or(StoreError::StageLost)?;
        self.sync(&file)?;
        let directory = self.directory(key.collection());
        self.make_directory(&directory, Durability::Durable)?;
        fs::rename(staged, self.path(key))?;
        self.sync_directory(&directory)
    }

    /// Fails once nothing may be written any more.
    pub(super) fn check(&self) -> Result<()> {
        if self.broken.load(Ordering::Relaxed) { Err(StoreError::ReadOnly) } else { Ok(()) }
    }

    /// Brings a file's bytes to stable storage.
    pub(super) fn sync(&self, file: &File) -> Result<()> {
        if self.is_synced { self.note_failure(file.sync_data()) } else { Ok(()) }
    }

    /// Brings a directory's entries to stable storage.
    pub(super) fn sync_directory(&self, directory: &Path) -> Result<()> {
        if !self.is_synced {
            return Ok(());
        }
        self.groups.sync(directory, || match absent_as_none(File::open(directory))? {
            // Not `sync_data`: to a file system a new entry may be no data.
            Some(directory) => self.note_failure(directory.sync_all()),
            None => Ok(()),
        })
    }

    /// Remembers that a sync failed. Not tried again: the kernel may then report success for bytes
    /// it has dropped.
    fn note_failure(&self, synced: io::Result<()>) -> Result<()> {
        let synced = synced.map_err(StoreError::from);
        if matches!(synced, Err(StoreError::Io(_) | StoreError::ReadOnly)) {
            self.broken.store(true, Ordering::Relaxed);
        }
        synced
    }

    /// Makes the entries of objects in the making durable.
    pub(super) fn sync_staging(&self) -> Result<()> {
        self.sync_directory(&self.root.join("staging"))
    }

    /// Makes a directory and its parents, and their entries durable.
    fn make_directory(&self, directory: &Path, durability: Durability) -> Result<()> {
        if directory == self.root || self.durable().contains(directory) {
            return Ok(());
        }
        let parent = directory.parent().unwrap_or(&self.root);
        self.make_directory(parent, durability)?;
        match fs::create_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            // Who made it may not have come to sync it.
            Ok(()) | Err(_) => {}
        }
        if durability == Durability::Durable {
            self.sync_directory(parent)?;
            let mut durable = self.durable();
            if durable.len() >= DURABLE_DIRECTORIES {
                durable.retain(|known| known.parent() == Some(&*self.root));
            }
            durable.insert(directory.to_owned());
        }
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file without a final name, gone when dropped.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn write(root: &Path, value: &[u8]) -> io::Result<Self> {
        let path = root.join("tmp").join(random_name()?);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut temporary = Self { path, file };
        temporary.file.write_all(value)?;
        Ok(temporary)
    }

    fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.path.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What stays behind is removed at the next start.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Returns the size of a file in bytes; nothing if there is none.
pub(super) fn file_size(path: &Path) -> io::Result<Option<u64>> {
    let metadata = absent_as_none(fs::metadata(path))?;
    Ok(metadata.filter(fs::Metadata::is_file).map(|metadata| metadata.len()))
}

/// Reads at most `length` bytes without filling the memory for them first.
pub(super) fn read_piece(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.take(length).read_to_end(&mut piece)?;
    if piece.len() as u64 == length { Ok(piece) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Turns the failure that says nothing is there into nothing.
pub(super) fn absent_as_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

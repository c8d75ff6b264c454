//! Trees of files under a temporary name: made apart, then put in their place as a whole.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode};
use rustix::io::Errno;

use super::directory::{Directory, file_type, of_file};
use super::draft::{fresh_name, is_draft_name};
use super::place::{traversal, unwritable};
use crate::{Error, Result};

/// How many directories deep a tree is followed when it is merged or removed.
const MAX_DEPTH: usize = 512;

/// The name of the tree inside its temporary directory, which nobody else may look into.
const CONTENT: &str = "content";

/// A directory that is filled apart and then gets its name.
///
/// Dropped, it removes itself and whatever of it has not been put in place.
#[derive(Debug)]
pub(crate) struct Tree {
    parent: Directory,
    name: OsString,
    outer: Directory,
    content: Directory,
}

impl Tree {
    /// Makes an empty tree beside its later place.
    pub(crate) fn create(parent: &Directory) -> Result<Self> {
        loop {
            let name = fresh_name()?;
            match Self::make(parent, &name) {
                Ok(Some(tree)) => return Ok(tree),
                // The name was taken, or a sweep was quicker than our lock.
                Ok(None) | Err(Errno::EXIST | Errno::NOENT) => {}
                Err(error) => return Err(of_file("mkdir", &parent.path_of(&name), error)),
            }
        }
    }

    fn make(parent: &Directory, name: &OsStr) -> Result<Option<Self>, Errno> {
        rustix::fs::mkdirat(parent.handle(), name, Mode::RWXU)?;
        let outer = parent.child(name)?;
        let lock = FlockOperation::NonBlockingLockExclusive;
        if rustix::fs::flock(outer.handle(), lock) == Err(Errno::WOULDBLOCK) {
            return Ok(None);
        }
        rustix::fs::mkdirat(outer.handle(), CONTENT, Mode::from_raw_mode(0o777))?;
        let content = outer.child(CONTENT)?;
        Ok(Some(Self { parent: parent.clone(), name: name.to_owned(), outer, content }))
    }

    /// Returns the directory that is to be filled.
    pub(crate) fn content(&self) -> &Directory {
        &self.content
    }

    /// Puts the tree under `name`, durably. If there is a directory of that name, everything is put
    /// into it, each file over what stands in its place; nothing is, if anything there is in the
    /// way.
    pub(crate) fn place(self, name: &OsStr) -> Result<()> {
        self.sync()?;
        let failed = |error| of_file("rename", &self.parent.path_of(name), error);
        if self.parent.stat(name).map_err(failed)?.is_none() {
            move_directory(&self.outer, OsStr::new(CONTENT), &self.parent, name).map_err(failed)?;
            return self.parent.sync();
        }
        let target = enter(&self.parent, name)?;
        self.merge(&target)
    }

    /// Puts everything in the tree into `target`, as [`Tree::place`] does.
    pub(crate) fn place_into(self, target: &Directory) -> Result<()> {
        self.sync()?;
        self.merge(target)
    }

    fn merge(&self, target: &Directory) -> Result<()> {
        check(&self.content, target, 0)?;
        fill(&self.content, target)
    }

    /// Waits until everything is on stable storage: the whole file system at once, which is far
    /// quicker than file by file.
    fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(self.content.handle())
            .map_err(|error| of_file("sync", &self.parent.path_of(&self.name), error))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The next sweep tries again.
        remove(&self.parent, &self.name, 0).unwrap_or_default();
    }
}

/// Removes a directory that [`Tree`]s are made in, if nobody works on it anymore.
pub(crate) fn sweep(parent: &Directory, name: &OsStr) {
    let Ok(stale) = parent.child(name) else { return };
    let lock = FlockOperation::NonBlockingLockExclusive;
    if is_draft_name(name.as_bytes()) && rustix::fs::flock(stale.handle(), lock).is_ok() {
        remove(parent, name, 0).unwrap_or_default();
    }
}

/// Removes a directory and everything in it. Links are removed, never followed.
fn remove(parent: &Directory, name: &OsStr, depth: usize) -> Result<(), Errno> {
    let directory = match parent.child(name) {
        Err(Errno::ACCESS) => {
            // Made so by an archive.
            rustix::fs::chmodat(parent.handle(), name, Mode::RWXU, AtFlags::empty())?;
            parent.child(name)?
        }
        found => found?,
    };
    rustix::fs::fchmod(directory.handle(), Mode::RWXU)?;
    if depth == MAX_DEPTH {
        return Err(Errno::LOOP);
    }
    for (name, file_type) in directory.list()? {
        match file_type {
            FileType::Directory => remove(&directory, &name, depth + 1)?,
            _ => directory.remove(&name)?,
        }
    }
    rustix::fs::unlinkat(parent.handle(), name, AtFlags::REMOVEDIR)
}

/// Opens a directory that must be one and no link.
fn enter(parent: &Directory, name: &OsStr) -> Result<Directory> {
    let path = parent.path_of(name);
    match parent.stat(name).map_err(|error| of_file("stat", &path, error))? {
        Some(stat) if file_type(&stat) == FileType::Symlink => Err(traversal()),
        _ => parent.child(name).map_err(|error| of_file("mkdir", &path, error)),
    }
}

/// Fails if something in `target` is in the way of something in `source`.
fn check(source: &Directory, target: &Directory, depth: usize) -> Result<()> {
    for (name, kind) in listed(source)? {
        let path = target.path_of(&name);
        let found = target.stat(&name).map_err(|error| of_file("stat", &path, error))?;
        let Some(found) = found else { continue };
        match (kind, file_type(&found)) {
            (FileType::Directory, _) => {
                let inside = enter(target, &name)?;
                too_deep(depth)?;
                check(&unlocked(source, &name)?, &inside, depth + 1)?;
            }
            (_, FileType::RegularFile | FileType::Symlink) => {}
            (_, FileType::Directory) => return Err(of_file("open", &path, Errno::ISDIR)),
            _ => return Err(unwritable(&format!("{} is not a regular file", path.display()))),
        }
    }
    Ok(())
}

/// Moves everything in `source` to `target`. Neither is deeper than [`check`] allows.
fn fill(source: &Directory, target: &Directory) -> Result<()> {
    for (name, kind) in listed(source)? {
        let path = target.path_of(&name);
        let found = target.stat(&name).map_err(|error| of_file("stat", &path, error))?;
        if kind == FileType::Directory && found.is_some() {
            fill(&unlocked(source, &name)?, &enter(target, &name)?)?;
            continue;
        }
        if kind == FileType::Directory {
            move_directory(source, &name, target, &name)
                .map_err(|error| of_file("rename", &path, error))?;
            continue;
        }
        if let Some(found) = found
            && (kind, file_type(&found)) == (FileType::RegularFile, FileType::RegularFile)
        {
            let mode = Mode::from_raw_mode(found.st_mode & 0o777);
            rustix::fs::chmodat(source.handle(), &name, mode, AtFlags::empty())
                .map_err(|error| inner(source, &name, error))?;
        }
        rustix::fs::renameat(source.handle(), &name, target.handle(), &name)
            .map_err(|error| of_file("rename", &path, error))?;
    }
    target.sync()
}

/// Moves a directory where nothing is. One that cannot be written to cannot be moved either, and
/// so becomes what it is to be afterwards.
fn move_directory(
    source: &Directory,
    name: &OsStr,
    target: &Directory,
    new_name: &OsStr,
) -> Result<(), Errno> {
    let directory = source.child(name)?;
    let mode = rustix::fs::fstat(directory.handle())?.st_mode & 0o7777;
    let is_locked = mode & 0o200 == 0;
    if is_locked {
        rustix::fs::fchmod(directory.handle(), Mode::from_raw_mode(mode | 0o200))?;
    }
    // An empty directory would be replaced; nothing else can be.
    rustix::fs::renameat(source.handle(), name, target.handle(), new_name)?;
    if is_locked {
        rustix::fs::fchmod(directory.handle(), Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

/// Opens a directory whose content is about to be moved out of it.
fn unlocked(source: &Directory, name: &OsStr) -> Result<Directory> {
    rustix::fs::chmodat(source.handle(), name, Mode::RWXU, AtFlags::empty())
        .and_then(|()| source.child(name))
        .map_err(|error| inner(source, name, error))
}

fn listed(directory: &Directory) -> Result<Vec<(OsString, FileType)>> {
    directory.list().map_err(|error| of_file("read", directory.path(), error))
}

fn inner(directory: &Directory, name: &OsStr, error: Errno) -> Error {
    of_file("read", &directory.path_of(name), error)
}

fn too_deep(depth: usize) -> Result<()> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(unwritable("the directory is too deep")) }
}

impl Directory {
    /// Lists what is in the directory.
    pub(crate) fn list(&self) -> Result<Vec<(OsString, FileType)>, Errno> {
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(self.handle())? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let name = OsString::from_vec(name.to_vec());
            let kind = match entry.file_type() {
                FileType::Unknown => self.stat(&name)?.map_or(FileType::Unknown, |s| file_type(&s)),
                known => known,
            };
            found.push((name, kind));
        }
        Ok(found)
    }
}

//! Places: a name in an open directory, where one verified file is put.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::directory::{Directory, file_type, of_file};
use super::draft::{self, Draft, is_draft_name};
use super::intake::Incoming;
use super::{resume, tree};
use crate::{Error, ErrorKind, Result};

/// What a refusal to write outside the root says, as the cause of its error.
pub const PATH_TRAVERSAL_DISALLOWED: &str = "path traversal disallowed";

/// A place for one file.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: Directory,
    pub(crate) name: OsString,
}

impl Place {
    /// Finds the place that a path of the caller's names, in a directory that is there. A link is
    /// followed. What killed processes have left in the directory is swept.
    pub(crate) fn named(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| of_file("open", path, error);
        let target = match path.metadata() {
            Ok(found) if found.is_dir() => return Err(of_file("open", path, Errno::ISDIR)),
            Ok(_) => path.canonicalize().map_err(failed)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(failed(error)),
        };
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let Some(name) = target.file_name() else {
            return Err(of_file("open", path, Errno::ISDIR));
        };
        let directory = Directory::open(parent).map_err(|error| of_file("open", path, error))?;
        sweep(&directory);
        Ok(Self { directory, name: name.to_owned() })
    }

    /// Returns where this is, for people.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path_of(&self.name)
    }

    /// Looks at what stands here and says which permission bits a new file is to take over. Only a
    /// file may be replaced; a link is not followed, so it may not either.
    pub(crate) fn inspect(&self, overwrite: bool) -> Result<Option<u32>> {
        let found = self.directory.stat(&self.name);
        let Some(stat) = found.map_err(|error| of_file("stat", &self.path(), error))? else {
            return Ok(None);
        };
        if !overwrite {
            return Err(unwritable("overwrite disallowed"));
        }
        match file_type(&stat) {
            FileType::RegularFile => Ok(Some(stat.st_mode & 0o777)),
            FileType::Directory => Err(of_file("open", &self.path(), Errno::ISDIR)),
            FileType::Symlink => Err(traversal()),
            _ => Err(unwritable(&format!("{} is not a regular file", self.path().display()))),
        }
    }

    /// Writes what comes in: all of it, verified and durable, or nothing. A file that is here
    /// already gives its permission bits and nothing else.
    pub(crate) fn put(&self, incoming: &mut Incoming, overwrite: bool) -> Result<File> {
        let mode = self.inspect(overwrite)?;
        let draft =
            draw(&self.directory, &self.name, incoming).map_err(|failure| match failure {
                Failure::Open(error) => error,
                Failure::Write(error) => unwritten(&self.path(), error),
                Failure::Read(error) => not_copied(&self.path(), error),
            })?;
        if let Some(mode) = mode {
            draft.set_mode(mode)?;
        }
        draft.commit(&self.name, overwrite).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => unwritable("overwrite disallowed"),
            _ => unwritten(&self.path(), error),
        })
    }
}

/// Where writing a draft failed.
pub(crate) enum Failure {
    Open(Error),
    Write(Error),
    Read(Error),
}

/// Writes what comes in to a draft in `directory` for what will be called `name`: going on with
/// one that was left behind, and leaving one behind if nothing is wrong but that no more comes.
pub(crate) fn draw(
    directory: &Directory,
    name: &OsStr,
    incoming: &mut Incoming,
) -> Result<Draft, Failure> {
    let (mut draft, hasher) =
        resume::begin(directory, incoming.descriptor(), name).map_err(Failure::Open)?;
    incoming.go_on(draft.written(), hasher).map_err(Failure::Read)?;
    loop {
        match incoming.next() {
            Ok(Some(bytes)) => {
                draft.write(&bytes).map_err(Failure::Write)?;
                if let Some(hasher) = incoming.hasher() {
                    draft.note(hasher);
                }
            }
            Ok(None) => return Ok(draft),
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Io)
                    && let Some(hasher) = incoming.hasher()
                {
                    draft.keep(hasher);
                }
                return Err(Failure::Read(error));
            }
        }
    }
}

/// Which directories were swept of stale drafts already.
#[derive(Debug, Default)]
pub(crate) struct Swept(Mutex<HashSet<(u64, u64)>>);

impl Swept {
    /// Sweeps a directory, unless that was done before.
    pub(crate) fn once(&self, directory: &Directory) {
        let Ok(stat) = rustix::fs::fstat(directory.handle()) else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.insert((stat.st_dev, stat.st_ino)) {
            drop(seen);
            sweep(directory);
        }
    }
}

/// Removes what processes have left in a directory that were killed. Best effort.
pub(crate) fn sweep(directory: &Directory) {
    for (name, kind) in directory.list().unwrap_or_default() {
        match kind {
            FileType::RegularFile if resume::is_name(name.as_bytes()) => {
                resume::sweep(directory, &name);
            }
            _ if !is_draft_name(name.as_bytes()) => {}
            FileType::Directory => tree::sweep(directory, &name),
            FileType::RegularFile => draft::sweep(directory, &name),
            _ => {}
        }
    }
}

/// Makes the error for a path that must not be written, whatever the reason.
pub(crate) fn unwritable(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, why).context("failed to resolve path for writing")
}

/// Makes the error for a path that leads out, or through a link, which may.
pub(crate) fn traversal() -> Error {
    unwritable(PATH_TRAVERSAL_DISALLOWED)
}

/// Says where content was to go that could not be written: the draft's name says nothing to people.
fn unwritten(path: &Path, error: Error) -> Error {
    error.context(format!("failed to copy content to {}", path.display()))
}

/// Says where content was to go that did not come as it should.
pub(crate) fn not_copied(path: &Path, error: Error) -> Error {
    let outer = format!("failed to copy content to {}", path.display());
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    match (error.kind(), cause) {
        (ErrorKind::Mismatch, Some(cause)) if cause == "unexpected EOF" => {
            error.replaced(format!("copy failed: {cause}")).context(outer)
        }
        (ErrorKind::Mismatch, Some(cause))
            if cause == "trailing data" || cause == "mismatched digest" =>
        {
            error.replaced(cause).context(outer)
        }
        _ => error.context("copy failed").context(outer),
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::{Descriptor, MediaType};

    use super::*;
    use crate::Content;
    use crate::store::fixture::chain;
    use crate::store::intake::receive;

    #[tokio::test]
    async fn a_directory_that_takes_no_file_is_told_by_the_name_the_file_was_to_have() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("gone");
        std::fs::create_dir(&path).expect("made");
        let opened = Directory::open(&path).expect("opened");
        let place = Place { directory: opened, name: "file".into() };
        std::fs::remove_dir(&path).expect("removed");
        let content = Content::from_bytes(
            &Descriptor::of(MediaType::OCTET_STREAM, b"x"),
            bytes::Bytes::from_static(b"x"),
        );
        let written = receive(content, move |incoming| place.put(incoming, true)).await;
        let expected = format!("open {}: no such file or directory", path.join("file").display());
        assert_eq!(chain(&written.expect_err("nowhere to write")), expected);
    }
}

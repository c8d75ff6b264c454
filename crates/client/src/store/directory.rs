//! Directories as open handles: names in them are reached without a path that others could bend.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::{Error, Result};

/// An open directory. Cheap to clone.
///
/// Every `name` is one component; a symbolic link in its place is never followed.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    handle: Arc<OwnedFd>,
    path: PathBuf,
}

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Directory {
    /// Opens the directory at `path`, following links: the path is the caller's.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let handle = rustix::fs::open(path, OPEN, Mode::empty())?;
        Ok(Self { handle: Arc::new(handle), path: path.to_owned() })
    }

    /// Opens the directory at `path`, making it and its ancestors if need be, durably.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Ok(found) => Ok(found),
            Err(Errno::NOENT) => {
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    return Err(of_file("open", path, Errno::NOENT));
                };
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                let mut made = Self::create(parent)?.make(name)?;
                path.clone_into(&mut made.path);
                Ok(made)
            }
            Err(Errno::NOTDIR) => Err(of_file("mkdir", path, Errno::NOTDIR)),
            Err(error) => Err(of_file("open", path, error)),
        }
    }

    /// Returns where the directory was found, for people.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where `name` stands, for people.
    pub(crate) fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// Opens a directory in this one.
    pub(crate) fn child(&self, name: impl AsRef<OsStr>) -> Result<Self, Errno> {
        let name = name.as_ref();
        let handle =
            rustix::fs::openat(&*self.handle, name, OPEN | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self { handle: Arc::new(handle), path: self.path.join(name) })
    }

    /// Opens a directory in this one, making it if need be, durably.
    pub(crate) fn make(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let name = name.as_ref();
        let failed = |verb, error| of_file(verb, &self.path.join(name), error);
        match self.child(name) {
            Err(Errno::NOENT) => {}
            found => return found.map_err(|error| failed("open", error)),
        }
        match rustix::fs::mkdirat(&*self.handle, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.sync()?,
            // Somebody else was quicker.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("mkdir", error)),
        }
        self.child(name).map_err(|error| failed("open", error))
    }

    /// Opens a file for reading. Never waits for the other end of a pipe.
    pub(crate) fn read(&self, name: impl AsRef<OsStr>) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&*self.handle, name.as_ref(), flags, Mode::empty())?.into())
    }

    /// Makes a file that is not there yet, open for reading and writing.
    pub(crate) fn create_new(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<File, Errno> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        Ok(rustix::fs::openat(&*self.handle, name.as_ref(), flags, mode)?.into())
    }

    /// Looks at what stands under `name`, if anything does.
    pub(crate) fn stat(&self, name: impl AsRef<OsStr>) -> Result<Option<Stat>, Errno> {
        match rustix::fs::statat(&*self.handle, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a name that is not a directory's.
    pub(crate) fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), Errno> {
        rustix::fs::unlinkat(&*self.handle, name.as_ref(), AtFlags::empty())
    }

    /// Returns the handle, for the system calls that are made in one place only.
    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Waits until every name in the directory is on stable storage.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&*self.handle).map_err(|error| of_file("sync", &self.path, error))
    }
}

/// Makes the error for a system call that failed.
pub(crate) fn of_file(verb: &str, path: &Path, error: impl Into<io::Error>) -> Error {
    Error::of_file(verb, path, &error.into())
}

/// Tells what kind of file `stat` is of.
pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

//! Blobs as files: verified before they have their name, durable when they have it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;

use oras_spec::Digest;
use oras_spec::image::Descriptor;
use oras_spec::image::layout::{BLOBS_DIRECTORY, blob_path};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::shelf::Shelf;
use crate::store::directory::{Directory, file_type, of_file};
use crate::store::intake::Incoming;
use crate::store::place::{Failure, Swept, draw, not_copied};
use crate::store::reader::Reading;
use crate::store::resume;
use crate::{Error, Result};

/// Where blobs are while they are written.
const INGEST: &str = "ingest";

/// The blobs of a layout.
#[derive(Debug)]
pub(super) struct Blobs {
    root: Directory,
    swept: Swept,
}

impl Blobs {
    pub(super) fn new(root: Directory) -> Self {
        Self { root, swept: Swept::default() }
    }

    /// Makes the directory of the blobs.
    pub(super) fn create(&self) -> Result<()> {
        self.root.make(BLOBS_DIRECTORY).map(drop)
    }

    /// Returns how many bytes of a blob are here from an attempt that was broken off.
    pub(super) fn begun(&self, descriptor: &Descriptor) -> u64 {
        let ingest = self.root.child(INGEST);
        ingest.map_or(0, |ingest| resume::left_behind(&ingest, descriptor))
    }

    /// Writes a blob: all of it, verified and durable, or nothing. Returns the file and its path.
    pub(super) fn write(
        &self,
        digest: &Digest,
        incoming: &mut Incoming,
    ) -> Result<(File, PathBuf)> {
        let ingest = self.root.make(INGEST)?;
        self.swept.once(&ingest);
        let algorithm = digest.algorithm().name();
        let directory = self.root.make(BLOBS_DIRECTORY)?.make(algorithm)?;
        let name = OsStr::new(digest.encoded());
        let draft = draw(&ingest, name, incoming).map_err(|failure| match failure {
            Failure::Open(error) | Failure::Write(error) => error,
            Failure::Read(error) => not_copied(&directory.path_of(name), error),
        })?;
        draft.set_mode(0o444)?;
        let file = draft.commit_to(&directory, name, true)?;
        Ok((file, directory.path_of(name)))
    }

    /// Removes a blob, durably; `false` if it was not there.
    pub(super) fn remove(&self, digest: &Digest) -> Result<bool> {
        let path = self.root.path_of(blob_path(digest));
        let removed = self
            .root
            .child(BLOBS_DIRECTORY)
            .and_then(|blobs| blobs.child(digest.algorithm().name()))
            .and_then(|directory| directory.remove(digest.encoded()).map(|()| directory));
        match removed {
            Ok(directory) => directory.sync().map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(of_file("remove", &path, error)),
        }
    }
}

impl Shelf for Blobs {
    /// Links are followed: others may have made the layout of them, and what is read is verified.
    fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        let path = blob_path(digest);
        match rustix::fs::statat(self.root.handle(), &path, AtFlags::empty()) {
            Ok(stat) if file_type(&stat) == FileType::RegularFile => {
                Ok(Some(stat.st_size.try_into().unwrap_or_default()))
            }
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(of_file("stat", &self.root.path_of(path), error)),
        }
    }

    fn open(&self, digest: &Digest) -> Result<Reading> {
        let path = blob_path(digest);
        let shown = self.root.path_of(&path);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = match rustix::fs::openat(self.root.handle(), &path, flags, Mode::empty()) {
            Ok(file) => file.into(),
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(Error::not_found(digest)),
            Err(error) => return Err(of_file("open", &shown, error)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|error| of_file("stat", &shown, error))?;
        if file_type(&stat) != FileType::RegularFile {
            return Err(Error::not_found(digest));
        }
        Reading::of(file.into(), &shown)
    }
}

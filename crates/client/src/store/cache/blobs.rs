//! The blobs of a cache, as files. Not synced: what a crash leaves half written is found out when
//! it is used.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use oras_spec::image::layout::{BLOBS_DIRECTORY, LayoutMarker, MARKER_FILE, blob_path};
use oras_spec::image::{Descriptor, Index};
use oras_spec::{Digest, json};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use super::MAX_PASSING;
use crate::Result;
use crate::store::directory::{Directory, file_type, of_file};
use crate::store::draft::Draft;
use crate::store::place;
use crate::store::reader::Reading;

const INGEST: &str = "ingest";
const INDEX_FILE: &str = "index.json";

/// Tells programs that copy disks that this need not be copied: <https://bford.info/cachedir/>.
const TAG_FILE: &str = "CACHEDIR.TAG";
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This is a cache of oras.\n";

/// The directory.
#[derive(Debug)]
pub(super) struct Blobs {
    pub(super) root: Directory,
}

impl Blobs {
    /// Opens the directory, if it is there.
    pub(super) fn find(root: &Path) -> Result<Self> {
        let root = Directory::open(root).map_err(|error| of_file("open", root, error))?;
        Ok(Self { root })
    }

    /// Opens the directory and makes what is missing. Only its owner may look into one that is new,
    /// since what is in it may be.
    pub(super) fn create(root: &Path, is_layout: bool) -> Result<Self> {
        if let Ok(found) = Self::find(root) {
            return Ok(found);
        }
        if let Some(parent) = root.parent() {
            Directory::create(parent)?;
        }
        match rustix::fs::mkdir(root, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(of_file("mkdir", root, error)),
        }
        let made = Self::find(root)?;
        let put = |name: &str, bytes: &[u8]| -> Result<()> {
            let mut draft = Draft::create(&made.root, 0o666)?;
            draft.write(bytes)?;
            // Somebody else may have been quicker.
            draft.commit(name.as_ref(), false).map(drop).or_else(|error| match error.kind() {
                crate::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })
        };
        if is_layout {
            put(MARKER_FILE, &json::to_vec(&LayoutMarker::default()))?;
            put(INDEX_FILE, &json::to_vec(&Index::new(Vec::new())))?;
        } else {
            put(TAG_FILE, TAG.as_bytes())?;
        }
        Ok(made)
    }

    /// Returns how long a blob is, if it is there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        let stat =
            rustix::fs::statat(self.root.handle(), blob_path(digest), AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.ok().filter(|stat| file_type(stat) == FileType::RegularFile)?;
        stat.st_size.try_into().ok()
    }

    /// Opens a blob that has the right length.
    pub(super) fn open_file(&self, digest: &Digest) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = blob_path(digest);
        Some(rustix::fs::openat(self.root.handle(), path, flags, Mode::empty()).ok()?.into())
    }

    /// Opens a blob; one that does not have the right length is removed.
    pub(super) fn open(&self, descriptor: &Descriptor) -> Option<Reading> {
        let file = self.open_file(&descriptor.digest)?;
        let path = self.root.path_of(blob_path(&descriptor.digest));
        let reading = Reading::of(file.into(), &path).ok()?;
        if reading.size() != descriptor.size {
            self.remove(&descriptor.digest);
            return None;
        }
        Some(reading)
    }

    /// Reads a small blob, whatever it is.
    pub(super) fn read(&self, descriptor: &Descriptor) -> Option<Bytes> {
        let reading = self.open(descriptor)?;
        let mut bytes = Vec::new();
        (&*reading.file).take(MAX_PASSING + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes.into())
    }

    /// Says that a blob was used now.
    pub(super) fn touch(&self, digest: &Digest) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let path = blob_path(digest);
        rustix::fs::utimensat(self.root.handle(), path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .unwrap_or_default();
    }

    /// Removes a blob.
    pub(super) fn remove(&self, digest: &Digest) {
        rustix::fs::unlinkat(self.root.handle(), blob_path(digest), AtFlags::empty())
            .unwrap_or_default();
    }

    /// Writes a blob.
    pub(super) fn write(&self, digest: &Digest, chunks: &[Bytes]) -> Result<bool> {
        let mut draft = self.draft()?;
        for chunk in chunks {
            draft.write(chunk)?;
        }
        self.name(draft, digest)
    }

    /// Makes a blob of a file: of the same blocks where the file system can, else as a copy if
    /// `may_copy`. Tells whether it did.
    pub(super) fn clone_from(
        &self,
        digest: &Digest,
        file: &File,
        size: u64,
        may_copy: bool,
    ) -> Result<bool> {
        let mut draft = self.draft()?;
        if !draft.clone_from(file, size)? {
            if !may_copy {
                return Ok(false);
            }
            draft.copy_from(file, size)?;
        }
        self.name(draft, digest)
    }

    fn draft(&self) -> Result<Draft> {
        let ingest = self.root.make(INGEST)?;
        place::sweep(&ingest);
        Draft::create(&ingest, 0o600)
    }

    fn name(&self, draft: Draft, digest: &Digest) -> Result<bool> {
        let algorithm = self.root.make(BLOBS_DIRECTORY)?.make(digest.algorithm().name())?;
        draft.name_unsynced(&algorithm, OsStr::new(digest.encoded()))?;
        Ok(true)
    }
}

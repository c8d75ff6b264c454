//! What the tests of several stores need.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use oras_spec::image::{Descriptor, MediaType, annotation};
use tempfile::TempDir;

use super::{Files, FilesOptions};
use crate::{Content, Error};

/// The whole message, as it is printed.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push(error.to_string());
        source = error.source();
    }
    text.join(": ")
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A descriptor with a title.
pub(crate) fn titled(title: &str, bytes: &[u8]) -> Descriptor {
    let mut descriptor = Descriptor::of(MediaType::IMAGE_LAYER, bytes);
    descriptor.annotations.insert(annotation::TITLE.to_owned(), title.to_owned());
    descriptor
}

/// Bytes that claim to be what `descriptor` says, in two chunks.
pub(crate) fn claiming(descriptor: &Descriptor, bytes: &[u8]) -> Content {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let chunks = [Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
    Content::new(descriptor, futures_util::stream::iter(chunks.map(Ok)))
}

/// A directory to write to, and beside it things that must stay as they are.
pub(crate) struct Yard {
    directory: TempDir,
}

pub(crate) const CANARY: &str = "sings";

impl Yard {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let yard = Self { directory };
        fs::create_dir(yard.out()).expect("made");
        fs::create_dir(yard.path("outside")).expect("made");
        for canary in ["canary", "outside/canary"] {
            fs::write(yard.path(canary), CANARY).expect("written");
            fs::set_permissions(yard.path(canary), Permissions::from_mode(0o644)).expect("chmod");
        }
        yard
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub(crate) fn files(&self) -> Files {
        self.files_with(|_| ())
    }

    pub(crate) fn files_with(&self, change: impl FnOnce(&mut FilesOptions)) -> Files {
        let mut options =
            FilesOptions { temporary_directory: self.path("outside"), ..FilesOptions::default() };
        change(&mut options);
        Files::new(&self.out(), options)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).expect(name)
    }

    /// What the umask leaves of the bits of a new file.
    pub(crate) fn allowed(&self, mode: u32) -> u32 {
        let probe = self.path("probe");
        fs::create_dir(&probe).expect("made");
        let umasked = probe.metadata().expect("there").mode() & 0o777;
        fs::remove_dir(probe).expect("removed");
        mode & umasked
    }

    /// Nothing outside has been touched.
    pub(crate) fn check(&self) {
        assert_eq!(names(self.directory.path()), ["canary", "out", "outside"]);
        assert_eq!(names(&self.path("outside")), ["canary"]);
        for canary in ["canary", "outside/canary"] {
            assert_eq!(fs::read_to_string(self.path(canary)).expect("alive"), CANARY);
            let metadata = self.path(canary).metadata().expect("alive");
            assert_eq!((metadata.nlink(), metadata.mode() & 0o7777), (1, 0o644));
        }
    }
}

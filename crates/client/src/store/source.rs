//! One input file: how long it is, what its digest is, and its content.

use std::path::PathBuf;

use oras_spec::image::Descriptor;
use oras_spec::{Algorithm, Digest};

use super::intake::blocking;
use super::reader::Reading;
use crate::{Content, Result};

/// A file that content is read from, the counterpart of [`FileSink`](super::FileSink).
///
/// It is opened once. Should it change before all of it is read, reading fails.
#[derive(Clone, Debug)]
pub struct FileSource {
    reading: Reading,
    known: Option<Digest>,
}

impl FileSource {
    /// Opens a file. A link is followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if it cannot be opened or is a directory, [`ErrorKind::Invalid`] if it is
    /// neither that nor a file.
    ///
    /// [`ErrorKind::Io`]: crate::ErrorKind::Io
    /// [`ErrorKind::Invalid`]: crate::ErrorKind::Invalid
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        blocking(move || Ok(Self { reading: Reading::open_regular(&path)?, known: None })).await
    }

    /// Returns how long the file is, in bytes.
    pub fn size(&self) -> u64 {
        self.reading.stamp.size()
    }

    /// Hashes the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if it cannot be read, [`ErrorKind::Mismatch`] if it has changed.
    ///
    /// [`ErrorKind::Io`]: crate::ErrorKind::Io
    /// [`ErrorKind::Mismatch`]: crate::ErrorKind::Mismatch
    pub async fn digest(&mut self, algorithm: Algorithm) -> Result<Digest> {
        let reading = self.reading.clone();
        let digest = blocking(move || reading.digest(algorithm)).await?;
        self.known = Some(digest.clone());
        Ok(digest)
    }

    /// Returns the content of the file, which claims to be what `descriptor` says. It can be read
    /// as often as need be, and is not hashed again if that has just been done.
    pub fn content(&self, descriptor: &Descriptor) -> Content {
        let reading = self.reading.clone();
        let content = Content::new(descriptor, reading.clone().stream(0));
        let content = content.with_reopen_at(move |start| {
            let stream = reading.clone().stream(start);
            async move { Ok(stream) }
        });
        if self.known.as_ref() == Some(&descriptor.digest) { content.trusted() } else { content }
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;

    use super::*;
    use crate::ErrorKind;
    use crate::store::fixture::chain;

    #[tokio::test]
    async fn describes_and_reads_a_file_as_often_as_need_be() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("in");
        std::fs::write(&path, "hello").expect("written");
        let mut file = FileSource::open(&path).await.expect("opened");
        assert_eq!(file.size(), 5);
        let digest = file.digest(Algorithm::Sha512).await.expect("hashed");
        assert_eq!(digest, Algorithm::Sha512.digest(b"hello"));
        let content = file.content(&Descriptor::new(MediaType::OCTET_STREAM, digest, 5));
        let again = content.reopen().await.expect("there").expect("it can be reopened");
        assert_eq!(&content.read_all().await.expect("read")[..], b"hello");
        assert_eq!(&again.read_all().await.expect("read")[..], b"hello");
    }

    #[tokio::test]
    async fn content_is_held_against_a_descriptor_that_was_not_made_of_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("in");
        std::fs::write(&path, "hello").expect("written");
        let file = FileSource::open(&path).await.expect("opened");
        let other = Descriptor::of(MediaType::OCTET_STREAM, b"olleh");
        let error = file.content(&other).read_all().await.expect_err("other bytes");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }

    #[tokio::test]
    async fn a_file_that_changes_is_not_read_to_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("in");
        std::fs::write(&path, "hello").expect("written");
        let mut file = FileSource::open(&path).await.expect("opened");
        let digest = file.digest(Algorithm::Sha256).await.expect("hashed");
        std::fs::write(&path, "other, and longer").expect("written");
        let descriptor = Descriptor::new(MediaType::OCTET_STREAM, digest, 5);
        let error = file.content(&descriptor).read_all().await.expect_err("changed");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("missing");
        let error = FileSource::open(&missing).await.expect_err("nothing there");
        let missing = missing.display();
        assert_eq!(chain(&error), format!("open {missing}: no such file or directory"));
        let error = FileSource::open(directory.path()).await.expect_err("a directory");
        assert_eq!(chain(&error), format!("read {}: is a directory", directory.path().display()));
        let error = FileSource::open("/dev/null").await.expect_err("a device");
        assert_eq!(chain(&error), "/dev/null: not a regular file");
    }
}

//! One output file, written as carefully as a store writes its own.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use oras_spec::image::{Descriptor, MediaType};

use super::cache::Cache;
use super::directory::{Directory, of_file};
use super::intake::{Incoming, receive_twice};
use super::place::Place;
use super::reader::Stamp;
use super::resume;
use crate::{Content, Result};

/// A file that content is written to: complete, verified and durable, or not at all.
///
/// Its directory must be there. A file that is there is replaced when all is well and untouched
/// before; it keeps its permission bits. A link is followed. What is no file, such as
/// `/dev/null`, is written to directly.
#[derive(Clone, Debug)]
pub struct FileSink {
    path: PathBuf,
    cache: Option<Cache>,
}

impl FileSink {
    /// Names the file; nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), cache: None }
    }

    /// Puts what is written into a cache, too.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<Cache>) -> Self {
        self.cache = cache;
        self
    }

    /// Returns the path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be written,
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) if the bytes are not what the content's
    /// descriptor says.
    pub async fn write(&self, content: Content) -> Result<()> {
        let path = self.path.clone();
        let begun = begun(&path, content.descriptor());
        let content = if begun > 0 { content.starting_at(begun).await? } else { content };
        let cache = self.cache.clone();
        receive_twice(content, move |incoming| put(&path, incoming, cache.as_ref())).await
    }

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// As [`FileSink::write`].
    pub async fn write_bytes(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
        self.write(Content::from_bytes(&descriptor, bytes)).await
    }
}

/// Returns how many bytes are here from an attempt that was broken off.
fn begun(path: &Path, descriptor: &Descriptor) -> u64 {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = Directory::open(parent.unwrap_or(Path::new(".")));
    directory.map_or(0, |directory| resume::left_behind(&directory, descriptor))
}

fn put(path: &Path, incoming: &mut Incoming, cache: Option<&Cache>) -> Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return pour(path, incoming);
    }
    let place = Place::named(path)?;
    let digest = incoming.descriptor().digest.clone();
    let file = place.put(incoming, true)?;
    if let Some(cache) = cache {
        let path = place.path();
        cache.adopt(&file, &path, &Stamp::of(&file, &path)?, &digest);
    }
    Ok(())
}

/// Writes to what is no file and so cannot be replaced.
fn pour(path: &Path, incoming: &mut Incoming) -> Result<()> {
    let mut device =
        File::options().write(true).open(path).map_err(|error| of_file("open", path, error))?;
    while let Some(bytes) = incoming.next()? {
        device.write_all(&bytes).map_err(|error| of_file("write", path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::ErrorKind;
    use crate::store::fixture::{chain, claiming, names};

    fn wrong() -> Content {
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"right");
        claiming(&descriptor, b"wrong")
    }

    #[tokio::test]
    async fn replaces_a_file_only_when_all_is_well() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        let sink = FileSink::new(&path);
        let error = sink.write(wrong()).await.expect_err("wrong");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert_eq!(names(directory.path()), [""; 0]);

        sink.write_bytes("first").await.expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("chmod");
        let error = sink.write(wrong()).await.expect_err("wrong");
        assert_eq!(
            chain(&error),
            format!("failed to copy content to {}: mismatched digest", path.display())
        );
        assert_eq!(std::fs::read(&path).expect("there"), b"first");

        sink.write_bytes("second").await.expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), b"second");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["out"]);
    }

    #[tokio::test]
    async fn follows_a_link_that_the_caller_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, link) = (directory.path().join("out"), directory.path().join("link"));
        std::fs::write(&path, "old").expect("written");
        symlink("out", &link).expect("linked");
        FileSink::new(&link).write_bytes("new").await.expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), b"new");
        assert!(link.is_symlink());
        FileSink::new("/dev/null").write_bytes("gone").await.expect("written");
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("missing/out");
        for (path, why) in
            [(missing.as_path(), "no such file or directory"), (directory.path(), "is a directory")]
        {
            let error = FileSink::new(path).write_bytes("x").await.expect_err("unwritable");
            assert_eq!(chain(&error), format!("open {}: {why}", path.display()));
        }
    }
}

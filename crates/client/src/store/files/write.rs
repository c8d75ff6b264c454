//! Reads and writes single files: everything that happens on a blocking thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oras_spec::image::{Descriptor, MediaType};
use rustix::fs::OFlags;

use super::path;
use super::{Bytes, FilesOptions};
use crate::store::directory::{Directory, of_file};
use crate::store::intake::{blocking, receive};
use crate::store::place::{Place, Swept, unwritable};
use crate::store::reader::{CHUNK, Reading, Stamp, changed};
use crate::{Content, Error, ErrorKind, Result};

/// Hashes a file.
pub(super) fn hash(path: &Path, media_type: Option<MediaType>) -> Result<(Descriptor, Bytes)> {
    let metadata = path.metadata().map_err(|error| of_file("stat", &path::clean(path), error))?;
    if !metadata.is_file() {
        let message = format!("{}: not a regular file", path.display());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let reading = open_file(path)?;
    let mut hasher = oras_spec::Algorithm::Sha256.hasher();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let count = match rustix::io::pread(&reading.file, &mut buffer, size) {
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => continue,
            count => count.map_err(|error| of_file("read", path, error))?,
        };
        hasher.update(&buffer[..count]);
        size += count as u64;
        if size > reading.stamp.size() {
            return Err(changed(path));
        }
    }
    reading.check()?;
    if size != reading.stamp.size() {
        return Err(changed(path));
    }
    let media_type = media_type.unwrap_or(MediaType::IMAGE_LAYER);
    let descriptor = Descriptor::new(media_type, hasher.finish(), size);
    Ok((descriptor, Bytes::File(path.to_owned(), reading.stamp)))
}

fn open_file(path: &Path) -> Result<Reading> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
        .map_err(|error| of_file("open", &path::clean(path), error))?;
    let file = Arc::new(file.into());
    let stamp = Stamp::of(&file, path)?;
    Ok(Reading { file, path: path.to_owned(), stamp })
}

/// Opens content that was hashed when it came, so that it need not be hashed again.
pub(super) async fn open(place: Bytes, descriptor: &Descriptor) -> Result<Content> {
    let reading = reopen(place.clone()).await?;
    Ok(Content::new(descriptor, reading.stream()).trusted().with_reopen(move || {
        let place = place.clone();
        async move { Ok(reopen(place).await?.stream()) }
    }))
}

async fn reopen(place: Bytes) -> Result<Reading> {
    match place {
        Bytes::Hidden(reading) => Ok(reading),
        Bytes::File(path, stamp) => {
            blocking(move || {
                let reading = open_file(&path)?;
                if reading.stamp == stamp { Ok(reading) } else { Err(changed(&path)) }
            })
            .await
        }
    }
}

/// What writing needs to know, wherever it happens.
pub(super) struct Writer {
    pub(super) root: PathBuf,
    pub(super) options: FilesOptions,
    pub(super) swept: Arc<Swept>,
}

impl Writer {
    /// Writes content to the path that `title` is, beneath the root unless the options allow more.
    pub(super) async fn file(self, title: String, content: Content) -> Result<Bytes> {
        receive(content, move |incoming| {
            let place = self.find(&title)?;
            self.swept.once(&place.directory);
            let file = place.put(incoming, !self.options.keep_old_files)?;
            let path = place.path();
            let stamp = Stamp::of(&file, &path)?;
            Ok(Bytes::File(path, stamp))
        })
        .await
    }

    /// Finds the place of a title.
    fn find(&self, title: &str) -> Result<Place> {
        if self.options.allow_path_traversal {
            return path::anywhere(&self.root, title);
        }
        let components = path::beneath(&self.root, title)?;
        let Some((name, parents)) = components.split_last() else {
            return Err(unwritable(&format!("{} is a directory", self.root.display())));
        };
        let directory = path::descend(&Directory::create(&self.root)?, parents)?;
        Ok(Place { directory, name: (*name).to_owned() })
    }
}

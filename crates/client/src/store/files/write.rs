//! Reads and writes single files: everything that happens on a blocking thread.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use oras_spec::Algorithm;
use oras_spec::image::{Descriptor, MediaType, annotation};

use super::unpack::Unpacking;
use super::{Bytes, FilesOptions, path, tarball};
use crate::lexical::clean;
use crate::store::directory::{Directory, of_file};
use crate::store::intake::{Incoming, blocking, receive_twice};
use crate::store::place::{Place, Swept, not_copied, unwritable};
use crate::store::reader::{Reading, Stamp, changed};
use crate::store::resume;
use crate::store::tree::Tree;
use crate::{Content, Error, ErrorKind, Result, Unnamed};

/// From how many bytes on a file is worth being sent before its digest is known: 32 MiB, which takes
/// 20 ms to hash.
const LARGE: u64 = 32 * 1024 * 1024;

/// How many chunks of a stream wait to be written, at most.
const WAITING: usize = 2;

/// Hashes a file or packs a directory.
pub(super) fn take(
    path: &Path,
    prefix: &str,
    media_type: Option<MediaType>,
    options: &FilesOptions,
) -> Result<(Descriptor, Bytes)> {
    let metadata = path.metadata().map_err(|error| of_file("stat", &clean(path), error))?;
    if metadata.is_dir() {
        return pack(path, prefix, media_type, options);
    }
    if !metadata.is_file() {
        let message = format!("{}: not a regular file", path.display());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    hash(path, media_type, options)
}

/// Packs a directory.
fn pack(
    path: &Path,
    prefix: &str,
    media_type: Option<MediaType>,
    options: &FilesOptions,
) -> Result<(Descriptor, Bytes)> {
    let temporary = &options.temporary_directory;
    let (path, prefix) = (clean(path), clean(Path::new(prefix)));
    let prefix = prefix.to_str().filter(|prefix| !prefix.is_empty()).unwrap_or(".");
    let packed = tarball::pack(&path, prefix, temporary, options.entries).map_err(|error| {
        if error.kind() == ErrorKind::Io {
            return error;
        }
        let path = path.display();
        let error = error.context(format!("failed to tar {path}"));
        error.context(format!("failed to generate descriptor from {path}"))
    })?;
    let media_type = media_type.unwrap_or(MediaType::IMAGE_LAYER_GZIP);
    let mut descriptor = Descriptor::new(media_type, packed.digest, packed.reading.stamp.size());
    let annotations = &mut descriptor.annotations;
    annotations.insert(annotation::CONTENT_DIGEST.to_owned(), packed.content.to_string());
    annotations.insert(annotation::CONTENT_UNPACK.to_owned(), "true".to_owned());
    Ok((descriptor, Bytes::Hidden(packed.reading)))
}

/// Hashes a file, unless its digest is known; meanwhile it may be sent already.
fn hash(
    path: &Path,
    media_type: Option<MediaType>,
    options: &FilesOptions,
) -> Result<(Descriptor, Bytes)> {
    let reading = Reading::open(path)?;
    let media_type = media_type.unwrap_or(MediaType::IMAGE_LAYER);
    let cache = options.cache.as_ref();
    let known = cache.and_then(|cache| cache.digest_of(&reading.stamp));
    let digest = if let Some(known) = known.filter(|one| one.algorithm() == Algorithm::Sha256) {
        known
    } else {
        let ahead = options.ahead.as_ref();
        let ahead = ahead.filter(|_| reading.size() >= LARGE && !media_type.is_document());
        let early = ahead.and_then(|ahead| ahead.begin(unnamed(&reading)));
        let digest = reading.digest(Algorithm::Sha256)?;
        if let Some(early) = early {
            early.name(&digest);
        }
        if let Some(cache) = cache {
            cache.note(&reading.stamp, &digest, path);
        }
        digest
    };
    let descriptor = Descriptor::new(media_type, digest, reading.stamp.size());
    Ok((descriptor, Bytes::File(path.to_owned(), reading.stamp)))
}

/// Describes a file that is not hashed yet. The stamps of both readers are the same, so the bytes
/// are.
fn unnamed(reading: &Reading) -> Unnamed {
    let size = reading.size();
    let name = format!("{} {size}", reading.path.display());
    Unnamed { name, size: Some(size), bytes: reading.clone().stream(0) }
}

/// Keeps what a stream gives in a file without a name, and describes it.
pub(super) async fn keep(
    stream: impl Stream<Item = Result<bytes::Bytes>> + Send,
    name: &str,
    media_type: Option<MediaType>,
    temporary: PathBuf,
) -> Result<(Descriptor, Bytes)> {
    let (sender, mut chunks) = tokio::sync::mpsc::channel::<bytes::Bytes>(WAITING);
    let path = PathBuf::from(name);
    let writing = tokio::spawn(blocking(move || {
        let file = tempfile::tempfile_in(&temporary)
            .map_err(|error| of_file("make a file in", &temporary, error))?;
        let mut hasher = Algorithm::Sha256.hasher();
        while let Some(chunk) = chunks.blocking_recv() {
            hasher.update(&chunk);
            (&file)
                .write_all(&chunk)
                .map_err(|error| of_file("write to a file in", &temporary, error))?;
        }
        Ok((hasher.finish(), Reading::of(Arc::new(file), &path)?))
    }));
    let mut stream = std::pin::pin!(stream);
    while let Some(chunk) = stream.next().await {
        // A writer that is gone has an error to tell.
        if sender.send(chunk?).await.is_err() {
            break;
        }
    }
    drop(sender);
    let (digest, reading) = writing.await.expect("the file's own thread does not panic")?;
    let media_type = media_type.unwrap_or(MediaType::IMAGE_LAYER);
    let descriptor = Descriptor::new(media_type, digest, reading.stamp.size());
    Ok((descriptor, Bytes::Hidden(reading)))
}

/// Opens content that was hashed when it came, so that it need not be hashed again.
pub(super) async fn open(place: Bytes, descriptor: &Descriptor) -> Result<Content> {
    let reading = reopen(place.clone()).await?;
    Ok(Content::new(descriptor, reading.stream(0)).trusted().with_reopen_at(move |start| {
        let place = place.clone();
        async move { Ok(reopen(place).await?.stream(start)) }
    }))
}

async fn reopen(place: Bytes) -> Result<Reading> {
    match place {
        Bytes::Hidden(reading) => Ok(reading),
        Bytes::File(path, stamp) => {
            blocking(move || {
                let reading = Reading::open(&path)?;
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
        receive_twice(content, move |incoming| {
            let place = self.find(&title)?;
            self.swept.once(&place.directory);
            let path = place.path();
            let descriptor = incoming.descriptor();
            if incoming.start() == descriptor.size
                && let Some(stamp) = self.has(&place.directory, &place.name, descriptor)
            {
                return Ok(Bytes::File(path, stamp));
            }
            let digest = descriptor.digest.clone();
            let file = place.put(incoming, !self.options.keep_old_files)?;
            let stamp = Stamp::of(&file, &path)?;
            if let Some(cache) = &self.options.cache {
                cache.adopt(&file, &path, &stamp, &digest);
            }
            Ok(Bytes::File(path, stamp))
        })
        .await
    }

    /// Returns how many bytes of content are at the path that `title` is: what is left from an
    /// attempt that was broken off, or all of it in its place.
    pub(super) fn begun(&self, title: &str, descriptor: &Descriptor) -> u64 {
        let found = if self.options.allow_path_traversal {
            let path = clean(&self.root.join(title));
            let directory = path.parent().and_then(|parent| Directory::open(parent).ok());
            directory.zip(path.file_name().map(ToOwned::to_owned))
        } else {
            path::look(&self.root, title)
        };
        let Some((directory, name)) = found else { return 0 };
        match self.has(&directory, &name, descriptor) {
            Some(_) => descriptor.size,
            None => resume::left_behind(&directory, descriptor),
        }
    }

    /// Tells whether a file is what it is to become: known to be, and unchanged since.
    fn has(&self, directory: &Directory, name: &OsStr, descriptor: &Descriptor) -> Option<Stamp> {
        let cache = self.options.cache.as_ref()?;
        if self.options.keep_old_files || descriptor.size == 0 {
            return None;
        }
        let file = directory.read(name).ok()?;
        let path = directory.path_of(name);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let reading = Reading::of(file.into(), &path).ok()?;
        if reading.size() != descriptor.size {
            return None;
        }
        (cache.digest_of_file(&reading)? == descriptor.digest).then_some(reading.stamp)
    }

    /// Unpacks content, which is an archive, to the path that `title` is.
    pub(super) async fn directory(self, title: String, content: Content) -> Result<()> {
        let annotations = &content.descriptor().annotations;
        let digest = annotations.get(annotation::CONTENT_DIGEST).and_then(|text| text.parse().ok());
        receive_twice(content, move |incoming| {
            let target = self.target(&title)?;
            let unpacking = Unpacking {
                title: &title,
                digest: digest.clone(),
                limits: self.options.unpack,
                path: target.path(),
            };
            let archive = self.store(incoming, &target.path())?;
            let tree = Tree::create(target.parent())?;
            unpacking.run(&archive, &tree)?;
            match &target {
                Target::Named(place) => tree.place(&place.name),
                Target::Root(root) => tree.place_into(root),
            }
        })
        .await
    }

    /// Keeps an archive until all of it is verified, in a file without a name.
    fn store(&self, incoming: &mut Incoming, path: &Path) -> Result<File> {
        let temporary = &self.options.temporary_directory;
        let mut archive = tempfile::tempfile_in(temporary)
            .map_err(|error| of_file("make a file in", temporary, error))?;
        while let Some(bytes) = incoming.next().map_err(|error| not_copied(path, error))? {
            archive
                .write_all(&bytes)
                .map_err(|error| of_file("write to a file in", temporary, error))?;
        }
        archive.rewind().map_err(|error| of_file("read a file in", temporary, error))?;
        Ok(archive)
    }

    /// Finds where the directory of a title goes.
    fn target(&self, title: &str) -> Result<Target> {
        let is_root =
            !self.options.allow_path_traversal && path::beneath(&self.root, title)?.is_empty();
        if is_root {
            if self.options.keep_old_files && self.root.exists() {
                return Err(unwritable("overwrite disallowed"));
            }
            let root = Directory::create(&self.root)?;
            self.swept.once(&root);
            return Ok(Target::Root(root));
        }
        let place = self.find(title)?;
        self.swept.once(&place.directory);
        let found = place.directory.stat(&place.name);
        let found = found.map_err(|error| of_file("stat", &place.path(), error))?;
        if found.is_some() && self.options.keep_old_files {
            return Err(unwritable("overwrite disallowed"));
        }
        Ok(Target::Named(place))
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

/// Where a directory goes.
enum Target {
    Named(Place),
    /// Into the root, beside what is there.
    Root(Directory),
}

impl Target {
    fn path(&self) -> PathBuf {
        match self {
            Self::Named(place) => place.path(),
            Self::Root(root) => root.path().to_owned(),
        }
    }

    fn parent(&self) -> &Directory {
        match self {
            Self::Named(place) => &place.directory,
            Self::Root(root) => root,
        }
    }
}

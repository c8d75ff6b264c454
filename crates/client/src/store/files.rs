//! A working directory: files become layers, and titles become files.

mod entry_metadata;
pub(super) mod path;
mod tarball;
mod unpack;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use oras_spec::image::{Descriptor, MediaType, annotation};
use oras_spec::{Digest, Tag, TagOrDigest};

pub use entry_metadata::EntryMetadata;
pub use unpack::UnpackLimits;

use super::cache::Cache;
use super::intake::blocking;
use super::memory::Memory;
use super::place::Swept;
use super::reader::{Reading, Stamp};
use crate::content::MAX_DOCUMENT_SIZE;
use crate::lexical::clean;
use crate::{Ahead, Content, Error, ErrorKind, Result, Source, Target};
use write::Writer;

/// What a directory of files may do.
#[derive(Clone, Debug)]
pub struct FilesOptions {
    /// Lets titles lead out of the root, over `..`, absolute paths and symbolic links. Off by
    /// default: whoever made the artifact chose the titles.
    pub allow_path_traversal: bool,
    /// Refuses to write a file that is there already. Off by default.
    pub keep_old_files: bool,
    /// Where packed directories are put while they are made and unpacked, in files without a name.
    /// `/tmp` by default.
    pub temporary_directory: PathBuf,
    /// What archives of directories keep of times and permissions; all of it by default.
    pub entries: EntryMetadata,
    /// Remembers which digests files have, so that they need not be hashed or written again, and
    /// what was pulled. None by default.
    pub cache: Option<Cache>,
    /// How far archives of directories may go that are unpacked.
    pub unpack: UnpackLimits,
    /// Gets large files while they are hashed. None by default.
    pub ahead: Option<Arc<dyn Ahead>>,
}

impl Default for FilesOptions {
    fn default() -> Self {
        Self {
            allow_path_traversal: false,
            keep_old_files: false,
            temporary_directory: PathBuf::from("/tmp"),
            entries: EntryMetadata::default(),
            cache: None,
            unpack: UnpackLimits::default(),
            ahead: None,
        }
    }
}

/// A directory whose files are pushed from, and pulled to.
///
/// Files are put in with [`Files::add`] and read from where they are when they are fetched.
/// Content with a title that is pushed is written to that path beneath the root: complete,
/// verified and durable, or not at all. Content without a title, which is what [`pack`] writes, is
/// kept in memory, at most 4 MiB each.
///
/// What stands in the directory otherwise is none of the store's content: [`Source::exists`] tells
/// only of what was added or pushed.
///
/// [`pack`]: crate::pack::pack
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    options: FilesOptions,
    memory: Memory,
    swept: Arc<Swept>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<Digest, Found>,
    /// By the path they lead to, so that `x` and `./x` are one.
    titles: HashMap<PathBuf, Title>,
}

/// Where content is, and as what it was added.
#[derive(Clone, Debug)]
struct Found {
    descriptor: Descriptor,
    place: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    /// A file of the directory, as it was when it was hashed.
    File(PathBuf, Stamp),
    /// A file without a name.
    Hidden(Reading),
}

/// What a title stands for, and whether it is written.
#[derive(Clone, Debug)]
struct Title {
    digest: Digest,
    is_done: bool,
}

impl Files {
    /// Makes a store of the directory `root`, which need not be there before something is pushed.
    pub fn new(root: &Path, options: FilesOptions) -> Self {
        // Only without a working directory is there no absolute path; then the path is used as is.
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self {
            root: clean(&root),
            options,
            memory: Memory::with_limit(MAX_DOCUMENT_SIZE),
            swept: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// Puts a file or a directory in and returns its descriptor, with the title if there is one.
    /// Without a media type it is that of a layer.
    ///
    /// `path` is relative to the root. Symbolic links are followed. A file is hashed once and not
    /// copied: should it change until it is fetched, fetching fails. A directory is packed into an
    /// archive in the temporary directory; its descriptor says that it is to be unpacked, and what
    /// the digest of the tarball in it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] for a file that cannot be read, [`ErrorKind::Invalid`] for one that is
    /// neither file nor directory and for a name that is not UTF-8, [`ErrorKind::AlreadyExists`]
    /// for a title that was added already, whatever its content.
    pub async fn add(
        &self,
        path: &Path,
        title: Option<&str>,
        media_type: Option<MediaType>,
    ) -> Result<Descriptor> {
        self.check_free(title)?;
        let path = self.root.join(path);
        let options = self.options.clone();
        let prefix = title.unwrap_or("$config").to_owned();
        let (descriptor, place) =
            blocking(move || write::take(&path, &prefix, media_type, &options)).await?;
        self.keep(descriptor, place, title)
    }

    /// Puts in what a stream gives until its end, and returns its descriptor, as
    /// [`add`](Self::add) does for a file. How long the stream is need not be known: it is kept
    /// meanwhile in a file without a name in the temporary directory.
    ///
    /// # Errors
    ///
    /// What the stream says, [`ErrorKind::Io`] if it cannot be kept, and
    /// [`ErrorKind::AlreadyExists`] for a title that was added already.
    pub async fn add_stream(
        &self,
        stream: impl Stream<Item = Result<bytes::Bytes>> + Send,
        title: &str,
        media_type: Option<MediaType>,
    ) -> Result<Descriptor> {
        self.check_free(Some(title))?;
        let temporary = self.options.temporary_directory.clone();
        let (descriptor, place) = write::keep(stream, title, media_type, temporary).await?;
        self.keep(descriptor, place, Some(title))
    }

    fn check_free(&self, title: Option<&str>) -> Result<()> {
        match title {
            Some(title) if self.state().titles.contains_key(&self.place_of(title)) => {
                Err(duplicate(title))
            }
            _ => Ok(()),
        }
    }

    /// Notes what was added.
    fn keep(
        &self,
        mut descriptor: Descriptor,
        place: Bytes,
        title: Option<&str>,
    ) -> Result<Descriptor> {
        if let Some(title) = title {
            descriptor.annotations.insert(annotation::TITLE.to_owned(), title.to_owned());
            self.claim(title, &descriptor.digest)?.keep();
        }
        let found = Found { descriptor: descriptor.clone(), place };
        self.state().files.insert(descriptor.digest.clone(), found);
        Ok(descriptor)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where a title leads, as text: the same for all titles of one file.
    fn place_of(&self, title: &str) -> PathBuf {
        clean(&self.root.join(title))
    }

    /// Takes a title for a digest. It is free again when the claim is dropped, unless it is kept.
    fn claim(&self, title: &str, digest: &Digest) -> Result<Claim<'_>> {
        let path = self.place_of(title);
        let mut state = self.state();
        let is_new = match state.titles.get(&path) {
            None => true,
            Some(taken) if taken.digest == *digest => false,
            Some(_) => return Err(duplicate(title)),
        };
        if is_new {
            let claimed = Title { digest: digest.clone(), is_done: false };
            state.titles.insert(path.clone(), claimed);
        }
        Ok(Claim { files: self, path, is_new })
    }

    /// Tells whether content is here under that very title.
    fn has_title(&self, title: &str, digest: &Digest) -> bool {
        let path = self.place_of(title);
        self.state().titles.get(&path).is_some_and(|found| found.is_done && found.digest == *digest)
    }

    fn writer(&self) -> Writer {
        Writer {
            root: self.root.clone(),
            options: self.options.clone(),
            swept: Arc::clone(&self.swept),
        }
    }

    async fn push_titled(&self, title: &str, content: Content) -> Result<()> {
        let descriptor = content.descriptor().clone();
        if self.has_title(title, &descriptor.digest) {
            return Ok(());
        }
        let claim = self.claim(title, &descriptor.digest)?;
        let writer = self.writer();
        if is_unpacked(&descriptor) {
            writer.directory(title.to_owned(), content).await?;
        } else {
            let place = writer.file(title.to_owned(), content).await?;
            let digest = descriptor.digest.clone();
            self.state().files.entry(digest).or_insert(Found { descriptor, place });
        }
        claim.keep();
        Ok(())
    }
}

fn duplicate(title: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("{title}: duplicate name"))
}

/// A title that is being written.
struct Claim<'a> {
    files: &'a Files,
    path: PathBuf,
    is_new: bool,
}

impl Claim<'_> {
    fn keep(mut self) {
        self.is_new = false;
        if let Some(title) = self.files.state().titles.get_mut(&self.path) {
            title.is_done = true;
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.is_new {
            self.files.state().titles.remove(&self.path);
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

/// Tells whether content is an archive that becomes a directory.
fn is_unpacked(descriptor: &Descriptor) -> bool {
    descriptor.annotations.get(annotation::CONTENT_UNPACK).is_some_and(|value| value == "true")
}

#[async_trait]
impl Source for Files {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let found = reference
            .digest()
            .and_then(|digest| Some(self.state().files.get(digest)?.descriptor.clone()));
        match found {
            Some(descriptor) => Ok(descriptor),
            None => self.memory.resolve(reference).await,
        }
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        let found = self.state().files.get(&descriptor.digest).map(|found| found.place.clone());
        match found {
            Some(place) => write::open(place, descriptor).await,
            None => self.memory.fetch(descriptor).await,
        }
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        if let Some(title) = descriptor.title() {
            return Ok(self.has_title(title, &descriptor.digest));
        }
        let is_file = self.state().files.contains_key(&descriptor.digest);
        Ok(is_file || self.memory.exists(descriptor).await?)
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        self.memory.predecessors(descriptor).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        self.memory.tags(last)
    }

    async fn referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        self.memory.referrers(subject, artifact_type).await
    }
}

#[async_trait]
impl Target for Files {
    async fn begun(&self, descriptor: &Descriptor) -> Result<u64> {
        let Some(title) = descriptor.title().filter(|_| !is_unpacked(descriptor)) else {
            return Ok(0);
        };
        let (writer, title, descriptor) = (self.writer(), title.to_owned(), descriptor.clone());
        blocking(move || Ok(writer.begun(&title, &descriptor))).await
    }

    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        match descriptor.title() {
            Some(title) => self.push_titled(title, content).await,
            None => self.memory.push(descriptor, content).await,
        }
    }

    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
        self.memory.tag(descriptor, tag).await
    }

    fn names_by_title(&self) -> bool {
        true
    }

    async fn restore(&self, descriptor: &Descriptor) -> Result<bool> {
        let Some(title) = descriptor.title() else { return Ok(true) };
        let Ok(content) = self.fetch(descriptor).await else { return Ok(false) };
        self.push_titled(title, content).await?;
        Ok(true)
    }

    async fn untag(&self, tag: &Tag) -> Result<()> {
        self.memory.untag(tag).await
    }
}

#[cfg(test)]
mod tests;

//! What a registry keeps, and the one trait of whatever keeps it.
//!
//! Below is [`Store`]: records, large objects, and objects in the making. On top of it are the
//! registry's own things, one file each: blobs, manifests, tags, referrers, uploads, names. Nothing
//! here has heard of a status code.
//!
//! There is no shared index: a tag, a referrer and a blob's membership of a repository are one
//! record each, so that writers of different things never meet.

pub(crate) mod blobs;
pub(crate) mod check;
pub(crate) mod condemned;
pub(crate) mod directory;
pub(crate) mod garbage;
pub(crate) mod keys;
pub(crate) mod manifests;
pub(crate) mod memory;
pub(crate) mod names;
mod pages;
pub(crate) mod referrers;
pub(crate) mod tags;
pub(crate) mod uploads;
mod verified;

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Digest, Hasher};

pub(crate) use keys::{Collection, Key};

use crate::limits::Limits;

/// What every fallible function of a store returns.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Pieces of one object, in order; an error or an early end means the object cannot be had whole.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Part of an object, and what the whole of it is known by.
pub(crate) struct OpenObject {
    pub(crate) pieces: Pieces,
    pub(crate) identity: Identity,
}

/// Whether the bytes of an object may have changed since somebody last looked at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// They never change.
    Fixed,
    /// They are in a file.
    File {
        /// The same as long as nobody has written to the file.
        stamp: u64,
        /// They need not be read from a disk, which may return others than it was given.
        is_in_memory: bool,
    },
}

/// Keeps records, objects, and objects in the making, each under its [`Key`].
///
/// A write that returned is durable, unless it asked not to be: it survives the death of the
/// process and of the machine. A reader sees the old value or the new one, never a mixture.
#[async_trait::async_trait]
pub(crate) trait Store: Debug + Send + Sync {
    /// Reads a record whole; nothing if there is none.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>>;

    /// Returns the size of a record or an object, in bytes; nothing if there is none.
    async fn size(&self, key: &Key) -> Result<Option<u64>>;

    /// Opens an object of exactly `size` bytes and returns `length` of them from `offset` on.
    /// An object of another size is torn, and as good as none.
    async fn open(
        &self,
        key: &Key,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenObject>>;

    /// Writes a record if `condition` holds, and tells whether it did. Checking and writing are
    /// one step.
    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<bool>;

    /// Removes a record or an object if it is there, and equal to `expected` if that is given;
    /// tells whether it did. Comparing and removing are one step.
    async fn delete(
        &self,
        key: &Key,
        expected: Option<Bytes>,
        durability: Durability,
    ) -> Result<bool>;

    /// Returns the names in a collection behind `after`, in the order of their bytes, at most
    /// `limit` of them.
    async fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>>;

    /// Opens an object in the making to add bytes behind the first `offset`; what was behind them
    /// is dropped. Makes it if `offset` is 0. Only one may be adding at a time.
    async fn stage(&self, id: &UploadId, offset: u64) -> Result<Box<dyn Stage>>;

    /// Returns how many bytes an object in the making has; nothing if there is none.
    async fn staged_size(&self, id: &UploadId) -> Result<Option<u64>>;

    /// Reads `length` bytes of an object in the making from `offset` on, which were added before;
    /// nothing if it is not there, or not any more.
    async fn read_staged(&self, id: &UploadId, offset: u64, length: u64) -> Result<Option<Bytes>>;

    /// Reads an object in the making from its beginning and hashes it.
    async fn staged_digest(&self, id: &UploadId, algorithm: Algorithm) -> Result<Option<Digest>>;

    /// Makes a staged object durable and gives it its key, in place of what had it before.
    async fn commit(&self, id: &UploadId, key: &Key) -> Result<()>;

    /// Fails if nothing can be read or written at present.
    async fn health(&self) -> Result<()> {
        Ok(())
    }

    /// Removes an object in the making, if it is there.
    async fn discard(&self, id: &UploadId) -> Result<()>;
}

/// Adds bytes to an object in the making.
#[async_trait::async_trait]
pub(crate) trait Stage: Send {
    /// Adds `pieces` at the end and feeds them to `hasher`, on a thread where both may take time.
    ///
    /// After an error nothing is known about how many of the bytes were added.
    async fn append(
        &mut self,
        pieces: Vec<Bytes>,
        hasher: Option<Hasher>,
    ) -> Result<Option<Hasher>>;

    /// Makes everything added so far durable.
    async fn sync(&mut self) -> Result<()>;
}

/// When a record may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Whatever is there.
    Any,
    /// Only if nothing is there.
    Absent,
}

/// What a write is to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The death of the machine.
    Durable,
    /// The death of the process. For records that are hints, or that are made durable later.
    Hint,
}

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is no room for more.
    #[error("the storage is full")]
    Full(#[source] Arc<io::Error>),
    /// Reading or writing failed.
    #[error("the storage failed")]
    Io(#[source] Arc<io::Error>),
    /// A write could not be made durable earlier, so nothing more is written.
    #[error("the storage is read-only since a write could not be made durable")]
    ReadOnly,
    /// An object in the making is not there, or shorter than it was.
    #[error("the upload's bytes are gone")]
    StageLost,
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error.into()),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(error.into()),
        }
    }
}

/// Everything a registry keeps. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) names: Arc<names::Names>,
    pub(crate) uploads: Arc<uploads::Uploads>,
    pub(crate) condemned: Arc<condemned::Condemned>,
    verified: Arc<verified::Verified>,
}

impl Storage {
    pub(crate) fn new(store: Arc<dyn Store>, limits: &Limits) -> Self {
        Self {
            names: Arc::new(names::Names::default()),
            uploads: Arc::new(uploads::Uploads::new(limits)),
            condemned: Arc::default(),
            verified: Arc::default(),
            store,
        }
    }

    /// Fails if nothing can be read or written at present.
    pub(crate) async fn health(&self) -> Result<()> {
        self.store.health().await
    }

    /// Returns how many uploads are open, as far as this process has heard of them.
    pub(crate) fn open_uploads(&self) -> usize {
        self.uploads.count()
    }
}

impl Storage {
    /// Goes through a collection, `size` names at a time.
    pub(crate) fn pages(&self, collection: Collection, size: usize) -> pages::Pages<'_> {
        pages::Pages::new(&*self.store, collection, size)
    }
}

/// Seconds since 1970, for the times in records. Once this process has asked for the time, a clock
/// that is set forward or back changes nothing: no record becomes old at once.
pub(crate) fn now() -> u64 {
    static START: OnceLock<(Instant, u64)> = OnceLock::new();
    let (start, time) = START.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        (Instant::now(), since.map_or(0, |duration| duration.as_secs()))
    });
    time + start.elapsed().as_secs()
}

/// Hashes `bytes`, on another thread if that takes longer than going there.
pub(crate) async fn digest_of(algorithm: Algorithm, bytes: &Bytes) -> Digest {
    if bytes.len() > SMALL {
        let bytes = bytes.clone();
        let hashed = tokio::task::spawn_blocking(move || algorithm.digest(&bytes)).await;
        if let Ok(digest) = hashed {
            return digest;
        }
    }
    algorithm.digest(bytes)
}

/// Up to how many bytes are hashed and kept in memory without ado.
const SMALL: usize = 64 << 10;

/// A name nobody can guess: 128 random bits in hexadecimal.
pub(crate) fn random_name() -> io::Result<String> {
    use std::fmt::Write as _;

    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut text = String::with_capacity(32);
    for byte in bytes {
        write!(text, "{byte:02x}").map_err(io::Error::other)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests;

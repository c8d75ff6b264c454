//! A store in a local directory that loses nothing it acknowledged, even to a power cut.
//!
//! A record is written to a temporary file, synced, renamed to its final name, and the directory
//! is synced. Objects in the making grow in `staging/`, under the same rules when committed. All
//! of it happens off the async threads.

mod disk;
mod file_name;
mod group;
mod pieces;
mod records;
mod root;
mod sorted;
mod stage;

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Digest};

use self::disk::{Disk, absent_as_none, file_size};
use self::pieces::FilePieces;
use self::stage::FileStage;
use super::{
    Collection, Condition, Durability, Identity, Key, OpenObject, Pieces, Result, Stage, Store,
    StoreError,
};
use crate::config::BuildError;

/// A store in a directory of which this process is the only writer.
#[derive(Debug)]
pub(crate) struct Directory(Arc<Disk>);

impl Directory {
    /// Opens the store in `root`, making it if need be, and removes uploads older than
    /// `upload_lifetime`. Blocks, shortly.
    pub(crate) fn open(root: &Path, upload_lifetime: Duration) -> Result<Self, BuildError> {
        Ok(Self(Arc::new(root::open(root, upload_lifetime)?)))
    }

    /// Leaves it to the system when what is written reaches stable storage.
    pub(crate) fn without_syncs(mut self) -> Self {
        let disk = Arc::get_mut(&mut self.0).expect("nobody else has it yet");
        disk.leave_syncs_to_the_system();
        self
    }

    /// Opens the store in `root` to read it, whoever else has it. Blocks, shortly.
    pub(crate) fn open_read_only(root: &Path) -> Result<Self, BuildError> {
        Ok(Self(Arc::new(root::open_read_only(root)?)))
    }

    /// Reads a hint while nobody waits for anything else; blocks. One that cannot be read is none.
    pub(crate) fn read_hint(&self, key: &Key) -> Bytes {
        self.0.get(key).ok().flatten().unwrap_or_default()
    }

    async fn with_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Disk>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let disk = Arc::clone(&self.0);
        blocking(move || work(&disk)).await
    }
}

/// Returns a number that is another one once the file is another one, or was written to.
fn stamp(metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    (metadata.len(), metadata.modified().ok()).hash(&mut hasher);
    #[cfg(unix)]
    std::os::unix::fs::MetadataExt::ino(metadata).hash(&mut hasher);
    hasher.finish()
}

/// Runs `work` on a thread that may block. It is finished even if nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::from(std::io::Error::other(error)))?
}

#[async_trait::async_trait]
impl Store for Directory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        if let Some(value) = self.0.recall(key) {
            return Ok(Some(value));
        }
        let key = key.clone();
        self.with_disk(move |disk| disk.get(&key)).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>> {
        let key = key.clone();
        self.with_disk(move |disk| disk.size(&key)).await
    }

    async fn open(
        &self,
        key: &Key,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenObject>> {
        // Not on another thread: to open what is in use takes less time than going there.
        let Some(mut file) = self.0.open(key)? else { return Ok(None) };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() != size {
            return Ok(None);
        }
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))?;
        }
        // Only who reads all of it wants to know.
        let is_in_memory = length == size && pieces::seems_in_memory(&file, size);
        let identity = Identity::File { stamp: stamp(&metadata), is_in_memory };
        let pieces: Pieces = Box::pin(FilePieces::new(file, offset, length));
        Ok(Some(OpenObject { pieces, identity }))
    }

    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<bool> {
        let key = key.clone();
        self.with_disk(move |disk| disk.put(&key, &value, &condition, durability)).await
    }

    async fn delete(
        &self,
        key: &Key,
        expected: Option<Bytes>,
        durability: Durability,
    ) -> Result<bool> {
        let key = key.clone();
        self.with_disk(move |disk| disk.delete(&key, expected.as_deref(), durability)).await
    }

    async fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let (collection, after) = (collection.clone(), after.map(str::to_owned));
        self.with_disk(move |disk| disk.list(&collection, after.as_deref(), limit)).await
    }

    async fn stage(&self, id: &UploadId, offset: u64) -> Result<Box<dyn Stage>> {
        let id = id.clone();
        self.with_disk(move |disk| {
            let stage = FileStage::open(disk, &disk.staged(&id), offset)?;
            Ok(Box::new(stage) as Box<dyn Stage>)
        })
        .await
    }

    async fn staged_size(&self, id: &UploadId) -> Result<Option<u64>> {
        let id = id.clone();
        self.with_disk(move |disk| Ok(file_size(&disk.staged(&id))?)).await
    }

    async fn read_staged(&self, id: &UploadId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        let id = id.clone();
        self.with_disk(move |disk| {
            let opened = absent_as_none(std::fs::File::open(disk.staged(&id)))?;
            let Some(mut file) = opened else { return Ok(None) };
            file.seek(SeekFrom::Start(offset))?;
            Ok(Some(Bytes::from(disk::read_piece(&mut file, length)?)))
        })
        .await
    }

    async fn staged_digest(&self, id: &UploadId, algorithm: Algorithm) -> Result<Option<Digest>> {
        let id = id.clone();
        self.with_disk(move |disk| stage::digest(&disk.staged(&id), algorithm)).await
    }

    async fn commit(&self, id: &UploadId, key: &Key) -> Result<()> {
        let (id, key) = (id.clone(), key.clone());
        self.with_disk(move |disk| disk.commit(&disk.staged(&id), &key)).await
    }

    async fn health(&self) -> Result<()> {
        self.with_disk(move |disk| {
            disk.check()?;
            // As good as gone if a file system was taken away from under it.
            std::fs::metadata(disk.path(&super::keys::marker()))?;
            Ok(())
        })
        .await
    }

    async fn discard(&self, id: &UploadId) -> Result<()> {
        let id = id.clone();
        self.with_disk(move |disk| {
            absent_as_none(std::fs::remove_file(disk.staged(&id)))?;
            Ok(())
        })
        .await
    }
}

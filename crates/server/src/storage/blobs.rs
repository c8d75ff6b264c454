//! Blobs: their bytes are kept once, and every repository that has them says so in a link.
//!
//! A blob is readable through a repository only while the repository's own link is there, whoever
//! else has the same bytes.

use bytes::Bytes;
use futures_util::future::try_join;
use oras_spec::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use super::{Condition, Durability, Pieces, Result, Storage, keys};

/// What a repository knows about a blob it has.
#[derive(Debug, Serialize, Deserialize)]
struct Link {
    /// Bytes of the blob. A file of another size is not the blob.
    size: u64,
}

impl Storage {
    /// Returns the size of a blob, in bytes, if the repository has it and its bytes are whole. Who
    /// is told so may rely on it for a while.
    pub(crate) async fn blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>> {
        let (link, blob) = (keys::link(repository, digest), keys::blob(digest));
        self.condemned.rely_on(&link).await;
        let (link, found) = try_join(self.store.get(&link), self.store.size(&blob)).await?;
        Ok(link.and_then(|link| linked_size(&link)).filter(|&size| found == Some(size)))
    }

    /// Returns the size of a blob as its link has it, without looking at its bytes.
    pub(crate) async fn linked_blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>> {
        let link = self.store.get(&keys::link(repository, digest)).await?;
        Ok(link.and_then(|link| linked_size(&link)))
    }

    /// Opens `length` bytes from `offset` on of a blob of `size` bytes.
    pub(crate) async fn open_blob(
        &self,
        digest: &Digest,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<Pieces>> {
        self.store.open(&keys::blob(digest), size, offset, length).await
    }

    /// Gives the repository a blob whose bytes are there.
    pub(crate) async fn link_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        size: u64,
    ) -> Result<()> {
        let _work = self.condemned.begin();
        self.condemned.rely_on(&keys::blob(digest)).await;
        self.condemned.rely_on(&keys::link(repository, digest)).await;
        self.create_repository(repository).await?;
        let holder = Bytes::copy_from_slice(repository.as_str().as_bytes());
        self.store.put(&keys::holder(digest), holder, Condition::Any, Durability::Hint).await?;
        let link = Bytes::from(oras_spec::json::to_vec(&Link { size }));
        let key = keys::link(repository, digest);
        self.store.put(&key, link, Condition::Any, Durability::Durable).await?;
        Ok(())
    }

    /// Takes a blob from the repository; tells whether it had it. The bytes stay for others.
    pub(crate) async fn unlink_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        self.store.delete(&keys::link(repository, digest), None, Durability::Durable).await
    }

    /// Gives the repository a blob that `from` has, or without `from` the repository that was the
    /// last to be given it; tells whether it could.
    pub(crate) async fn mount_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool> {
        let _work = self.condemned.begin();
        self.condemned.rely_on(&keys::blob(digest)).await;
        let size = match from {
            Some(from) => self.blob_size(from, digest).await?,
            None => self.held_blob_size(digest).await?,
        };
        let Some(size) = size else { return Ok(false) };
        self.link_blob(repository, digest, size).await?;
        Ok(true)
    }

    /// Returns the size of a blob, in bytes, if the repository that was the last to be given it
    /// still has it.
    pub(crate) async fn held_blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        let holder = self.store.get(&keys::holder(digest)).await?;
        let holder = holder.and_then(|name| std::str::from_utf8(&name).ok()?.parse().ok());
        match holder {
            Some(holder) => self.blob_size(&holder, digest).await,
            None => Ok(None),
        }
    }
}

/// A link that cannot be read is torn, and as good as none.
fn linked_size(link: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Link>(link).ok().map(|link| link.size)
}

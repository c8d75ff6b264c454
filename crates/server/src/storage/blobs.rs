//! Blobs: their bytes are kept once, and every repository that has them says so in a link.
//!
//! A blob is readable through a repository only while the repository's own link is there, whoever
//! else has the same bytes.

use bytes::Bytes;
use futures_util::future::try_join;
use oras_spec::{Algorithm, Digest, RepositoryName};
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

    /// Returns how many bytes all blobs of a repository have together. Reads every link.
    pub(crate) async fn linked_bytes(&self, repository: &RepositoryName) -> Result<u64> {
        let mut bytes = 0_u64;
        for algorithm in Algorithm::ALL {
            let links = keys::links(repository, algorithm);
            let mut after = None;
            loop {
                let names = self.store.list(&links, after.as_deref(), 1000).await?;
                let digests = names.iter().map(|name| format!("{algorithm}:{name}").parse());
                for digest in digests.filter_map(Result::ok) {
                    let size = self.linked_blob_size(repository, &digest).await?;
                    bytes = bytes.saturating_add(size.unwrap_or_default());
                }
                after = names.into_iter().next_back();
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(bytes)
    }

    /// Opens `length` bytes from `offset` on of a blob of `size` bytes. All of it, if it is rotten,
    /// is nothing or ends in an error before its end.
    pub(crate) async fn open_blob(
        &self,
        digest: &Digest,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<Pieces>> {
        let opened = self.store.open(&keys::blob(digest), size, offset, length).await?;
        match opened {
            Some(opened) if length == size && size > 0 => {
                self.check_while_sent(opened, digest, size).await
            }
            opened => Ok(opened.map(|opened| opened.pieces)),
        }
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
    /// last to be given it; tells whether it could. Takes nothing from a repository that is not
    /// `allowed`.
    pub(crate) async fn mount_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
        allowed: impl Fn(&RepositoryName) -> bool,
    ) -> Result<bool> {
        let _work = self.condemned.begin();
        self.condemned.rely_on(&keys::blob(digest)).await;
        let holder = match from {
            Some(from) => Some(from.clone()),
            None => self.holder(digest).await?,
        };
        let size = match holder.filter(|holder| allowed(holder)) {
            Some(holder) => self.blob_size(&holder, digest).await?,
            None => None,
        };
        let Some(size) = size else { return Ok(false) };
        self.link_blob(repository, digest, size).await?;
        Ok(true)
    }

    /// Returns the size of a blob, in bytes, if the repository that was the last to be given it
    /// still has it.
    pub(crate) async fn held_blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.holder(digest).await? {
            Some(holder) => self.blob_size(&holder, digest).await,
            None => Ok(None),
        }
    }

    /// Returns the repository that was the last to be given a blob; it may have lost it.
    async fn holder(&self, digest: &Digest) -> Result<Option<RepositoryName>> {
        let holder = self.store.get(&keys::holder(digest)).await?;
        Ok(holder.and_then(|name| std::str::from_utf8(&name).ok()?.parse().ok()))
    }
}

/// A link that cannot be read is torn, and as good as none.
fn linked_size(link: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Link>(link).ok().map(|link| link.size)
}

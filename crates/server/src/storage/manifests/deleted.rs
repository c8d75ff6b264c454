//! Deleted manifests: kept aside until their grace is over, so that a mistake can be undone.
//!
//! While they are, the blobs they refer to stay too. Nothing of it can be seen by clients.

use bytes::{BufMut as _, Bytes, BytesMut};
use oras_spec::image::Document;
use oras_spec::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::whole;
use crate::storage::{Condition, Durability, Result, Storage, StoreError, keys};

/// A deleted manifest, and the tags that pointed at it.
#[derive(Clone, Debug)]
pub(crate) struct DeletedManifest {
    pub(crate) document: Document,
    pub(crate) tags: Vec<Tag>,
}

/// The line in front of the record that the manifest had.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Header {
    tags: Vec<String>,
}

impl Storage {
    /// Keeps the record of a manifest that is about to be deleted, if there is room for it. Not
    /// synced: that it can be restored was promised to nobody.
    pub(super) async fn keep_deleted(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tags: &[Tag],
        record: &Bytes,
    ) -> Result<()> {
        let header = oras_spec::json::to_vec(&Header {
            tags: tags.iter().map(ToString::to_string).collect(),
        });
        let mut kept = BytesMut::with_capacity(header.len() + 1 + record.len());
        kept.put_slice(&header);
        kept.put_u8(b'\n');
        kept.put_slice(record);
        let key = keys::deleted_manifest(repository, digest);
        let kept = self.store.put(&key, kept.freeze(), Condition::Any, Durability::Hint).await;
        match kept {
            // What is deleted to make room must not need some.
            Ok(_) | Err(StoreError::Full(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads a deleted manifest that can still be restored.
    pub(crate) async fn deleted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<DeletedManifest>> {
        let kept = self.store.get(&keys::deleted_manifest(repository, digest)).await?;
        let split = |kept: Bytes| {
            let end = kept.iter().position(|&byte| byte == b'\n')?;
            let header: Header = serde_json::from_slice(&kept[..end]).ok()?;
            let tags = header.tags.iter().filter_map(|tag| tag.parse().ok()).collect();
            Some((tags, kept.slice(end + 1..)))
        };
        let Some((tags, record)) = kept.and_then(split) else { return Ok(None) };
        let Some(manifest) = whole(Some(record), digest).await? else { return Ok(None) };
        Ok(Some(DeletedManifest { document: manifest.document()?, tags }))
    }

    /// Puts a deleted manifest back, and those of its tags that are not in use again; tells whether
    /// it could still be.
    pub(crate) async fn restore(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        let _work = self.condemned.begin();
        let key = keys::deleted_manifest(repository, digest);
        self.condemned.rely_on(&key).await;
        let Some(deleted) = self.deleted_manifest(repository, digest).await? else {
            return Ok(false);
        };
        let mut tags = Vec::new();
        for tag in deleted.tags {
            if self.tagged(repository, &tag).await?.is_none() {
                tags.push(tag);
            }
        }
        self.put_manifest(repository, &deleted.document, digest, &tags, Vec::new()).await?;
        self.store.delete(&key, None, Durability::Durable).await?;
        Ok(true)
    }
}

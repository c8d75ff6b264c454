//! Tags: one record each, replaced as a whole, so that a reader sees the old manifest or the new.

use bytes::Bytes;
use oras_spec::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::names::PRESENT;
use super::{Condition, Durability, Result, Storage, keys, now, random_name};

/// What a tag points at.
#[derive(Debug, Serialize, Deserialize)]
struct TagRecord {
    digest: Digest,
    /// When it was set, in seconds since 1970.
    at: u64,
    /// Random, so that no two settings of a tag are alike.
    nonce: String,
}

impl Storage {
    /// Returns the digest of the manifest a tag points at. The manifest may be gone.
    pub(crate) async fn tagged(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<Digest>> {
        let record = self.store.get(&keys::tag(repository, tag)).await?;
        Ok(record.and_then(|record| target(&record)))
    }

    /// Points a tag at a manifest that is there.
    pub(crate) async fn set_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<()> {
        self.write_tag(repository, tag, digest, Condition::Any).await.map(drop)
    }

    /// Points a tag at a manifest if it is not there yet, in one step; tells whether it points at
    /// that manifest now.
    pub(crate) async fn set_tag_once(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool> {
        if self.write_tag(repository, tag, digest, Condition::Absent).await? {
            return Ok(true);
        }
        Ok(self.tagged(repository, tag).await?.as_ref() == Some(digest))
    }

    async fn write_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
        condition: Condition,
    ) -> Result<bool> {
        let _work = self.condemned.begin();
        self.condemned.rely_on(&keys::manifest(repository, digest)).await;
        let pointer = keys::pointer(repository, digest, tag);
        self.store.put(&pointer, PRESENT, Condition::Any, Durability::Hint).await?;
        let record = TagRecord { digest: digest.clone(), at: now(), nonce: random_name()? };
        let record = Bytes::from(oras_spec::json::to_vec(&record));
        let key = keys::tag(repository, tag);
        self.store.put(&key, record, condition, Durability::Durable).await
    }

    /// Removes a tag; tells whether it was there. Its manifest stays.
    pub(crate) async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<bool> {
        self.store.delete(&keys::tag(repository, tag), None, Durability::Durable).await
    }

    /// Removes a tag if it points at this manifest, and not if it is set anew meanwhile; tells
    /// whether it did.
    pub(crate) async fn untag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool> {
        let key = keys::tag(repository, tag);
        match self.store.get(&key).await? {
            Some(record) if target(&record).as_ref() == Some(digest) => {
                self.store.delete(&key, Some(record), Durability::Durable).await
            }
            _ => Ok(false),
        }
    }

    /// Returns a tag that points at a manifest and is `wanted`, if there is one.
    pub(crate) async fn find_tag_at(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        wanted: impl Fn(&Tag) -> bool,
    ) -> Result<Option<Tag>> {
        let pointers = keys::pointers(repository, digest);
        let mut after = None;
        loop {
            let names = self.store.list(&pointers, after.as_deref(), 1000).await?;
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                if wanted(&tag) && self.tagged(repository, &tag).await?.as_ref() == Some(digest) {
                    return Ok(Some(tag));
                }
            }
            after = names.into_iter().next_back();
            if after.is_none() {
                return Ok(None);
            }
        }
    }

    /// Returns a tag's record as it is, and when it was set, in seconds since 1970.
    pub(crate) async fn tag_record(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<(Bytes, u64)>> {
        let record = self.store.get(&keys::tag(repository, tag)).await?;
        Ok(record.map(|record| {
            let at = serde_json::from_slice::<TagRecord>(&record).map_or(0, |record| record.at);
            (record, at)
        }))
    }

    /// Removes every tag that points at a manifest; returns them, as far as they are few.
    pub(crate) async fn untag_all(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Tag>> {
        const FEW: usize = 1000;
        let pointers = keys::pointers(repository, digest);
        let mut removed = Vec::new();
        let mut after = None;
        loop {
            let names = self.store.list(&pointers, after.as_deref(), 1000).await?;
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                if self.untag(repository, &tag, digest).await? && removed.len() < FEW {
                    removed.push(tag.clone());
                }
                let pointer = keys::pointer(repository, digest, &tag);
                self.store.delete(&pointer, None, Durability::Hint).await?;
            }
            after = names.into_iter().next_back();
            if after.is_none() {
                return Ok(removed);
            }
        }
    }

    /// Returns at most `limit` tags behind `after`, in the order of their bytes.
    pub(crate) async fn tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.store.list(&keys::tags(repository), after, limit).await
    }
}

/// A record that cannot be read is torn, and as good as none.
fn target(record: &[u8]) -> Option<Digest> {
    serde_json::from_slice::<TagRecord>(record).ok().map(|record| record.digest)
}

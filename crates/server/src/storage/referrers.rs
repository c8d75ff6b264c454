//! Referrers: one record for each manifest that has a subject, so that writers never meet.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::image::{Descriptor, Document};
use oras_spec::{Digest, RepositoryName};

use super::{Condition, Durability, Result, Storage, keys};

/// How many records are read at once.
const READ_AHEAD: usize = 16;

impl Storage {
    /// Notes that a manifest is about `subject`. The manifest need not be there yet.
    pub(crate) async fn put_referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        referrer: &Descriptor,
    ) -> Result<()> {
        let record = Bytes::from(oras_spec::json::to_vec(referrer));
        let key = keys::referrer(repository, subject, &referrer.digest);
        self.store.put(&key, record, Condition::Any, Durability::Durable).await?;
        Ok(())
    }

    /// Forgets that a manifest was about `subject`.
    pub(crate) async fn delete_referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        digest: &Digest,
    ) -> Result<()> {
        let key = keys::referrer(repository, subject, digest);
        self.store.delete(&key, None, Durability::Durable).await?;
        Ok(())
    }

    /// Returns the names of at most `limit` referrers of `subject` behind `after`, in their order.
    pub(crate) async fn referrer_names(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.store.list(&keys::referrers(repository, subject), after, limit).await
    }

    /// Returns the descriptors of the named referrers, in the same order; nothing for those whose
    /// manifest is not there, or not yet.
    pub(crate) async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        names: &[String],
    ) -> Result<Vec<Option<Descriptor>>> {
        let reads = names.iter().map(|name| self.referrer(repository, subject, name));
        stream::iter(reads.collect::<Vec<_>>()).buffered(READ_AHEAD).try_collect().await
    }

    async fn referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        name: &str,
    ) -> Result<Option<Descriptor>> {
        let Some(digest) = keys::parse_digest_name(name) else { return Ok(None) };
        if self.store.size(&keys::manifest(repository, &digest)).await?.is_none() {
            return Ok(None);
        }
        let record = self.store.get(&keys::referrer(repository, subject, &digest)).await?;
        Ok(record.and_then(|record| serde_json::from_slice(&record).ok()))
    }
}

/// Describes a document as the list of
/// [referrers](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)
/// does: with its artifact type and its annotations.
pub(super) fn describe(document: &Document, digest: &Digest) -> Descriptor {
    let size = document.bytes().len() as u64;
    let mut descriptor = Descriptor::new(document.media_type().clone(), digest.clone(), size);
    descriptor.artifact_type = document.artifact_type().clone();
    descriptor.annotations.clone_from(document.annotations());
    descriptor
}

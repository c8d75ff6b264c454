//! Manifests: each kept whole in one record of its repository, its exact bytes behind one line.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::image::{Descriptor, Document, MediaType};
use oras_spec::{Digest, RepositoryName, Tag, TagOrDigest};
use serde::{Deserialize, Serialize};

use super::{Condition, Durability, Result, Storage, StoreError, digest_of, keys, now, referrers};

mod deleted;

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
pub(crate) struct StoredManifest {
    pub(crate) media_type: MediaType,
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
}

/// The line in front of the bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    media_type: MediaType,
    size: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Digest>,
    /// When it was pushed, in seconds since 1970.
    at: u64,
}

/// How many blobs are looked for at once.
const LOOK_AHEAD: usize = 16;

impl Storage {
    /// Reads a manifest; one whose bytes do not match its digest is as good as none.
    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>> {
        let key = keys::manifest(repository, digest);
        self.condemned.rely_on(&key).await;
        whole(self.store.get(&key).await?, digest).await
    }

    /// Reads what a manifest refers to, without relying on it.
    pub(crate) async fn document(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Document>> {
        let record = self.store.get(&keys::manifest(repository, digest)).await?;
        whole(record, digest).await?.map(StoredManifest::document).transpose()
    }

    /// Reads the manifest that a tag or a digest picks. Removes a tag that points nowhere.
    pub(crate) async fn resolve(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<Option<StoredManifest>> {
        let tag = match reference {
            TagOrDigest::Digest(digest) => return self.manifest(repository, digest).await,
            TagOrDigest::Tag(tag) => tag,
        };
        let Some(digest) = self.tagged(repository, tag).await? else { return Ok(None) };
        let found = self.manifest(repository, &digest).await?;
        if found.is_none() {
            self.untag(repository, tag, &digest).await?;
        }
        Ok(found)
    }

    /// Tells which of the blobs the repository lacks, if it lacks one.
    pub(crate) async fn missing_blob(
        &self,
        repository: &RepositoryName,
        blobs: Vec<Digest>,
    ) -> Result<Option<Digest>> {
        let checks = blobs.into_iter().map(|blob| async move {
            let size = self.blob_size(repository, &blob).await?;
            Ok(size.is_none().then_some(blob))
        });
        let missing = stream::iter(checks.collect::<Vec<_>>())
            .buffered(LOOK_AHEAD)
            .try_filter_map(|missing| std::future::ready(Ok(missing)));
        let mut missing = std::pin::pin!(missing);
        missing.next().await.transpose()
    }

    /// Writes a manifest and points the tags at it, if the repository has the `needed` blobs;
    /// returns the first that it lacks. What it refers to is safe from being collected as garbage
    /// from before it was looked for.
    pub(crate) async fn put_manifest(
        &self,
        repository: &RepositoryName,
        document: &Document,
        digest: &Digest,
        tags: &[Tag],
        needed: Vec<Digest>,
    ) -> Result<Option<Digest>> {
        let (storage, repository, document) = (self.clone(), repository.clone(), document.clone());
        let (digest, tags) = (digest.clone(), tags.to_vec());
        // Who hangs up does not cut it short: what is being written is written while it is safe.
        let done = tokio::spawn(async move {
            let _work = storage.condemned.begin();
            storage.rely_on_references(&repository, &document, &digest).await;
            let missing = storage.missing_blob(&repository, needed).await?;
            if missing.is_none() {
                storage.write_manifest(&repository, &document, &digest, &tags).await?;
            }
            Ok(missing)
        });
        done.await.map_err(|error| StoreError::from(std::io::Error::other(error)))?
    }

    async fn rely_on_references(
        &self,
        repository: &RepositoryName,
        document: &Document,
        digest: &Digest,
    ) {
        self.condemned.rely_on(&keys::manifest(repository, digest)).await;
        if let Some(subject) = document.subject() {
            let referrer = keys::referrer(repository, &subject.digest, digest);
            self.condemned.rely_on(&referrer).await;
        }
        for descriptor in references(document) {
            self.condemned.rely_on(&keys::link(repository, &descriptor.digest)).await;
            self.condemned.rely_on(&keys::manifest(repository, &descriptor.digest)).await;
        }
    }

    /// Writes in the order that leaves nothing half done in sight if it is cut short: the
    /// referrer's record, the manifest, the tags.
    async fn write_manifest(
        &self,
        repository: &RepositoryName,
        document: &Document,
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<()> {
        self.create_repository(repository).await?;
        let subject = document.subject().map(|subject| subject.digest.clone());
        if let Some(subject) = &subject {
            let referrer = referrers::describe(document, digest);
            self.put_referrer(repository, subject, &referrer).await?;
        }
        let header = Header {
            media_type: document.media_type().clone(),
            size: document.bytes().len(),
            subject,
            at: now(),
        };
        let header = oras_spec::json::to_vec(&header);
        let mut record = BytesMut::with_capacity(header.len() + 1 + document.bytes().len());
        record.put_slice(&header);
        record.put_u8(b'\n');
        record.put_slice(document.bytes());
        let key = keys::manifest(repository, digest);
        self.store.put(&key, record.freeze(), Condition::Any, Durability::Durable).await?;
        for tag in tags {
            self.set_tag(repository, tag, digest).await?;
        }
        Ok(())
    }

    /// Deletes a manifest and the tags that point at it, these first; tells whether it was there.
    /// It can be [restored](Storage::restore) for a while.
    pub(crate) async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        let key = keys::manifest(repository, digest);
        let Some(record) = self.store.get(&key).await? else { return Ok(false) };
        let tags = self.untag_all(repository, digest).await?;
        self.keep_deleted(repository, digest, &tags, &record).await?;
        let deleted = self.store.delete(&key, None, Durability::Durable).await?;
        if let Some(subject) = split(&record).and_then(|(header, _)| header.subject) {
            self.delete_referrer(repository, &subject, digest).await?;
        }
        Ok(deleted)
    }
}

impl StoredManifest {
    fn document(self) -> Result<Document> {
        Document::parse(&self.media_type, self.bytes)
            .map_err(|error| StoreError::from(std::io::Error::other(error)))
    }
}

/// Everything a document refers to: config, layers or blobs, manifests, and subject.
pub(crate) fn references(document: &Document) -> impl Iterator<Item = &Descriptor> {
    blobs(document).chain(manifests(document)).chain(document.subject())
}

/// The blobs a document refers to: config, and layers or blobs.
pub(crate) fn blobs(document: &Document) -> impl Iterator<Item = &Descriptor> {
    let config = document.as_manifest().map(|manifest| &manifest.config);
    let layers = document.as_manifest().map_or(&[][..], |manifest| &manifest.layers);
    let blobs = document.as_artifact().map_or(&[][..], |artifact| &artifact.blobs);
    config.into_iter().chain(layers).chain(blobs)
}

/// The manifests an index lists.
pub(crate) fn manifests(document: &Document) -> &[Descriptor] {
    document.as_index().map_or(&[][..], |index| &index.manifests)
}

/// Reads a record; one whose bytes do not match the digest is as good as none.
async fn whole(record: Option<Bytes>, digest: &Digest) -> Result<Option<StoredManifest>> {
    let Some((header, bytes)) = record.as_ref().and_then(split) else { return Ok(None) };
    if digest_of(digest.algorithm(), &bytes).await != *digest {
        return Ok(None);
    }
    Ok(Some(StoredManifest { media_type: header.media_type, digest: digest.clone(), bytes }))
}

/// A record that cannot be read is torn, and as good as none.
fn split(record: &Bytes) -> Option<(Header, Bytes)> {
    let end = record.iter().position(|&byte| byte == b'\n')?;
    let header: Header = serde_json::from_slice(&record[..end]).ok()?;
    let bytes = record.slice(end + 1..);
    let is_whole = bytes.len() == header.size && header.media_type.is_document();
    is_whole.then_some((header, bytes))
}

//! Writing of manifests and tags, to its end even if the client has gone, and who is told of it.

use oras_spec::image::Document;
use oras_spec::{Digest, RepositoryName, Tag, TagOrDigest};

use super::super::Asked;
use crate::change::{ChangeKind, Changes};
use crate::error::ApiError;
use crate::storage::{Result, Storage};

/// A manifest on its way into the storage.
pub(super) struct Push {
    pub(super) document: Document,
    pub(super) digest: Digest,
    /// Blobs that have to be there.
    pub(super) needed: Vec<Digest>,
    /// Tags that are set wherever they point.
    pub(super) moving: Vec<Tag>,
    /// Tags that are set if they are not there.
    pub(super) staying: Vec<Tag>,
}

/// What became of it.
pub(super) enum Pushed {
    Done,
    /// A blob is missing; nothing was written.
    Missing(Digest),
    /// A tag was set by somebody else meanwhile.
    Stays(Tag),
}

/// Writes a manifest and its tags.
pub(super) async fn push(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    push: Push,
) -> std::result::Result<Pushed, ApiError> {
    let (storage, repository) = (asked.storage.clone(), repository.clone());
    let changes = asked.changes(&repository);
    let writing = async move { push.write(&storage, &repository, changes.as_ref()).await };
    Ok(to_the_end(writing).await??)
}

/// Deletes what a reference picks; tells whether it was there.
pub(super) async fn delete(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> std::result::Result<bool, ApiError> {
    let (storage, repository) = (asked.storage.clone(), repository.clone());
    let (changes, reference) = (asked.changes(&repository), reference.clone());
    let deleting = async move {
        let (is_gone, kind) = match reference {
            TagOrDigest::Tag(tag) => {
                let is_gone = storage.delete_tag(&repository, &tag).await?;
                (is_gone, ChangeKind::TagDeleted { tag })
            }
            TagOrDigest::Digest(digest) => {
                let is_gone = storage.delete_manifest(&repository, &digest).await?;
                (is_gone, ChangeKind::ManifestDeleted { digest })
            }
        };
        if let Some(changes) = changes.filter(|_| is_gone) {
            changes.tell(kind);
        }
        Ok::<_, crate::storage::StoreError>(is_gone)
    };
    Ok(to_the_end(deleting).await??)
}

/// Who hangs up does not keep others from hearing what they did.
async fn to_the_end<T: Send + 'static>(
    writing: impl Future<Output = T> + Send + 'static,
) -> std::result::Result<T, ApiError> {
    tokio::spawn(writing).await.map_err(ApiError::internal)
}

impl Push {
    async fn write(
        self,
        storage: &Storage,
        repository: &RepositoryName,
        changes: Option<&Changes>,
    ) -> Result<Pushed> {
        let Self { document, digest, needed, moving, staying } = self;
        let mut before = Vec::new();
        if changes.is_some() {
            for tag in &moving {
                before.push(storage.tagged(repository, tag).await?);
            }
        }
        let put = storage.put_manifest(repository, &document, &digest, &moving, needed);
        if let Some(missing) = put.await? {
            return Ok(Pushed::Missing(missing));
        }
        if let Some(changes) = changes {
            changes.tell(ChangeKind::ManifestPushed {
                digest: digest.clone(),
                media_type: document.media_type().clone(),
                size: document.bytes().len(),
            });
            for (tag, before) in moving.iter().zip(&before) {
                changes.tell_tag(tag, &digest, before.as_ref());
            }
        }
        for tag in staying {
            let before = match changes {
                Some(_) => storage.tagged(repository, &tag).await?,
                None => None,
            };
            // Somebody may have come before us since we looked.
            if !storage.set_tag_once(repository, &tag, &digest).await? {
                return Ok(Pushed::Stays(tag));
            }
            if let Some(changes) = changes {
                changes.tell_tag(&tag, &digest, before.as_ref());
            }
        }
        Ok(Pushed::Done)
    }
}

//! Uploads: blobs on their way in, resumable, even by the next process.
//!
//! What is on disk of an upload is a record that says whose it is, and the bytes so far. The
//! running hash is kept in memory while the process lives; who lacks it hashes the bytes again.
//! Whatever changes an upload runs as a task of its own that nobody who hangs up can cut short,
//! and only one such task at a time.

mod receive;
mod table;

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Digest, Hasher, RepositoryName};

pub(crate) use self::receive::Incoming;
use self::receive::{Gathered, Limited, receive};
pub(crate) use self::table::Uploads;
use self::table::{Progress, Record, Upload};
use super::{
    Condition, Durability, Result, SMALL, Storage, StoreError, digest_of, keys, now, random_name,
};

/// Which upload is meant, and by whom: nobody touches another's.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) repository: RepositoryName,
    pub(crate) user: Option<String>,
    pub(crate) id: UploadId,
}

/// What comes with a request.
pub(crate) struct Chunk {
    /// Where the client believes the chunk begins, and how long it says it is, if it says so.
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) body: Incoming,
}

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the upload is in use by another request")]
    Busy,
    #[error("content hashes to {found}")]
    Digest { found: Digest },
    #[error("the connection broke")]
    Interrupted(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the body is not as long as its range")]
    Length,
    #[error("the upload holds {held} bytes")]
    OutOfOrder { held: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the blob is too large")]
    TooLarge,
    #[error("too many uploads are open")]
    TooMany,
    #[error("too many uploads of this user are open")]
    TooManyOfUser,
    #[error("no such upload")]
    Unknown,
}

impl Storage {
    /// Opens an upload and returns its unguessable name. It survives the process from now on, and
    /// the machine from its first bytes on.
    pub(crate) async fn start_upload(
        &self,
        repository: &RepositoryName,
        user: Option<String>,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadId, UploadError> {
        self.uploads.check_room(user.as_deref())?;
        let id = new_id()?;
        let record = Record {
            repository: repository.as_str().to_owned(),
            user,
            algorithm: algorithm.unwrap_or(Algorithm::Sha256).name().to_owned(),
            started: now(),
        };
        self.write_record(&id, &record, Durability::Hint).await?;
        let upload = self.uploads.revive(record, 0).ok_or(UploadError::Unknown)?;
        self.uploads.live().insert(id.clone(), Arc::new(upload));
        Ok(id)
    }

    /// Returns how many bytes an upload holds.
    pub(crate) async fn upload_size(&self, claim: &Claim) -> Result<u64, UploadError> {
        Ok(self.find_upload(claim).await?.held.load(Ordering::Acquire))
    }

    /// Gives an upload up.
    pub(crate) async fn cancel_upload(&self, claim: &Claim) -> Result<(), UploadError> {
        let upload = self.find_upload(claim).await?;
        let progress = self.lock_upload(&claim.id, &upload)?;
        let (storage, id) = (self.clone(), claim.id.clone());
        detached(async move {
            let removed = storage.remove_upload(&id).await;
            drop(progress);
            Ok(removed?)
        })
        .await
    }

    /// Adds a chunk to an upload; returns how many bytes it holds then, all of them durable. What
    /// arrived of a chunk that was cut short counts too.
    pub(crate) async fn append_upload(
        &self,
        claim: &Claim,
        chunk: Chunk,
    ) -> Result<u64, UploadError> {
        let upload = self.find_upload(claim).await?;
        let mut progress = self.lock_upload(&claim.id, &upload)?;
        check_order(&progress, &chunk)?;
        let (storage, id) = (self.clone(), claim.id.clone());
        detached(async move {
            let mut body = storage.limited(chunk, progress.size);
            body.gather(SMALL).await;
            let filled = storage.fill(&id, &upload, &mut progress, body, true).await;
            storage.remove_if_broken(&id, &filled).await;
            filled.map(|()| progress.size)
        })
        .await
    }

    /// Closes an upload: if all of it, its last chunk included, hashes to `digest`, the repository
    /// has the blob, durably. If not, the upload is gone.
    pub(crate) async fn finish_upload(
        &self,
        claim: &Claim,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), UploadError> {
        let upload = self.find_upload(claim).await?;
        let mut progress = self.lock_upload(&claim.id, &upload)?;
        check_order(&progress, &chunk)?;
        let (storage, claim, digest) = (self.clone(), claim.clone(), digest.clone());
        detached(async move {
            let done = storage.finish(&claim, &upload, &mut progress, &digest, chunk).await;
            storage.remove_if_broken(&claim.id, &done).await;
            if done.is_ok() {
                storage.remove_upload(&claim.id).await?;
            }
            done
        })
        .await
    }

    /// Gives back the room of an upload that cannot go on.
    async fn remove_if_broken(&self, id: &UploadId, done: &Result<(), UploadError>) {
        if let Err(UploadError::Digest { .. } | UploadError::Store(_)) = done {
            // The first error is the one to tell; what stays behind expires.
            drop(self.remove_upload(id).await);
        }
    }

    async fn finish(
        &self,
        claim: &Claim,
        upload: &Upload,
        progress: &mut Progress,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), UploadError> {
        let mut body = self.limited(chunk, progress.size);
        body.gather(SMALL).await;
        if progress.size == 0 {
            if body.gathered.is_whole() {
                return self.put_blob(&claim.repository, digest, body.gathered).await;
            }
            progress.hasher = Some(digest.algorithm().hasher());
        }
        self.fill(&claim.id, upload, progress, body, false).await?;
        let hasher = progress.hasher.take();
        self.commit(&claim.repository, &claim.id, digest, hasher, progress.size).await
    }

    /// Takes a whole blob from one request.
    pub(crate) async fn push_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), UploadError> {
        let (storage, repository, digest) = (self.clone(), repository.clone(), digest.clone());
        detached(async move {
            let mut body = storage.limited(chunk, 0);
            body.gather(SMALL).await;
            if body.gathered.is_whole() {
                return storage.put_blob(&repository, &digest, body.gathered).await;
            }
            let id = new_id()?;
            let pushed = storage.push_large_blob(&repository, &id, &digest, body).await;
            if pushed.is_err() {
                // The first error is the one to tell; what stays behind goes at the next start.
                drop(storage.store.discard(&id).await);
            }
            pushed
        })
        .await
    }

    async fn push_large_blob(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        digest: &Digest,
        body: Limited,
    ) -> Result<(), UploadError> {
        let stage = self.store.stage(id, 0).await?;
        let received = receive(stage, Some(digest.algorithm().hasher()), 0, body).await;
        received.outcome?;
        self.commit(repository, id, digest, received.hasher, received.size).await
    }

    /// Moves a body into the upload.
    async fn fill(
        &self,
        id: &UploadId,
        upload: &Upload,
        progress: &mut Progress,
        mut body: Limited,
        is_durable: bool,
    ) -> Result<(), UploadError> {
        if body.gathered.size == 0
            && let Some(end) = body.gathered.end.take()
        {
            return end;
        }
        let stage = self.store.stage(id, progress.size).await?;
        let hasher = progress.hasher.take();
        let received = receive(stage, hasher, progress.size, body).await;
        if let Some(mut stage) = received.stage.filter(|_| is_durable) {
            let recorded = self.record_durably(id, upload, progress);
            futures_util::future::try_join(stage.sync(), recorded).await?;
        }
        progress.size = received.size;
        progress.hasher = received.hasher;
        upload.held.store(received.size, Ordering::Release);
        received.outcome
    }

    async fn record_durably(
        &self,
        id: &UploadId,
        upload: &Upload,
        progress: &mut Progress,
    ) -> Result<()> {
        if !progress.is_recorded {
            self.write_record(id, &upload.record, Durability::Durable).await?;
            progress.is_recorded = true;
        }
        Ok(())
    }

    /// Makes a blob of a body that was small enough to be gathered whole.
    async fn put_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        mut gathered: Gathered,
    ) -> Result<(), UploadError> {
        let bytes = match gathered.pieces.len() {
            0 | 1 => gathered.pieces.pop().unwrap_or_default(),
            _ => {
                let mut all = BytesMut::with_capacity(gathered.size);
                gathered.pieces.iter().for_each(|piece| all.extend_from_slice(piece));
                all.freeze()
            }
        };
        let found = digest_of(digest.algorithm(), &bytes).await;
        if found != *digest {
            return Err(UploadError::Digest { found });
        }
        let (key, size) = (keys::blob(digest), bytes.len() as u64);
        let _work = self.condemned.begin();
        self.condemned.rely_on(&key).await;
        self.store.put(&key, bytes, Condition::Any, Durability::Durable).await?;
        Ok(self.link_blob(repository, digest, size).await?)
    }

    /// Makes a blob of what was staged, if it hashes to `digest`.
    pub(crate) async fn commit(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        digest: &Digest,
        hasher: Option<Hasher>,
        size: u64,
    ) -> Result<(), UploadError> {
        let algorithm = digest.algorithm();
        let found = match hasher.filter(|hasher| hasher.algorithm() == algorithm) {
            Some(hasher) => Some(hasher.finish()),
            None => self.store.staged_digest(id, algorithm).await?,
        };
        let found = found.ok_or(StoreError::StageLost)?;
        if found != *digest {
            return Err(UploadError::Digest { found });
        }
        let key = keys::blob(digest);
        let _work = self.condemned.begin();
        self.condemned.rely_on(&key).await;
        self.store.commit(id, &key).await?;
        self.note_verified(digest, size).await?;
        Ok(self.link_blob(repository, digest, size).await?)
    }

    fn limited(&self, chunk: Chunk, held: u64) -> Limited {
        let room = self.uploads.blob_size.saturating_sub(held);
        let stated = chunk.range.map(|(_, length)| length).filter(|&length| length <= room);
        let limit = stated.unwrap_or(room);
        Limited::new(chunk.body, limit, stated.is_some(), &self.uploads.receivers)
    }
}

pub(crate) fn new_id() -> Result<UploadId> {
    Ok(random_name()?.parse().expect("hexadecimal digits are legal in the name of an upload"))
}

fn check_order(progress: &Progress, chunk: &Chunk) -> Result<(), UploadError> {
    match chunk.range {
        Some((first, _)) if first != progress.size => {
            Err(UploadError::OutOfOrder { held: progress.size })
        }
        _ => Ok(()),
    }
}

/// Runs `work` to its end, even if who waits for it goes away.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, UploadError>> + Send + 'static,
) -> Result<T, UploadError> {
    let done = tokio::spawn(work).await;
    done.map_err(|error| StoreError::from(std::io::Error::other(error)))?
}

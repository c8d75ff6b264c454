//! Filling: one fetch of a blob from the upstream, read by many while it lands.
//!
//! The bytes go to an object in the making, as those of an upload do, and readers follow behind.
//! The last byte is given to nobody before all of them hash to the digest, so that a wrong blob
//! never looks complete. The fetch goes on when its readers leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_spec::distribution::UploadId;
use oras_spec::{Digest, RepositoryName};
use tokio::sync::{Semaphore, watch};

use super::{Mirrored, UpstreamBlob, UpstreamError, UpstreamErrorKind};
use crate::storage::uploads::UploadError;
use crate::storage::{Pieces, Storage, StoreError};

/// How many blobs land at the same time; others wait for their turn.
const AT_ONCE: usize = 32;

/// How many pieces that are there already are written together.
const BATCH: usize = 64;

/// Bytes that a reader takes at a time.
const PIECE: u64 = 256 << 10;

/// A blob of a repository.
type Name = (RepositoryName, Digest);

/// Blobs on their way from an upstream.
#[derive(Clone, Debug)]
pub(crate) struct Fills {
    under_way: Arc<Mutex<HashMap<Name, watch::Receiver<State>>>>,
    places: Arc<Semaphore>,
}

impl Default for Fills {
    fn default() -> Self {
        Self { under_way: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// How a blob can be read.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The repository has it.
    Stored,
    /// It is on its way.
    Coming(Coming),
}

/// Why a blob does not come.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FillError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// How far a blob has come.
#[derive(Clone, Debug)]
enum State {
    Asking,
    Coming { id: UploadId, size: u64, held: u64 },
    Stored,
    Failed(FillError),
}

impl Fills {
    /// Has a blob come, if it is not coming already; returns when its size is known.
    pub(crate) async fn open(
        &self,
        storage: &Storage,
        mirrored: &Mirrored,
        digest: &Digest,
        most: Option<u64>,
    ) -> Result<Opened, FillError> {
        let mut state = self.join(storage, mirrored, digest, most);
        let known = state.wait_for(|state| !matches!(state, State::Asking)).await;
        let Ok(known) = known.map(|known| known.clone()) else { return Err(lost().into()) };
        match known {
            State::Asking => Err(lost().into()),
            State::Failed(error) => Err(error),
            State::Stored => Ok(Opened::Stored),
            State::Coming { size, .. } => {
                let (storage, digest) = (storage.clone(), digest.clone());
                Ok(Opened::Coming(Coming { storage, digest, size, state }))
            }
        }
    }

    fn join(
        &self,
        storage: &Storage,
        mirrored: &Mirrored,
        digest: &Digest,
        most: Option<u64>,
    ) -> watch::Receiver<State> {
        let name = (mirrored.repository.clone(), digest.clone());
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = under_way.get(&name) {
            return state.clone();
        }
        let (sender, receiver) = watch::channel(State::Asking);
        under_way.insert(name.clone(), receiver.clone());
        let fill = Fill {
            storage: storage.clone(),
            mirrored: mirrored.clone(),
            digest: digest.clone(),
            most,
            state: sender,
        };
        let fills = self.clone();
        tokio::spawn(async move {
            let ended = match fills.places.acquire().await {
                Ok(_place) => fill.run().await,
                Err(_) => Err(lost().into()),
            };
            // Whoever comes now finds the blob in the storage, or tries anew.
            fills.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            fill.state.send_replace(match ended {
                Ok(()) => State::Stored,
                Err(error) => State::Failed(error),
            });
        });
        receiver
    }
}

/// One blob that is fetched.
struct Fill {
    storage: Storage,
    mirrored: Mirrored,
    digest: Digest,
    /// Bytes that a blob may have.
    most: Option<u64>,
    state: watch::Sender<State>,
}

impl Fill {
    async fn run(&self) -> Result<(), FillError> {
        let Mirrored { mirror, repository, there } = &self.mirrored;
        if self.storage.blob_size(repository, &self.digest).await?.is_some() {
            return Ok(());
        }
        // Another repository may have the bytes; that this one has them is the upstream's to say.
        if let Some(size) = self.storage.held_blob_size(&self.digest).await?
            && mirror.upstream().blob_size(there, &self.digest).await? == size
        {
            return Ok(self.storage.link_blob(repository, &self.digest, size).await?);
        }
        let blob = mirror.upstream().blob(there, &self.digest).await?;
        if self.most.is_some_and(|most| blob.size > most) {
            let reason = format!("{} is larger than blobs may be here", self.digest);
            return Err(UpstreamError::new(UpstreamErrorKind::Denied, reason).into());
        }
        let id = crate::storage::uploads::new_id()?;
        let landed = self.land(&id, blob).await;
        if landed.is_err() {
            // The first error is the one to tell; what stays behind goes at the next start.
            drop(self.storage.store.discard(&id).await);
        }
        landed
    }

    async fn land(&self, id: &UploadId, blob: UpstreamBlob) -> Result<(), FillError> {
        let UpstreamBlob { size, pieces } = blob;
        let mut stage = self.storage.store.stage(id, 0).await?;
        let mut hasher = Some(self.digest.algorithm().hasher());
        let mut held = 0;
        let coming = |held| State::Coming { id: id.clone(), size, held };
        self.state.send_replace(coming(0));
        let mut batches = pieces.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<Bytes>, _>>()?;
            held += batch.iter().map(|piece| piece.len() as u64).sum::<u64>();
            if held > size {
                return Err(self.wrong("is longer than was said").into());
            }
            hasher = stage.append(batch, hasher).await?;
            self.state.send_replace(coming(held));
        }
        if held != size {
            return Err(self.wrong("is shorter than was said").into());
        }
        drop(stage);
        let repository = &self.mirrored.repository;
        match self.storage.commit(repository, id, &self.digest, hasher, size).await {
            Ok(()) => Ok(()),
            Err(UploadError::Store(error)) => Err(error.into()),
            Err(error) => Err(self.wrong(&error.to_string()).into()),
        }
    }

    fn wrong(&self, what: &str) -> UpstreamError {
        let host = self.mirrored.mirror.host();
        let reason = format!("{} from {host}: {what}", self.digest);
        UpstreamError::new(UpstreamErrorKind::Unavailable, reason)
    }
}

/// A blob that is on its way, to be read along.
#[derive(Debug)]
pub(crate) struct Coming {
    storage: Storage,
    digest: Digest,
    size: u64,
    state: watch::Receiver<State>,
}

impl Coming {
    /// Bytes of the blob, once it is there.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads `length` bytes from `offset` on, as they come.
    pub(crate) fn read(self, offset: u64, length: u64) -> Pieces {
        let follower = Follower { coming: self, at: offset, end: offset + length };
        let pieces = stream::try_unfold(Some(follower), |follower| async move {
            match follower {
                Some(follower) => follower.next().await,
                None => Ok(None),
            }
        });
        Box::pin(pieces.try_flatten())
    }
}

/// A reader behind the bytes that come.
struct Follower {
    coming: Coming,
    at: u64,
    end: u64,
}

impl Follower {
    /// Returns the next pieces: one of those that came, or all that are left once all have come.
    async fn next(mut self) -> std::io::Result<Option<(Pieces, Option<Self>)>> {
        while self.at < self.end {
            let state = self.coming.state.borrow_and_update().clone();
            match state {
                State::Coming { id, size, held } => {
                    // The last byte waits for the digest.
                    let readable = held.min(size - 1).min(self.end);
                    if let Some(piece) = self.landed(&id, readable).await? {
                        let piece: Pieces = Box::pin(stream::iter([Ok(piece)]));
                        return Ok(Some((piece, Some(self))));
                    }
                }
                State::Stored => {
                    let Coming { storage, digest, size, .. } = &self.coming;
                    let rest = self.end - self.at;
                    let pieces = storage.open_blob(digest, *size, self.at, rest).await;
                    let gone = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                    let pieces = pieces.map_err(std::io::Error::other)?.ok_or_else(gone)?;
                    return Ok(Some((pieces, None)));
                }
                State::Failed(error) => return Err(std::io::Error::other(error)),
                State::Asking => {}
            }
            self.coming.state.changed().await.map_err(std::io::Error::other)?;
        }
        Ok(None)
    }

    /// Reads a piece of what has landed up to `readable`. Nothing if there is none, or if all of it
    /// has become a blob, which is told in a moment.
    async fn landed(&mut self, id: &UploadId, readable: u64) -> std::io::Result<Option<Bytes>> {
        if readable <= self.at {
            return Ok(None);
        }
        let length = (readable - self.at).min(PIECE);
        let store = &self.coming.storage.store;
        let piece = store.read_staged(id, self.at, length).await.map_err(std::io::Error::other)?;
        if piece.is_some() {
            self.at += length;
        }
        Ok(piece)
    }
}

/// The task that fetched is gone, which only the end of the process brings about.
fn lost() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Unavailable, "the fetch was given up")
}

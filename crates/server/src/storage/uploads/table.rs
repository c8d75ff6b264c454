//! The table of uploads: whose they are, how far they are, and when they expire.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oras_spec::distribution::UploadId;
use oras_spec::{Algorithm, Hasher};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::receive::Receivers;
use super::{Claim, UploadError};
use crate::limits::Limits;
use crate::storage::{Condition, Durability, Result, Storage, keys, now};

/// The uploads this process has touched.
#[derive(Debug)]
pub(crate) struct Uploads {
    live: Mutex<HashMap<UploadId, Arc<Upload>>>,
    last_sweep: Mutex<Instant>,
    lifetime: Duration,
    pub(super) most: usize,
    pub(super) most_per_user: usize,
    pub(super) blob_size: u64,
    pub(super) receivers: Arc<Receivers>,
}

/// How often expired uploads are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) record: Record,
    /// Nothing if that is too far away to be told.
    pub(super) expires: Option<Instant>,
    /// Bytes that count, between two changes.
    pub(super) held: AtomicU64,
    pub(super) progress: Arc<tokio::sync::Mutex<Progress>>,
}

/// Whose an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) repository: String,
    pub(super) user: Option<String>,
    pub(super) algorithm: String,
    /// Seconds since 1970.
    pub(super) started: u64,
}

#[derive(Debug)]
pub(super) struct Progress {
    pub(super) size: u64,
    /// The hash of all bytes so far, unless they came to another process.
    pub(super) hasher: Option<Hasher>,
    /// The record is durable.
    pub(super) is_recorded: bool,
}

impl Upload {
    fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }
}

impl Uploads {
    pub(in crate::storage) fn new(limits: &Limits) -> Self {
        Self {
            live: Mutex::default(),
            last_sweep: Mutex::new(Instant::now()),
            lifetime: limits.upload_lifetime,
            most: limits.uploads,
            most_per_user: limits.uploads_per_user,
            blob_size: limits.blob_size.unwrap_or(u64::MAX),
            receivers: Arc::default(),
        }
    }

    /// Returns how many uploads are open.
    pub(in crate::storage) fn count(&self) -> usize {
        self.live().len()
    }

    /// Tells whether somebody may open another.
    pub(super) fn check_room(&self, user: Option<&str>) -> Result<(), UploadError> {
        let live = self.live();
        if live.len() >= self.most {
            return Err(UploadError::TooMany);
        }
        let Some(user) = user else { return Ok(()) };
        let is_theirs = |upload: &&Arc<Upload>| upload.record.user.as_deref() == Some(user);
        // Who has fewer than that with everybody's together need not be counted.
        if live.len() >= self.most_per_user
            && live.values().filter(is_theirs).count() >= self.most_per_user
        {
            return Err(UploadError::TooManyOfUser);
        }
        Ok(())
    }

    pub(super) fn live(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Upload>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn revive(&self, record: Record, size: u64) -> Option<Upload> {
        let age = Duration::from_secs(now().saturating_sub(record.started));
        let left = self.lifetime.checked_sub(age).filter(|left| !left.is_zero())?;
        let algorithm: Algorithm = record.algorithm.parse().ok()?;
        Some(Upload {
            record,
            expires: Instant::now().checked_add(left),
            held: AtomicU64::new(size),
            progress: Arc::new(tokio::sync::Mutex::new(Progress {
                size,
                hasher: (size == 0).then(|| algorithm.hasher()),
                is_recorded: false,
            })),
        })
    }
}

impl Storage {
    pub(super) async fn write_record(
        &self,
        id: &UploadId,
        record: &Record,
        durability: Durability,
    ) -> Result<()> {
        let record = Bytes::from(oras_spec::json::to_vec(record));
        self.store.put(&keys::upload(id), record, Condition::Any, durability).await?;
        Ok(())
    }

    /// Finds the claimed upload, in memory or where an earlier process left it.
    pub(super) async fn find_upload(&self, claim: &Claim) -> Result<Arc<Upload>, UploadError> {
        let live = self.uploads.live().get(&claim.id).cloned();
        let upload = match live {
            Some(upload) => upload,
            None => self.load_upload(&claim.id).await?,
        };
        let is_claimed = upload.record.repository == claim.repository.as_str()
            && upload.record.user == claim.user
            && !upload.is_expired();
        if is_claimed { Ok(upload) } else { Err(UploadError::Unknown) }
    }

    /// Locks an upload that was found, for as long as a request changes it.
    pub(super) fn lock_upload(
        &self,
        id: &UploadId,
        upload: &Arc<Upload>,
    ) -> Result<OwnedMutexGuard<Progress>, UploadError> {
        let progress = Arc::clone(&upload.progress).try_lock_owned();
        let progress = progress.map_err(|_| UploadError::Busy)?;
        // It may have been closed between finding and locking it.
        match self.uploads.live().get(id) {
            Some(live) if Arc::ptr_eq(live, upload) => Ok(progress),
            _ => Err(UploadError::Unknown),
        }
    }

    async fn load_upload(&self, id: &UploadId) -> Result<Arc<Upload>, UploadError> {
        let record = self.store.get(&keys::upload(id)).await?.ok_or(UploadError::Unknown)?;
        let record = serde_json::from_slice(&record).map_err(|_| UploadError::Unknown)?;
        let size = self.store.staged_size(id).await?.unwrap_or(0);
        let upload = self.uploads.revive(record, size).ok_or(UploadError::Unknown)?;
        Ok(Arc::clone(self.uploads.live().entry(id.clone()).or_insert_with(|| Arc::new(upload))))
    }

    pub(super) async fn remove_upload(&self, id: &UploadId) -> Result<()> {
        self.store.discard(id).await?;
        self.store.delete(&keys::upload(id), None, Durability::Hint).await?;
        self.uploads.live().remove(id);
        Ok(())
    }

    /// Looks for expired uploads in the background, if it is time again.
    pub(crate) fn sweep_if_due(&self) {
        let mut last = self.uploads.last_sweep.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= SWEEP_INTERVAL {
            *last = Instant::now();
            let storage = self.clone();
            // A sweep that fails is repeated soon enough.
            drop(tokio::spawn(async move { storage.sweep_uploads().await }));
        }
    }

    /// Removes expired uploads.
    pub(crate) async fn sweep_uploads(&self) -> Result<()> {
        let mut after = None;
        loop {
            let names = self.store.list(&keys::uploads(), after.as_deref(), 1000).await?;
            for id in names.iter().filter_map(|name| name.parse::<UploadId>().ok()) {
                self.remove_if_expired(&id).await?;
            }
            after = names.into_iter().next_back();
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn remove_if_expired(&self, id: &UploadId) -> Result<()> {
        let live = self.uploads.live().get(id).cloned();
        let Some(upload) = live else {
            return match self.load_upload(id).await {
                Ok(_) => Ok(()),
                Err(UploadError::Store(error)) => Err(error),
                Err(_) => self.remove_upload(id).await,
            };
        };
        match self.lock_upload(id, &upload) {
            Ok(_progress) if upload.is_expired() => self.remove_upload(id).await,
            _ => Ok(()),
        }
    }
}

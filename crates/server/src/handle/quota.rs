//! Room: how many bytes of blobs the repositories of a quota may have together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oras_spec::{Digest, RepositoryName};

use super::Asked;
use crate::error::ApiError;
use crate::policy::Quota;

/// What quotas have been used up, as far as it was counted.
///
/// Counts are hints: they are made by a walk over the repositories, added to by every push, and
/// made anew before anybody is denied anything, so that what was deleted meanwhile counts for
/// nothing. A blob counts once for every repository that has it; manifests do not count.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Count>>>>);

#[derive(Debug, Default)]
struct Count {
    bytes: u64,
    at: Option<Instant>,
}

/// How long a count is believed before somebody is denied.
const FRESH: Duration = Duration::from_secs(5);
/// How long a count is believed otherwise.
const STALE: Duration = Duration::from_mins(10);
/// How many names are read at a time.
const PAGE: usize = 1000;

/// Takes room for `size` bytes of a blob that the repository is about to have, or denies it.
///
/// Of two that come at once to where there is room for one, one is denied.
pub(super) async fn take_room(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    size: u64,
) -> Result<(), ApiError> {
    let Some(policy) = &asked.policy else { return Ok(()) };
    let quotas = policy.quotas().iter().filter(|quota| quota.covers(repository));
    for quota in quotas {
        // Who has the blob already needs no room for it.
        if asked.storage.linked_blob_size(repository, digest).await?.is_some() {
            return Ok(());
        }
        let count = asked.config.usage.count_of(quota);
        let mut count = count.lock().await;
        let age = |count: &Count| count.at.map_or(Duration::MAX, |at| at.elapsed());
        if age(&count) > STALE {
            recount(asked, quota, &mut count).await?;
        }
        if count.bytes.saturating_add(size) > quota.bytes && age(&count) > FRESH {
            recount(asked, quota, &mut count).await?;
        }
        let left = quota.bytes.saturating_sub(count.bytes);
        if size > left {
            return Err(ApiError::over_quota(repository, size, left, quota.bytes));
        }
        count.bytes += size;
    }
    Ok(())
}

async fn recount(asked: &Asked<'_>, quota: &Quota, count: &mut Count) -> Result<(), ApiError> {
    let mut bytes = 0_u64;
    let mut after = None;
    loop {
        let names = asked.storage.repositories(after.as_deref(), PAGE).await?;
        for name in names.iter().filter_map(|name| name.parse::<RepositoryName>().ok()) {
            if quota.covers(&name) {
                bytes = bytes.saturating_add(asked.storage.linked_bytes(&name).await?);
            }
        }
        after = names.into_iter().next_back();
        if after.is_none() {
            break;
        }
    }
    *count = Count { bytes, at: Some(Instant::now()) };
    Ok(())
}

impl Usage {
    /// Returns the count of a quota, by the repositories it is for.
    fn count_of(&self, quota: &Quota) -> Arc<tokio::sync::Mutex<Count>> {
        let patterns: Vec<_> = quota.repositories.iter().map(ToString::to_string).collect();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counts.entry(patterns.join(" ")).or_default())
    }
}

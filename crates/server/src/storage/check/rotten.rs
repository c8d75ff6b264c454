//! Blobs whose bytes have changed: finding them, and removing them without touching a good one.

use std::time::Duration;

use futures_util::StreamExt as _;
use oras_spec::Digest;

use crate::storage::{Durability, Result, Storage, keys};

impl Storage {
    /// Reads a blob's bytes and tells how many there are, and whether they are not the blob's.
    pub(super) async fn is_rotten(
        &self,
        digest: &Digest,
        bytes_per_second: Option<u64>,
    ) -> Result<(u64, bool)> {
        let key = keys::blob(digest);
        let Some(size) = self.store.size(&key).await? else { return Ok((0, false)) };
        // Gone or replaced meanwhile: another time.
        let Some(mut opened) = self.store.open(&key, size, 0, size).await? else {
            return Ok((0, false));
        };
        let mut hasher = digest.algorithm().hasher();
        while let Some(piece) = opened.pieces.next().await {
            let piece = piece?;
            hasher.update(&piece);
            match bytes_per_second {
                Some(rate) => {
                    let seconds = Duration::from_secs(piece.len() as u64);
                    let rate = u32::try_from(rate.max(1)).unwrap_or(u32::MAX);
                    tokio::time::sleep(seconds / rate).await;
                }
                // What is in memory is read without waiting, and others want their turn.
                None => tokio::task::yield_now().await,
            }
        }
        Ok((size, hasher.finish() != *digest))
    }

    /// Removes a blob's bytes if they are not the blob's; tells whether it did.
    ///
    /// A client may be pushing the blob again at this moment. So it is condemned first, which a
    /// push undoes, and read once more when all pushes that began before are done.
    pub(in crate::storage) async fn remove_rotten(&self, digest: &Digest) -> Result<bool> {
        let _turn = self.condemned.turn().await;
        let key = keys::blob(digest);
        let is_new = self.condemned.condemn(&key);
        self.condemned.begun_is_done().await;
        let is_rotten = self.is_rotten(digest, None).await;
        if matches!(is_rotten, Ok((_, true)))
            && let Some(_doomed) = self.condemned.doom(&key, Duration::ZERO)
        {
            return self.store.delete(&key, None, Durability::Durable).await;
        }
        if is_new {
            self.condemned.spare(&key);
        }
        is_rotten.map(|_| false)
    }
}

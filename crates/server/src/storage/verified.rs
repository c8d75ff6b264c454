//! Blobs whose bytes a disk may have changed: hashed when they are read whole, unless they are in
//! memory and were right when last looked at.
//!
//! Whoever pulls a blob that is not what it was never has all of it: the last bytes are held back
//! until the hash is known. What was found so is removed at once, as the scrub does.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use oras_spec::{Digest, Hasher};

use super::{Identity, OpenObject, Pieces, Result, SMALL, Storage};

/// How many blobs are remembered before all are forgotten: a megabyte or two.
const MOST: usize = 1 << 16;

/// How long who pulls a rotten blob waits for its removal before hearing of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Up to how many bytes a blob is hashed before anything is answered.
const WHOLE: u64 = 256 << 10;

/// Which files were found to hold the blob that they should.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// Hashes with a secret key: two that collide, which nobody can bring about, spare one blob of
    /// 2^48 a look.
    files: Mutex<HashSet<u64>>,
    key: RandomState,
}

impl Verified {
    fn note(&self, digest: &Digest, stamp: u64) {
        let file = self.key.hash_one((digest.as_str(), stamp));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= MOST {
            files.clear();
        }
        files.insert(file);
    }

    fn contains(&self, digest: &Digest, stamp: u64) -> bool {
        let file = self.key.hash_one((digest.as_str(), stamp));
        self.files.lock().unwrap_or_else(PoisonError::into_inner).contains(&file)
    }
}

/// A blob on its way out, and the hash of what has gone.
struct Checking {
    storage: Storage,
    digest: Digest,
    stamp: u64,
    pieces: Pieces,
    left: u64,
    hashing: Hashing,
}

#[expect(clippy::large_enum_variant, reason = "there is one for a blob that is sent")]
enum Hashing {
    Done(Hasher),
    Elsewhere(tokio::task::JoinHandle<Hasher>),
}

impl Hashing {
    /// Hashes one more piece; on another thread if that takes longer than going there.
    fn begin(mut hasher: Hasher, piece: &Bytes) -> Self {
        if piece.len() <= SMALL {
            hasher.update(piece);
            return Self::Done(hasher);
        }
        let piece = piece.clone();
        Self::Elsewhere(tokio::task::spawn_blocking(move || {
            hasher.update(&piece);
            hasher
        }))
    }

    async fn end(self) -> io::Result<Hasher> {
        match self {
            Self::Done(hasher) => Ok(hasher),
            Self::Elsewhere(hashing) => hashing.await.map_err(io::Error::other),
        }
    }
}

impl Checking {
    /// Returns the next piece, while it is still being hashed if it is not the last.
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let Some(piece) = self.pieces.next().await else { return Ok(None) };
        let piece = piece?;
        self.left = self.left.saturating_sub(piece.len() as u64);
        let hashing = Hashing::begin(self.hashing.end().await?, &piece);
        if self.left > 0 {
            self.hashing = hashing;
            return Ok(Some((piece, self)));
        }
        let hasher = hashing.end().await?;
        if hasher.clone().finish() == self.digest {
            self.storage.verified.note(&self.digest, self.stamp);
            self.hashing = Hashing::Done(hasher);
            return Ok(Some((piece, self)));
        }
        self.storage.drop_rotten(&self.digest).await;
        let reason = format!("the bytes of blob {} have changed", self.digest);
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    }
}

impl Storage {
    /// Returns the pieces of a whole blob of `size` bytes; nothing if it is small and rotten. One
    /// that is large and rotten ends in an error before its end.
    pub(super) async fn check_while_sent(
        &self,
        opened: OpenObject,
        digest: &Digest,
        size: u64,
    ) -> Result<Option<Pieces>> {
        let Identity::File { stamp, is_in_memory } = opened.identity else {
            return Ok(Some(opened.pieces));
        };
        if is_in_memory && self.verified.contains(digest, stamp) {
            return Ok(Some(opened.pieces));
        }
        let checking = Checking {
            storage: self.clone(),
            digest: digest.clone(),
            stamp,
            pieces: opened.pieces,
            left: size,
            hashing: Hashing::Done(digest.algorithm().hasher()),
        };
        let mut pieces: Pieces = Box::pin(stream::try_unfold(checking, Checking::next));
        if size > WHOLE {
            return Ok(Some(pieces));
        }
        let mut all = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
                piece => all.push(Ok(piece?)),
            }
        }
        Ok(Some(Box::pin(stream::iter(all))))
    }

    /// Notes that the bytes of a blob, hashed on their way in, are right.
    pub(super) async fn note_verified(&self, digest: &Digest, size: u64) -> Result<()> {
        let opened = self.store.open(&super::keys::blob(digest), size, 0, 0).await?;
        if let Some(OpenObject { identity: Identity::File { stamp, .. }, .. }) = opened {
            self.verified.note(digest, stamp);
        }
        Ok(())
    }

    /// Removes a blob found to be rotten, unless somebody mends it at this moment. Waits for that,
    /// but not for long.
    async fn drop_rotten(&self, digest: &Digest) {
        let (storage, digest) = (self.clone(), digest.clone());
        let removing = tokio::spawn(async move { storage.remove_rotten(&digest).await });
        // Where it cannot be removed it is found again by whoever is next.
        drop(tokio::time::timeout(PATIENCE, removing).await);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::Limits;
    use crate::storage::memory::Memory;

    const STAMP: u64 = 7;

    /// Sends `bytes` as the blob `good` from a file of this stamp; tells whether all of it came.
    async fn passes(
        storage: &Storage,
        bytes: &'static str,
        stamp: u64,
        is_in_memory: bool,
    ) -> bool {
        let pieces: Pieces = Box::pin(stream::iter([Ok(Bytes::from_static(bytes.as_bytes()))]));
        let opened = OpenObject { pieces, identity: Identity::File { stamp, is_in_memory } };
        let digest = Digest::of(b"good");
        let sent = storage.check_while_sent(opened, &digest, 4).await.expect("no failure");
        let Some(mut sent) = sent else { return false };
        let piece = sent.next().await.expect("a piece").expect("no failure");
        assert_eq!(piece, bytes);
        true
    }

    #[tokio::test]
    async fn what_was_right_and_is_in_memory_is_not_hashed_again() {
        let storage = Storage::new(Arc::new(Memory::default()), &Limits::default());
        assert!(!passes(&storage, "evil", STAMP, true).await, "not looked at yet");
        assert!(passes(&storage, "good", STAMP, false).await);
        assert!(passes(&storage, "evil", STAMP, true).await, "it is not hashed");
        assert!(!passes(&storage, "evil", STAMP, false).await, "a disk may return anything");
        assert!(!passes(&storage, "evil", STAMP + 1, true).await, "another file");
    }

    #[tokio::test]
    async fn forgets_rather_than_grow() {
        let verified = Verified::default();
        let digest = Digest::of(b"good");
        for stamp in 0..=MOST as u64 {
            verified.note(&digest, stamp);
        }
        assert!(verified.contains(&digest, MOST as u64));
        assert!(!verified.contains(&digest, 0));
    }
}

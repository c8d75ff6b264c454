//! Upkeep: what keeps a registry tidy and sound, while it serves or instead.

use std::io;

use oras_spec::{Digest, RepositoryName, Tag};

use crate::Registry;
use crate::policy::Policies;
use crate::storage::check::{CheckOptions, Checked, Fault};
use crate::storage::garbage::{CollectOptions, Collected, Garbage};

impl Registry {
    /// Removes uploads that have expired.
    ///
    /// Requests see to it every ten minutes, in the background; a registry that nobody asks
    /// anything needs to be told.
    ///
    /// # Errors
    ///
    /// If the storage fails; what could not be removed is tried again next time.
    pub async fn sweep(&self) -> io::Result<()> {
        self.storage.sweep_uploads().await.map_err(io::Error::other)
    }

    /// Collects garbage, expired uploads included, and tells `observer` of each piece.
    ///
    /// Clients are served meanwhile, and nothing that one of them has been told of, or is about to
    /// refer to, is removed before the grace is over. It goes on to its end even if nobody waits
    /// for it any more.
    ///
    /// # Errors
    ///
    /// The first failure of the storage. The rest was collected all the same, as far as that is
    /// safe.
    pub async fn collect(
        &self,
        options: &CollectOptions,
        mut observer: impl FnMut(&Garbage) + Send + Sync + 'static,
    ) -> io::Result<Collected> {
        let (storage, options) = (self.storage.clone(), options.clone());
        let policy = self.config.policies.as_ref().map(Policies::current);
        let collecting = tokio::spawn(async move {
            let stays = move |repository: &RepositoryName, tag: &Tag| {
                policy.as_ref().is_some_and(|policy| policy.is_immutable(repository, tag))
            };
            storage.collect_but(&options, &stays, &mut observer).await
        });
        collecting.await.map_err(io::Error::other)?.map_err(io::Error::other)
    }

    /// Puts a deleted manifest back, with those of its tags that are not in use again; tells
    /// whether it could: it can until a collection finds that its grace is over.
    ///
    /// # Errors
    ///
    /// If the storage fails.
    pub async fn restore(&self, repository: &RepositoryName, digest: &Digest) -> io::Result<bool> {
        self.storage.restore(repository, digest).await.map_err(io::Error::other)
    }

    /// Reads everything, or all blobs, and tells `observer` of each fault.
    ///
    /// # Errors
    ///
    /// If the storage fails.
    pub async fn check(
        &self,
        options: &CheckOptions,
        mut observer: impl FnMut(&Fault) + Send + Sync,
    ) -> io::Result<Checked> {
        self.storage.check(options, &mut observer).await.map_err(io::Error::other)
    }
}

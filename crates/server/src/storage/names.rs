//! Repositories: they exist from the first content they are given, and stay.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use oras_spec::RepositoryName;

use super::{Condition, Durability, Result, Storage, keys};

/// The repositories that are known to exist, so that they are not written down again and again.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashSet<RepositoryName>>);

/// How many are remembered before forgetting them all.
const REMEMBERED: usize = 1 << 14;

impl Names {
    fn known(&self) -> MutexGuard<'_, HashSet<RepositoryName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content of records whose name says it all: not empty, because an empty record is torn.
pub(super) const PRESENT: Bytes = Bytes::from_static(b"{}");

impl Storage {
    /// Makes a repository exist.
    pub(crate) async fn create_repository(&self, repository: &RepositoryName) -> Result<()> {
        if self.names.known().contains(repository) {
            return Ok(());
        }
        let key = keys::name(repository);
        self.store.put(&key, PRESENT, Condition::Absent, Durability::Durable).await?;
        let mut known = self.names.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(repository.clone());
        Ok(())
    }

    /// Tells whether a repository exists.
    pub(crate) async fn repository_exists(&self, repository: &RepositoryName) -> Result<bool> {
        Ok(self.store.size(&keys::name(repository)).await?.is_some())
    }

    /// Returns the names of at most `limit` repositories behind `after`, in the order of their bytes.
    pub(crate) async fn repositories(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.store.list(&keys::names(), after, limit).await
    }
}

//! Collecting garbage while clients push: see [`condemned`](super::condemned) for why that is safe.
//!
//! Garbage is, in this order: tags that the rules do not keep, manifests that nothing leads to,
//! deleted manifests whose time to be restored is over, what is left of referrers, blobs of a repository that no manifest of it
//! refers to, and the bytes of blobs that no repository has. Memory does not grow with what is
//! stored.

mod mark;
mod report;
mod retention;

use std::time::Duration;

use oras_spec::{Algorithm, Digest, RepositoryName, Tag};

pub use self::report::{Collected, Garbage};
pub use self::retention::TagRules;
use super::condemned::Condemned;
use super::keys::parse;
use super::{Condition, Durability, Key, Result, Storage, StoreError, keys};

/// What is garbage, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectOptions {
    /// How long something must have been found to be garbage before it is removed, without a client
    /// asking for it meanwhile: 24 hours. Counted from the first collection that found it, by a
    /// clock that nobody sets, while a process runs. What an earlier process found is not removed in
    /// the first hour of the next, if the grace is so long.
    pub grace: Duration,
    /// How long a manifest stays to which no tag, index or subject leads; forever by default.
    pub untagged: Option<Duration>,
    /// Which tags stay; all by default.
    pub tags: Option<TagRules>,
    /// Only tells what would be removed if the grace were over. No by default.
    pub dry_run: bool,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self { grace: Duration::from_hours(24), untagged: None, tags: None, dry_run: false }
    }
}

/// How many things are looked at in one go. For each go the manifests are read once.
const BATCH: usize = 10_000;
/// How many names are listed at once where one pass over them is enough.
const PAGE: usize = 1000;

/// Hears of every piece of garbage.
pub(crate) type Observer<'a> = &'a mut (dyn FnMut(&Garbage) + Send + Sync);

/// Tells of a tag that no rule removes.
pub(crate) type Stays<'a> = &'a (dyn Fn(&RepositoryName, &Tag) -> bool + Send + Sync);

impl Storage {
    /// As [`collect_but`](Self::collect_but), with all tags left to the rules.
    #[cfg(test)]
    pub(crate) async fn collect(
        &self,
        options: &CollectOptions,
        observer: Observer<'_>,
    ) -> Result<Collected> {
        self.collect_but(options, &|_, _| false, observer).await
    }

    /// Collects garbage once, and tells of each piece. What fails is left for the next time, and the
    /// first failure is returned at the end. Tags for which `stays` holds stay whatever the rules say.
    ///
    /// Must be waited for to the end. Only one at a time goes on.
    pub(crate) async fn collect_but(
        &self,
        options: &CollectOptions,
        stays: Stays<'_>,
        observer: Observer<'_>,
    ) -> Result<Collected> {
        let _turn = self.condemned.turn().await;
        let own = Condemned::default();
        let condemned = if options.dry_run { &own } else { &*self.condemned };
        let mut collector = Collector {
            storage: self,
            condemned,
            options,
            stays,
            observer,
            collected: Collected::default(),
        };
        condemned.begin_round();
        let done = collector.run().await;
        if done.is_ok() {
            condemned.end_round();
        }
        if !options.dry_run {
            self.note_condemned().await?;
        }
        done.map(|()| collector.collected)
    }
}

impl Storage {
    /// Writes down what is condemned, for the next process. Not synced: without it, or with an
    /// older one, garbage stays longer.
    async fn note_condemned(&self) -> Result<()> {
        let (key, text) = (keys::condemned(), self.condemned.text());
        if text.is_empty() {
            self.store.delete(&key, None, Durability::Durable).await?;
            return Ok(());
        }
        match self.store.put(&key, text.into(), Condition::Any, Durability::Hint).await {
            Ok(_) | Err(StoreError::Full(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

struct Collector<'a> {
    storage: &'a Storage,
    condemned: &'a Condemned,
    options: &'a CollectOptions,
    stays: Stays<'a>,
    observer: Observer<'a>,
    collected: Collected,
}

impl Collector<'_> {
    async fn run(&mut self) -> Result<()> {
        if !self.options.dry_run {
            self.storage.sweep_uploads().await?;
        }
        let mut failure = None;
        let mut pages = self.storage.pages(keys::names(), PAGE);
        while let Some(names) = pages.next().await? {
            for repository in names.iter().filter_map(|name| name.parse().ok()) {
                if let Err(error) = self.repository(&repository).await {
                    failure = failure.or(Some(error));
                }
            }
        }
        self.blobs().await?;
        failure.map_or(Ok(()), Err)
    }

    async fn repository(&mut self, repository: &RepositoryName) -> Result<()> {
        if let Some(rules) = &self.options.tags {
            self.tags(repository, rules).await?;
        }
        if let Some(age) = self.options.untagged {
            self.manifests(repository, age.max(self.options.grace)).await?;
        }
        self.deleted(repository).await?;
        self.referrers(repository).await?;
        self.links(repository).await
    }

    /// Removes manifests that nothing leads to.
    async fn manifests(&mut self, repository: &RepositoryName, age: Duration) -> Result<()> {
        for algorithm in Algorithm::ALL {
            let mut pages = self.storage.pages(keys::manifests(repository, algorithm), BATCH);
            while let Some(names) = pages.next().await? {
                let digests = parse(algorithm, &names);
                self.condemn(digests.iter().map(|digest| keys::manifest(repository, digest))).await;
                self.spare_reachable(repository).await?;
                for digest in digests {
                    let key = keys::manifest(repository, &digest);
                    let found = Garbage::Manifest { repository: repository.clone(), digest };
                    self.remove(&key, age, found).await?;
                }
            }
        }
        Ok(())
    }

    /// Forgets deleted manifests once nobody has restored them in time.
    async fn deleted(&mut self, repository: &RepositoryName) -> Result<()> {
        let mut pages = self.storage.pages(keys::deleted(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for digest in names.iter().filter_map(|name| keys::parse_digest_name(name)) {
                let key = keys::deleted_manifest(repository, &digest);
                self.condemned.condemn(&key);
                let found = Garbage::Deleted { repository: repository.clone(), digest };
                self.remove(&key, self.options.grace, found).await?;
            }
        }
        Ok(())
    }

    /// Removes what is left of referrers whose push was cut short before the manifest was there.
    async fn referrers(&mut self, repository: &RepositoryName) -> Result<()> {
        let mut subjects = self.storage.pages(keys::subjects(repository), PAGE);
        while let Some(names) = subjects.next().await? {
            for subject in names.iter().filter_map(|name| keys::parse_digest_name(name)) {
                self.referrers_of(repository, &subject).await?;
            }
        }
        Ok(())
    }

    async fn referrers_of(&mut self, repository: &RepositoryName, subject: &Digest) -> Result<()> {
        let mut pages = self.storage.pages(keys::referrers(repository, subject), PAGE);
        while let Some(names) = pages.next().await? {
            let digests: Vec<Digest> =
                names.iter().filter_map(|name| keys::parse_digest_name(name)).collect();
            let key = |digest: &Digest| keys::referrer(repository, subject, digest);
            self.condemn(digests.iter().map(key)).await;
            for digest in digests {
                let key = key(&digest);
                let manifest = keys::manifest(repository, &digest);
                if self.storage.store.size(&manifest).await?.is_some() {
                    self.condemned.spare(&key);
                }
                let found = Garbage::Referrer { repository: repository.clone(), digest };
                self.remove(&key, self.options.grace, found).await?;
            }
        }
        Ok(())
    }

    /// Takes blobs from a repository that no manifest of it refers to.
    async fn links(&mut self, repository: &RepositoryName) -> Result<()> {
        for algorithm in Algorithm::ALL {
            let mut pages = self.storage.pages(keys::links(repository, algorithm), BATCH);
            while let Some(names) = pages.next().await? {
                let digests = parse(algorithm, &names);
                self.condemn(digests.iter().map(|digest| keys::link(repository, digest))).await;
                self.spare_referenced(repository).await?;
                for digest in digests {
                    let key = keys::link(repository, &digest);
                    let found = Garbage::Link { repository: repository.clone(), digest };
                    self.remove(&key, self.options.grace, found).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes the bytes of blobs that no repository has.
    async fn blobs(&mut self) -> Result<()> {
        let mut batch = Vec::new();
        for (algorithm, collection) in keys::all_blobs() {
            let mut pages = self.storage.pages(collection, PAGE);
            while let Some(names) = pages.next().await? {
                batch.extend(parse(algorithm, &names));
                if batch.len() >= BATCH {
                    self.blob_batch(std::mem::take(&mut batch)).await?;
                }
            }
        }
        self.blob_batch(batch).await
    }

    async fn blob_batch(&mut self, digests: Vec<Digest>) -> Result<()> {
        if digests.is_empty() {
            return Ok(());
        }
        self.condemn(digests.iter().map(keys::blob)).await;
        self.spare_held(&digests).await?;
        if digests.iter().any(|digest| self.condemned.contains(&keys::blob(digest))) {
            self.spare_linked().await?;
        }
        for digest in digests {
            let key = keys::blob(&digest);
            if !self.condemned.contains(&key) {
                continue;
            }
            let size = self.storage.store.size(&key).await?.unwrap_or(0);
            let found = Garbage::Blob { digest: digest.clone(), size };
            if self.remove(&key, self.options.grace, found).await? {
                let holder = keys::holder(&digest);
                self.storage.store.delete(&holder, None, Durability::Hint).await?;
            }
        }
        Ok(())
    }

    /// Condemns what may be garbage; afterwards everything that refers to it can be read, or spares
    /// it.
    async fn condemn(&self, keys: impl Iterator<Item = Key>) {
        for key in keys {
            self.condemned.condemn(&key);
        }
        self.condemned.begun_is_done().await;
    }

    /// Removes what is still condemned, if its time has come; tells whether it did.
    async fn remove(&mut self, key: &Key, grace: Duration, found: Garbage) -> Result<bool> {
        if self.options.dry_run {
            if self.condemned.contains(key) {
                self.note(&found);
            }
            return Ok(false);
        }
        let Some(_doomed) = self.condemned.doom(key, grace) else { return Ok(false) };
        match &found {
            Garbage::Manifest { repository, digest } => {
                self.storage.delete_manifest(repository, digest).await?;
            }
            _ => {
                self.storage.store.delete(key, None, Durability::Durable).await?;
            }
        }
        self.note(&found);
        Ok(true)
    }

    fn note(&mut self, found: &Garbage) {
        self.collected.add(found);
        (self.observer)(found);
    }
}

#[cfg(test)]
mod tests;

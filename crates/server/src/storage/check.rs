//! Checking that what is stored is what it was: the bytes of blobs, and that all of it fits together.
//!
//! A blob whose bytes have changed is removed, so that clients are told that it is not there, and
//! push it again. That its repositories have it stays noted, so one push heals all of them.

mod fault;
mod rotten;

use oras_spec::{Algorithm, Digest, RepositoryName, Tag};

pub use self::fault::{Checked, Fault};
use super::keys::parse;
use super::manifests::{blobs, manifests};
use super::{Durability, Result, Storage, keys, referrers};

/// What is checked, how fast, and what is done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Mends what can be mended: removes what is broken, so that it can be pushed again, and writes
    /// what follows from the rest. No by default.
    pub repair: bool,
    /// Reads the bytes of blobs and nothing else. No by default.
    pub only_blobs: bool,
    /// Reads at most so many bytes of blobs in a second. As fast as possible by default.
    pub bytes_per_second: Option<u64>,
}

const PAGE: usize = 1000;

/// Hears of every fault.
pub(crate) type Observer<'a> = &'a mut (dyn FnMut(&Fault) + Send + Sync);

impl Storage {
    /// Checks everything once, and tells of each fault.
    pub(crate) async fn check(
        &self,
        options: &CheckOptions,
        observer: Observer<'_>,
    ) -> Result<Checked> {
        let mut check = Check { storage: self, options, observer, checked: Checked::default() };
        check.all_blobs().await?;
        if !options.only_blobs {
            check.repositories().await?;
        }
        Ok(check.checked)
    }
}

struct Check<'a> {
    storage: &'a Storage,
    options: &'a CheckOptions,
    observer: Observer<'a>,
    checked: Checked,
}

impl Check<'_> {
    async fn all_blobs(&mut self) -> Result<()> {
        for (algorithm, collection) in keys::all_blobs() {
            let mut pages = self.storage.pages(collection, PAGE);
            while let Some(names) = pages.next().await? {
                for digest in parse(algorithm, &names) {
                    self.blob(digest).await?;
                }
            }
        }
        Ok(())
    }

    async fn blob(&mut self, digest: Digest) -> Result<()> {
        self.checked.blobs += 1;
        let (size, is_rotten) =
            self.storage.is_rotten(&digest, self.options.bytes_per_second).await?;
        self.checked.bytes += size;
        if is_rotten {
            let is_mended = self.options.repair && self.storage.remove_rotten(&digest).await?;
            self.note(&Fault::Rotten { digest }, is_mended);
        }
        Ok(())
    }

    async fn repositories(&mut self) -> Result<()> {
        let mut pages = self.storage.pages(keys::names(), PAGE);
        while let Some(names) = pages.next().await? {
            for repository in names.iter().filter_map(|name| name.parse().ok()) {
                self.repository(&repository).await?;
            }
        }
        Ok(())
    }

    async fn repository(&mut self, repository: &RepositoryName) -> Result<()> {
        for algorithm in Algorithm::ALL {
            let mut pages = self.storage.pages(keys::links(repository, algorithm), PAGE);
            while let Some(names) = pages.next().await? {
                for digest in parse(algorithm, &names) {
                    self.link(repository, digest).await?;
                }
            }
            let mut pages = self.storage.pages(keys::manifests(repository, algorithm), PAGE);
            while let Some(names) = pages.next().await? {
                for digest in parse(algorithm, &names) {
                    self.manifest(repository, digest).await?;
                }
            }
        }
        let mut pages = self.storage.pages(keys::tags(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                self.tag(repository, tag).await?;
            }
        }
        Ok(())
    }

    /// A blob that the repository has must be there, as long as it should be.
    async fn link(&mut self, repository: &RepositoryName, digest: Digest) -> Result<()> {
        if self.storage.blob_size(repository, &digest).await?.is_none() {
            // Left as it is: the blob is not there for clients, and comes back with one push.
            self.note(&Fault::MissingBlob { repository: repository.clone(), digest }, false);
        }
        Ok(())
    }

    async fn manifest(&mut self, repository: &RepositoryName, digest: Digest) -> Result<()> {
        self.checked.manifests += 1;
        let Some(document) = self.storage.document(repository, &digest).await? else {
            let key = keys::manifest(repository, &digest);
            let is_mended = self.options.repair
                && self.storage.store.delete(&key, None, Durability::Durable).await?;
            self.note(&Fault::Torn { repository: repository.clone(), digest }, is_mended);
            return Ok(());
        };
        let is_needed = |blob: &&oras_spec::image::Descriptor| {
            !blob.media_type.is_foreign_layer() && blob.urls.is_empty()
        };
        for blob in blobs(&document).filter(is_needed) {
            if self.storage.blob_size(repository, &blob.digest).await?.is_none() {
                self.incomplete(repository, &digest, &blob.digest);
            }
        }
        for child in manifests(&document) {
            let key = keys::manifest(repository, &child.digest);
            // An index may list what is kept as a blob.
            if self.storage.store.size(&key).await?.is_none()
                && self.storage.blob_size(repository, &child.digest).await?.is_none()
            {
                self.incomplete(repository, &digest, &child.digest);
            }
        }
        if let Some(subject) = document.subject() {
            let key = keys::referrer(repository, &subject.digest, &digest);
            if self.storage.store.size(&key).await?.is_none() {
                if self.options.repair {
                    let referrer = referrers::describe(&document, &digest);
                    self.storage.put_referrer(repository, &subject.digest, &referrer).await?;
                }
                let repository = repository.clone();
                self.note(&Fault::Unlisted { repository, digest }, self.options.repair);
            }
        }
        Ok(())
    }

    fn incomplete(&mut self, repository: &RepositoryName, digest: &Digest, missing: &Digest) {
        let (digest, missing) = (digest.clone(), missing.clone());
        self.note(&Fault::Incomplete { repository: repository.clone(), digest, missing }, false);
    }

    async fn tag(&mut self, repository: &RepositoryName, tag: Tag) -> Result<()> {
        self.checked.tags += 1;
        let digest = self.storage.tagged(repository, &tag).await?;
        if let Some(digest) = &digest
            && self.storage.store.size(&keys::manifest(repository, digest)).await?.is_some()
        {
            return Ok(());
        }
        let is_mended = match (self.options.repair, digest) {
            (false, _) => false,
            (true, Some(digest)) => self.storage.untag(repository, &tag, &digest).await?,
            (true, None) => self.storage.delete_tag(repository, &tag).await?,
        };
        self.note(&Fault::LostTag { repository: repository.clone(), tag }, is_mended);
        Ok(())
    }

    fn note(&mut self, fault: &Fault, is_mended: bool) {
        self.checked.faults += 1;
        self.checked.mended += u64::from(is_mended);
        (self.observer)(fault);
    }
}

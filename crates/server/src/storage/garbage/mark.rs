//! Marking: reads what refers to what, and spares it.

use oras_spec::image::Document;
use oras_spec::{Algorithm, Digest, RepositoryName};

use super::{Collector, Key, PAGE, Result, keys, parse};
use crate::storage::manifests::references;

impl Collector<'_> {
    /// Spares the blobs of a repository that its manifests refer to, also the deleted ones that can
    /// still be restored.
    pub(super) async fn spare_referenced(&self, repository: &RepositoryName) -> Result<()> {
        let spare = |document: &Document| {
            for descriptor in references(document) {
                self.condemned.spare(&keys::link(repository, &descriptor.digest));
            }
        };
        // In this order, because a manifest is noted as deleted before it is removed.
        self.each_manifest(repository, |digest, document| {
            if !self.is_as_good_as_gone(&keys::manifest(repository, digest)) {
                spare(document);
            }
        })
        .await?;
        let mut pages = self.storage.pages(keys::deleted(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for digest in names.iter().filter_map(|name| keys::parse_digest_name(name)) {
                if self.is_as_good_as_gone(&keys::deleted_manifest(repository, &digest)) {
                    continue;
                }
                if let Some(deleted) = self.storage.deleted_manifest(repository, &digest).await? {
                    spare(&deleted.document);
                }
            }
        }
        Ok(())
    }

    /// Spares the manifests of a repository that a tag, an index or their subject leads to.
    pub(super) async fn spare_reachable(&self, repository: &RepositoryName) -> Result<()> {
        let mut pages = self.storage.pages(keys::tags(repository), PAGE);
        while let Some(names) = pages.next().await? {
            for tag in names.iter().filter_map(|name| name.parse().ok()) {
                if let Some(digest) = self.storage.tagged(repository, &tag).await? {
                    self.condemned.spare(&keys::manifest(repository, &digest));
                }
            }
        }
        let mut with_subject = Vec::new();
        self.each_manifest(repository, |digest, document| {
            let subject = document.subject().map(|subject| &subject.digest);
            for descriptor in references(document) {
                if Some(&descriptor.digest) != subject {
                    self.condemned.spare(&keys::manifest(repository, &descriptor.digest));
                }
            }
            let manifest = keys::manifest(repository, digest);
            if let Some(subject) = subject
                && self.condemned.contains(&manifest)
            {
                with_subject.push((manifest, keys::manifest(repository, subject)));
            }
        })
        .await?;
        for (manifest, subject) in with_subject {
            if self.storage.store.size(&subject).await?.is_some() {
                self.condemned.spare(&manifest);
            }
        }
        Ok(())
    }

    /// Spares those of the blobs that the repository still has that was the last to be given them:
    /// in nearly all cases all that are worth sparing.
    pub(super) async fn spare_held(&self, digests: &[Digest]) -> Result<()> {
        for digest in digests {
            let holder = self.storage.store.get(&keys::holder(digest)).await?;
            let holder = holder.and_then(|name| std::str::from_utf8(&name).ok()?.parse().ok());
            if let Some(holder) = holder
                && self.has_link(&holder, digest).await?
            {
                self.condemned.spare(&keys::blob(digest));
            }
        }
        Ok(())
    }

    /// Spares the blobs that any repository has.
    pub(super) async fn spare_linked(&self) -> Result<()> {
        let mut pages = self.storage.pages(keys::names(), PAGE);
        while let Some(names) = pages.next().await? {
            for repository in names.iter().filter_map(|name| name.parse().ok()) {
                self.spare_linked_in(&repository).await?;
            }
        }
        Ok(())
    }

    async fn spare_linked_in(&self, repository: &RepositoryName) -> Result<()> {
        for algorithm in Algorithm::ALL {
            let mut pages = self.storage.pages(keys::links(repository, algorithm), PAGE);
            while let Some(names) = pages.next().await? {
                let is_there =
                    |digest: &&Digest| !self.is_as_good_as_gone(&keys::link(repository, digest));
                for digest in parse(algorithm, &names).iter().filter(is_there) {
                    self.condemned.spare(&keys::blob(digest));
                }
            }
        }
        Ok(())
    }

    async fn has_link(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        let link = keys::link(repository, digest);
        Ok(!self.is_as_good_as_gone(&link) && self.storage.store.size(&link).await?.is_some())
    }

    /// In a dry run what is condemned is still there.
    fn is_as_good_as_gone(&self, key: &Key) -> bool {
        self.options.dry_run && self.condemned.contains(key)
    }

    async fn each_manifest(
        &self,
        repository: &RepositoryName,
        mut visit: impl FnMut(&Digest, &Document) + Send,
    ) -> Result<()> {
        for algorithm in Algorithm::ALL {
            let mut pages = self.storage.pages(keys::manifests(repository, algorithm), PAGE);
            while let Some(names) = pages.next().await? {
                for digest in parse(algorithm, &names) {
                    self.visit(repository, &digest, &mut visit).await?;
                }
            }
        }
        Ok(())
    }

    async fn visit(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        visit: &mut (impl FnMut(&Digest, &Document) + Send),
    ) -> Result<()> {
        if let Some(document) = self.storage.document(repository, digest).await? {
            visit(digest, &document);
        }
        Ok(())
    }
}

//! The list of referrers, filtered and paged.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use oras_spec::distribution::{Operation, Page, header};
use oras_spec::image::{Descriptor, Index, MediaType};
use oras_spec::{Digest, RepositoryName};

use super::{Answer, Asked, insert, insert_next, json};
use crate::error::ApiError;

/// [end-12](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)
///
/// A subject that is not there, or a repository, has no referrers; that is no error.
pub(super) async fn list(
    asked: &Asked<'_>,
    repository: RepositoryName,
    digest: Digest,
    artifact_type: Option<String>,
    page: Page,
) -> Answer {
    let artifact_type = artifact_type.filter(|artifact_type| !artifact_type.is_empty());
    let mut collected =
        Collected::new(super::listing::limit(asked, &page), artifact_type.as_deref());
    collected.collect(asked, &repository, &digest, page.last.clone()).await?;
    let index = Index::new(collected.referrers);
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&index)));
    insert(&mut response, CONTENT_TYPE, MediaType::IMAGE_INDEX.as_str());
    if artifact_type.is_some() {
        insert(&mut response, header::OCI_FILTERS_APPLIED, "artifactType");
    }
    let next = collected.next.map(|last| Operation::ListReferrers {
        repository,
        digest,
        artifact_type,
        page: Page { limit: page.limit, last: Some(last) },
    });
    insert_next(&mut response, next.as_ref());
    Ok(response)
}

/// A page of referrers in the making.
struct Collected<'a> {
    referrers: Vec<Descriptor>,
    /// Bytes of their JSON.
    size: usize,
    /// The name behind which the next page begins, if there is one.
    next: Option<String>,
    limit: usize,
    artifact_type: Option<&'a str>,
}

/// How many records are looked at in one go, and how many for one page at most: who filters for
/// what is rare gets short pages, not long waits.
const BATCH: usize = 100;
const LOOKED_AT: usize = 10_000;

impl<'a> Collected<'a> {
    fn new(limit: usize, artifact_type: Option<&'a str>) -> Self {
        Self { referrers: Vec::new(), size: 0, next: None, limit, artifact_type }
    }

    async fn collect(
        &mut self,
        asked: &Asked<'_>,
        repository: &RepositoryName,
        subject: &Digest,
        mut after: Option<String>,
    ) -> Result<(), ApiError> {
        if self.limit == 0 {
            return Ok(());
        }
        for _ in 0..LOOKED_AT / BATCH {
            let storage = asked.storage;
            let names =
                storage.referrer_names(repository, subject, after.as_deref(), BATCH).await?;
            let referrers = storage.referrers(repository, subject, &names).await?;
            let is_last = names.len() < BATCH;
            for (name, referrer) in names.into_iter().zip(referrers) {
                if !self.add(referrer, asked.config.limits.referrers_size) {
                    self.next = after;
                    return Ok(());
                }
                after = Some(name);
            }
            if is_last {
                return Ok(());
            }
        }
        self.next = after;
        Ok(())
    }

    /// Adds a referrer if it is asked for; tells whether there was room.
    fn add(&mut self, referrer: Option<Descriptor>, most: usize) -> bool {
        let is_wanted = |referrer: &Descriptor| {
            self.artifact_type.is_none_or(|wanted| referrer.artifact_type.as_str() == wanted)
        };
        let Some(referrer) = referrer.filter(is_wanted) else { return true };
        let size = oras_spec::json::to_vec(&referrer).len();
        let is_full = self.referrers.len() >= self.limit || self.size + size > most;
        if is_full && !self.referrers.is_empty() {
            return false;
        }
        self.size += size;
        self.referrers.push(referrer);
        true
    }
}

//! Referrers: the API, and the tag schema where a registry lacks it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::StatusCode;
use oras_spec::distribution::header::OCI_FILTERS_APPLIED;
use oras_spec::distribution::{ErrorCode, Operation, Page};
use oras_spec::image::{Descriptor, Document, Index, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest, json};

use super::ReferrersMode;
use super::listing::{MAX_PAGE, next_page, read_page};
use super::manifests::is_not_found;
use super::repository::Repository;
use crate::content::Content;
use crate::{Error, ErrorKind, Result, Source as _};

/// What a registry is known to do about referrers.
#[derive(Debug, Default)]
pub(super) struct Support {
    /// 0 unknown, 1 has the API, 2 lacks it.
    api: AtomicU8,
    /// Held while an index of the tag schema is read, changed and written.
    pub(super) writing: tokio::sync::Mutex<()>,
}

impl Support {
    fn get(&self) -> Option<bool> {
        match self.api.load(Ordering::Relaxed) {
            0 => None,
            state => Some(state == 1),
        }
    }

    fn set(&self, has_api: bool) {
        self.api.store(if has_api { 1 } else { 2 }, Ordering::Relaxed);
    }
}

/// How many referrers of one manifest are listed to us at most, those that were not asked for among
/// them; law is that no far side sets our bounds.
const MAX_REFERRERS: usize = 1_000_000;
/// How many bytes all lists of the referrers of one manifest may have: 256 MiB.
const MAX_LENGTH: usize = 256 * 1024 * 1024;
/// How many pages such a list may have.
const MAX_PAGES: usize = 10_000;
const LEGACY_FILTERS: &str = "org.opencontainers.referrers.filtersApplied";

impl Repository {
    pub(super) async fn list_referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        let mode = self.session.options().referrers;
        let may_ask = match mode {
            ReferrersMode::Automatic => self.session.support.get() != Some(false),
            ReferrersMode::Api => true,
            ReferrersMode::Tag => false,
        };
        if may_ask {
            match self.ask_api(&subject.digest, artifact_type).await? {
                Some(referrers) => return Ok(referrers),
                None if mode == ReferrersMode::Api => {
                    let message = "failed to query referrers API: unsupported";
                    return Err(Error::new(ErrorKind::Unsupported, message));
                }
                None => {}
            }
        }
        let mut referrers = match self.fallback_index(subject).await? {
            Some((_, index)) => index.manifests,
            None => Vec::new(),
        };
        retain(&mut referrers, artifact_type);
        Ok(referrers)
    }

    /// Asks the API, page after page; nothing if there is no API.
    async fn ask_api(
        &self,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
    ) -> Result<Option<Vec<Descriptor>>> {
        let operation = Operation::ListReferrers {
            repository: self.name().clone(),
            digest: subject.clone(),
            artifact_type: artifact_type.map(|kind| kind.as_str().to_owned()),
            page: Page::default(),
        };
        let mut request = self.request(&operation)?;
        let hint = self.hint(&operation);
        let mut referrers = Vec::new();
        let mut listed = Listed::default();
        loop {
            let (answer, bytes) = self.session.get(request, MAX_PAGE).await?;
            let status = answer.status();
            if status == StatusCode::NOT_FOUND || status == StatusCode::BAD_REQUEST {
                let error = answer.refusal().await;
                if says_no_such_repository(&error) {
                    return Err(error);
                }
                // A 400 may be about this subject alone.
                if status == StatusCode::NOT_FOUND {
                    self.session.support.set(false);
                }
                return Ok(None);
            }
            if status == StatusCode::METHOD_NOT_ALLOWED {
                self.session.support.set(false);
                return Ok(None);
            }
            let answer = answer.expect(&[StatusCode::OK]).await?;
            let is_index =
                answer.media_type().is_ok_and(|media_type| media_type == MediaType::IMAGE_INDEX);
            if !is_index {
                self.session.support.set(false);
                return Ok(None);
            }
            self.session.support.set(true);
            let filters = answer.header(&OCI_FILTERS_APPLIED).map(str::to_owned);
            let here = answer.uri().clone();
            let next = next_page(&answer)?;
            let index: Index = read_page(&answer, &bytes)?;
            let filters = filters
                .or_else(|| index.annotations.get(LEGACY_FILTERS).cloned())
                .unwrap_or_default();
            let mut page = index.manifests;
            let brings_more = listed.add(&page, bytes.len(), subject)?;
            if !filters.split(',').any(|filter| filter.trim() == "artifactType") {
                retain(&mut page, artifact_type);
            }
            referrers.append(&mut page);
            match next {
                Some(next) if next != here && brings_more => {
                    request = self.session.request_to(http::Method::GET, next, hint.clone());
                }
                _ => return Ok(Some(referrers)),
            }
        }
    }

    /// Reads the index of the tag schema. Nothing if the tag is not there, or is no index: one
    /// registry lets the tag lead to the subject itself.
    async fn fallback_index(&self, subject: &Descriptor) -> Result<Option<(Descriptor, Index)>> {
        let reference = TagOrDigest::Tag(fallback_tag(&subject.digest)?);
        let (descriptor, content) = match self.fetch_reference(&reference).await {
            Ok(found) => found,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !descriptor.media_type.is_index() || descriptor.digest == subject.digest {
            return Ok(None);
        }
        let bytes = content.read_all().await?;
        let index = serde_json::from_slice(&bytes).map_err(|error| {
            let name = self.full_name(&reference);
            Error::new(ErrorKind::Server, format!("decode referrers index {name}"))
                .with_source(error)
        })?;
        Ok(Some((descriptor, index)))
    }

    /// Sees to it that the subject's list of referrers knows the manifest just written.
    pub(super) async fn record_referrer(
        &self,
        descriptor: &Descriptor,
        bytes: Bytes,
        recorded: bool,
    ) -> Result<()> {
        let Ok(document) = Document::parse(&descriptor.media_type, bytes) else { return Ok(()) };
        let Some(subject) = document.subject() else { return Ok(()) };
        if self.keeps_referrers_itself(subject, recorded).await? {
            return Ok(());
        }
        let mut referrer = descriptor.plain();
        referrer.annotations = document.annotations().clone();
        referrer.artifact_type = document.artifact_type().clone();
        self.change_fallback(subject, |referrers| {
            let is_known = referrers.iter().any(|known| known.is_same_content(&referrer));
            if !is_known {
                referrers.push(referrer);
            }
            !is_known
        })
        .await
    }

    /// Tells whether the registry maintains the list of referrers, given what it said on a push.
    async fn keeps_referrers_itself(&self, subject: &Descriptor, recorded: bool) -> Result<bool> {
        match self.session.options().referrers {
            ReferrersMode::Api => return Ok(true),
            ReferrersMode::Tag => return Ok(false),
            ReferrersMode::Automatic => {}
        }
        // One cloud's registries have said so without doing it.
        let is_believed = !self.registry().host().ends_with("amazonaws.com");
        match (recorded, self.session.support.get()) {
            (true, _) if is_believed => {
                self.session.support.set(true);
                Ok(true)
            }
            (_, Some(known)) => Ok(known),
            _ => Ok(self.ask_api(&subject.digest, None).await?.is_some()),
        }
    }

    /// Reads, changes and writes the index of the tag schema, unless `change` leaves it alone.
    async fn change_fallback(
        &self,
        subject: &Descriptor,
        change: impl FnOnce(&mut Vec<Descriptor>) -> bool,
    ) -> Result<()> {
        let _alone = self.session.support.writing.lock().await;
        let mut referrers = match self.fallback_index(subject).await? {
            Some((_, index)) => index.manifests,
            None => Vec::new(),
        };
        if !change(&mut referrers) {
            return Ok(());
        }
        let bytes = Bytes::from(json::to_vec(&Index::new(referrers)));
        let descriptor = Descriptor::of(MediaType::IMAGE_INDEX, &bytes);
        let reference = TagOrDigest::Tag(fallback_tag(&subject.digest)?);
        self.put_manifest(&descriptor, bytes, reference).await.map(drop)
    }

    /// Deletes a manifest, and first takes it out of its subject's list where we keep that.
    pub(super) async fn delete_manifest(&self, descriptor: &Descriptor) -> Result<()> {
        if self.session.options().referrers != ReferrersMode::Api
            && self.session.support.get() != Some(true)
        {
            let content: Content = self.fetch_manifest(descriptor).await?;
            let bytes = content.read_all().await?;
            let document = Document::parse(&descriptor.media_type, bytes).ok();
            if let Some(subject) = document.as_ref().and_then(Document::subject)
                && !self.keeps_referrers_itself(subject, false).await?
            {
                self.change_fallback(subject, |referrers| {
                    let before = referrers.len();
                    referrers.retain(|known| !known.is_same_content(descriptor));
                    referrers.len() != before
                })
                .await?;
            }
        }
        self.delete_manifest_reference(&descriptor.digest.clone().into()).await
    }
}

/// How much the pages so far have listed.
#[derive(Default)]
struct Listed {
    referrers: usize,
    bytes: usize,
    pages: usize,
    digests: HashSet<Digest>,
}

impl Listed {
    /// Notes a page, and tells whether there was something on it that was on none before: pages
    /// that lead to one another in a circle end there.
    fn add(&mut self, page: &[Descriptor], bytes: usize, subject: &Digest) -> Result<bool> {
        self.referrers += page.len();
        self.bytes += bytes;
        self.pages += 1;
        let is_within =
            self.referrers <= MAX_REFERRERS && self.bytes <= MAX_LENGTH && self.pages <= MAX_PAGES;
        if is_within {
            let known = self.digests.len();
            self.digests.extend(page.iter().map(|referrer| referrer.digest.clone()));
            return Ok(self.digests.len() > known);
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "{subject} has more than {MAX_REFERRERS} referrers, or lists of them with more \
                 than {MAX_LENGTH} bytes or {MAX_PAGES} pages"
            ),
        ))
    }
}

fn says_no_such_repository(error: &Error) -> bool {
    let response = error.response();
    response.is_some_and(|response| {
        response.body.errors.iter().any(|entry| entry.code == ErrorCode::NameUnknown)
    })
}

fn retain(referrers: &mut Vec<Descriptor>, artifact_type: Option<&MediaType>) {
    if let Some(wanted) = artifact_type {
        referrers.retain(|referrer| referrer.artifact_type == *wanted);
    }
}

/// `sha256:…` as a tag: `sha256-…`, cut to what fits.
///
/// See the [tag schema](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema).
fn fallback_tag(digest: &Digest) -> Result<Tag> {
    let encoded: String = digest.encoded().chars().take(64).collect();
    format!("{}-{encoded}", digest.algorithm())
        .parse()
        .map_err(|error| Error::new(ErrorKind::Invalid, "referrers tag").with_source(error))
}

//! Repositories of a mirror: what is not here yet comes from the upstream; nothing goes there.
//!
//! While an upstream cannot be asked, what was kept from it is served, with a `Warning`.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WARNING};
use http::{HeaderValue, Response};
use oras_spec::distribution::{Operation, Page, TagList, header};
use oras_spec::image::{Index, MediaType};
use oras_spec::{Digest, TagOrDigest};

use super::{Answer, Asked, blob, insert, insert_next, json, listing, manifest, referrers};
use crate::body::ResponseBody;
use crate::error::ApiError;
use crate::mirror::{FillError, Mirrored, Opened, UpstreamError};
use crate::storage::manifests::StoredManifest;

/// Carries out an operation on a repository of a mirror.
pub(super) async fn handle(operation: Operation, mirrored: &Mirrored, asked: &Asked<'_>) -> Answer {
    use Operation as O;

    let mut response = match operation {
        O::GetBlob { digest, .. } => get_blob(asked, mirrored, &digest).await,
        O::HeadBlob { digest, .. } => head_blob(asked, mirrored, &digest).await,
        O::GetManifest { reference, .. } | O::HeadManifest { reference, .. } => {
            get_manifest(asked, mirrored, &reference).await
        }
        O::ListTags { page, .. } => list_tags(asked, mirrored, page).await,
        O::ListReferrers { digest, artifact_type, page, .. } => {
            list_referrers(asked, mirrored, digest, artifact_type, page).await
        }
        _ => Err(ApiError::mirror_takes_no_pushes(mirrored.mirror.host())),
    }?;
    if let Ok(host) = HeaderValue::from_str(mirrored.mirror.host()) {
        response.headers_mut().insert(header::OCI_NAMESPACE, host);
    }
    Ok(response)
}

/// Tells whether an operation on a mirror is one that concerns the upstream. What was kept can be
/// deleted here: it comes again when it is asked for.
pub(super) fn concerns(operation: &Operation) -> bool {
    !matches!(operation, Operation::DeleteBlob { .. } | Operation::DeleteManifest { .. })
}

async fn get_blob(asked: &Asked<'_>, mirrored: &Mirrored, digest: &Digest) -> Answer {
    let repository = &mirrored.repository;
    if asked.storage.blob_size(repository, digest).await?.is_some() {
        return blob::get(asked, repository, digest).await;
    }
    let most = asked.config.limits.blob_size;
    let fills = &asked.config.mirrors.fills;
    match fills.open(asked.storage, mirrored, digest, most).await {
        Ok(Opened::Stored) => blob::get(asked, repository, digest).await,
        Ok(Opened::Coming(coming)) => {
            let size = coming.size();
            blob::answer(asked, digest, size, async |offset, length| {
                Ok(Some(coming.read(offset, length)))
            })
            .await
        }
        Err(FillError::Store(error)) => Err(error.into()),
        Err(FillError::Upstream(error)) => Err(refused(&error, || ApiError::blob_unknown(digest))),
    }
}

async fn head_blob(asked: &Asked<'_>, mirrored: &Mirrored, digest: &Digest) -> Answer {
    let Mirrored { mirror, repository, there } = mirrored;
    if asked.storage.blob_size(repository, digest).await?.is_some() {
        return blob::head(asked, repository, digest).await;
    }
    let size = mirror.upstream().blob_size(there, digest).await;
    let size = size.map_err(|error| refused(&error, || ApiError::blob_unknown(digest)))?;
    Ok(blob::described_as(asked, digest, size))
}

async fn get_manifest(asked: &Asked<'_>, mirrored: &Mirrored, reference: &TagOrDigest) -> Answer {
    let turns = &asked.config.mirrors.freshness;
    let turn = turns.turn(&mirrored.repository, reference.as_str());
    let held = turn.lock().await;
    let found = match reference {
        TagOrDigest::Digest(digest) => by_digest(asked, mirrored, digest).await.map(fresh),
        TagOrDigest::Tag(_) => by_tag(asked, mirrored, reference).await,
    }?;
    drop(held);
    let mut response = manifest::answer(asked, reference, found.manifest);
    if let Some(reason) = found.stale {
        warn(&mut response, mirrored, &reason);
    }
    Ok(response)
}

/// A manifest, and why it may not be the latest.
struct Found {
    manifest: StoredManifest,
    stale: Option<UpstreamError>,
}

fn fresh(manifest: StoredManifest) -> Found {
    Found { manifest, stale: None }
}

/// A tag is the upstream's to say, unless the upstream cannot be asked.
async fn by_tag(
    asked: &Asked<'_>,
    mirrored: &Mirrored,
    reference: &TagOrDigest,
) -> Result<Found, ApiError> {
    let Mirrored { mirror, repository, there } = mirrored;
    let Some(tag) = reference.tag() else {
        return Err(ApiError::manifest_unknown(reference.as_str()));
    };
    let unknown = || ApiError::manifest_unknown(tag.as_str());
    let freshness = &asked.config.mirrors.freshness;
    if let Some(digest) = freshness.latest(repository, tag)
        && let Some(manifest) = asked.storage.manifest(repository, &digest).await?
    {
        return Ok(fresh(manifest));
    }
    let kept = async |error: UpstreamError| {
        let kept = asked.storage.resolve(repository, reference).await?;
        Ok::<_, ApiError>(kept.map(|manifest| Found { manifest, stale: Some(error) }))
    };
    if let Some(trouble) = freshness.trouble(mirror.host())
        && let Some(kept) = kept(trouble).await?
    {
        return Ok(kept);
    }
    let digest = match mirror.upstream().resolve(there, reference).await {
        Ok(descriptor) => descriptor.digest,
        Err(error) if error.is_passing() => {
            freshness.note_trouble(mirror.host(), &error);
            return kept(error.clone()).await?.ok_or_else(|| refused(&error, unknown));
        }
        Err(error) => return Err(refused(&error, unknown)),
    };
    let manifest = by_digest(asked, mirrored, &digest).await?;
    if asked.storage.tagged(repository, tag).await?.as_ref() != Some(&digest) {
        asked.storage.set_tag(repository, tag, &digest).await?;
    }
    freshness.note(repository, tag, &digest);
    Ok(fresh(manifest))
}

/// What a digest names does not change: what is here is not asked for again.
async fn by_digest(
    asked: &Asked<'_>,
    mirrored: &Mirrored,
    digest: &Digest,
) -> Result<StoredManifest, ApiError> {
    let Mirrored { mirror, repository, there } = mirrored;
    if let Some(manifest) = asked.storage.manifest(repository, digest).await? {
        return Ok(manifest);
    }
    let unknown = || ApiError::manifest_unknown(digest.as_str());
    let read = mirror.upstream().manifest(there, digest).await;
    let (descriptor, bytes) = read.map_err(|error| refused(&error, unknown))?;
    if bytes.len() > asked.config.limits.manifest_size
        || crate::storage::digest_of(digest.algorithm(), &bytes).await != *digest
    {
        return Err(ApiError::upstream_failed("the upstream sent other bytes than were asked for"));
    }
    let media_type = Some(descriptor.media_type.clone());
    let document = manifest::parse(asked.config, media_type, bytes.clone()).await?;
    asked.storage.put_manifest(repository, &document, digest, &[], Vec::new()).await?;
    Ok(StoredManifest { media_type: descriptor.media_type, digest: digest.clone(), bytes })
}

async fn list_tags(asked: &Asked<'_>, mirrored: &Mirrored, page: Page) -> Answer {
    let Mirrored { mirror, repository, there } = mirrored;
    let limit = listing::limit(asked, &page);
    let more = limit.saturating_add(1);
    let tags = match mirror.upstream().tags(there, page.last.as_deref(), more).await {
        Ok(tags) => tags,
        Err(error) if error.is_passing() => {
            let mut response = listing::tags(asked, repository.clone(), page).await?;
            warn(&mut response, mirrored, &error);
            return Ok(response);
        }
        Err(error) => {
            return Err(refused(&error, || ApiError::name_unknown(repository.as_str())));
        }
    };
    let (tags, next) = listing::cut(tags, limit);
    let list = TagList { name: repository.as_str().to_owned(), tags };
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&list)));
    let next = next.map(|page| Operation::ListTags { repository: repository.clone(), page });
    insert_next(&mut response, next.as_ref());
    Ok(response)
}

async fn list_referrers(
    asked: &Asked<'_>,
    mirrored: &Mirrored,
    digest: Digest,
    artifact_type: Option<String>,
    page: Page,
) -> Answer {
    let Mirrored { mirror, repository, there } = mirrored;
    let mut found = match mirror.upstream().referrers(there, &digest).await {
        Ok(found) => found,
        Err(error) if error.is_passing() => {
            let repository = repository.clone();
            let listed = referrers::list(asked, repository, digest, artifact_type, page).await;
            let mut response = listed?;
            warn(&mut response, mirrored, &error);
            return Ok(response);
        }
        Err(_) => Vec::new(),
    };
    let wanted = artifact_type.filter(|wanted| !wanted.is_empty());
    if let Some(wanted) = &wanted {
        found.retain(|referrer| referrer.artifact_type.as_str() == wanted);
    }
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&Index::new(found))));
    insert(&mut response, CONTENT_TYPE, MediaType::IMAGE_INDEX.as_str());
    if wanted.is_some() {
        insert(&mut response, header::OCI_FILTERS_APPLIED, "artifactType");
    }
    Ok(response)
}

/// Says that what is served may be old, as
/// [the specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings)
/// has it.
fn warn(response: &mut Response<ResponseBody>, mirrored: &Mirrored, reason: &UpstreamError) {
    let text = format!("{} cannot be asked, this may be old: {reason}", mirrored.mirror.host());
    let text: String = text
        .chars()
        .map(|character| match character {
            '"' | '\\' => '\'',
            ' '..='~' => character,
            _ => '?',
        })
        .take(MAX_WARNING)
        .collect();
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
        response.headers_mut().append(WARNING, value);
    }
}

/// Characters of a warning, well below what the specification allows.
const MAX_WARNING: usize = 1000;

/// What the client is told of an upstream's failure.
fn refused(error: &UpstreamError, unknown: impl Fn() -> ApiError) -> ApiError {
    use crate::mirror::UpstreamErrorKind as Kind;

    match error.kind() {
        Kind::NotFound => unknown(),
        Kind::Denied => ApiError::upstream_denied(&error.to_string()),
        Kind::RateLimited => {
            ApiError::upstream_rate_limited(&error.to_string()).header(RETRY_AFTER, "60")
        }
        Kind::Unavailable => ApiError::upstream_failed(&error.to_string()),
    }
}

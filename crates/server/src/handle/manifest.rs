//! Manifests: read, write and delete.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use oras_spec::distribution::{Operation, header};
use oras_spec::image::MediaType;
use oras_spec::{Algorithm, Digest, RepositoryName, Tag, TagOrDigest};

use super::{Answer, Asked, insert, insert_content_headers, insert_digest, status};
use crate::body::{RequestBody, ResponseBody};
use crate::error::ApiError;
use crate::policy::{Permissions, Policy};
use crate::storage::digest_of;
use crate::storage::manifests::StoredManifest;

mod check;
mod write;

pub(super) use check::parse;

use self::write::{Push, Pushed};

/// [end-3](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests)
///
/// What was pushed is what is served, whatever the client says it accepts.
pub(super) async fn get(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Answer {
    let found = asked.storage.resolve(repository, reference).await?;
    let manifest = found.ok_or_else(|| ApiError::manifest_unknown(reference.as_str()))?;
    Ok(answer(asked, reference, manifest))
}

/// Answers with a manifest that `reference` picked.
pub(super) fn answer(
    asked: &Asked<'_>,
    reference: &TagOrDigest,
    manifest: StoredManifest,
) -> Response<ResponseBody> {
    let has_it = asked.has(&manifest.digest);
    let mut response = status(if has_it { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    let scope = asked.cache_scope();
    // A tag may move at any time.
    let cache = match reference {
        TagOrDigest::Tag(_) => format!("no-cache, {scope}"),
        TagOrDigest::Digest(_) => format!("max-age=31536000, immutable, {scope}"),
    };
    insert_content_headers(&mut response, &manifest.digest, &cache);
    insert(&mut response, CONTENT_TYPE, manifest.media_type.as_str());
    if !has_it {
        let length = HeaderValue::from(manifest.bytes.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
        *response.body_mut() = ResponseBody::full(manifest.bytes);
    }
    response
}

/// [end-7](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests)
pub(super) async fn put(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
    tags: &[Tag],
    body: &mut RequestBody,
) -> Answer {
    let bytes = read(asked, body).await?;
    let algorithm = reference.digest().map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = digest_of(algorithm, &bytes).await;
    if reference.digest().is_some_and(|wanted| *wanted != digest) {
        return Err(ApiError::digest_mismatch(&digest));
    }
    let document = parse(asked.config, content_type(asked)?, bytes).await?;
    let needed = check::needed(asked.config, &document);
    let named = reference.tag().map_or(tags, std::slice::from_ref);
    let (moving, staying) = sort_tags(asked, repository, &digest, named).await?;
    let subject = document.subject().map(|subject| subject.digest.clone());
    let push = Push { document, digest: digest.clone(), needed, moving, staying };
    match write::push(asked, repository, push).await? {
        Pushed::Done => {}
        Pushed::Missing(blob) => return Err(ApiError::manifest_blob_unknown(&blob)),
        Pushed::Stays(tag) => return Err(stays(asked, repository, &tag)),
    }

    let mut response = status(StatusCode::CREATED);
    let location =
        Operation::GetManifest { repository: repository.clone(), reference: reference.clone() };
    insert(&mut response, LOCATION, &location.path_and_query());
    insert_digest(&mut response, &digest);
    if let Some(subject) = subject {
        insert(&mut response, header::OCI_SUBJECT, subject.as_str());
    }
    for tag in tags {
        let tag = HeaderValue::from_str(tag.as_str()).expect("a checked tag is legal in headers");
        response.headers_mut().append(header::OCI_TAG, tag);
    }
    Ok(response)
}

/// [end-9](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-manifests)
///
/// Deleting a tag keeps its manifest; deleting a manifest deletes its tags.
pub(super) async fn delete(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Answer {
    refuse_immutable(asked, repository, reference).await?;
    if write::delete(asked, repository, reference).await? {
        Ok(status(StatusCode::ACCEPTED))
    } else {
        Err(ApiError::manifest_unknown(reference.as_str()))
    }
}

/// Sorts tags into those that may be moved here and those that may only be set once, and refuses
/// if one of these is there and somewhere else.
async fn sort_tags(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    tags: &[Tag],
) -> Result<(Vec<Tag>, Vec<Tag>), ApiError> {
    let Some(policy) = &asked.policy else { return Ok((tags.to_vec(), Vec::new())) };
    let may_move = policy.permissions(&asked.identity, repository).allow(Permissions::OVERWRITE);
    let moves = |tag: &&Tag| may_move && !policy.is_immutable(repository, tag);
    let (moving, staying): (Vec<_>, Vec<_>) = tags.iter().partition(moves);
    for tag in &staying {
        // A tag that points nowhere is removed by this look, and as good as none.
        let reference = TagOrDigest::Tag((*tag).clone());
        let found = asked.storage.resolve(repository, &reference).await?;
        if found.is_some_and(|found| found.digest != *digest) {
            return Err(stays(asked, repository, tag));
        }
    }
    Ok((moving.into_iter().cloned().collect(), staying.into_iter().cloned().collect()))
}

/// Refuses to delete an immutable tag, or the manifest that one points at.
async fn refuse_immutable(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    reference: &TagOrDigest,
) -> Result<(), ApiError> {
    let Some(policy) = asked.policy.as_ref().filter(|policy| policy.has_immutable(repository))
    else {
        return Ok(());
    };
    let is_immutable = |tag: &Tag| policy.is_immutable(repository, tag);
    let kept = match reference {
        TagOrDigest::Tag(tag) => is_immutable(tag).then(|| tag.clone()),
        TagOrDigest::Digest(digest) => {
            asked.storage.find_tag_at(repository, digest, is_immutable).await?
        }
    };
    kept.map_or(Ok(()), |tag| Err(ApiError::tag_stays(&tag, true)))
}

fn stays(asked: &Asked<'_>, repository: &RepositoryName, tag: &Tag) -> ApiError {
    let is_immutable = |policy: &std::sync::Arc<Policy>| policy.is_immutable(repository, tag);
    ApiError::tag_stays(tag, asked.policy.as_ref().is_some_and(is_immutable))
}

/// Takes the body into memory, or as much as it takes to see that it is too large.
async fn read(asked: &Asked<'_>, body: &mut RequestBody) -> Result<Bytes, ApiError> {
    let limit = asked.config.limits.manifest_size;
    let too_large = || ApiError::manifest_too_large(limit);
    let stated = asked.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let stated = stated.and_then(|text| text.parse::<u64>().ok());
    if stated.is_some_and(|stated| stated > limit as u64) {
        return Err(too_large());
    }
    let mut stream = body.take();
    let mut all = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(ApiError::body_broke)?;
        if all.len() + piece.len() > limit {
            return Err(too_large());
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// Reads the media type a manifest is pushed as, without its parameters.
fn content_type(asked: &Asked<'_>) -> Result<Option<MediaType>, ApiError> {
    let Some(value) = asked.headers.get(CONTENT_TYPE) else { return Ok(None) };
    let invalid = || ApiError::manifest_invalid("the Content-Type is not text");
    let text = value.to_str().map_err(|_| invalid())?;
    let text = text.split_once(';').map_or(text, |(text, _)| text).trim();
    Ok((!text.is_empty()).then(|| MediaType::from(text)))
}

//! Uploads: start, add, ask, close, cancel; a whole blob in one request; a mount.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use http::{Response, StatusCode};
use oras_spec::distribution::{Operation, UploadId, UploadRange, header};
use oras_spec::{Algorithm, Digest, RepositoryName};

use super::quota::take_room;
use super::{Answer, Asked, insert, insert_digest, status};
use crate::body::{RequestBody, ResponseBody};
use crate::error::ApiError;
use crate::policy::may_mount_from;
use crate::storage::uploads::{Chunk, Claim, UploadError};

/// [end-4a](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#post-then-put)
pub(super) async fn start(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    algorithm: Option<Algorithm>,
) -> Answer {
    let user = asked.identity.name.clone();
    let upload = asked.storage.start_upload(repository, user, algorithm).await?;
    Ok(progress(StatusCode::ACCEPTED, repository, &upload, 0))
}

/// [end-4b](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#single-post)
pub(super) async fn push(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    body: &mut RequestBody,
) -> Answer {
    take_room(asked, repository, digest, stated_length(asked).unwrap_or_default()).await?;
    let chunk = Chunk { range: None, body: body.take() };
    asked.storage.push_blob(repository, digest, chunk).await?;
    Ok(created(repository, digest))
}

/// [end-11](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository)
///
/// What cannot be mounted, for whatever reason, is to be uploaded.
pub(super) async fn mount(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
    from: Option<&RepositoryName>,
) -> Answer {
    let may_pull =
        |source: &RepositoryName| may_mount_from(asked.policy.as_deref(), &asked.identity, source);
    // What may not be seen and what is not there are answered alike.
    if asked.storage.mount_blob(repository, digest, from, may_pull).await? {
        Ok(created(repository, digest))
    } else {
        start(asked, repository, Some(digest.algorithm())).await
    }
}

/// [end-5](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks)
pub(super) async fn append(
    asked: &Asked<'_>,
    repository: RepositoryName,
    id: UploadId,
    body: &mut RequestBody,
) -> Answer {
    let claim = claim(asked, repository, id);
    let chunk = chunk(asked, body)?;
    match asked.storage.append_upload(&claim, chunk).await {
        Ok(size) => Ok(progress(StatusCode::ACCEPTED, &claim.repository, &claim.id, size)),
        Err(error) => Err(refusal(&claim, error)),
    }
}

/// [end-6](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#post-then-put)
pub(super) async fn finish(
    asked: &Asked<'_>,
    repository: RepositoryName,
    id: UploadId,
    digest: &Digest,
    body: &mut RequestBody,
) -> Answer {
    let claim = claim(asked, repository, id);
    let chunk = chunk(asked, body)?;
    if asked.policy.is_some() {
        let held = asked.storage.upload_size(&claim).await?;
        let size = held.saturating_add(stated_length(asked).unwrap_or_default());
        take_room(asked, &claim.repository, digest, size).await?;
    }
    match asked.storage.finish_upload(&claim, digest, chunk).await {
        Ok(()) => Ok(created(&claim.repository, digest)),
        Err(error) => Err(refusal(&claim, error)),
    }
}

/// [end-13](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks)
pub(super) async fn status_of(
    asked: &Asked<'_>,
    repository: RepositoryName,
    id: UploadId,
) -> Answer {
    let claim = claim(asked, repository, id);
    let size = asked.storage.upload_size(&claim).await?;
    Ok(progress(StatusCode::NO_CONTENT, &claim.repository, &claim.id, size))
}

/// end-14, drafted for version 1.2 of the specification.
pub(super) async fn cancel(asked: &Asked<'_>, repository: RepositoryName, id: UploadId) -> Answer {
    asked.storage.cancel_upload(&claim(asked, repository, id)).await?;
    Ok(status(StatusCode::NO_CONTENT))
}

fn claim(asked: &Asked<'_>, repository: RepositoryName, id: UploadId) -> Claim {
    Claim { repository, user: asked.identity.name.clone(), id }
}

/// Reads where a chunk begins and how long it is, as far as the client says so.
fn chunk(asked: &Asked<'_>, body: &mut RequestBody) -> Result<Chunk, ApiError> {
    let range = match asked.headers.get(CONTENT_RANGE) {
        None => None,
        Some(value) => {
            let range = value.to_str().ok().and_then(|text| text.parse::<UploadRange>().ok());
            let range = range.and_then(|range| Some((range.first, range.length()?)));
            Some(range.ok_or_else(ApiError::chunk_range_invalid)?)
        }
    };
    if let (Some((_, stated)), Some(length)) = (range, stated_length(asked))
        && stated != length
    {
        return Err(ApiError::size_invalid("Content-Range and Content-Length differ"));
    }
    Ok(Chunk { range, body: body.take() })
}

/// Returns how long the client says the body is.
fn stated_length(asked: &Asked<'_>) -> Option<u64> {
    asked.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses a chunk; if it only came out of order, says where the upload stands.
fn refusal(claim: &Claim, error: UploadError) -> ApiError {
    let UploadError::OutOfOrder { held } = error else { return error.into() };
    ApiError::from(error)
        .header(LOCATION, &location(&claim.repository, &claim.id))
        .header(RANGE, &UploadRange::print_held(held))
        .header(header::DOCKER_UPLOAD_UUID, claim.id.as_str())
}

fn location(repository: &RepositoryName, upload: &UploadId) -> String {
    let (repository, upload) = (repository.clone(), upload.clone());
    Operation::UploadStatus { repository, upload }.path_and_query()
}

/// Says where an upload stands.
fn progress(
    code: StatusCode,
    repository: &RepositoryName,
    upload: &UploadId,
    size: u64,
) -> Response<ResponseBody> {
    let mut response = status(code);
    insert(&mut response, LOCATION, &location(repository, upload));
    insert(&mut response, RANGE, &UploadRange::print_held(size));
    insert(&mut response, header::DOCKER_UPLOAD_UUID, upload.as_str());
    response
}

/// Says where a blob is now.
fn created(repository: &RepositoryName, digest: &Digest) -> Response<ResponseBody> {
    let mut response = status(StatusCode::CREATED);
    let (repository, blob) = (repository.clone(), digest.clone());
    let location = Operation::GetBlob { repository, digest: blob }.path_and_query();
    insert(&mut response, LOCATION, &location);
    insert_digest(&mut response, digest);
    response
}

//! Blobs: read, whole or in part, and delete.

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE};
use http::{HeaderValue, Response, StatusCode};
use oras_spec::distribution::{ByteRange, ContentRange};
use oras_spec::{Digest, RepositoryName};

use super::{Answer, Asked, etag, insert, insert_content_headers, status};
use crate::body::ResponseBody;
use crate::error::ApiError;
use crate::storage::Pieces;

/// [end-2](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs)
pub(super) async fn get(asked: &Asked<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let size = asked.storage.linked_blob_size(repository, digest).await?;
    let size = size.ok_or_else(|| ApiError::blob_unknown(digest))?;
    let open = async |offset, length| asked.storage.open_blob(digest, size, offset, length).await;
    answer(asked, digest, size, open).await
}

/// Answers with a blob of `size` bytes, or the part that is asked for, as `open` returns it for an
/// offset and a length.
pub(super) async fn answer(
    asked: &Asked<'_>,
    digest: &Digest,
    size: u64,
    open: impl AsyncFnOnce(u64, u64) -> crate::storage::Result<Option<Pieces>>,
) -> Answer {
    if asked.has(digest) {
        return Ok(described(asked, digest, StatusCode::NOT_MODIFIED));
    }
    let range = asked_range(asked, digest, size)?;
    let (offset, length) = range.unwrap_or((0, size));
    let pieces = open(offset, length).await?;
    let pieces = pieces.ok_or_else(|| ApiError::blob_unknown(digest))?;
    let code = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = described(asked, digest, code).map(|_| ResponseBody::pieces(pieces, length));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if range.is_some() {
        let range =
            ContentRange::Within { first: offset, last: offset + length - 1, size: Some(size) };
        insert(&mut response, CONTENT_RANGE, &range.to_string());
    }
    Ok(response)
}

/// As [`get`] of the whole, without the bytes. They are looked at all the same, because a client
/// that is told they are there does not push them.
pub(super) async fn head(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Answer {
    let size = asked.storage.blob_size(repository, digest).await?;
    let size = size.ok_or_else(|| ApiError::blob_unknown(digest))?;
    Ok(described_as(asked, digest, size))
}

/// Answers that a blob of `size` bytes is there.
pub(super) fn described_as(
    asked: &Asked<'_>,
    digest: &Digest,
    size: u64,
) -> Response<ResponseBody> {
    if asked.has(digest) {
        return described(asked, digest, StatusCode::NOT_MODIFIED);
    }
    let mut response = described(asked, digest, StatusCode::OK);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
    response
}

/// [end-10](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-blobs)
pub(super) async fn delete(
    asked: &Asked<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Answer {
    if asked.storage.unlink_blob(repository, digest).await? {
        Ok(status(StatusCode::ACCEPTED))
    } else {
        Err(ApiError::blob_unknown(digest))
    }
}

fn described(asked: &Asked<'_>, digest: &Digest, code: StatusCode) -> Response<ResponseBody> {
    let mut response = status(code);
    let cache = format!("max-age=31536000, immutable, {}", asked.cache_scope());
    insert_content_headers(&mut response, digest, &cache);
    insert(&mut response, CONTENT_TYPE, "application/octet-stream");
    insert(&mut response, ACCEPT_RANGES, "bytes");
    response
}

/// Reads which part of `size` bytes is asked for, as offset and length; nothing for all of them.
///
/// As [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-14.2) allows, several ranges and
/// other units are answered with everything.
fn asked_range(
    asked: &Asked<'_>,
    digest: &Digest,
    size: u64,
) -> Result<Option<(u64, u64)>, ApiError> {
    let Some(range) = asked.headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let is_outdated = |value: &HeaderValue| value.as_bytes() != etag(digest).as_bytes();
    if !range.starts_with("bytes=")
        || range.contains(',')
        || asked.headers.get(IF_RANGE).is_some_and(is_outdated)
    {
        return Ok(None);
    }
    let range = range.parse::<ByteRange>().ok().and_then(|range| range.resolve(size));
    range.map(Some).ok_or_else(|| ApiError::range_unsatisfied(size))
}

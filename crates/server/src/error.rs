//! Refusals: what went wrong, as the client is told and as the log is told.
//!
//! This file alone knows which status goes with what.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use oras_spec::distribution::{ErrorBody, ErrorCode, ErrorEntry, NotAnOperation};
use oras_spec::{Digest, NameError, RepositoryName, Tag};
use serde_json::{Value, json};

use crate::auth;
use crate::body::ResponseBody;
use crate::metrics::Limit;
use crate::storage::StoreError;
use crate::storage::uploads::UploadError;

/// A refusal of a request.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    detail: Value,
    headers: HeaderMap,
    /// The limit that it is for, if it is one.
    limit: Option<Limit>,
    /// For the log only.
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl ApiError {
    fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            status,
            code,
            message: message.into(),
            detail: Value::Null,
            headers: HeaderMap::new(),
            limit: None,
            cause: None,
        }))
    }

    fn detail(mut self, detail: Value) -> Self {
        self.0.detail = detail;
        self
    }

    fn cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    fn limit(mut self, limit: Limit) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// Returns the limit that the refusal is for, to be counted.
    pub(crate) fn for_limit(&self) -> Option<Limit> {
        self.0.limit
    }

    /// Adds a header; one whose value cannot be a header's is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.append(name, value);
        }
        self
    }

    /// Says why a token was refused.
    pub(crate) fn because(mut self, why: &str) -> Self {
        self.0.message = format!("the token is refused: {why}");
        self
    }

    pub(crate) fn blob_unknown(digest: &Digest) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, "blob unknown to registry")
            .detail(json!({ "digest": digest.as_str() }))
    }

    pub(crate) fn manifest_unknown(reference: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, "manifest unknown")
            .detail(json!({ "reference": reference }))
    }

    pub(crate) fn name_unknown(name: &str) -> Self {
        let message = "repository name not known to registry";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
            .detail(json!({ "name": name }))
    }

    pub(crate) fn manifest_invalid(reason: impl fmt::Display) -> Self {
        let message = format!("manifest invalid: {reason}");
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message)
    }

    pub(crate) fn manifest_too_large(limit: usize) -> Self {
        let message = format!("manifest too large: at most {limit} bytes are taken");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ManifestInvalid, message)
            .limit(Limit::ManifestSize)
    }

    pub(crate) fn manifest_blob_unknown(digest: &Digest) -> Self {
        let message = "manifest references a manifest or blob unknown to registry";
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestBlobUnknown, message)
            .detail(json!({ "digest": digest.as_str() }))
    }

    pub(crate) fn digest_mismatch(found: &Digest) -> Self {
        let message = "provided digest did not match uploaded content";
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
            .detail(json!({ "found": found.as_str() }))
    }

    pub(crate) fn size_invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, message)
    }

    pub(crate) fn chunk_range_invalid() -> Self {
        let message = "Content-Range is not two numbers with a dash between";
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, message)
    }

    /// The range of a download lies outside of content of `size` bytes.
    pub(crate) fn range_unsatisfied(size: u64) -> Self {
        let message = "the range lies outside of the content";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message)
            .header(CONTENT_RANGE, &format!("bytes */{size}"))
    }

    pub(crate) fn target_too_long(limit: usize) -> Self {
        let message = format!("the request's target is longer than {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, ErrorCode::Unsupported, message).limit(Limit::Head)
    }

    pub(crate) fn headers_too_large(limit: usize) -> Self {
        let message = format!("the request's headers are larger than {limit} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, ErrorCode::Unsupported, message).limit(Limit::Head)
    }

    /// A push to a mirror of `host`.
    pub(crate) fn mirror_takes_no_pushes(host: &str) -> Self {
        let message = format!("this part of the registry mirrors {host} and takes no pushes");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
            .header(ALLOW, "GET, HEAD")
    }

    /// The upstream of a mirror does not let us have what is asked for.
    pub(crate) fn upstream_denied(reason: &str) -> Self {
        let message = format!("the upstream refused: {reason}");
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
    }

    /// The upstream of a mirror wants fewer requests, and nothing is kept to serve instead.
    pub(crate) fn upstream_rate_limited(reason: &str) -> Self {
        let message = format!("the upstream is rate-limited: {reason}");
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
    }

    /// The upstream of a mirror failed, and nothing is kept to serve instead.
    pub(crate) fn upstream_failed(reason: &str) -> Self {
        let code = ErrorCode::Other("UNAVAILABLE".to_owned());
        let message = format!("the upstream failed: {reason}");
        Self::new(StatusCode::BAD_GATEWAY, code, message)
    }

    /// Somebody lacks a permission. Says the same whether what was asked for is there or not.
    pub(crate) fn denied(permission: &str, repository: Option<&RepositoryName>) -> Self {
        let message = "requested access to the resource is denied";
        let name = repository.map(RepositoryName::as_str);
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
            .detail(json!({ "permission": permission, "repository": name }))
    }

    /// A tag is there, and stays as it is.
    pub(crate) fn tag_stays(tag: &Tag, is_immutable: bool) -> Self {
        let why = if is_immutable { "is immutable" } else { "may not be overwritten" };
        let message = format!("requested access to the resource is denied: tag {tag} {why}");
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
            .detail(json!({ "permission": "overwrite", "tag": tag.as_str() }))
    }

    /// A blob has no room.
    pub(crate) fn over_quota(
        repository: &RepositoryName,
        size: u64,
        left: u64,
        quota: u64,
    ) -> Self {
        let message = format!(
            "requested access to the resource is denied: the quota of {repository} has {left} of \
             {quota} bytes left, and the blob has {size}"
        );
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
            .detail(json!({ "quota": quota, "left": left, "size": size }))
            .limit(Limit::Quota)
    }

    /// Somebody made too many requests, and may make the next one in `wait`.
    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        let message = "too many requests";
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
            .header(RETRY_AFTER, &seconds.max(1).to_string())
            .limit(Limit::Rate)
    }

    pub(crate) fn no_tokens() -> Self {
        let message = "this registry hands out no tokens";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Unsupported, message)
    }

    pub(crate) fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let code = ErrorCode::Other("UNKNOWN".to_owned());
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, "internal error").cause(cause)
    }

    pub(crate) fn body_broke(cause: Box<dyn StdError + Send + Sync>) -> Self {
        let message = "the request's body broke off";
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, message).cause(cause)
    }

    /// What the log is told: the cause, and its causes.
    pub(crate) fn log_text(&self) -> Option<String> {
        let mut cause: &dyn StdError = self.0.cause.as_deref()?;
        let mut text = cause.to_string();
        while let Some(next) = cause.source() {
            text = format!("{text}: {next}");
            cause = next;
        }
        Some(text)
    }

    /// What the client is told.
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let refusal = *self.0;
        let entry =
            ErrorEntry { code: refusal.code, message: refusal.message, detail: refusal.detail };
        let body = ErrorBody { errors: vec![entry] };
        let body = Bytes::from(oras_spec::json::to_vec(&body));
        let mut response = Response::new(ResponseBody::full(body));
        *response.status_mut() = refusal.status;
        *response.headers_mut() = refusal.headers;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

impl From<auth::Refusal> for ApiError {
    fn from(refusal: auth::Refusal) -> Self {
        match refusal {
            auth::Refusal::Challenge(challenge) => {
                let message = "authentication required";
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
                    .header(WWW_AUTHENTICATE, &challenge.to_string())
            }
            // Whoever knows the challenge puts it in place of this.
            auth::Refusal::Unauthorized | auth::Refusal::Untrusted(_) => {
                let message = "authentication required";
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
            }
            auth::Refusal::Unavailable(why) => {
                let message = "the keys of the token's issuer cannot be had at this moment";
                let code = ErrorCode::Other("UNAVAILABLE".to_owned());
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
                    .header(RETRY_AFTER, "10")
                    .cause(why)
            }
            auth::Refusal::Busy => {
                let message = "too many logins at this moment, or too many wrong ones";
                Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
                    .header(RETRY_AFTER, "3")
                    .limit(Limit::Logins)
            }
        }
    }
}

impl From<NotAnOperation> for ApiError {
    fn from(error: NotAnOperation) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            NotAnOperation::Digest(_) => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            NotAnOperation::Method { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported)
            }
            NotAnOperation::Name(NameError::Tag(_)) => {
                (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid)
            }
            NotAnOperation::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            NotAnOperation::Path => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
            NotAnOperation::Query(_) => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
            NotAnOperation::Upload(_) => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        };
        let refusal = Self::new(status, code, message);
        match error {
            NotAnOperation::Method { allow } => refusal.header(ALLOW, allow),
            _ => refusal,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let other = |code: &str| ErrorCode::Other(code.to_owned());
        let (status, code, message) = match &error {
            StoreError::Full(_) => {
                (StatusCode::INSUFFICIENT_STORAGE, other("UNAVAILABLE"), "the storage is full")
            }
            StoreError::ReadOnly => {
                let message = "the storage is read-only at present";
                (StatusCode::SERVICE_UNAVAILABLE, other("UNAVAILABLE"), message)
            }
            StoreError::StageLost => {
                let message = "blob upload unknown to registry";
                (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown, message)
            }
            StoreError::Io(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, other("UNKNOWN"), "internal error")
            }
        };
        Self::new(status, code, message).cause(error)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let (status, code) = match error {
            UploadError::Store(error) => return error.into(),
            UploadError::Interrupted(cause) => return Self::body_broke(cause),
            UploadError::Digest { found } => return Self::digest_mismatch(&found),
            UploadError::Busy => (StatusCode::CONFLICT, ErrorCode::BlobUploadInvalid),
            UploadError::Length => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid),
            UploadError::OutOfOrder { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid)
            }
            UploadError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid),
            UploadError::TooMany | UploadError::TooManyOfUser => {
                (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
            }
            UploadError::Unknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        };
        let refusal = Self::new(status, code, error.to_string());
        match error {
            UploadError::Busy => refusal.header(RETRY_AFTER, "1"),
            UploadError::TooMany => refusal.header(RETRY_AFTER, "60").limit(Limit::Uploads),
            UploadError::TooManyOfUser => {
                refusal.header(RETRY_AFTER, "60").limit(Limit::UserUploads)
            }
            UploadError::TooLarge => refusal.limit(Limit::BlobSize),
            _ => refusal,
        }
    }
}

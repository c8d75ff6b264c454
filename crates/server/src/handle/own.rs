//! What the registry tells of itself: whether it lives, whether it serves, and its numbers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};

use super::{Answer, Asked, insert, status};
use crate::body::ResponseBody;

/// The process answers, so it lives.
pub(super) fn live() -> Response<ResponseBody> {
    text(StatusCode::OK, "ok\n", "text/plain; charset=utf-8")
}

/// Ready is who can read and write.
pub(super) async fn ready(asked: &Asked<'_>) -> Answer {
    let plain = "text/plain; charset=utf-8";
    Ok(match asked.storage.health().await {
        Ok(()) => text(StatusCode::OK, "ok\n", plain),
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"), plain),
    })
}

/// [Prometheus' text format](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format)
pub(super) fn metrics(asked: &Asked<'_>) -> Response<ResponseBody> {
    let uploads = asked.storage.open_uploads();
    let body = asked.config.metrics.text(uploads);
    text(StatusCode::OK, body, "text/plain; version=0.0.4; charset=utf-8")
}

fn text(code: StatusCode, body: impl Into<Bytes>, media_type: &str) -> Response<ResponseBody> {
    let mut response = status(code);
    insert(&mut response, CONTENT_TYPE, media_type);
    insert(&mut response, CACHE_CONTROL, "no-store");
    *response.body_mut() = ResponseBody::full(body.into());
    response
}

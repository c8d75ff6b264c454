//! Makes an error of a response that is a refusal, whatever form its body has.

use http::{Method, Response, StatusCode, Uri};
use oras_spec::distribution::{ErrorBody, ErrorCode};

use super::{Body, FinalUri, read_capped, shown};
use crate::{Error, ErrorKind, RegistryResponse};

/// How much of the body of a refusal is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Reads what `response` says and makes the error of it.
pub(crate) async fn refusal(method: &Method, uri: &Uri, response: Response<Body>) -> Error {
    let (parts, mut body) = response.into_parts();
    let final_uri = parts.extensions.get::<FinalUri>().map(|uri| &uri.0);
    let location =
        parts.headers.get(http::header::LOCATION).filter(|_| parts.status.is_redirection());
    let body = match location {
        Some(location) => {
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let location = location.parse().as_ref().map_or(String::new(), shown);
            let message = format!("a redirect to \"{location}\", which is not followed");
            ErrorBody::new(ErrorCode::Other(String::new()), message)
        }
        // A body that breaks off is as good as none: the status says enough.
        None => match read_capped(&mut body, MAX_BODY).await {
            Ok(read) => ErrorBody::parse_any(&read.bytes),
            Err(_) => ErrorBody::default(),
        },
    };
    let response = RegistryResponse {
        method: method.clone(),
        url: shown(final_uri.unwrap_or(uri)),
        status: parts.status,
        body,
    };
    Error::from_response(kind(&response), response)
}

fn kind(response: &RegistryResponse) -> ErrorKind {
    match response.body.errors.first().map(|entry| &entry.code) {
        Some(ErrorCode::Unsupported) => return ErrorKind::Unsupported,
        Some(ErrorCode::TooManyRequests) => return ErrorKind::RateLimited,
        _ => {}
    }
    match response.status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN => ErrorKind::Denied,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorKind::Unsupported,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::LimitExceeded,
        status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            ErrorKind::Invalid
        }
        _ => ErrorKind::Server,
    }
}

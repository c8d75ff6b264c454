//! Makes an error of a response that is a refusal, whatever form its body has.

use http::{Method, Response, StatusCode, Uri};
use oras_spec::distribution::{ErrorBody, ErrorCode, ErrorEntry};
use serde_json::Value;

use super::{Body, FinalUri, NotGranted, RateLimit, read_capped, shown};
use crate::{Error, ErrorKind, RegistryResponse};

/// How much of the body of a refusal is read, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How much of a text that is no JSON is kept, in characters.
const MAX_TEXT: usize = 256;

/// Reads what `response` says and makes the error of it.
pub(crate) async fn refusal(method: &Method, uri: &Uri, response: Response<Body>) -> Error {
    let (parts, mut body) = response.into_parts();
    let final_uri = parts.extensions.get::<FinalUri>().map(|uri| &uri.0);
    let not_granted = parts.extensions.get::<NotGranted>().cloned();
    let limit = RateLimit::read(parts.status, &parts.headers);
    let location =
        parts.headers.get(http::header::LOCATION).filter(|_| parts.status.is_redirection());
    let body = match location {
        Some(location) => {
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let location = location.parse().as_ref().map_or(String::new(), shown);
            said(format!("a redirect to \"{location}\", which is not followed"))
        }
        // A body that breaks off is as good as none: the status says enough.
        None => match read_capped(&mut body, MAX_BODY).await {
            Ok(read) => parse(&String::from_utf8_lossy(&read.bytes)),
            Err(_) => ErrorBody::default(),
        },
    };
    let response = RegistryResponse {
        method: method.clone(),
        url: shown(final_uri.unwrap_or(uri)),
        status: parts.status,
        body,
    };
    match (not_granted, limit) {
        (Some(why), _) if why.is_anonymous => {
            Error::from_response(kind(&response), response).with_source(why)
        }
        (Some(why), _) => Error::from_response(ErrorKind::Denied, response).with_source(why),
        (None, Some(limit)) => Error::from_response(kind(&response), response).with_source(limit),
        (None, None) => Error::from_response(kind(&response), response),
    }
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

/// One error without a code, of which we know only the words.
fn said(message: String) -> ErrorBody {
    let code = ErrorCode::Other(String::new());
    let errors = if message.is_empty() {
        Vec::new()
    } else {
        vec![ErrorEntry { code, message, detail: Value::Null }]
    };
    ErrorBody { errors }
}

/// Reads the forms that are in use: the envelope of the specification, one bare error of it,
/// `{"error": …}`, `{"details": …}`, OAuth's, XML of storage services, HTML and text.
fn parse(text: &str) -> ErrorBody {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => of_object(&fields),
        Ok(Value::String(text)) => said(shortened(&text)),
        Ok(_) => ErrorBody::default(),
        Err(_) => of_text(text),
    }
}

fn of_object(fields: &serde_json::Map<String, Value>) -> ErrorBody {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(shortened);
    if let Some(Value::Array(errors)) = fields.get("errors") {
        return ErrorBody { errors: errors.iter().filter_map(entry).collect() };
    }
    if fields.contains_key("code") {
        return ErrorBody { errors: entry(&Value::Object(fields.clone())).into_iter().collect() };
    }
    match (fields.get("error"), text("error_description")) {
        (Some(Value::String(error)), None) => return said(shortened(error)),
        (Some(Value::String(error)), Some(description)) => {
            return said(format!("{}: {description}", shortened(error)));
        }
        (Some(error @ Value::Object(_)), _) => {
            return ErrorBody { errors: entry(error).into_iter().collect() };
        }
        _ => {}
    }
    said(text("details").or_else(|| text("message")).unwrap_or_default())
}

/// Reads one error, or a text in place of one. A code may be a number.
fn entry(value: &Value) -> Option<ErrorEntry> {
    match value {
        Value::Object(fields) => {
            let text = |key: &str| match fields.get(key) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            let detail = fields.get("detail").cloned().unwrap_or(Value::Null);
            Some(ErrorEntry { code: text("code").into(), message: text("message"), detail })
        }
        Value::String(text) => said(shortened(text)).errors.pop(),
        _ => None,
    }
}

fn of_text(text: &str) -> ErrorBody {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inner, _) = rest.split_once(&format!("</{name}>"))?;
        Some(shortened(inner))
    };
    match (element("Code"), element("Message")) {
        (Some(code), message) => {
            ErrorBody::new(ErrorCode::Other(code), message.unwrap_or_default())
        }
        _ => said(shortened(&without_tags(text))),
    }
}

fn without_tags(text: &str) -> String {
    let mut is_inside = false;
    let keep = |character: char| {
        match character {
            '<' => is_inside = true,
            '>' if is_inside => {
                is_inside = false;
                return ' ';
            }
            _ => {}
        }
        if is_inside { ' ' } else { character }
    };
    text.chars().map(keep).collect()
}

/// One line of visible characters, not too long.
fn shortened(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Vec<String> {
        let print = |entry: ErrorEntry| {
            format!("{}|{}|{}", entry.code.as_str(), entry.message, entry.detail)
        };
        parse(text).errors.into_iter().map(print).collect()
    }

    #[test]
    fn reads_every_form_registries_use() {
        for (text, expected) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"no","detail":{"a":1}},{"status":401,"message":"Bad Credentials"}]}"#,
                &["DENIED|no|{\"a\":1}", "|Bad Credentials|null"][..],
            ),
            (
                r#"{"code":"UNAUTHORIZED","message":"authentication required"}"#,
                &["UNAUTHORIZED|authentication required|null"],
            ),
            (r#"{"error": "Not Found"}"#, &["|Not Found|null"]),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                &["|invalid_grant: expired|null"],
            ),
            (
                r#"{"details":"incorrect username or password"}"#,
                &["|incorrect username or password|null"],
            ),
            (
                "<?xml version='1.0'?><Error><Code>InvalidAuthenticationInfo</Code><Message>bad\nheader</Message></Error>",
                &["InvalidAuthenticationInfo|bad header|null"],
            ),
            (
                "<html>\r\n<head><title>502 Bad Gateway</title></head></html>",
                &["|502 Bad Gateway|null"],
            ),
            ("404 page not found\n", &["|404 page not found|null"]),
            (r#"{"errors":["text", 1, null, {"code":7}]}"#, &["|text|null", "7||null"]),
            (r#"{"message":"in words"}"#, &["|in words|null"]),
            (r#"{"error":{"code":"DENIED","message":"no"}}"#, &["DENIED|no|null"]),
            (r#""a text""#, &["|a text|null"]),
            ("", &[]),
            ("[]", &[]),
            ("{}", &[]),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
    }

    #[test]
    fn keeps_little_of_a_long_text() {
        assert_eq!(parse(&"a ".repeat(10_000)).errors[0].message.chars().count(), MAX_TEXT);
    }
}

//! Refusals, in the words of each registry.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use oras_spec::distribution::ErrorBody;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, reply_with};
use crate::profile::Voice;

/// What is refused, and why.
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    /// JSON, as it is to be printed.
    pub(crate) detail: Option<String>,
}

impl<'a> Refusal<'a> {
    pub(crate) fn new(status: StatusCode, code: &'a str, message: &'a str) -> Self {
        Self { status, code, message, detail: None }
    }

    pub(crate) fn detail(mut self, detail: &impl std::fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Says it as `voice` does.
    pub(crate) fn say(&self, voice: Voice) -> Reply {
        let (code, message) = (Value::from(self.code), Value::from(self.message));
        let detail = self.detail.as_deref();
        let body = match voice {
            Voice::Quay => {
                let detail = detail.unwrap_or("{}");
                format!(
                    "{{\"errors\":[{{\"code\":{code},\"detail\":{detail},\"message\":{message}}}]}}\n"
                )
            }
            Voice::Zot if self.status == StatusCode::UNAUTHORIZED => {
                format!("{{\"code\":{code},\"message\":{message},\"detail\":{{}}}}")
            }
            _ => {
                let detail = detail.map_or(String::new(), |detail| format!(",\"detail\":{detail}"));
                let end =
                    if matches!(voice, Voice::Terse | Voice::Artifactory) { "" } else { "\n" };
                format!("{{\"errors\":[{{\"code\":{code},\"message\":{message}{detail}}}]}}{end}")
            }
        };
        let media_type = match voice {
            Voice::Quay | Voice::Zot => "application/json",
            Voice::Artifactory => "application/json;charset=ISO-8859-1",
            _ => "application/json; charset=utf-8",
        };
        reply_with(self.status, media_type, body)
    }
}

/// An error of Artifactory's that has a status in place of a code, in its own layout.
pub(crate) fn codeless(status: StatusCode, message: &str) -> Reply {
    let message = Value::from(message);
    let body = format!(
        "{{\n  \"errors\" : [ {{\n    \"status\" : {},\n    \"message\" : {message}\n  }} ]\n}}",
        status.as_u16()
    );
    reply_with(status, "application/json;charset=ISO-8859-1", body)
}

/// Says what our own registry refuses as `voice` would.
pub(crate) fn reword(voice: Voice, ask: &Ask, reply: Reply) -> Reply {
    let is_refusal = reply.status().is_client_error() || reply.status().is_server_error();
    let is_json = reply
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.to_str().is_ok_and(|text| text.starts_with("application/json")));
    if !is_refusal || !is_json {
        return reply;
    }
    let (parts, body) = reply.into_parts();
    let said: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
    let code = said.errors.first().map_or("UNKNOWN", |entry| entry.code.as_str()).to_owned();
    let mut refusal = Refusal::new(parts.status, &code, words(&code));
    let target = ask.uri.path().rsplit('/').next().unwrap_or_default();
    match (voice, code.as_str()) {
        (Voice::Quay, "NAME_UNKNOWN") => refusal.message = "repository not found",
        (Voice::Harbor, "MANIFEST_UNKNOWN" | "NAME_UNKNOWN") => {
            refusal.code = "NOT_FOUND";
            refusal.message = "artifact not found";
        }
        (Voice::Artifactory, "MANIFEST_UNKNOWN" | "NAME_UNKNOWN") => {
            let image = ask
                .repository()
                .and_then(|name| name.split_once('/'))
                .map_or("", |(_, image)| image);
            refusal.code = "MANIFEST_UNKNOWN";
            refusal.message = "The named manifest is not known to the registry.";
            refusal.detail = Some(json!({ "manifest": image }).to_string());
        }
        (Voice::Artifactory, "BLOB_UNKNOWN") => {
            refusal.detail = Some(json!({ "blobSum": target }).to_string());
        }
        (Voice::Zot, _) => refusal.detail = Some("{}".to_owned()),
        _ => {}
    }
    let mut reworded = refusal.say(voice);
    for (name, value) in &parts.headers {
        if *name != CONTENT_TYPE && *name != http::header::CONTENT_LENGTH {
            reworded.headers_mut().insert(name, value.clone());
        }
    }
    reworded
}

/// What distribution, and most who descend from it, say for a code.
fn words(code: &str) -> &'static str {
    match code {
        "BLOB_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN" => "blob unknown to registry",
        "BLOB_UPLOAD_INVALID" => "blob upload invalid",
        "BLOB_UPLOAD_UNKNOWN" => "blob upload unknown to registry",
        "DENIED" => "requested access to the resource is denied",
        "DIGEST_INVALID" => "provided digest did not match uploaded content",
        "MANIFEST_INVALID" => "manifest invalid",
        "MANIFEST_UNKNOWN" => "manifest unknown",
        "NAME_INVALID" => "invalid repository name",
        "NAME_UNKNOWN" => "repository name not known to registry",
        "RANGE_INVALID" => "invalid content range",
        "SIZE_INVALID" => "provided length did not match content length",
        "TAG_INVALID" => "manifest tag did not match URI",
        "UNAUTHORIZED" => "authentication required",
        "UNSUPPORTED" => "The operation is unsupported.",
        _ => "unknown error",
    }
}

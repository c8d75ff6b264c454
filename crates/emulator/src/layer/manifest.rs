//! Manifests: which are taken, found and deleted, and what is known of referrers.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use http::{Method, StatusCode};
use oras_spec::TagOrDigest;
use oras_spec::distribution::{Operation, header};
use serde_json::{Value, json};

use super::quay;
use crate::ask::{Ask, Outcome, Reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::{Quirk, Silence, Voice};
use crate::refusal::Refusal;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Whom the registry counts against.
pub(crate) const RATE_SOURCE: HeaderName = HeaderName::from_static("docker-ratelimit-source");

/// Refuses manifests the registry would not take, and what it would not do with others.
pub(crate) async fn check(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    match &ask.operation {
        Some(Operation::PutManifest { reference, .. }) => {
            check_put(emulator, ask, reference)?;
            quay::check_config(emulator, ask).await
        }
        Some(Operation::GetManifest { .. }) => count_pull(emulator),
        Some(Operation::HeadManifest { reference, .. }) if has_plus(reference) => {
            strict_tag(emulator)
        }
        Some(Operation::DeleteManifest { repository, reference }) => {
            check_delete(emulator, repository.as_str(), reference)
        }
        Some(Operation::ListReferrers { repository, digest, .. }) => {
            let silence = emulator.find(|quirk| match quirk {
                Quirk::NoReferrers(silence) => Some(*silence),
                _ => None,
            });
            if let Some(silence) = silence {
                return Err(no_referrers(emulator, silence).into());
            }
            if emulator.has(Quirk::ReferrersOfKnown) {
                let target = format!("/v2/{repository}/manifests/{digest}");
                let found = emulator.look(Method::HEAD, &target, ask).await;
                if found.status() != StatusCode::OK {
                    return Err(invalid(emulator, &Value::from("")).into());
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn has_plus(reference: &TagOrDigest) -> bool {
    reference.tag().is_some_and(|tag| tag.as_str().contains('+'))
}

fn strict_tag(emulator: &Emulator) -> Outcome<()> {
    if !emulator.has(Quirk::StrictJson) {
        return Ok(());
    }
    let message = "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression'";
    Err(emulator.refuse(StatusCode::BAD_REQUEST, "TAG_INVALID", message).into())
}

pub(super) fn invalid(emulator: &Emulator, detail: &Value) -> Reply {
    Refusal::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "manifest invalid")
        .detail(detail)
        .say(emulator.profile().voice)
}

fn no_referrers(emulator: &Emulator, silence: Silence) -> Reply {
    let status = StatusCode::NOT_FOUND;
    match silence {
        Silence::Json => emulator.refuse(status, "NOT_FOUND", "page not found"),
        Silence::Text => reply_with(status, "text/plain; charset=utf-8", "404 page not found\n"),
        Silence::Html => {
            reply_with(status, "text/html; charset=utf-8", "{\"error\": \"Not Found\"}")
        }
    }
}

/// The media types in a manifest: of the config, and of each layer.
pub(super) struct Types {
    pub(super) config: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) layers: Vec<String>,
}

fn types(manifest: &Value) -> Types {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let layers = manifest["layers"].as_array().into_iter().flatten();
    Types {
        config: text(&manifest["config"]["mediaType"]),
        artifact: text(&manifest["artifactType"]),
        layers: layers.filter_map(|layer| text(&layer["mediaType"])).collect(),
    }
}

fn check_put(emulator: &Emulator, ask: &Ask, reference: &TagOrDigest) -> Outcome<()> {
    if has_plus(reference) {
        strict_tag(emulator)?;
    }
    let manifest: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    let types = types(&manifest);
    if emulator.has(Quirk::QuayManifests) {
        quay::check(emulator, ask, &manifest, &types)?;
    }
    let known = emulator.find(|quirk| match quirk {
        Quirk::KnownTypes(known) => Some(*known),
        _ => None,
    });
    if let Some(known) = known {
        let used = types.config.iter().chain(&types.artifact);
        if let Some(unknown) = used.into_iter().find(|used| !known.contains(&used.as_str())) {
            let detail = Value::from(format!("unknown media type: {unknown}"));
            return Err(invalid(emulator, &detail).into());
        }
    }
    if emulator.has(Quirk::StrictJson) {
        let all = types.config.iter().chain(&types.layers);
        let has_parameter = all.into_iter().any(|used| used.contains(';'));
        if has_parameter || !manifest["mediaType"].is_string() {
            let message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(emulator.refuse(status, "UNSUPPORTED", message).into());
        }
    }
    Ok(())
}

fn pull_limit(emulator: &Emulator) -> Option<u32> {
    emulator.find(|quirk| match quirk {
        Quirk::PullLimit(limit) => Some(*limit),
        _ => None,
    })
}

fn count_pull(emulator: &Emulator) -> Outcome<()> {
    let Some(limit) = pull_limit(emulator) else { return Ok(()) };
    let mut state = emulator.state();
    if state.pulls < limit {
        state.pulls += 1;
        return Ok(());
    }
    drop(state);
    let message = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
    let mut answer = emulator.refuse(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message);
    rate_headers(emulator, limit, &mut answer);
    Err(answer.into())
}

fn rate_headers(emulator: &Emulator, limit: u32, answer: &mut Reply) {
    let left = limit.saturating_sub(emulator.state().pulls);
    set(answer, &RATE_LIMIT, &format!("{limit};w=21600"));
    set(answer, &RATE_REMAINING, &format!("{left};w=21600"));
    set(answer, &RATE_SOURCE, "192.0.2.1");
}

fn check_delete(emulator: &Emulator, repository: &str, reference: &TagOrDigest) -> Outcome<()> {
    let unsupported = "The operation is unsupported.";
    if emulator.has(Quirk::NoDelete) {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(emulator.refuse(status, "UNSUPPORTED", unsupported).into());
    }
    match reference {
        TagOrDigest::Tag(_) if emulator.has(Quirk::NoDeleteByTag) => {
            Err(emulator.refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", unsupported).into())
        }
        TagOrDigest::Digest(digest) if emulator.has(Quirk::UntaggedAreGone) => {
            let key = (repository.to_owned(), digest.to_string());
            if emulator.state().tagged.contains(&key) {
                return Ok(());
            }
            let status = StatusCode::NOT_FOUND;
            Err(emulator.refuse(status, "MANIFEST_UNKNOWN", "manifest unknown").into())
        }
        _ => Ok(()),
    }
}

/// Answers what was asked of manifests in the registry's own way.
pub(crate) async fn finish(emulator: &Emulator, ask: &Ask, mut answer: Reply) -> Reply {
    match &ask.operation {
        Some(Operation::PutManifest { repository, reference, .. }) => {
            finish_put(emulator, ask, repository.as_str(), reference, &mut answer);
            answer
        }
        Some(
            Operation::GetManifest { repository, reference }
            | Operation::HeadManifest { repository, reference },
        ) => {
            let answer = finish_get(emulator, ask, repository.as_str(), reference, answer);
            answer.await
        }
        Some(Operation::DeleteManifest { repository, reference: TagOrDigest::Tag(tag) })
            if answer.status().is_success() =>
        {
            emulator.state().expired.insert((repository.to_string(), tag.to_string()));
            answer
        }
        Some(Operation::ListReferrers { .. })
            if emulator.has(Quirk::ReferrersOfKnown) && answer.status().is_success() =>
        {
            quay::pretty(&mut answer);
            answer
        }
        _ => answer,
    }
}

fn finish_put(
    emulator: &Emulator,
    ask: &Ask,
    repository: &str,
    reference: &TagOrDigest,
    answer: &mut Reply,
) {
    let hides_subject = emulator.has(Quirk::NoSubjectHeader)
        || emulator.find(|quirk| matches!(quirk, Quirk::NoReferrers(_)).then_some(())).is_some();
    if hides_subject {
        answer.headers_mut().remove(header::OCI_SUBJECT);
    }
    let digest = answer.headers().get(header::DOCKER_CONTENT_DIGEST);
    let digest = digest.and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let (Some(digest), true) = (digest, answer.status().is_success()) {
        if let TagOrDigest::Tag(tag) = reference {
            let mut state = emulator.state();
            state.tagged.insert((repository.to_owned(), digest.clone()));
            state.expired.remove(&(repository.to_owned(), tag.to_string()));
        }
        if emulator.has(Quirk::QuayManifests) {
            set(answer, &LOCATION, &format!("/v2/{repository}/manifests/{digest}"));
            set(answer, &CONTENT_TYPE, "text/html; charset=utf-8");
            *answer.body_mut() = Bytes::from_static(b"OK");
            answer.headers_mut().remove(CONTENT_LENGTH);
        }
        return;
    }
    if emulator.has(Quirk::QuayManifests) && answer.status().is_client_error() {
        let said = String::from_utf8_lossy(answer.body()).into_owned();
        let message = if said.contains("BLOB_UNKNOWN") {
            format!("Unknown blob `{}`", first_digest(&ask.body))
        } else {
            "manifest digest mismatch".to_owned()
        };
        *answer = invalid(emulator, &json!({ "message": message }));
    }
}

fn first_digest(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    manifest["config"]["digest"].as_str().unwrap_or_default().to_owned()
}

async fn finish_get(
    emulator: &Emulator,
    ask: &Ask,
    repository: &str,
    reference: &TagOrDigest,
    answer: Reply,
) -> Reply {
    let is_tag = reference.tag();
    let is_found = answer.status().is_success();
    let voice = emulator.profile().voice;
    if is_tag.is_some() && is_found && emulator.has(Quirk::AcceptDecides) {
        let stored = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let stored = stored.unwrap_or_default();
        let names = |accepted: &str| accepted.split(';').next().map(str::trim) == Some(stored);
        let accepted = ask.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_accepted = accepted.flat_map(|value| value.split(',')).any(names);
        if !is_accepted {
            return emulator.refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown");
        }
    }
    if emulator.has(Quirk::ForbiddenManifests) && answer.status() == StatusCode::NOT_FOUND {
        return emulator.refuse(StatusCode::FORBIDDEN, "DENIED", "forbidden");
    }
    if let (Some(tag), false) = (is_tag, is_found) {
        let key = (repository.to_owned(), tag.to_string());
        if voice == Voice::Quay && emulator.state().expired.contains(&key) {
            let message =
                format!("Tag {tag} was deleted or has expired. To pull, revive via time machine");
            return emulator.refuse(StatusCode::NOT_FOUND, "TAG_EXPIRED", &message);
        }
        let hex = tag.as_str().strip_prefix("sha256-");
        if let (Some(hex), true) = (hex, emulator.has(Quirk::TagOfSubject)) {
            let target = format!("/v2/{repository}/manifests/sha256:{hex}");
            let subject = emulator.look(ask.method.clone(), &target, ask).await;
            if subject.status().is_success() {
                return subject;
            }
        }
    }
    let mut answer = answer;
    if let (Some(limit), true) = (pull_limit(emulator), is_found && ask.method == Method::GET) {
        rate_headers(emulator, limit, &mut answer);
    }
    answer
}

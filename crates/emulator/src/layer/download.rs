//! Where blobs are had: here, or at a storage that wants no credentials but its own.

use std::io::Write as _;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE,
};
use http::{Method, StatusCode};
use oras_spec::distribution::Operation;

use super::token::nonce;
use crate::ask::{Ask, Outcome, Reply, reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::{Quirk, Redirect};

fn redirect_of(emulator: &Emulator) -> Option<Redirect> {
    emulator.find(|quirk| match quirk {
        Quirk::Redirects(redirect) => Some(*redirect),
        _ => None,
    })
}

/// Sends those who want a blob elsewhere, where that is done, and forgets that only a part is
/// wanted, where there are no parts.
pub(crate) async fn redirect(emulator: &Emulator, ask: &mut Ask) -> Outcome<()> {
    let (
        Some(
            Operation::GetBlob { repository, digest } | Operation::HeadBlob { repository, digest },
        ),
        is_head,
    ) = (&ask.operation, ask.method == Method::HEAD)
    else {
        return Ok(());
    };
    let (repository, digest) = (repository.to_string(), digest.clone());
    let Some(redirect) = redirect_of(emulator) else {
        if emulator.has(Quirk::NoRanges) {
            ask.headers.remove(RANGE);
        }
        return Ok(());
    };
    if is_head && !redirect.heads {
        return Ok(());
    }
    let found = emulator.look(Method::HEAD, ask.uri.path(), ask).await;
    if found.status() != StatusCode::OK {
        return Ok(());
    }
    let key = nonce();
    let hex = digest.as_str().rsplit(':').next().unwrap_or_default();
    let target = redirect.target.replace("{hex}", hex).replace("{key}", &key);
    emulator.state().keys.insert(key, (repository, digest.to_string()));
    let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
    let mut answer = reply(status);
    let here = &ask.here;
    set(&mut answer, &LOCATION, &format!("{}://{}{target}", here.scheme, here.storage));
    if let Some(media_type) = redirect.content_type {
        set(&mut answer, &CONTENT_TYPE, media_type);
    }
    Err(answer.into())
}

/// Tells whether this is a download although it came to the registry's own host.
pub(crate) fn is_there(emulator: &Emulator, ask: &Ask) -> bool {
    emulator.profile().storage_host.is_none() && ask.uri.path().starts_with("/artifacts-downloads/")
}

/// Answers as the storage does.
pub(crate) async fn fetch(emulator: &Emulator, ask: &Ask) -> Reply {
    let is_elsewhere = emulator.profile().storage_host.is_some();
    if is_elsewhere && ask.headers.contains_key(AUTHORIZATION) {
        let code = "InvalidAuthenticationInfo";
        let message = "Authentication information is not given in the correct format. Check the value of Authorization header.";
        return xml(StatusCode::BAD_REQUEST, code, message);
    }
    let target = ask.uri.path_and_query().map_or("", |target| target.as_str());
    let found = {
        let mut state = emulator.state();
        let key = state.keys.keys().find(|key| target.contains(key.as_str())).cloned();
        match key {
            // A key is good for one download.
            Some(key) if ask.method == Method::GET => state.keys.remove(&key),
            Some(key) => state.keys.get(&key).cloned(),
            None => None,
        }
    };
    let Some((repository, digest)) = found else {
        return xml(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
    };
    let mut inner = Ask {
        method: ask.method.clone(),
        uri: ask.uri.clone(),
        headers: http::HeaderMap::new(),
        body: Bytes::new(),
        here: ask.here.clone(),
        operation: None,
    };
    if let Some(range) = ask.headers.get(RANGE) {
        inner.headers.insert(RANGE, range.clone());
    }
    inner.go_to(&format!("/v2/{repository}/blobs/{digest}"));
    let mut answer = emulator.within(&inner).await;
    if let Some(redirect) = redirect_of(emulator) {
        set(&mut answer, &CONTENT_TYPE, redirect.blob_type);
    }
    answer.headers_mut().remove("docker-content-digest");
    answer
}

/// Compresses a blob, as a proxy before the registry may.
pub(crate) fn finish(emulator: &Emulator, ask: &Ask, answer: &mut Reply) {
    let accepts = ask.header(&ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"));
    let is_blob = matches!(ask.operation, Some(Operation::GetBlob { .. }));
    if !emulator.has(Quirk::Compresses) || !accepts || !is_blob || answer.body().len() < 500 {
        return;
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let compressed = encoder.write_all(answer.body()).and_then(|()| encoder.finish());
    if let Ok(bytes) = compressed {
        *answer.body_mut() = Bytes::from(bytes);
        answer.headers_mut().remove(CONTENT_LENGTH);
        set(answer, &CONTENT_ENCODING, "gzip");
    }
}

fn xml(status: StatusCode, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    reply_with(status, "application/xml", body)
}

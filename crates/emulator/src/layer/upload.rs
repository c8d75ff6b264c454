//! Uploads: where they are said to be, and what is made of their chunks.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};
use oras_spec::distribution::{Operation, header};

use super::door;
use super::token::nonce;
use crate::ask::{Ask, End, Outcome, Reply, reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::{LocationForm, Quirk, Voice};
use crate::state::Upload;

fn form(emulator: &Emulator) -> LocationForm {
    let form = emulator.find(|quirk| match quirk {
        Quirk::Location(form) => Some(*form),
        _ => None,
    });
    form.unwrap_or(LocationForm::Relative)
}

/// Leads from where uploads are said to be to where they are; tells whether that needs nothing
/// shown.
pub(crate) fn enter(emulator: &Emulator, ask: &mut Ask) -> Outcome<bool> {
    if form(emulator) != LocationForm::Artifacts {
        return Ok(false);
    }
    let path = ask.uri.path().to_owned();
    let Some(rest) = path.strip_prefix("/artifacts-uploads/") else { return Ok(false) };
    let id = rest.rsplit('/').next().unwrap_or_default();
    let repository = emulator.state().uploads.get(id).map(|upload| upload.repository.clone());
    let Some(repository) = repository else {
        return Err(unknown(emulator).into());
    };
    let query = ask.uri.query().map_or(String::new(), |query| format!("?{query}"));
    ask.go_to(&format!("/v2/{repository}/blobs/uploads/{id}{query}"));
    Ok(true)
}

fn unknown(emulator: &Emulator) -> Reply {
    let message = "blob upload unknown to registry";
    emulator.refuse(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message)
}

/// Holds what is asked of an upload to the rules of the registry.
pub(crate) fn check(emulator: &Emulator, ask: &mut Ask) -> Outcome<()> {
    match ask.operation.clone() {
        Some(Operation::MountBlob { from, repository, .. }) => {
            let is_readable =
                from.as_ref().is_some_and(|from| door::may_read(emulator, ask, from.as_str()));
            let from_anywhere = emulator.profile().voice == Voice::Zot;
            if emulator.has(Quirk::NoMounts) || !(is_readable || from_anywhere) {
                ask.go_to(&format!("/v2/{repository}/blobs/uploads/"));
            }
            Ok(())
        }
        Some(Operation::CancelUpload { .. }) if emulator.has(Quirk::NoCancel) => {
            let message = "The operation is unsupported.";
            Err(emulator.refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message).into())
        }
        Some(Operation::AppendUpload { upload, .. }) => {
            check_state(emulator, ask, upload.as_str())?;
            check_chunk(emulator, ask, upload.as_str())
        }
        Some(Operation::FinishUpload { upload, .. }) => {
            check_state(emulator, ask, upload.as_str())?;
            check_finish(emulator, ask, upload.as_str())
        }
        Some(Operation::UploadStatus { upload, .. }) => check_state(emulator, ask, upload.as_str()),
        _ => Ok(()),
    }
}

/// The state in a location is good until the next chunk.
fn check_state(emulator: &Emulator, ask: &mut Ask, id: &str) -> Outcome<()> {
    let form = form(emulator);
    if !matches!(form, LocationForm::AbsoluteState | LocationForm::RelativeState) {
        return Ok(());
    }
    let shown = ask.parameters("_state").pop().unwrap_or_default();
    let known = emulator.state().uploads.get(id).map(|upload| upload.state.clone());
    if known.is_some_and(|state| state == shown) {
        return Ok(());
    }
    if form == LocationForm::RelativeState {
        return Err(unknown(emulator).into());
    }
    let message = "blob upload invalid";
    Err(emulator.refuse(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message).into())
}

fn check_chunk(emulator: &Emulator, ask: &mut Ask, id: &str) -> Outcome<()> {
    let bad = |code: &str, message: &str| -> Outcome<()> {
        Err(emulator.refuse(StatusCode::BAD_REQUEST, code, message).into())
    };
    let range = ask.header(&CONTENT_RANGE).map(str::to_owned);
    if let Some(range) = &range {
        if emulator.has(Quirk::BareContentRange) && range.contains('/') {
            return if emulator.profile().voice == Voice::Quay {
                bad("INVALID_REQUEST", "Invalid range header")
            } else {
                bad("BLOB_UPLOAD_INVALID", "the Content-Range header format is invalid")
            };
        }
        if emulator.has(Quirk::StatedLength) && ask.headers.contains_key(TRANSFER_ENCODING) {
            return bad("CONTENT_LENGTH_INVALID", "the Content-Length header is invalid");
        }
        let largest = emulator.find(|quirk| match quirk {
            Quirk::LargestChunk(largest) => Some(*largest),
            _ => None,
        });
        if largest.is_some_and(|largest| ask.body.len() as u64 > largest) {
            let message = "the request body is too large and exceeds the maximum permissible limit of 4.00MiB";
            let code = "REQUESTED_RANGE_NOT_SATISFIABLE";
            return Err(emulator.refuse(StatusCode::RANGE_NOT_SATISFIABLE, code, message).into());
        }
        trim_overlap(emulator, ask, id, range);
    }
    let known = emulator.state().uploads.get(id).cloned().unwrap_or_default();
    if emulator.has(Quirk::OneChunk) && known.patches > 0 {
        return bad("BLOB_UPLOAD_INVALID", "You must use monolithic uploads");
    }
    check_smallest(emulator, &known)
}

/// Quay takes what it has already once more, and drops it.
fn trim_overlap(emulator: &Emulator, ask: &mut Ask, id: &str, range: &str) {
    let Some((first, last)) = range.split_once('-') else { return };
    let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) else { return };
    let held = emulator.state().uploads.get(id).map_or(0, |upload| upload.held);
    let surplus = held.saturating_sub(first);
    if !emulator.has(Quirk::OffByOne) || surplus == 0 || last < held {
        return;
    }
    let surplus = usize::try_from(surplus).unwrap_or(usize::MAX).min(ask.body.len());
    ask.body = ask.body.slice(surplus..);
    let header = HeaderValue::from_str(&format!("{held}-{last}"));
    ask.headers.insert(CONTENT_RANGE, header.expect("numbers are fit for a header"));
    ask.headers.insert(CONTENT_LENGTH, HeaderValue::from(ask.body.len()));
}

/// All chunks but the last have a least size.
fn check_smallest(emulator: &Emulator, known: &Upload) -> Outcome<()> {
    let smallest = emulator.find(|quirk| match quirk {
        Quirk::SmallestChunk(smallest) => Some(*smallest),
        _ => None,
    });
    if smallest.is_some_and(|smallest| known.chunks.iter().any(|chunk| *chunk < smallest)) {
        let message = "Layer part is too small";
        return Err(emulator
            .refuse(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
            .into());
    }
    Ok(())
}

fn check_finish(emulator: &Emulator, ask: &Ask, id: &str) -> Outcome<()> {
    let known = emulator.state().uploads.get(id).cloned().unwrap_or_default();
    let is_whole = known.patches == 0;
    let size = ask.body.len() as u64;
    check_smallest(emulator, &known)?;
    let largest = emulator.find(|quirk| match quirk {
        Quirk::LargestPut(largest) => Some(*largest),
        _ => None,
    });
    if largest.is_some_and(|largest| size > largest) {
        let text = "413 Request Entity Too Large - AzureContainerRegistry";
        return Err(reply_with(StatusCode::PAYLOAD_TOO_LARGE, "text/html", text).into());
    }
    if emulator.has(Quirk::NoEmptyFinish) && size == 0 && !known.chunks.is_empty() {
        return Err(reply(StatusCode::INTERNAL_SERVER_ERROR).into());
    }
    if emulator.has(Quirk::NoSinglePut) && is_whole && size > 0 {
        let message = "blob unknown to registry";
        return Err(emulator.refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", message).into());
    }
    if emulator.has(Quirk::NoEmptyBlobs) && size == 0 && known.held == 0 {
        let message = "invalid digest for referenced layer";
        return Err(emulator
            .refuse(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
            .into());
    }
    if emulator.has(Quirk::RangeErrorOnce) {
        let mut state = emulator.state();
        if !std::mem::replace(
            &mut state.uploads.entry("*".to_owned()).or_default().was_refused,
            true,
        ) {
            return Err(End::from(reply(StatusCode::RANGE_NOT_SATISFIABLE)));
        }
    }
    Ok(())
}

/// Says where the upload is and how far, in the registry's own way.
pub(crate) fn finish(emulator: &Emulator, ask: &Ask, answer: &mut Reply) {
    let status = answer.status();
    let Some(operation) = &ask.operation else { return };
    let id = answer.headers().get(header::DOCKER_UPLOAD_UUID).and_then(|value| value.to_str().ok());
    let id = id.map(str::to_owned);
    match (operation, id) {
        (
            Operation::StartUpload { repository, .. } | Operation::MountBlob { repository, .. },
            Some(id),
        ) if status == StatusCode::ACCEPTED => {
            let upload = Upload { repository: repository.to_string(), ..Upload::default() };
            emulator.state().uploads.insert(id.clone(), upload);
            place(emulator, ask, answer, &id);
            if emulator.has(Quirk::OffByOne) {
                set(answer, &RANGE, "bytes=0--1");
            }
        }
        (Operation::AppendUpload { .. }, Some(id)) if status == StatusCode::ACCEPTED => {
            note_chunk(emulator, ask, answer, &id);
            place(emulator, ask, answer, &id);
        }
        (Operation::AppendUpload { .. } | Operation::UploadStatus { .. }, Some(id)) => {
            place(emulator, ask, answer, &id);
            let held = emulator.state().uploads.get(&id).map_or(0, |upload| upload.held);
            if emulator.has(Quirk::OffByOne) {
                let unit = if status.is_success() { "bytes=" } else { "" };
                set(answer, &RANGE, &format!("{unit}0-{held}"));
                if status.is_success() {
                    answer.headers_mut().remove(LOCATION);
                } else {
                    *answer.body_mut() = bytes::Bytes::new();
                }
            }
        }
        (Operation::FinishUpload { upload, .. }, _) => {
            ended(emulator, ask, answer, upload.as_str());
        }
        _ => absolute(emulator, ask, answer),
    }
}

fn note_chunk(emulator: &Emulator, ask: &Ask, answer: &mut Reply, id: &str) {
    let mut state = emulator.state();
    let upload = state.uploads.entry(id.to_owned()).or_default();
    let size = ask.body.len() as u64;
    upload.held += size;
    upload.patches += 1;
    let has_range = ask.headers.contains_key(CONTENT_RANGE);
    if has_range {
        upload.chunks.push(size);
    }
    let first = upload.chunks.first().copied().unwrap_or_default();
    drop(state);
    if has_range && emulator.has(Quirk::StuckRange) {
        *answer.status_mut() = StatusCode::CREATED;
        set(answer, &RANGE, &format!("0-{}", first.saturating_sub(1)));
    }
}

fn ended(emulator: &Emulator, ask: &Ask, answer: &mut Reply, id: &str) {
    if answer.status().is_success() {
        emulator.state().uploads.remove(id);
        absolute(emulator, ask, answer);
        return;
    }
    let text = String::from_utf8_lossy(answer.body());
    if emulator.has(Quirk::GoneOnMismatch) && text.contains("DIGEST_INVALID") {
        *answer =
            emulator.refuse(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", "blob upload invalid");
    }
}

/// Puts the location in the form of the registry.
fn place(emulator: &Emulator, ask: &Ask, answer: &mut Reply, id: &str) {
    let state = nonce();
    let Some(repository) = ({
        let mut uploads = emulator.state();
        uploads.uploads.get_mut(id).map(|upload| {
            upload.state.clone_from(&state);
            upload.repository.clone()
        })
    }) else {
        return;
    };
    let scheme = if emulator.has(Quirk::PlainLocation) { "http" } else { ask.here.scheme };
    let origin = format!("{scheme}://{}", ask.here.registry);
    let path = format!("/v2/{repository}/blobs/uploads/{id}");
    let location = match form(emulator) {
        LocationForm::Relative => path,
        LocationForm::Absolute => format!("{origin}{path}"),
        LocationForm::RelativeState => format!("{path}?_nouploadcache=false&_state={state}"),
        LocationForm::AbsoluteState => format!("{origin}{path}?_state={state}"),
        LocationForm::Artifacts => {
            let mut parts = repository.split('/');
            let project = parts.next().unwrap_or_default();
            let name = parts.next().unwrap_or_default();
            format!(
                "{origin}/artifacts-uploads/namespaces/{project}/repositories/{name}/uploads/{id}?upload_id={state}"
            )
        }
    };
    set(answer, &LOCATION, &location);
}

/// Makes a URL of the path where content is now.
fn absolute(emulator: &Emulator, ask: &Ask, answer: &mut Reply) {
    let is_relative =
        matches!(form(emulator), LocationForm::Relative | LocationForm::RelativeState);
    let path = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    if let Some(path) = path.filter(|path| path.starts_with('/') && !is_relative) {
        let location = format!("{}://{}{path}", ask.here.scheme, ask.here.registry);
        set(answer, &LOCATION, &location);
    }
}

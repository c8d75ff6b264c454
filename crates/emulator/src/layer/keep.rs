//! What a registry keeps as it is: tags that stay, and everything where nothing more is taken.

use http::{Method, StatusCode};
use oras_spec::TagOrDigest;
use oras_spec::distribution::Operation;

use crate::ask::{Ask, Outcome, Reply};
use crate::emulator::Emulator;
use crate::profile::{Quirk, Voice};
use crate::refusal::codeless;

/// Refuses what would change what stays.
pub(crate) async fn check(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    let denied = |message: &str| emulator.refuse(StatusCode::FORBIDDEN, "DENIED", message);
    let is_read = matches!(ask.method, Method::GET | Method::HEAD);
    if emulator.has(Quirk::ReadOnly) && !is_read {
        let message = "The system is in read only mode. Any modification is prohibited.";
        return Err(denied(message).into());
    }
    match &ask.operation {
        Some(
            Operation::StartUpload { .. }
            | Operation::MountBlob { .. }
            | Operation::PushBlob { .. },
        ) if emulator.has(Quirk::Mirrors) => {
            let message = "Unable to upload blobs to a remote repository.";
            Err(codeless(StatusCode::BAD_REQUEST, message).into())
        }
        Some(Operation::FinishUpload { upload, .. }) => {
            let Some(quota) = quota(emulator) else { return Ok(()) };
            let state = emulator.state();
            let held = state.uploads.get(upload.as_str()).map_or(0, |upload| upload.held);
            let (size, stored) = (held + ask.body.len() as u64, state.stored);
            drop(state);
            if stored + size <= quota {
                return Ok(());
            }
            let message = format!(
                "Quota exceeded when processing the request of adding {size} Byte of storage resource, which when updated to current usage of {stored} Byte will exceed the configured upper limit of {quota} Byte."
            );
            Err(denied(&message).into())
        }
        Some(Operation::PutManifest { repository, reference: TagOrDigest::Tag(tag), .. })
            if emulator.has(Quirk::ImmutableTags) =>
        {
            let target = format!("/v2/{repository}/manifests/{tag}");
            let found = emulator.look(Method::HEAD, &target, ask).await;
            if found.status() != StatusCode::OK {
                return Ok(());
            }
            Err(immutable(emulator, repository.as_str(), tag.as_str()).into())
        }
        _ => Ok(()),
    }
}

/// Counts what is kept from now on, where there is a limit to it.
pub(crate) fn finish(emulator: &Emulator, ask: &Ask, answer: &Reply) {
    let Some(Operation::FinishUpload { upload, .. }) = &ask.operation else { return };
    if answer.status().is_success() {
        let mut state = emulator.state();
        let held = state.uploads.get(upload.as_str()).map_or(0, |upload| upload.held);
        state.stored += held + ask.body.len() as u64;
    }
}

fn quota(emulator: &Emulator) -> Option<u64> {
    emulator.find(|quirk| match quirk {
        Quirk::Quota(quota) => Some(*quota),
        _ => None,
    })
}

fn immutable(emulator: &Emulator, repository: &str, tag: &str) -> Reply {
    if emulator.profile().voice == Voice::Harbor {
        let name = repository.split_once('/').map_or(repository, |(_, name)| name);
        let message =
            format!("Failed to process request due to '{name}:{tag}' configured as immutable.");
        return emulator.refuse(StatusCode::PRECONDITION_FAILED, "PRECONDITION", &message);
    }
    let message = format!(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
    );
    emulator.refuse(StatusCode::BAD_REQUEST, "TAG_INVALID", &message)
}

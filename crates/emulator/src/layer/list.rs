//! Lists: how long a page is, and how one leads to the next.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LINK};
use http::{Method, StatusCode};
use oras_spec::distribution::{Operation, header};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::ask::{Ask, Outcome, Reply, reply_with, set};
use crate::emulator::Emulator;
use crate::profile::Quirk;

/// Refuses pages that are too long, and turns what leads to the next page into what we know.
pub(crate) fn check(emulator: &Emulator, ask: &mut Ask) -> Outcome<()> {
    let is_catalog = matches!(ask.operation, Some(Operation::ListRepositories { .. }));
    if !is_catalog && !matches!(ask.operation, Some(Operation::ListTags { .. })) {
        return Ok(());
    }
    if is_catalog && emulator.has(Quirk::NoCatalog) {
        return Err(reply_with(StatusCode::NOT_FOUND, "text/plain", "404 page not found\n").into());
    }
    let wanted: Option<u64> = ask.parameters("n").first().and_then(|text| text.parse().ok());
    let limit = emulator.find(|quirk| match quirk {
        Quirk::PageLimit(limit) => Some(*limit),
        _ => None,
    });
    if wanted > limit && limit.is_some() {
        let message = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'";
        return Err(emulator.refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", message).into());
    }
    let longest = emulator.find(|quirk| match quirk {
        Quirk::PageClamp(longest) => Some(*longest),
        _ => None,
    });
    let Some(longest) = longest else { return Ok(()) };
    let size = wanted.unwrap_or(longest).min(longest).to_string();
    let mut query = Serializer::new(String::new());
    query.append_pair("n", &size);
    let last = if is_catalog && emulator.has(Quirk::OpaquePages) {
        let word = ask.parameters("next_page").pop();
        word.and_then(|word| URL_SAFE_NO_PAD.decode(word).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
    } else {
        ask.parameters("last").pop()
    };
    if let Some(last) = last {
        query.append_pair("last", &last);
    }
    let target = format!("{}?{}", ask.uri.path(), query.finish());
    ask.go_to(&target);
    Ok(())
}

/// Says what leads to the next page in the registry's own way, and what else its lists say.
pub(crate) async fn finish(emulator: &Emulator, ask: &Ask, answer: &mut Reply) {
    if !answer.status().is_success() {
        return;
    }
    match &ask.operation {
        Some(Operation::ListRepositories { .. }) if emulator.has(Quirk::OpaquePages) => {
            let link = answer.headers().get(LINK).and_then(|value| value.to_str().ok());
            let Some(link) = link else { return };
            let query = link.split(['?', '>']).nth(1).unwrap_or_default();
            let pairs = crate::ask::pairs(query);
            let value =
                |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
            let (Some(size), Some(last)) = (value("n"), value("last")) else { return };
            let word = URL_SAFE_NO_PAD.encode(last);
            let link = format!("</v2/_catalog?n={size}&next_page={word}>; rel=\"next\"");
            set(answer, &LINK, &link);
        }
        Some(Operation::ListTags { repository, .. }) if emulator.has(Quirk::TagMaps) => {
            let list: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let mut manifests = serde_json::Map::new();
            for tag in list["tags"].as_array().into_iter().flatten() {
                let path =
                    format!("/v2/{repository}/manifests/{}", tag.as_str().unwrap_or_default());
                let found = emulator.look(Method::HEAD, &path, ask).await;
                let digest = found.headers().get(header::DOCKER_CONTENT_DIGEST);
                let Some(digest) = digest.and_then(|value| value.to_str().ok()) else { continue };
                let entry = manifests.entry(digest).or_insert_with(|| json!({ "tag": [] }));
                if let Some(tags) = entry["tag"].as_array_mut() {
                    tags.push(tag.clone());
                }
            }
            let body = json!({
                "child": [],
                "manifest": manifests,
                "name": list["name"],
                "tags": list["tags"],
            });
            *answer.body_mut() = Bytes::from(body.to_string());
            answer.headers_mut().remove(CONTENT_LENGTH);
        }
        _ => {}
    }
}

//! What Quay alone makes of manifests: it holds them to a schema, and reads their configs.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::manifest::{Types, invalid};
use crate::ask::{Ask, Outcome, Reply, reply_with};
use crate::emulator::Emulator;
use crate::profile::Quirk;
use crate::refusal::Refusal;

/// The largest dump of a schema that Quay sends, in bytes.
const DUMP: usize = 39_879;

const ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// What Quay makes of a manifest before it looks at anything else.
pub(super) fn check(
    emulator: &Emulator,
    ask: &Ask,
    manifest: &Value,
    types: &Types,
) -> Outcome<()> {
    let says = |message: String| Err(invalid(emulator, &json!({ "message": message })).into());
    if ask.header(&CONTENT_TYPE) == Some(ARTIFACT_MANIFEST) {
        let detail = json!({ "message": "manifest schema version not supported" });
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let refusal = Refusal::new(status, "MANIFEST_INVALID", "manifest invalid").detail(&detail);
        return Err(refusal.say(emulator.profile().voice).into());
    }
    if manifest["schemaVersion"].is_null() {
        let begin = "failed to parse manifest: manifest data does not match schema: 'schemaVersion' is a required property\n\nFailed validating 'required' in schema:\n";
        return says(format!("{begin}{}", "    {'properties': {}}\\n".repeat(DUMP / 24)));
    }
    let allowed = emulator.find(|quirk| match quirk {
        Quirk::SchemaTypes { configs, layers } => Some((*configs, *layers)),
        _ => None,
    });
    if let Some((configs, layers)) = allowed {
        let config = types.config.iter().find(|used| !configs.contains(&used.as_str()));
        if let Some(used) = config {
            return says(schema_dump(used, configs, "config", None));
        }
        let layer = types.layers.iter().position(|used| !layers.contains(&used.as_str()));
        if let Some(index) = layer {
            return says(schema_dump(&types.layers[index], layers, "layers", Some(index)));
        }
    }
    let all = types.config.iter().chain(&types.layers);
    if let Some(odd) = all.into_iter().find(|used| !is_media_type(used)) {
        return says(format!(
            "failed to parse manifest: manifest data does not match schema: '{odd}' does not match '\\\\w+/[-.\\\\w]+(?:\\\\+[-.\\\\w]+)?'"
        ));
    }
    Ok(())
}

fn schema_dump(used: &str, allowed: &[&str], part: &str, index: Option<usize>) -> String {
    let quoted: Vec<String> = allowed.iter().map(|allowed| format!("'{allowed}'")).collect();
    let list = quoted.join(", ");
    let (schema, instance) = match index {
        None => (
            format!("schema['properties']['{part}']['properties']['mediaType']"),
            format!("instance['{part}']['mediaType']"),
        ),
        Some(index) => (
            format!("schema['properties']['{part}']['items']['properties']['mediaType']"),
            format!("instance['{part}'][{index}]['mediaType']"),
        ),
    };
    format!(
        "failed to parse manifest: manifest data does not match schema: '{used}' is not one of [{list}]\n\nFailed validating 'enum' in {schema}:\n    {{'description': 'The MIME type of the referenced manifest',\n     'enum': [{list}],\n     'type': 'string'}}\n\nOn {instance}:\n    '{used}'"
    )
}

fn is_media_type(text: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.split_once('/').is_some_and(|(before, behind)| {
        before.ends_with(is_word)
            && behind.starts_with(|first: char| is_word(first) || first == '-' || first == '.')
    })
}

/// Quay reads configs of images, and breaks on those that are none.
pub(super) async fn check_config(emulator: &Emulator, ask: &Ask) -> Outcome<()> {
    let manifest: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    if !emulator.has(Quirk::QuayManifests) || manifest["config"]["mediaType"] != IMAGE_CONFIG {
        return Ok(());
    }
    let repository = ask.repository().unwrap_or_default();
    let digest = manifest["config"]["digest"].as_str().unwrap_or_default();
    let blob = emulator.look(Method::GET, &format!("/v2/{repository}/blobs/{digest}"), ask).await;
    let config: Value = serde_json::from_slice(blob.body()).unwrap_or_default();
    let is_good =
        config.as_object().is_some_and(|fields| fields.is_empty() || fields.contains_key("rootfs"));
    if is_good || blob.status() != StatusCode::OK {
        return Ok(());
    }
    let page = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n";
    Err(reply_with(StatusCode::INTERNAL_SERVER_ERROR, "text/html; charset=utf-8", page).into())
}

/// Three blanks for each level, as Quay prints indexes.
pub(super) fn pretty(answer: &mut Reply) {
    use serde::Serialize as _;
    let Ok(value) = serde_json::from_slice::<Value>(answer.body()) else { return };
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    if value.serialize(&mut serializer).is_ok() {
        *answer.body_mut() = Bytes::from(text);
        answer.headers_mut().remove(CONTENT_LENGTH);
    }
}

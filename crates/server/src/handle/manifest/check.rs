//! What a manifest must be before it is taken.

use bytes::Bytes;
use oras_spec::Digest;
use oras_spec::image::{Descriptor, Document, MediaType};

use crate::config::Config;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::storage::manifests::{blobs, manifests};

/// Up to how many bytes parsing is not worth going to another thread.
const SMALL: usize = 64 << 10;

/// Decodes a manifest, as what it was pushed as or else as what it says it is, and holds it to
/// the limits.
pub(in crate::handle) async fn parse(
    config: &Config,
    media_type: Option<MediaType>,
    bytes: Bytes,
) -> Result<Document, ApiError> {
    let limits = config.limits.clone();
    if bytes.len() <= SMALL {
        return parse_now(&limits, media_type, bytes);
    }
    let parsed = tokio::task::spawn_blocking(move || parse_now(&limits, media_type, bytes)).await;
    parsed.map_err(ApiError::internal)?
}

fn parse_now(
    limits: &Limits,
    media_type: Option<MediaType>,
    bytes: Bytes,
) -> Result<Document, ApiError> {
    if depth(&bytes) > limits.manifest_depth {
        return Err(ApiError::manifest_invalid("its JSON nests too deep"));
    }
    let Some(media_type) = media_type.or_else(|| Document::sniff(&bytes)) else {
        return Err(ApiError::manifest_invalid("it does not say what it is"));
    };
    let document = Document::parse(&media_type, bytes).map_err(ApiError::manifest_invalid)?;
    if blobs(&document).count() + manifests(&document).len() > limits.descriptors {
        return Err(ApiError::manifest_invalid("it has too many descriptors"));
    }
    let artifact_type = document.stated_artifact_type();
    if !artifact_type.is_empty() {
        artifact_type.validate().map_err(ApiError::manifest_invalid)?;
    }
    Ok(document)
}

/// Returns the blobs that must be in a manifest's repository.
///
/// Those that are not for distribution, or are to be had elsewhere, may be missing; so may the
/// manifests of an index, and the subject.
pub(super) fn needed(config: &Config, document: &Document) -> Vec<Digest> {
    let is_needed =
        |blob: &&Descriptor| !blob.media_type.is_foreign_layer() && blob.urls.is_empty();
    let needed = blobs(document).filter(is_needed).map(|blob| blob.digest.clone());
    if config.allow_sparse { Vec::new() } else { needed.collect() }
}

/// Measures how deep JSON nests; of what is no JSON, anything.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut in_string = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => drop(bytes.next()),
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_depth_outside_of_strings() {
        for (text, expected) in [
            ("", 0),
            ("{}", 1),
            (r#"{"a":[{}],"b":[[]]}"#, 3),
            (r#"{"a":"[[[[\"[["}"#, 1),
            ("]]]]{{", 2),
        ] {
            assert_eq!(depth(text.as_bytes()), expected, "{text}");
        }
    }
}

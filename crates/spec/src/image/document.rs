//! Documents: manifests and indexes, decoded, with the bytes they came in.

mod keys;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ArtifactManifest, Descriptor, Index, Manifest, MediaType};
use crate::Digest;

/// A manifest or an index together with its exact bytes.
///
/// The bytes are what the digest speaks of, so they are never written anew: unknown fields, white
/// space and the order of keys survive. Cheap to clone as long as the decoded part is small.
#[derive(Clone, Debug)]
pub struct Document {
    bytes: Bytes,
    media_type: MediaType,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Manifest(Box<Manifest>),
    Index(Box<Index>),
    Artifact(Box<ArtifactManifest>),
}

/// What tells a manifest from an index before either is decoded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    media_type: Option<MediaType>,
    #[serde(default)]
    config: Option<IgnoredAny>,
    #[serde(default)]
    layers: Option<IgnoredAny>,
    #[serde(default)]
    manifests: Option<IgnoredAny>,
}

impl Document {
    /// Decodes `bytes` as what `media_type` says they are.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if `media_type` is no document, if the bytes do not decode, or if two
    /// readers could read them differently, which is how a registry and a client are made to
    /// disagree: the `mediaType` field contradicts `media_type`, an index has a config or layers,
    /// a manifest has manifests, a key stands twice in one object, or a field is spelled in
    /// another case. A document is at most 127 levels deep; its length is the caller's to limit.
    pub fn parse(media_type: &MediaType, bytes: Bytes) -> Result<Self, DocumentError> {
        if !media_type.is_document() {
            return Err(DocumentError::NotADocument(media_type.clone()));
        }
        let shape: Shape = serde_json::from_slice(&bytes)?;
        if let Some(stated) = &shape.media_type
            && !stated.is_empty()
            && stated != media_type
        {
            return Err(DocumentError::Contradiction {
                stated: stated.clone(),
                given: media_type.clone(),
            });
        }
        let as_index = shape.manifests.is_some();
        let as_manifest = shape.config.is_some() || shape.layers.is_some();
        if as_index && !media_type.is_index() || as_manifest && !media_type.is_manifest() {
            return Err(DocumentError::Ambiguous);
        }
        keys::check(&bytes)?;
        let body = if media_type.is_manifest() {
            Body::Manifest(serde_json::from_slice(&bytes)?)
        } else if media_type.is_index() {
            Body::Index(serde_json::from_slice(&bytes)?)
        } else {
            Body::Artifact(serde_json::from_slice(&bytes)?)
        };
        Ok(Self { bytes, media_type: media_type.clone(), body })
    }

    /// Finds out what document `bytes` are: by their `mediaType` field, else by their shape.
    ///
    /// Returns nothing if they are no JSON object, or an object of neither shape.
    pub fn sniff(bytes: &[u8]) -> Option<MediaType> {
        let shape: Shape = serde_json::from_slice(bytes).ok()?;
        match shape {
            Shape { media_type: Some(stated), .. } if !stated.is_empty() => Some(stated),
            Shape { manifests: Some(_), config: None, layers: None, .. } => {
                Some(MediaType::IMAGE_INDEX)
            }
            Shape { manifests: None, config: Some(_), .. } => Some(MediaType::IMAGE_MANIFEST),
            Shape { .. } => None,
        }
    }

    /// Returns the exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the media type it was decoded as.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// Returns the plain descriptor of the document, by its SHA-256 digest. Hashes the bytes.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), Digest::of(&self.bytes), self.bytes.len() as u64)
    }

    /// Returns the image manifest, if it is one.
    pub fn as_manifest(&self) -> Option<&Manifest> {
        match &self.body {
            Body::Manifest(manifest) => Some(manifest),
            Body::Index(_) | Body::Artifact(_) => None,
        }
    }

    /// Returns the index, if it is one.
    pub fn as_index(&self) -> Option<&Index> {
        match &self.body {
            Body::Index(index) => Some(index),
            Body::Manifest(_) | Body::Artifact(_) => None,
        }
    }

    /// Returns the artifact manifest, if it is one.
    pub fn as_artifact(&self) -> Option<&ArtifactManifest> {
        match &self.body {
            Body::Artifact(artifact) => Some(artifact),
            Body::Manifest(_) | Body::Index(_) => None,
        }
    }

    /// Returns the manifest this document is about. Docker's documents are never about another:
    /// a `subject` in them is a custom field.
    pub fn subject(&self) -> Option<&Descriptor> {
        match &self.body {
            _ if self.media_type.is_docker() => None,
            Body::Manifest(manifest) => manifest.subject.as_ref(),
            Body::Index(index) => index.subject.as_ref(),
            Body::Artifact(artifact) => artifact.subject.as_ref(),
        }
    }

    /// Returns what the artifact is for: the artifact type, else the config's media type; empty
    /// for an index that does not state one.
    ///
    /// This is the `artifactType` of a
    /// [referrer](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers).
    pub fn artifact_type(&self) -> &MediaType {
        match &self.body {
            Body::Manifest(manifest) if manifest.artifact_type.is_empty() => {
                &manifest.config.media_type
            }
            Body::Manifest(manifest) => &manifest.artifact_type,
            Body::Index(index) => &index.artifact_type,
            Body::Artifact(artifact) => &artifact.artifact_type,
        }
    }

    /// Returns the artifact type that the document itself states; empty if it states none.
    pub fn stated_artifact_type(&self) -> &MediaType {
        match &self.body {
            Body::Manifest(manifest) => &manifest.artifact_type,
            Body::Index(index) => &index.artifact_type,
            Body::Artifact(artifact) => &artifact.artifact_type,
        }
    }

    /// Returns the annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        match &self.body {
            Body::Manifest(manifest) => &manifest.annotations,
            Body::Index(index) => &index.annotations,
            Body::Artifact(artifact) => &artifact.annotations,
        }
    }

    /// Returns everything the document points at, in copying order: subject, config, layers or
    /// blobs, manifests. Foreign layers, which are never transferred, are left out.
    pub fn successors(&self) -> Vec<Descriptor> {
        let mut successors: Vec<Descriptor> = self.subject().cloned().into_iter().collect();
        match &self.body {
            Body::Manifest(manifest) => {
                successors.push(manifest.config.clone());
                successors.extend(
                    manifest
                        .layers
                        .iter()
                        .filter(|layer| !layer.media_type.is_foreign_layer())
                        .cloned(),
                );
            }
            Body::Index(index) => successors.extend_from_slice(&index.manifests),
            Body::Artifact(artifact) => successors.extend_from_slice(&artifact.blobs),
        }
        successors
    }
}

/// Why bytes are not a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// An index has `config` or `layers`, or a manifest has `manifests`.
    #[error("ambiguous document: it has fields of both a manifest and an index")]
    Ambiguous,
    /// The `mediaType` field names another type than the one it was offered as.
    #[error("document says it is {stated} but was offered as {given}")]
    Contradiction {
        /// The `mediaType` field.
        stated: MediaType,
        /// What the descriptor or the `Content-Type` header says.
        given: MediaType,
    },
    /// The bytes are not JSON of the right shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The media type is that of a blob.
    #[error("{0} is not a manifest or an index")]
    NotADocument(MediaType),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn manifest() -> Manifest {
        Manifest::new(Descriptor::empty_json(), vec![Descriptor::of("a/b".into(), b"layer")])
    }

    fn parse(media_type: &MediaType, text: &str) -> Result<Document, DocumentError> {
        Document::parse(media_type, Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn keeps_the_bytes_it_was_given() {
        let text = String::from_utf8(json::to_vec_pretty(&manifest())).expect("UTF-8");
        let text = text.replacen('{', "{ \"custom\": [1, 2.0], ", 1);
        let document = parse(&MediaType::IMAGE_MANIFEST, &text).expect("a manifest");
        assert_eq!(document.bytes(), text.as_bytes());
        assert_eq!(document.descriptor().digest, Digest::of(text.as_bytes()));
        assert_eq!(document.as_manifest(), Some(&manifest()));
    }

    #[test]
    fn lists_successors_subject_first_and_without_foreign_layers() {
        let mut manifest = manifest();
        manifest.subject = Some(Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject"));
        manifest.layers.push(Descriptor::of(
            "application/vnd.oci.image.layer.nondistributable.v1.tar".into(),
            b"foreign",
        ));
        let bytes = Bytes::from(json::to_vec(&manifest));
        let document = Document::parse(&MediaType::IMAGE_MANIFEST, bytes).expect("a manifest");
        let digests: Vec<Digest> = document.successors().into_iter().map(|d| d.digest).collect();
        assert_eq!(digests, [Digest::of(b"subject"), Digest::of(b"{}"), Digest::of(b"layer")]);
        assert_eq!(document.artifact_type(), &MediaType::EMPTY_JSON);
        assert!(document.stated_artifact_type().is_empty());
    }

    #[test]
    fn refuses_documents_that_two_readers_could_read_differently() {
        let manifest = String::from_utf8(json::to_vec(&manifest())).expect("UTF-8");
        let both = manifest.replacen('{', "{\"manifests\":[],", 1);
        assert!(matches!(parse(&MediaType::IMAGE_MANIFEST, &both), Err(DocumentError::Ambiguous)));
        assert!(matches!(
            parse(&MediaType::IMAGE_INDEX, &manifest),
            Err(DocumentError::Contradiction { .. })
        ));
        assert!(matches!(parse(&"a/b".into(), &manifest), Err(DocumentError::NotADocument(_))));
        for bad in [
            "",
            "[]",
            "{}x",
            "\u{feff}{}",
            &manifest[..manifest.len() - 1],
            &format!("{manifest} {{}}"),
        ] {
            assert!(parse(&MediaType::IMAGE_MANIFEST, bad).is_err(), "{bad}");
        }
        for twice in [
            manifest.replacen('{', "{\"schemaVersion\":2,", 1),
            manifest.replacen('{', "{\"custom\":1,\"custom\":2,", 1),
            manifest.replacen('{', "{\"annotations\":{\"k\":\"1\",\"k\":\"2\"},", 1),
            manifest.replacen('{', "{\"Layers\":[],", 1),
            manifest.replacen("\"digest\":", "\"Digest\":\"x\",\"digest\":", 1),
        ] {
            assert!(parse(&MediaType::IMAGE_MANIFEST, &twice).is_err(), "{twice}");
        }
    }

    #[test]
    fn refuses_a_document_without_media_type_that_is_offered_as_another() {
        let untyped = Manifest { media_type: MediaType::default(), ..manifest() };
        let manifest = String::from_utf8(json::to_vec(&untyped)).expect("UTF-8");
        for other in
            [MediaType::IMAGE_INDEX, MediaType::DOCKER_MANIFEST_LIST, MediaType::ARTIFACT_MANIFEST]
        {
            assert!(matches!(parse(&other, &manifest), Err(DocumentError::Ambiguous)), "{other}");
        }
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        for other in [MediaType::IMAGE_MANIFEST, MediaType::ARTIFACT_MANIFEST] {
            assert!(matches!(parse(&other, index), Err(DocumentError::Ambiguous)), "{other}");
        }
        assert!(parse(&MediaType::DOCKER_MANIFEST, &manifest).is_ok());
        assert!(parse(&MediaType::DOCKER_MANIFEST_LIST, index).is_ok());
    }

    #[test]
    fn docker_documents_have_no_subject() {
        let about = Manifest {
            media_type: MediaType::DOCKER_MANIFEST,
            subject: Some(Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject")),
            ..manifest()
        };
        let bytes = Bytes::from(json::to_vec(&about));
        let document = Document::parse(&MediaType::DOCKER_MANIFEST, bytes).expect("a manifest");
        assert_eq!(document.subject(), None);
        assert_eq!(document.successors().len(), 2);
    }

    #[test]
    fn sniffs_what_a_document_is() {
        let index = json::to_vec(&Index { media_type: MediaType::default(), ..Index::new(vec![]) });
        assert_eq!(Document::sniff(&index), Some(MediaType::IMAGE_INDEX));
        let untyped = Manifest { media_type: MediaType::default(), ..manifest() };
        assert_eq!(Document::sniff(&json::to_vec(&untyped)), Some(MediaType::IMAGE_MANIFEST));
        assert_eq!(Document::sniff(br#"{"mediaType":"a/b"}"#), Some("a/b".into()));
        assert_eq!(Document::sniff(b"{}"), None);
        assert_eq!(Document::sniff(b"[]"), None);
    }
}

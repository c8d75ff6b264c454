//! Media types: the constants of the field, the grammar, and which types are documents.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a descriptor says its content is.
///
/// Any text may stand here: layers carry whatever their author wrote. Where the specification
/// demands [RFC 6838] syntax (artifact types, config media types), ask [`MediaType::validate`].
///
/// [RFC 6838]: https://www.rfc-editor.org/rfc/rfc6838#section-4.2
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// An OCI image manifest.
    pub const IMAGE_MANIFEST: Self =
        Self::from_static("application/vnd.oci.image.manifest.v1+json");
    /// An OCI image index.
    pub const IMAGE_INDEX: Self = Self::from_static("application/vnd.oci.image.index.v1+json");
    /// An OCI image config.
    pub const IMAGE_CONFIG: Self = Self::from_static("application/vnd.oci.image.config.v1+json");
    /// A layer that is a tar; what `oras` calls a file of no stated type.
    pub const IMAGE_LAYER: Self = Self::from_static("application/vnd.oci.image.layer.v1.tar");
    /// A layer that is a gzipped tar; what `oras` calls a packed directory.
    pub const IMAGE_LAYER_GZIP: Self =
        Self::from_static("application/vnd.oci.image.layer.v1.tar+gzip");
    /// The two bytes `{}`.
    pub const EMPTY_JSON: Self = Self::from_static("application/vnd.oci.empty.v1+json");
    /// The withdrawn OCI artifact manifest, still read and copied.
    pub const ARTIFACT_MANIFEST: Self =
        Self::from_static("application/vnd.oci.artifact.manifest.v1+json");
    /// Docker's image manifest, version 2 schema 2.
    pub const DOCKER_MANIFEST: Self =
        Self::from_static("application/vnd.docker.distribution.manifest.v2+json");
    /// Docker's manifest list.
    pub const DOCKER_MANIFEST_LIST: Self =
        Self::from_static("application/vnd.docker.distribution.manifest.list.v2+json");
    /// Docker's image config.
    pub const DOCKER_CONFIG: Self =
        Self::from_static("application/vnd.docker.container.image.v1+json");
    /// Bytes of no known type.
    pub const OCTET_STREAM: Self = Self::from_static("application/octet-stream");
    /// The artifact type `oras` gives when none is stated.
    pub const UNKNOWN_ARTIFACT: Self = Self::from_static("application/vnd.unknown.artifact.v1");
    /// The config media type `oras` gives when none is stated.
    pub const UNKNOWN_CONFIG: Self = Self::from_static("application/vnd.unknown.config.v1+json");

    /// The types that registries serve under `/manifests/`, in the order `oras` sends them in `Accept`.
    pub const DOCUMENTS: [Self; 5] = [
        Self::DOCKER_MANIFEST,
        Self::DOCKER_MANIFEST_LIST,
        Self::IMAGE_MANIFEST,
        Self::IMAGE_INDEX,
        Self::ARTIFACT_MANIFEST,
    ];

    /// Makes a media type of a constant text.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the text is empty, which documents use for “not stated”.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the text against the grammar of RFC 6838, section 4.2.
    ///
    /// # Errors
    ///
    /// If it is not `type/subtype` of at most 127 restricted characters each.
    pub fn validate(&self) -> Result<(), InvalidMediaType> {
        match self.0.split_once('/') {
            Some((kind, subtype)) if is_restricted_name(kind) && is_restricted_name(subtype) => {
                Ok(())
            }
            _ => Err(InvalidMediaType(self.0.to_string())),
        }
    }

    /// Tells whether registries serve content of this type under `/manifests/`.
    pub fn is_document(&self) -> bool {
        Self::DOCUMENTS.contains(self)
    }

    /// Tells whether this is an image manifest, OCI's or Docker's.
    pub fn is_manifest(&self) -> bool {
        *self == Self::IMAGE_MANIFEST || *self == Self::DOCKER_MANIFEST
    }

    /// Tells whether this is an index, OCI's or Docker's.
    pub fn is_index(&self) -> bool {
        *self == Self::IMAGE_INDEX || *self == Self::DOCKER_MANIFEST_LIST
    }

    /// Tells whether this is one of Docker's documents.
    pub(super) fn is_docker(&self) -> bool {
        *self == Self::DOCKER_MANIFEST || *self == Self::DOCKER_MANIFEST_LIST
    }

    /// Tells whether layers of this type stay where their `urls` point and are never transferred.
    pub fn is_foreign_layer(&self) -> bool {
        matches!(
            self.as_str(),
            "application/vnd.oci.image.layer.nondistributable.v1.tar"
                | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
                | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
                | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        )
    }
}

/// `restricted-name` of RFC 6838.
fn is_restricted_name(name: &str) -> bool {
    let more = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#' | b'$' | b'&' | b'^' | b'_' | b'.' | b'+' | b'-')
    };
    name.len() <= 127
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(more)
}

impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for MediaType {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that breaks the grammar of media types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: invalid media type")]
pub struct InvalidMediaType(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_media_types_to_the_grammar_when_asked() {
        for good in ["text/plain", "application/vnd.docker.volume.v1+tar.gz", "a/b", "1!#$&^_.+-/2"]
        {
            assert_eq!(MediaType::from(good).validate(), Ok(()), "{good}");
        }
        let long = format!("a/{}", "b".repeat(128));
        for bad in ["", "bad", "a/", "/b", "a/b/c", "a b/c", "-a/b", "a/b;c=d", "ä/b", &long] {
            assert!(MediaType::from(bad).validate().is_err(), "{bad}");
        }
        assert_eq!(
            MediaType::from("bad").validate().expect_err("no slash").to_string(),
            "bad: invalid media type"
        );
    }
}

//! The descriptor: what points at content.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MediaType, Platform, annotation};
use crate::Digest;

/// Points at content by media type, digest and size (bytes).
///
/// Fields serialize in the order Go writes them; what is empty is left out. See
/// [content descriptors](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: MediaType,
    /// The address of the content.
    pub digest: Digest,
    /// How long the content is, in bytes. Reads up to 2⁶³ − 1, the most the specification allows.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Where else the content may be had. Never fetched by us.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub urls: Vec<String>,
    /// Annotations, in the order of their keys' bytes.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The content itself, where it is small enough to travel with its descriptor.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "to_base64",
        deserialize_with = "from_base64"
    )]
    pub data: Vec<u8>,
    /// What the content runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What the artifact behind the descriptor is for; empty if not stated.
    #[serde(
        default,
        skip_serializing_if = "MediaType::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub artifact_type: MediaType,
}

impl Descriptor {
    /// The content of [`Descriptor::empty_json`].
    pub const EMPTY_JSON: &'static [u8] = b"{}";

    /// Makes a descriptor of the three fields that every one has.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: Vec::new(),
            platform: None,
            artifact_type: MediaType::default(),
        }
    }

    /// Describes `bytes` by their SHA-256 digest.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// The [empty descriptor](https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor),
    /// with its two bytes in `data`.
    pub fn empty_json() -> Self {
        let mut descriptor = Self::of(MediaType::EMPTY_JSON, Self::EMPTY_JSON);
        descriptor.data = Self::EMPTY_JSON.to_vec();
        descriptor
    }

    /// Returns a copy with media type, digest and size only.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self::new(self.media_type.clone(), self.digest.clone(), self.size)
    }

    /// Returns the title annotation, the path a layer is pulled to; it may be empty.
    pub fn title(&self) -> Option<&str> {
        self.annotations.get(annotation::TITLE).map(String::as_str)
    }

    /// Tells whether both point at the same bytes and call them the same.
    pub fn is_same_content(&self, other: &Self) -> bool {
        self.digest == other.digest
            && self.size == other.size
            && self.media_type == other.media_type
    }
}

/// Reads `null` as the empty value, as Go does.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    i64::try_from(size).map_err(|_| serde::de::Error::custom("size is larger than 2⁶³ − 1"))?;
    Ok(size)
}

fn to_base64<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn writes_fields_in_the_order_of_the_specification() {
        let mut descriptor = Descriptor::empty_json();
        descriptor.urls.push("https://example.com/x".into());
        descriptor.annotations.insert("k".into(), "<v>".into());
        descriptor.artifact_type = "a/b".into();
        descriptor.platform = Some(Platform::new("linux", "amd64"));
        let text = String::from_utf8(json::to_vec(&descriptor)).expect("UTF-8");
        assert_eq!(
            text,
            concat!(
                r#"{"mediaType":"application/vnd.oci.empty.v1+json","#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
                r#""size":2,"urls":["https://example.com/x"],"annotations":{"k":"\u003cv\u003e"},"#,
                r#""data":"e30=","platform":{"architecture":"amd64","os":"linux"},"artifactType":"a/b"}"#
            )
        );
        assert_eq!(serde_json::from_str::<Descriptor>(&text).expect("a descriptor"), descriptor);
    }

    #[test]
    fn reads_nulls_as_absent_and_refuses_nonsense() {
        let digest = Digest::of(b"");
        let text = format!(
            r#"{{"mediaType":"a/b","digest":"{digest}","size":0,"urls":null,"annotations":null,"data":null,"platform":null}}"#
        );
        let descriptor: Descriptor = serde_json::from_str(&text).expect("a descriptor");
        assert_eq!(descriptor, Descriptor::new("a/b".into(), digest.clone(), 0));
        for bad in [
            format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":-1}}"#),
            format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1.0}}"#),
            format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":9223372036854775808}}"#),
            r#"{"mediaType":"a/b","digest":"sha256:../../x","size":0}"#.into(),
            format!(r#"{{"mediaType":"a/b","digest":"{digest}","digest":"{digest}","size":0}}"#),
            format!(r#"{{"mediaType":"a/b","digest":"{digest}"}}"#),
        ] {
            assert!(serde_json::from_str::<Descriptor>(&bad).is_err(), "{bad}");
        }
    }
}

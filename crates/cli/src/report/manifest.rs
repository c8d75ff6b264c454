//! What manifest fetch says.

use oras_spec::image::Descriptor;
use serde::Serialize;
use serde_json::Value;

use super::DescriptorReport;

/// A manifest: its descriptor, and its content as far as that is a JSON object.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ManifestReport {
    #[serde(flatten)]
    manifest: DescriptorReport,
    content: Value,
}

impl ManifestReport {
    /// Reports the manifest `bytes` of the repository or layout called `path`.
    pub(crate) fn new(path: &str, manifest: &Descriptor, bytes: &[u8]) -> Self {
        let content = serde_json::from_slice(bytes).ok().filter(Value::is_object);
        let content = content.unwrap_or(Value::Null);
        Self { manifest: DescriptorReport::new(path, manifest), content }
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;
    use oras_spec::json;

    use super::*;

    #[test]
    fn sorts_the_keys_of_the_content_and_takes_anything_else_for_nothing() {
        let report = |bytes: &[u8]| {
            let manifest = Descriptor::of(MediaType::IMAGE_MANIFEST, bytes);
            String::from_utf8(json::to_vec(&ManifestReport::new("h/r", &manifest, bytes)))
                .expect("UTF-8")
        };
        assert!(
            report(br#"{"b":1,"a":{"d":"<","c":[]}}"#)
                .ends_with(r#""content":{"a":{"c":[],"d":"\u003c"},"b":1}}"#)
        );
        assert!(report(b"[]").ends_with(r#""content":null}"#));
        assert!(report(b"not JSON").ends_with(r#""content":null}"#));
    }
}

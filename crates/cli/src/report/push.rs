//! What push says.

use oras_spec::image::Descriptor;
use serde::Serialize;

use super::DescriptorReport;

/// The manifest that was pushed, and the tags it got.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushReport {
    #[serde(flatten)]
    manifest: DescriptorReport,
    reference_as_tags: Option<Vec<String>>,
}

impl PushReport {
    /// Reports `manifest`, pushed to `path` under `tags`; no list at all if it was pushed by its
    /// digest only.
    pub(crate) fn new(path: &str, manifest: &Descriptor, tags: Option<Vec<String>>) -> Self {
        let reference_as_tags = tags.map(|tags| {
            let mut tags: Vec<String> = tags.iter().map(|tag| format!("{path}:{tag}")).collect();
            tags.sort();
            tags
        });
        Self { manifest: DescriptorReport::new(path, manifest), reference_as_tags }
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;
    use oras_spec::json;

    use super::*;

    #[test]
    fn keeps_the_order_of_fields_and_sorts_the_tags() {
        let mut manifest = Descriptor::of(MediaType::IMAGE_MANIFEST, b"m");
        manifest.annotations.insert("k".into(), "v".into());
        manifest.artifact_type = "test/x".into();
        let tags = Some(vec!["j2".into(), "j1".into()]);
        let report = PushReport::new("localhost:5000/hello", &manifest, tags);
        let digest = &manifest.digest;
        assert_eq!(
            String::from_utf8(json::to_vec_pretty(&report)).expect("UTF-8"),
            format!(
                "{{\n  \"reference\": \"localhost:5000/hello@{digest}\",\n  \
                 \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
                 \"digest\": \"{digest}\",\n  \"size\": 1,\n  \"annotations\": {{\n    \"k\": \"v\"\n  }},\n  \
                 \"artifactType\": \"test/x\",\n  \"referenceAsTags\": [\n    \
                 \"localhost:5000/hello:j1\",\n    \"localhost:5000/hello:j2\"\n  ]\n}}"
            )
        );
        let untagged = json::to_vec(&PushReport::new("p", &manifest, None));
        assert!(String::from_utf8(untagged).expect("UTF-8").ends_with("\"referenceAsTags\":null}"));
    }
}

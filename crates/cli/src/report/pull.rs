//! What pull says.

use oras_spec::Digest;
use oras_spec::image::Descriptor;
use serde::Serialize;

use super::DescriptorReport;

/// What was pulled, and the files it became.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PullReport {
    reference: String,
    /// No list at all if nothing was written.
    files: Option<Vec<FileReport>>,
}

impl PullReport {
    /// Reports that `root` was pulled from `path` into `files`.
    pub(crate) fn new(path: &str, root: &Digest, files: Vec<FileReport>) -> Self {
        let files = (!files.is_empty()).then_some(files);
        Self { reference: format!("{path}@{root}"), files }
    }
}

/// A file or directory that was written.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileReport {
    path: String,
    #[serde(flatten)]
    layer: DescriptorReport,
}

impl FileReport {
    /// Reports that `layer` of the repository `path` was written to `file`, an absolute path; that
    /// of a directory ends with a separator.
    pub(crate) fn new(file: String, path: &str, layer: &Descriptor) -> Self {
        Self { path: file, layer: DescriptorReport::new(path, layer) }
    }
}

#[cfg(test)]
mod tests {
    use oras_spec::json;

    use super::*;

    #[test]
    fn keeps_the_order_of_fields() {
        let layer = Descriptor::of("a/b".into(), b"l");
        let file = FileReport::new("/out/l".into(), "h/r", &layer);
        let report = PullReport::new("h/r", &Digest::of(b"m"), vec![file]);
        let (root, digest) = (Digest::of(b"m"), &layer.digest);
        assert_eq!(
            String::from_utf8(json::to_vec(&report)).expect("UTF-8"),
            format!(
                r#"{{"reference":"h/r@{root}","files":[{{"path":"/out/l","reference":"h/r@{digest}","mediaType":"a/b","digest":"{digest}","size":1}}]}}"#
            )
        );
        let nothing = json::to_vec(&PullReport::new("h/r", &root, vec![]));
        assert!(String::from_utf8(nothing).expect("UTF-8").ends_with("\"files\":null}"));
    }
}

//! Finds what is about an artifact by the name of its tag alone, as signers before referrers did.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use oras_spec::image::Descriptor;
use oras_spec::{Digest, Tag, TagOrDigest};

use crate::graph::MAX_NODES;
use crate::{Error, ErrorKind, Result, Source};

/// Finds the tags `<algorithm>-<hex>.<suffix>` of all `digests`, of what those tags point at, and
/// so on; each with what it points at.
pub(super) async fn companions(
    source: &dyn Source,
    digests: impl IntoIterator<Item = Digest>,
) -> Result<Vec<(Tag, Descriptor)>> {
    let mut by_digest: HashMap<Digest, Vec<Tag>> = HashMap::new();
    let mut tags = source.tags(None);
    let mut count = 0;
    while let Some(tag) = tags.try_next().await? {
        let Some(digest) = subject_of(&tag) else { continue };
        count += 1;
        if count > MAX_NODES {
            let message = format!("there are more than {MAX_NODES} digest tags");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        by_digest.entry(digest).or_default().push(tag);
    }
    let mut found = Vec::new();
    let mut left: Vec<Digest> = digests.into_iter().collect();
    while let Some(digest) = left.pop() {
        for tag in by_digest.remove(&digest).unwrap_or_default() {
            match source.resolve(&TagOrDigest::Tag(tag.clone())).await {
                Ok(companion) => {
                    left.push(companion.digest.clone());
                    found.push((tag, companion.plain()));
                }
                // It was removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

/// Returns what a tag is about: `sha256-0123….sig` is about `sha256:0123…`. The tag without a
/// suffix is that of the referrers, which are found and recorded by other means.
fn subject_of(tag: &Tag) -> Option<Digest> {
    let (name, suffix) = tag.as_str().split_once('.')?;
    let (algorithm, encoded) = name.split_once('-')?;
    let is_word = !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| format!("{algorithm}:{encoded}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_digest_tags_from_others() {
        let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let subject = |tag: &str| subject_of(&tag.parse().expect("a tag"));
        for suffix in ["sig", "att", "sbom"] {
            let found = subject(&format!("sha256-{hex}.{suffix}"));
            assert_eq!(found.expect("a digest").encoded(), hex);
        }
        for other in [
            format!("sha256-{hex}"),
            format!("sha256-{hex}."),
            format!("sha256-{hex}.a.b"),
            format!("md5-{hex}.sig"),
            "sha256-12.sig".to_owned(),
            "v1.2".to_owned(),
        ] {
            assert_eq!(subject(&other), None, "{other}");
        }
    }
}

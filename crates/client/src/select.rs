//! Picks one manifest by platform.

use oras_spec::TagOrDigest;
use oras_spec::image::{Descriptor, Document, ImageConfig, Manifest, MediaType, Platform};

use crate::{Error, ErrorKind, Result, Source, graph};

/// Resolves a reference; with a platform, on to the manifest for it.
///
/// # Errors
///
/// As [`Source::resolve`] and [`select`].
pub async fn resolve(
    source: &dyn Source,
    reference: &TagOrDigest,
    platform: Option<&Platform>,
) -> Result<Descriptor> {
    let Some(platform) = platform else { return source.resolve(reference).await };
    let (root, content) = source.fetch_reference(reference).await?;
    if !root.media_type.is_document() {
        return Err(unsupported(&root));
    }
    let document = graph::decode(&root, content.read_all().await?)?;
    select_in(source, &root, &document, platform).await
}

/// Returns the manifest for `platform`: of an index the first entry that serves it, nested indexes
/// not searched; of a manifest itself, if its config says so.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] if there is none, [`ErrorKind::Unsupported`] if `root` is neither index
/// nor manifest, or its config is no image config.
pub async fn select(
    source: &dyn Source,
    root: &Descriptor,
    platform: &Platform,
) -> Result<Descriptor> {
    if !root.media_type.is_document() {
        return Err(unsupported(root));
    }
    let document = graph::read_document(source, root).await?;
    select_in(source, root, &document, platform).await
}

/// As [`select`], of a document that was read already.
pub(crate) async fn select_in(
    source: &dyn Source,
    root: &Descriptor,
    document: &Document,
    wanted: &Platform,
) -> Result<Descriptor> {
    let no =
        |why: &str| Error::new(ErrorKind::NotFound, format!("{}: not found: {why}", root.digest));
    if let Some(index) = document.as_index() {
        let serves = |entry: &&Descriptor| {
            entry.platform.as_ref().is_some_and(|platform| platform.satisfies(wanted))
        };
        let found = index.manifests.iter().find(serves).cloned();
        return found.ok_or_else(|| no("no matching manifest was found in the manifest list"));
    }
    let Some(manifest) = document.as_manifest() else { return Err(unsupported(root)) };
    let config = read_config(source, document.media_type(), manifest).await?;
    if config.platform().is_some_and(|platform| platform.satisfies(wanted)) {
        Ok(root.clone())
    } else {
        Err(no("platform in manifest does not match target platform"))
    }
}

async fn read_config(
    source: &dyn Source,
    media_type: &MediaType,
    manifest: &Manifest,
) -> Result<ImageConfig> {
    let expected = if *media_type == MediaType::DOCKER_MANIFEST {
        MediaType::DOCKER_CONFIG
    } else {
        MediaType::IMAGE_CONFIG
    };
    let config = &manifest.config;
    if config.media_type != expected {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "fail to recognize platform from unknown config {}: expect {expected}: unsupported",
                config.media_type
            ),
        ));
    }
    let bytes = source.fetch(config).await?.read_all().await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(ErrorKind::Mismatch, format!("decode {}", config.digest)).with_source(error)
    })
}

/// Returns the platform that a manifest's config states; nothing for an index, and for a config
/// that states none or is not JSON.
///
/// # Errors
///
/// If the config cannot be read, or has more than 4 MiB.
pub async fn platform_of(source: &dyn Source, document: &Document) -> Result<Option<Platform>> {
    let Some(manifest) = document.as_manifest() else { return Ok(None) };
    let bytes = source.fetch(&manifest.config).await?.read_all().await?;
    let config: Option<ImageConfig> = serde_json::from_slice(&bytes).ok();
    Ok(config.and_then(|config| config.platform()))
}

fn unsupported(root: &Descriptor) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{}: {}: unsupported", root.digest, root.media_type))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use oras_spec::image::Index;
    use oras_spec::json;

    use super::*;
    use crate::store::Memory;
    use crate::{Content, Target as _};

    async fn put(memory: &Memory, media_type: MediaType, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        let content = Content::from_bytes(&descriptor, Bytes::from(bytes));
        memory.push(&descriptor, content).await.expect("memory takes it");
        descriptor
    }

    async fn image(memory: &Memory, config_type: MediaType, config: &str) -> Descriptor {
        let config = put(memory, config_type, config.into()).await;
        let manifest = Manifest::new(config, Vec::new());
        put(memory, MediaType::IMAGE_MANIFEST, json::to_vec(&manifest)).await
    }

    fn refusal(result: Result<Descriptor>) -> (ErrorKind, String) {
        let error = result.expect_err("refused");
        (error.kind(), error.to_string())
    }

    #[tokio::test]
    async fn takes_the_first_entry_of_an_index_that_serves_and_says_if_none_does() {
        let memory = Memory::new();
        let entry = |bytes: &[u8], platform: &str| Descriptor {
            platform: Some(Platform::parse(platform, "").expect("a platform")),
            ..Descriptor::of(MediaType::IMAGE_MANIFEST, bytes)
        };
        let entries = vec![
            Descriptor::of(MediaType::IMAGE_MANIFEST, b"without"),
            entry(b"1", "linux/arm64"),
            entry(b"2", "linux/amd64"),
            entry(b"3", "linux/amd64/v2"),
        ];
        let bytes = json::to_vec(&Index::new(entries.clone()));
        let index = put(&memory, MediaType::IMAGE_INDEX, bytes).await;
        let amd64 = Platform::new("linux", "amd64");
        assert_eq!(select(&memory, &index, &amd64).await.expect("found"), entries[2]);
        let reference = index.digest.clone().into();
        assert_eq!(resolve(&memory, &reference, Some(&amd64)).await.expect("found"), entries[2]);
        assert_eq!(resolve(&memory, &reference, None).await.expect("found"), index);
        assert_eq!(
            refusal(select(&memory, &index, &Platform::new("plan9", "amd64")).await),
            (
                ErrorKind::NotFound,
                format!(
                    "{}: not found: no matching manifest was found in the manifest list",
                    index.digest
                )
            )
        );
    }

    #[tokio::test]
    async fn asks_the_config_of_a_single_manifest() {
        let memory = Memory::new();
        let config = r#"{"os":"linux","architecture":"amd64"}"#;
        let root = image(&memory, MediaType::IMAGE_CONFIG, config).await;
        let wanted = Platform::new("linux", "amd64");
        assert_eq!(select(&memory, &root, &wanted).await.expect("found"), root);
        assert_eq!(
            refusal(select(&memory, &root, &Platform::new("linux", "arm")).await),
            (
                ErrorKind::NotFound,
                format!(
                    "{}: not found: platform in manifest does not match target platform",
                    root.digest
                )
            )
        );
        let odd = image(&memory, "a/b".into(), config).await;
        assert_eq!(
            refusal(select(&memory, &odd, &wanted).await),
            (
                ErrorKind::Unsupported,
                "fail to recognize platform from unknown config a/b: expect \
                 application/vnd.oci.image.config.v1+json: unsupported"
                    .into()
            )
        );
        let blob = put(&memory, "a/b".into(), b"blob".to_vec()).await;
        assert_eq!(
            refusal(resolve(&memory, &blob.digest.clone().into(), Some(&wanted)).await),
            (ErrorKind::Unsupported, format!("{}: a/b: unsupported", blob.digest))
        );
    }
}

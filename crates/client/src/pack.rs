//! Builds manifests byte for byte as `oras` does, from descriptors of what is packed.

mod created;

use std::collections::BTreeMap;

use bytes::Bytes;
use oras_spec::image::{Descriptor, Manifest, MediaType, annotation};
use oras_spec::json;

use crate::{Content, Error, ErrorKind, Result, Target};

/// The version of the image specification a manifest is made by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageSpec {
    /// 1.0: what the artifact is for is the config's media type.
    V1_0,
    /// 1.1: it is a field of its own, and there can be a subject.
    #[default]
    V1_1,
}

/// What is packed.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    /// What the artifact is for; empty if not stated. With [`ImageSpec::V1_0`] it becomes the media
    /// type of the config, unless there is one.
    pub artifact_type: MediaType,
    /// The config; `{}` is written for one if there is none.
    pub config: Option<Descriptor>,
    /// Annotations of the `{}` that is written for a config; one that is given has its own.
    pub config_annotations: BTreeMap<String, String>,
    /// The layers, in order; [`ImageSpec::V1_1`] makes `{}` the one layer if there are none.
    pub layers: Vec<Descriptor>,
    /// The manifest this one is about; [`ImageSpec::V1_1`] only.
    pub subject: Option<Descriptor>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// How to pack.
#[derive(Clone, Debug, Default)]
pub struct PackOptions {
    /// The version to pack by.
    pub image_spec: ImageSpec,
    /// The time to annotate the manifest with as `org.opencontainers.image.created`, RFC 3339,
    /// unless the artifact has that annotation; nothing is added if it is empty. No clock is read.
    pub created: String,
}

/// Writes the manifest of `artifact`, and the `{}` it may need, to `target`.
///
/// The layers and the config are not looked for: they may come later. Returns the manifest's
/// descriptor with its annotations, and as artifact type the manifest's own
/// ([`ImageSpec::V1_1`]; it may be empty) or the config's media type ([`ImageSpec::V1_0`]). The
/// same artifact gives the same bytes, those that Go's `oras` writes.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] for an artifact type or a config media type that is none, an artifact of
/// neither artifact type nor config, or a creation time that is not RFC 3339;
/// [`ErrorKind::Unsupported`] for a subject with [`ImageSpec::V1_0`].
pub async fn pack(
    target: &dyn Target,
    artifact: Artifact,
    options: &PackOptions,
) -> Result<Descriptor> {
    let (manifest, artifact_type) = match options.image_spec {
        ImageSpec::V1_0 => build_1_0(target, artifact, options).await?,
        ImageSpec::V1_1 => build_1_1(target, artifact, options).await?,
    };
    let bytes = Bytes::from(json::to_vec(&manifest));
    let mut descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
    descriptor.artifact_type = artifact_type;
    descriptor.annotations = manifest.annotations;
    let content = Content::from_bytes(&descriptor, bytes);
    target.push(&descriptor, content).await.map_err(|error| error.context("push manifest"))?;
    Ok(descriptor)
}

async fn build_1_0(
    target: &dyn Target,
    artifact: Artifact,
    options: &PackOptions,
) -> Result<(Manifest, MediaType)> {
    if artifact.subject.is_some() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "subject is not supported for manifest version 1: unsupported",
        ));
    }
    let config = if let Some(config) = artifact.config {
        validate(&config.media_type, "config mediaType")?;
        config
    } else {
        let media_type = if artifact.artifact_type.is_empty() {
            MediaType::UNKNOWN_CONFIG
        } else {
            validate(&artifact.artifact_type, "artifactType")?;
            artifact.artifact_type
        };
        let mut config = Descriptor::of(media_type, Descriptor::EMPTY_JSON);
        config.annotations = artifact.config_annotations;
        push_empty(target, &config).await?;
        config
    };
    let artifact_type = config.media_type.clone();
    let mut manifest = Manifest::new(config, artifact.layers);
    manifest.annotations = dated(artifact.annotations, options)?;
    Ok((manifest, artifact_type))
}

async fn build_1_1(
    target: &dyn Target,
    artifact: Artifact,
    options: &PackOptions,
) -> Result<(Manifest, MediaType)> {
    let config_says_nothing =
        artifact.config.as_ref().is_none_or(|config| config.media_type == MediaType::EMPTY_JSON);
    if !artifact.artifact_type.is_empty() {
        validate(&artifact.artifact_type, "artifactType")?;
    } else if config_says_nothing {
        return Err(Error::new(ErrorKind::Invalid, "missing artifact type"));
    }
    let config = if let Some(config) = artifact.config {
        validate(&config.media_type, "config mediaType")?;
        config
    } else {
        let mut config = Descriptor::empty_json();
        config.annotations = artifact.config_annotations;
        push_empty(target, &config).await?;
        config
    };
    let annotations = dated(artifact.annotations, options)?;
    let mut layers = artifact.layers;
    if layers.is_empty() {
        layers.push(Descriptor::empty_json());
        push_empty(target, &layers[0]).await?;
    }
    let mut manifest = Manifest::new(config, layers);
    manifest.artifact_type = artifact.artifact_type.clone();
    manifest.subject = artifact.subject;
    manifest.annotations = annotations;
    Ok((manifest, artifact.artifact_type))
}

async fn push_empty(target: &dyn Target, descriptor: &Descriptor) -> Result<()> {
    let content = Content::from_bytes(descriptor, Bytes::from_static(Descriptor::EMPTY_JSON));
    target.push(descriptor, content).await.map_err(|error| error.context("push config"))
}

fn validate(media_type: &MediaType, field: &str) -> Result<()> {
    media_type
        .validate()
        .map_err(|error| Error::new(ErrorKind::Invalid, format!("invalid {field} format: {error}")))
}

fn dated(
    mut annotations: BTreeMap<String, String>,
    options: &PackOptions,
) -> Result<BTreeMap<String, String>> {
    if let Some(given) = annotations.get(annotation::CREATED) {
        created::check(given).map_err(|error| {
            let message = format!("invalid date and time format: {error}");
            Error::new(ErrorKind::Invalid, message)
        })?;
    } else if !options.created.is_empty() {
        annotations.insert(annotation::CREATED.to_owned(), options.created.clone());
    }
    Ok(annotations)
}

#[cfg(test)]
mod tests;

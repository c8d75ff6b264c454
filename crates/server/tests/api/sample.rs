//! Manifests to push, and ways to push them.

use bytes::Bytes;
use http::StatusCode;
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use oras_spec::{Digest, json};

use crate::client::Client;

/// Makes a manifest of the empty config and a layer.
pub(crate) fn manifest(layer: &[u8]) -> Manifest {
    let layer = Descriptor::of(MediaType::IMAGE_LAYER, layer);
    Manifest::new(Descriptor::empty_json(), vec![layer])
}

/// Makes a manifest that is about another.
pub(crate) fn about(subject: &Descriptor, artifact_type: &str, layer: &[u8]) -> Manifest {
    Manifest {
        subject: Some(subject.clone()),
        artifact_type: artifact_type.into(),
        ..manifest(layer)
    }
}

pub(crate) fn bytes<T: serde::Serialize>(document: &T) -> Bytes {
    Bytes::from(json::to_vec(document))
}

pub(crate) fn describe(manifest: &Manifest) -> Descriptor {
    Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes(manifest))
}

/// Pushes a config and a layer, and returns a manifest of them.
pub(crate) async fn image(client: &Client, repository: &str, layer: &'static [u8]) -> Bytes {
    client.push_blob(repository, Descriptor::EMPTY_JSON).await;
    client.push_blob(repository, layer).await;
    bytes(&manifest(layer))
}

/// Pushes an image under a tag and returns its digest.
pub(crate) async fn push_image(
    client: &Client,
    repository: &str,
    tag: &str,
    layer: &'static [u8],
) -> Digest {
    let bytes = image(client, repository, layer).await;
    let digest = Digest::of(&bytes);
    let put = client.put(&format!("/v2/{repository}/manifests/{tag}"), bytes).await;
    put.expect_status(StatusCode::CREATED);
    digest
}

/// Pushes a manifest by its digest, with the blobs of [`manifest`].
pub(crate) async fn push_manifest(
    client: &Client,
    repository: &str,
    manifest: &Manifest,
) -> Digest {
    client.push_blob(repository, Descriptor::EMPTY_JSON).await;
    let bytes = bytes(manifest);
    let digest = Digest::of(&bytes);
    let put = client.put(&format!("/v2/{repository}/manifests/{digest}"), bytes).await;
    put.expect_status(StatusCode::CREATED);
    digest
}

/// Pushes an index of nothing and returns its digest: the cheapest thing that can be tagged.
pub(crate) async fn push_empty_index(client: &Client, repository: &str, reference: &str) -> Digest {
    let bytes = bytes(&Index::new(Vec::new()));
    let digest = Digest::of(&bytes);
    let put = client.put(&format!("/v2/{repository}/manifests/{reference}"), bytes).await;
    put.expect_status(StatusCode::CREATED);
    digest
}

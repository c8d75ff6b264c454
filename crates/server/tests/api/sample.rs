//! Manifests to push.

use bytes::Bytes;
use oras_spec::image::{Descriptor, Manifest, MediaType};
use oras_spec::json;

use crate::client::Client;

/// Pushes a config and a layer, and returns a manifest of them.
pub(crate) async fn image(client: &Client, repository: &str, layer: &'static [u8]) -> Bytes {
    client.push_blob(repository, Descriptor::EMPTY_JSON).await;
    client.push_blob(repository, layer).await;
    Bytes::from(json::to_vec(&manifest(layer)))
}

/// Makes a manifest of the empty config and a layer.
pub(crate) fn manifest(layer: &[u8]) -> Manifest {
    let layer = Descriptor::of(MediaType::IMAGE_LAYER, layer);
    Manifest::new(Descriptor::empty_json(), vec![layer])
}

//! end-3, end-7, end-9: read, write and delete manifests.

use http::StatusCode;
use oras_spec::Digest;

use crate::client::on_every_store;
use crate::sample::image;

#[tokio::test]
async fn end_7a_a_manifest_is_served_as_it_was_pushed() {
    on_every_store(async |client| {
        let bytes = image(&client, "a/b", b"layer").await;
        let digest = Digest::of(&bytes);
        for reference in ["v1", digest.as_str()] {
            let target = format!("/v2/a/b/manifests/{reference}");
            let put = client.put(&target, bytes.clone()).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            assert_eq!(put.header("location"), target);
            let got = client.get(&target).await;
            got.expect_status(StatusCode::OK);
            assert_eq!(got.body, bytes);
            assert_eq!(got.header("docker-content-digest"), digest.as_str());
            assert_eq!(got.header("content-length"), bytes.len().to_string());
            assert_eq!(got.header("content-type"), "application/vnd.oci.image.manifest.v1+json");
        }
    })
    .await;
}

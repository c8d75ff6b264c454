//! end-1, end-2, end-10: ping, read and delete blobs.

use http::StatusCode;
use oras_spec::Digest;

use crate::client::on_every_store;

#[tokio::test]
async fn end_1_a_ping_says_that_this_is_a_registry() {
    on_every_store(async |client| {
        for target in ["/v2/", "/v2"] {
            let answer = client.get(target).await;
            answer.expect_status(StatusCode::OK);
            assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
            assert_eq!(answer.body, "{}");
        }
    })
    .await;
}

#[tokio::test]
async fn end_2_a_blob_is_served_with_the_headers_that_describe_it() {
    on_every_store(async |client| {
        let digest = client.push_blob("a/b", "hello").await;
        let answer = client.get(&format!("/v2/a/b/blobs/{digest}")).await;
        answer.expect_status(StatusCode::OK);
        assert_eq!(answer.body, "hello");
        for (name, value) in [
            ("content-length", "5"),
            ("content-type", "application/octet-stream"),
            ("docker-content-digest", digest.as_str()),
            ("accept-ranges", "bytes"),
            ("etag", &format!("\"{digest}\"")),
            ("cache-control", "max-age=31536000, immutable, public"),
            ("x-content-type-options", "nosniff"),
            ("content-disposition", "attachment"),
            ("content-security-policy", "sandbox"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn end_2_a_blob_that_is_not_there_is_unknown() {
    on_every_store(async |client| {
        let digest = Digest::of(b"not there");
        let target = format!("/v2/a/b/blobs/{digest}");
        client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        client.push_blob("a/b", "hello").await;
        client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

//! end-1, end-2, end-10: ping, read and delete blobs.

use http::StatusCode;
use oras_spec::{Algorithm, Digest};

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
async fn end_2_head_has_the_headers_of_get_and_no_body() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        let (got, head) = (client.get(&target).await, client.head(&target).await);
        head.expect_status(StatusCode::OK);
        assert_eq!(head.body, "");
        for (name, value) in &got.headers {
            if name != "x-request-id" {
                assert_eq!(head.headers.get(name), Some(value), "{name}");
            }
        }
        assert_eq!(got.headers.len(), head.headers.len());
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
        let head = client.head(&target).await;
        head.expect_status(StatusCode::NOT_FOUND);
        assert_eq!(head.body, "");
        assert_eq!(head.header("content-type"), "application/json");
    })
    .await;
}

#[tokio::test]
async fn end_2_a_blob_is_readable_only_through_repositories_that_have_it() {
    on_every_store(async |client| {
        let digest = client.push_blob("mine", "secret").await;
        let other = format!("/v2/other/blobs/{digest}");
        let unlike = format!("/v2/other/blobs/{}", Digest::of(b"not there"));
        for target in [&other, &unlike] {
            client.get(target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
            client.head(target).await.expect_status(StatusCode::NOT_FOUND);
        }
    })
    .await;
}

#[tokio::test]
async fn end_2_the_empty_blob_is_a_blob() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "").await;
        let target = format!("/v2/a/blobs/{digest}");
        let got = client.get(&target).await;
        got.expect_status(StatusCode::OK);
        assert_eq!((got.header("content-length"), &got.body[..]), ("0", &b""[..]));
        assert_eq!(client.head(&target).await.header("content-length"), "0");
    })
    .await;
}

#[tokio::test]
async fn end_2_blobs_of_every_algorithm_are_blobs() {
    on_every_store(async |client| {
        for algorithm in Algorithm::ALL {
            let digest = algorithm.digest(b"hello");
            let location = client.start_upload("a").await;
            let put = client.put(&format!("{location}?digest={digest}"), "hello").await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            let got = client.get(&format!("/v2/a/blobs/{digest}")).await;
            got.expect_status(StatusCode::OK);
            assert_eq!(got.header("docker-content-digest"), digest.as_str());
            assert_eq!(got.body, "hello");
        }
    })
    .await;
}

#[tokio::test]
async fn end_2_a_digest_that_is_none_is_invalid() {
    on_every_store(async |client| {
        let upper = "A".repeat(64);
        for digest in
            ["sha256:x", "md5:d41d8cd98f00b204e9800998ecf8427e", "x", &format!("sha256:{upper}")]
        {
            let target = format!("/v2/a/blobs/{digest}");
            client.get(&target).await.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
        }
    })
    .await;
}

#[tokio::test]
async fn end_2_who_has_the_blob_is_told_that_it_has_not_changed() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        let (fresh, stale) = (StatusCode::NOT_MODIFIED, StatusCode::OK);
        for (etags, expected) in [
            (format!("\"{digest}\""), fresh),
            (format!("\"x\", W/\"{digest}\""), fresh),
            ("*".to_owned(), fresh),
            ("\"x\"".to_owned(), stale),
        ] {
            for method in [http::Method::GET, http::Method::HEAD] {
                let is_empty = expected == fresh || method == http::Method::HEAD;
                let asking = client.request(method, &target).header("if-none-match", &etags);
                let answer = asking.send().await;
                answer.expect_status(expected);
                assert_eq!(answer.header("docker-content-digest"), digest.as_str());
                assert_eq!(answer.body.is_empty(), is_empty);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_10_a_deleted_blob_is_gone_from_its_repository_only() {
    on_every_store(async |client| {
        let digest = client.push_blob("a", "hello").await;
        client.push_blob("b", "hello").await;
        let target = format!("/v2/a/blobs/{digest}");
        client.delete(&target).await.expect_status(StatusCode::ACCEPTED);
        client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
        client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        client.delete(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        client.get(&format!("/v2/b/blobs/{digest}")).await.expect_status(StatusCode::OK);
        client.push_blob("a", "hello").await;
        assert_eq!(client.get(&target).await.body, "hello");
    })
    .await;
}

#[tokio::test]
async fn a_pull_in_progress_survives_the_deletion_and_the_replacement_of_its_blob() {
    use http_body_util::{BodyExt as _, Empty};
    use tower_service::Service as _;

    on_every_store(async |client| {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let digest = client.push_blob("a", bytes.clone()).await;
        let target = format!("/v2/a/blobs/{digest}");
        let request = http::Request::get(&target).body(Empty::<bytes::Bytes>::new());
        let pulling = client.service().call(request.expect("a request")).await.expect("an answer");
        client.push_blob("a", bytes.clone()).await;
        client.delete(&target).await.expect_status(StatusCode::ACCEPTED);
        let pulled = pulling.into_body().collect().await.expect("the whole body").to_bytes();
        assert!(pulled == bytes);
    })
    .await;
}

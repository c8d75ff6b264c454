//! Requests that are no operations, or larger than they may be; bodies nobody wants.

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::body::Pieces;
use crate::client::on_every_store;

#[tokio::test]
async fn unknown_methods_are_told_the_known_ones() {
    on_every_store(async |client| {
        let digest = oras_spec::Digest::of(b"");
        for (target, allowed) in [
            ("/v2/", "GET, HEAD"),
            ("/v2/_catalog", "GET"),
            ("/v2/a/tags/list", "GET"),
            ("/v2/a/manifests/v1", "GET, HEAD, PUT, DELETE"),
            (&format!("/v2/a/blobs/{digest}"), "GET, HEAD, DELETE"),
            (&format!("/v2/a/referrers/{digest}"), "GET"),
            ("/v2/a/blobs/uploads/", "POST"),
            ("/v2/a/blobs/uploads/x", "GET, PATCH, PUT, DELETE"),
        ] {
            for method in [Method::OPTIONS, Method::TRACE, Method::CONNECT] {
                let answer = client.request(method, target).send().await;
                answer.expect_error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
                assert_eq!(answer.header("allow"), allowed, "{target}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_refused() {
    on_every_store(async |client| {
        for target in
            ["/", "/v1/", "/v2/a", "/v2x/", "/favicon.ico", "/v2/a/tags/lists", "/v2/_oci/x"]
        {
            client.get(target).await.expect_error(StatusCode::NOT_FOUND, "UNSUPPORTED");
        }
        for name in [
            "..", "a/../b", "%2e%2e", "a%2fb", "a%00b", "a//b", "A", "_b", "a/_b/c", ".", "a/.",
            "-a", "a;b", "%252e",
        ] {
            for kind in ["manifests/v1", "tags/list", "blobs/uploads/x"] {
                let answer = client.get(&format!("/v2/{name}/{kind}")).await;
                answer.expect_error(StatusCode::BAD_REQUEST, "NAME_INVALID");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn targets_and_headers_have_a_greatest_size() {
    on_every_store(async |client| {
        let long = client.get(&format!("/v2/?{}", "x".repeat(8 << 10))).await;
        long.expect_status(StatusCode::URI_TOO_LONG);
        let request = client.request(Method::GET, "/v2/").header("x-large", &"x".repeat(33 << 10));
        request.send().await.expect_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    })
    .await;
}

#[tokio::test]
async fn who_sends_before_listening_hears_the_refusal() {
    on_every_store(async |client| {
        let (sender, body) = Pieces::channel();
        sender.send(Ok(Bytes::from(vec![0; 100_000]))).expect("the body is there");
        let refused = client.streamed(Method::PUT, "/v2/a/nothing", body).send();
        let closing = async { drop(sender) };
        let (refused, ()) = futures_util::join!(refused, closing);
        refused.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn who_waits_to_be_told_to_go_on_is_refused_at_once() {
    on_every_store(async |client| {
        let (sender, body) = Pieces::channel();
        let request = client.streamed(Method::PUT, "/v2/a/nothing", body);
        let refused = request.header("expect", "100-continue").send().await;
        refused.expect_status(StatusCode::NOT_FOUND);
        assert!(sender.is_closed(), "nobody waits for the body");
    })
    .await;
}

#[tokio::test]
async fn every_answer_says_what_it_comes_from() {
    on_every_store(async |client| {
        let mut seen = std::collections::HashSet::new();
        for target in ["/v2/", "/v2/a/manifests/v1", "/nothing"] {
            let answer = client.get(target).await;
            assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            assert!(seen.insert(answer.header("x-request-id").to_owned()));
        }
    })
    .await;
}

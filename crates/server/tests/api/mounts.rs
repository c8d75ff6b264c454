//! end-11: blobs that another repository has.

use http::StatusCode;
use oras_spec::Digest;

use crate::client::{Client, on_every_store};

async fn expect_mounted(client: &Client, query: &str, digest: &Digest) {
    let mounted = client.post(&format!("/v2/to/blobs/uploads/?{query}")).await;
    mounted.expect_status(StatusCode::CREATED);
    assert_eq!(mounted.header("docker-content-digest"), digest.as_str());
    let target = format!("/v2/to/blobs/{digest}");
    assert_eq!(mounted.header("location"), target);
    assert_eq!(client.get(&target).await.body, "hello");
}

async fn expect_upload(client: &Client, query: &str) {
    let refused = client.post(&format!("/v2/to/blobs/uploads/?{query}")).await;
    refused.expect_status(StatusCode::ACCEPTED);
    let status = client.get(refused.header("location")).await;
    status.expect_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn end_11_a_blob_is_mounted_from_the_repository_that_has_it() {
    on_every_store(async |client| {
        let digest = client.push_blob("from/here", "hello").await;
        expect_mounted(&client, &format!("mount={digest}&from=from/here"), &digest).await;
        expect_mounted(&client, &format!("mount={digest}&from=from%2Fhere"), &digest).await;
    })
    .await;
}

#[tokio::test]
async fn end_11_without_from_a_blob_is_mounted_from_wherever_it_is() {
    on_every_store(async |client| {
        let digest = client.push_blob("from", "hello").await;
        expect_mounted(&client, &format!("mount={digest}"), &digest).await;
    })
    .await;
}

#[tokio::test]
async fn end_11_what_cannot_be_mounted_is_to_be_uploaded() {
    on_every_store(async |client| {
        let missing = Digest::of(b"not there");
        let digest = client.push_blob("from", "hello").await;
        client.push_blob("other", "something else").await;
        expect_upload(&client, &format!("mount={missing}&from=from")).await;
        expect_upload(&client, &format!("mount={missing}&from=no/such/repository")).await;
        expect_upload(&client, &format!("mount={missing}")).await;
        expect_upload(&client, &format!("mount={digest}&from=other")).await;
        client.get(&format!("/v2/to/blobs/{digest}")).await.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn end_11_a_deleted_blob_cannot_be_mounted() {
    on_every_store(async |client| {
        let digest = client.push_blob("from", "hello").await;
        client.delete(&format!("/v2/from/blobs/{digest}")).await;
        expect_upload(&client, &format!("mount={digest}&from=from")).await;
        expect_upload(&client, &format!("mount={digest}")).await;
    })
    .await;
}

#[tokio::test]
async fn end_11_the_upload_instead_takes_the_blob() {
    on_every_store(async |client| {
        let digest = oras_spec::Algorithm::Sha512.digest(b"hello");
        let target = format!("/v2/to/blobs/uploads/?mount={digest}&from=from");
        let refused = client.post(&target).await;
        let location = refused.expect_status(StatusCode::ACCEPTED).header("location").to_owned();
        let put = client.put(&format!("{location}?digest={digest}"), "hello").await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_11_bad_names_and_digests_are_refused() {
    on_every_store(async |client| {
        let digest = Digest::of(b"hello");
        let answer = client.post("/v2/to/blobs/uploads/?mount=x&from=from").await;
        answer.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
        let answer = client.post(&format!("/v2/to/blobs/uploads/?mount={digest}&from=../x")).await;
        answer.expect_error(StatusCode::BAD_REQUEST, "NAME_INVALID");
    })
    .await;
}

//! What a registry in a directory has after the process that kept it is gone.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use oras_server::auth::Users;
use oras_server::{BuildError, Limits, Registry};
use oras_spec::Digest;

use crate::body::{Pieces, broken};
use crate::client::Client;
use crate::disk::files_below;
use crate::sample::{about, describe, image, manifest, push_image, push_manifest};

fn open(root: &Path) -> Client {
    Client::new(Registry::builder().directory(root).build().expect("a registry"))
}

fn root() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let root = root();
    let client = open(root.path());
    let image_digest = push_image(&client, "a/b", "V1", b"layer").await;
    let subject = describe(&manifest(b"layer"));
    let referrer = push_manifest(&client, "a/b", &about(&subject, "x/y", b"layer")).await;
    let large = client.push_blob("c", vec![1; 3_000_000]).await;
    let gone = push_image(&client, "a/b", "gone", b"gone").await;
    client.delete(&format!("/v2/a/b/manifests/{gone}")).await;
    client.push_blob("c", "gone too").await;
    client.delete(&format!("/v2/c/blobs/{}", Digest::of(b"gone too"))).await;
    drop(client);

    let client = open(root.path());
    let names = client.get("/v2/_catalog").await.json();
    assert_eq!(names["repositories"], serde_json::json!(["a/b", "c"]));
    let tags = client.get("/v2/a/b/tags/list").await.json();
    assert_eq!(tags["tags"], serde_json::json!(["V1"]));
    let got = client.get("/v2/a/b/manifests/V1").await;
    assert_eq!(got.header("docker-content-digest"), image_digest.as_str());
    assert_eq!(Digest::of(&got.body), image_digest);
    let referrers = client.get(&format!("/v2/a/b/referrers/{}", subject.digest)).await.json();
    assert_eq!(referrers["manifests"][0]["digest"], referrer.as_str());
    let got = client.get(&format!("/v2/c/blobs/{large}")).await;
    assert!(got.body == vec![1; 3_000_000]);
    client.get(&format!("/v2/a/b/manifests/{gone}")).await.expect_status(StatusCode::NOT_FOUND);
    let gone = client.head(&format!("/v2/c/blobs/{}", Digest::of(b"gone too"))).await;
    gone.expect_status(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let root = root();
    let client = open(root.path());
    let location = client.start_upload("a").await;
    let untouched = client.start_upload("a").await;
    client.patch(&location, vec![1; 200_000]).await.expect_status(StatusCode::ACCEPTED);
    drop(client);

    let client = open(root.path());
    let status = client.get(&location).await;
    assert_eq!(status.expect_status(StatusCode::NO_CONTENT).header("range"), "0-199999");
    client.patch(&location, vec![1; 100_000]).await.expect_status(StatusCode::ACCEPTED);
    drop(client);

    let client = open(root.path());
    let digest = Digest::of(&vec![1; 400_000]);
    let put = client.put(&format!("{location}?digest={digest}"), vec![1; 100_000]).await;
    put.expect_status(StatusCode::CREATED);
    assert_eq!(client.head(put.header("location")).await.header("content-length"), "400000");
    let digest = Digest::of(b"hello");
    let put = client.put(&format!("{untouched}?digest={digest}"), "hello").await;
    put.expect_status(StatusCode::CREATED);
}

#[tokio::test]
async fn an_upload_belongs_to_who_opened_it_after_a_restart_too() {
    let root = root();
    let open = || {
        let users = Users::single("alice", "secret").expect("a user");
        let users = users.with("bob", "secret").expect("a user");
        let registry = Registry::builder().directory(root.path()).users(users).build();
        Client::new(registry.expect("a registry"))
    };
    let alice = open().with_header(AUTHORIZATION, "Basic YWxpY2U6c2VjcmV0");
    let location = alice.start_upload("a").await;
    drop(alice);
    let client = open();
    let bob = client.with_header(AUTHORIZATION, "Basic Ym9iOnNlY3JldA==");
    bob.get(&location).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
    let alice = client.with_header(AUTHORIZATION, "Basic YWxpY2U6c2VjcmV0");
    let other = location.replace("/a/", "/b/");
    alice.get(&other).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
    alice.get(&location).await.expect_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn expired_uploads_leave_nothing_behind_a_restart() {
    let root = root();
    let client = open(root.path());
    let location = client.start_upload("a").await;
    client.patch(&location, vec![1; 200_000]).await.expect_status(StatusCode::ACCEPTED);
    drop(client);
    assert_eq!(files_below(&root.path().join("staging")).len(), 1);

    let mut limits = Limits::default();
    limits.upload_lifetime = Duration::ZERO;
    let registry = Registry::builder().directory(root.path()).limits(limits).build();
    let client = Client::new(registry.expect("a registry"));
    assert!(files_below(&root.path().join("staging")).is_empty());
    assert!(files_below(&root.path().join("uploads")).is_empty());
    client.get(&location).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_sweep_removes_expired_uploads_and_no_others() {
    let root = root();
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let client = Client::new(registry.clone());
    let expired = client.start_upload("a").await;
    client.patch(&expired, vec![1; 200_000]).await.expect_status(StatusCode::ACCEPTED);
    let young = client.start_upload("a").await;
    client.patch(&young, vec![2; 200_000]).await.expect_status(StatusCode::ACCEPTED);
    drop((client, registry));
    let id = expired.rsplit_once('/').expect("a location").1;
    let record = root.path().join("uploads").join(id);
    let text = std::fs::read_to_string(&record).expect("the record");
    let mut fields: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    fields["started"] = 0.into();
    std::fs::write(&record, fields.to_string()).expect("the record");

    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let client = Client::new(registry.clone());
    client.get(&expired).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
    registry.sweep().await.expect("a sweep");
    assert_eq!(files_below(&root.path().join("staging")).len(), 1);
    assert_eq!(files_below(&root.path().join("uploads")).len(), 1);
    client.get(&young).await.expect_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_belongs_to_no_upload_is_removed_at_the_start() {
    let root = root();
    let client = open(root.path());
    let location = client.start_upload("a").await;
    client.patch(&location, vec![1; 200_000]).await.expect_status(StatusCode::ACCEPTED);
    drop(client);
    std::fs::write(root.path().join("staging/0123456789abcdef"), "junk").expect("a file");
    std::fs::write(root.path().join("staging/.junk"), "junk").expect("a file");
    std::fs::write(root.path().join("tmp/0123456789abcdef"), "junk").expect("a file");

    let client = open(root.path());
    assert_eq!(files_below(&root.path().join("staging")).len(), 1);
    assert!(files_below(&root.path().join("tmp")).is_empty());
    client.get(&location).await.expect_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn nothing_is_left_of_pushes_done_or_failed() {
    let root = root();
    let client = open(root.path());
    for size in [10, 3_000_000] {
        let bytes = vec![1; size];
        let digest = Digest::of(&bytes);
        client.push_blob("a", bytes.clone()).await;
        let location = client.start_upload("a").await;
        client.patch(&location, bytes.clone()).await.expect_status(StatusCode::ACCEPTED);
        client.put(&format!("{location}?digest={digest}"), "").await;
        let location = client.start_upload("a").await;
        client.put(&format!("{location}?digest={digest}"), bytes.clone()).await;
        let location = client.start_upload("a").await;
        client.patch(&location, bytes.clone()).await.expect_status(StatusCode::ACCEPTED);
        client.delete(&location).await.expect_status(StatusCode::NO_CONTENT);
        let location = client.start_upload("a").await;
        let wrong = Digest::of(b"wrong");
        client.put(&format!("{location}?digest={wrong}"), bytes.clone()).await;
        let target = format!("/v2/a/blobs/uploads/?digest={wrong}");
        let pieces = [Ok(Bytes::from(bytes)), broken()];
        client.streamed(Method::POST, &target, Pieces::of(pieces)).send().await;
    }
    for directory in ["staging", "uploads", "tmp"] {
        assert_eq!(files_below(&root.path().join(directory)), Vec::<String>::new(), "{directory}");
    }
    assert_eq!(files_below(&root.path().join("blobs")).len(), 2);
}

#[tokio::test]
async fn a_directory_has_one_registry_at_a_time() {
    let root = root();
    let first = Registry::builder().directory(root.path()).build().expect("a registry");
    let second = Registry::builder().directory(root.path()).build();
    let error = second.expect_err("the directory is taken");
    assert!(matches!(error, BuildError::Locked { .. }), "{error}");
    let text = format!("{} is in use by another registry", root.path().display());
    assert!(error.to_string().ends_with(&text) || error.to_string().contains("is in use"));
    drop(first);
    Registry::builder().directory(root.path()).build().expect("the directory is free again");
}

#[tokio::test]
async fn a_directory_of_another_layout_is_refused() {
    for (marker, version) in [
        (r#"{"layout":"oras-registry","version":2}"#, Some(2)),
        (r#"{"layout":"another","version":1}"#, Some(1)),
        ("hello", None),
    ] {
        let root = root();
        std::fs::write(root.path().join("layout.json"), marker).expect("a file");
        match Registry::builder().directory(root.path()).build() {
            Err(BuildError::Layout { version: found, .. }) => assert_eq!(found, version),
            other => panic!("{other:?}"),
        }
        let kept = std::fs::read_to_string(root.path().join("layout.json")).expect("the marker");
        assert_eq!(kept, marker);
        assert_eq!(files_below(root.path()), [".lock", "layout.json"], "nothing is written");
    }
}

#[tokio::test]
async fn a_directory_whose_first_start_was_cut_short_is_a_new_one() {
    let root = root();
    std::fs::write(root.path().join("layout.json"), "").expect("a file");
    drop(open(root.path()));
    let marker = std::fs::read_to_string(root.path().join("layout.json")).expect("the marker");
    assert_eq!(marker, r#"{"layout":"oras-registry","version":1}"#);
    drop(open(root.path()));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_an_error() {
    let root = root();
    std::fs::write(root.path().join("file"), "").expect("a file");
    let built = Registry::builder().directory(root.path().join("file/below")).build();
    assert!(matches!(built, Err(BuildError::Io { .. })));
    let built = Registry::builder().directory(root.path().join("new/deep/below")).build();
    let client = Client::new(built.expect("parents are made"));
    image(&client, "a", b"layer").await;
}

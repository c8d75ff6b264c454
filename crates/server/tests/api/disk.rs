//! What is on disk, and what happens when it is not what it was.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::StatusCode;
use http_body_util::BodyExt as _;
use oras_server::Registry;
use oras_spec::Digest;
use tower_service::Service as _;

use crate::client::Client;
use crate::sample::{about, describe, manifest, push_image, push_manifest};

fn registry() -> (tempfile::TempDir, Client) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    (root, Client::new(registry))
}

/// Lists the files below a directory, by their paths in it, sorted.
pub(crate) fn files_below(directory: &Path) -> Vec<String> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(directory, &mut found);
    let relative = |path: PathBuf| {
        let path = path.strip_prefix(directory).expect("below").to_str().expect("text");
        path.to_owned()
    };
    let mut found: Vec<String> = found.into_iter().map(relative).collect();
    found.sort();
    found
}

fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    let encoded = digest.encoded();
    root.join("blobs/sha256").join(&encoded[..2]).join(encoded)
}

fn only_file_below(directory: &Path) -> PathBuf {
    match &files_below(directory)[..] {
        [file] => directory.join(file),
        files => panic!("{files:?} in {}", directory.display()),
    }
}

#[tokio::test]
async fn a_blob_that_two_repositories_have_is_kept_once() {
    let (root, client) = registry();
    let digest = client.push_blob("a", vec![1; 100_000]).await;
    client.push_blob("b", vec![1; 100_000]).await;
    client.post(&format!("/v2/c/blobs/uploads/?mount={digest}&from=a")).await;
    let path = only_file_below(&root.path().join("blobs"));
    assert_eq!(path, blob_path(root.path(), &digest));
}

#[tokio::test]
async fn a_torn_blob_is_absent_until_it_is_pushed_again() {
    for torn in [&b""[..], b"hel", b"hello and more"] {
        let (root, client) = registry();
        let digest = client.push_blob("a", "hello").await;
        fs::write(blob_path(root.path(), &digest), torn).expect("the blob's file");
        let target = format!("/v2/a/blobs/{digest}");
        client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
        client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        let mounted = client.post(&format!("/v2/b/blobs/uploads/?mount={digest}&from=a")).await;
        mounted.expect_status(StatusCode::ACCEPTED);
        client.push_blob("b", "hello").await;
        assert_eq!(client.get(&target).await.body, "hello");
    }
}

#[tokio::test]
async fn a_rotten_blob_is_healed_by_pushing_it_again() {
    for size in [5, 300_000] {
        let (root, client) = registry();
        let digest = client.push_blob("a", vec![1; size]).await;
        fs::write(blob_path(root.path(), &digest), vec![2; size]).expect("the blob's file");
        client.push_blob("a", vec![1; size]).await;
        assert!(client.get(&format!("/v2/a/blobs/{digest}")).await.body == vec![1; size]);
    }
}

#[tokio::test]
async fn a_rotten_blob_is_never_sent_to_its_end_and_absent_from_then_on() {
    for (size, at) in [(5, 4), (300_000, 0), (3_000_000, 1_500_000), (3_000_000, 2_999_999)] {
        let (root, client) = registry();
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        let digest = client.push_blob("a", bytes.clone()).await;
        client.push_blob("b", bytes.clone()).await;
        let target = format!("/v2/a/blobs/{digest}");
        assert!(client.get(&target).await.body == bytes, "sound before");
        let path = blob_path(root.path(), &digest);
        let mut rotten = bytes.clone();
        rotten[at] ^= 1;
        fs::write(&path, rotten).expect("the blob's file");

        let request = http::Request::get(&target).body(http_body_util::Full::<Bytes>::default());
        let answer = client.service().call(request.expect("a request")).await.expect("an answer");
        if answer.status() == StatusCode::OK {
            let mut body = answer.into_body().into_data_stream();
            let mut sent = 0;
            let error = loop {
                match body.next().await.expect("no end without an error") {
                    Ok(piece) => sent += piece.len(),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.to_string(), format!("the bytes of blob {digest} have changed"));
            assert!(sent < size, "all of it was sent");
        } else {
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        }

        assert!(!path.exists(), "not removed");
        for repository in ["a", "b"] {
            let target = format!("/v2/{repository}/blobs/{digest}");
            client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
            client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        }
        client.push_blob("b", bytes.clone()).await;
        assert!(client.get(&target).await.body == bytes, "healed");
    }
}

#[tokio::test]
async fn a_blob_whose_file_is_gone_cannot_be_used() {
    let (root, client) = registry();
    push_image(&client, "a", "v1", b"layer").await;
    fs::remove_file(blob_path(root.path(), &Digest::of(b"layer"))).expect("the blob's file");
    let put = client.put("/v2/a/manifests/v2", crate::sample::bytes(&manifest(b"layer"))).await;
    put.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn torn_and_rotten_manifests_are_absent_until_pushed_again() {
    for torn in [&b""[..], b"{", b"{}\n", b"\n", b"\xff\xfe"] {
        let (root, client) = registry();
        push_image(&client, "a", "v1", b"layer").await;
        let path = only_file_below(&root.path().join("repos/a/_m"));
        let good = fs::read(&path).expect("the record");
        let flipped = {
            let mut flipped = good.clone();
            *flipped.last_mut().expect("not empty") = b' ';
            flipped
        };
        for bytes in [torn, &good[..good.len() - 1], &flipped] {
            fs::write(&path, bytes).expect("the record");
            let got = client.get("/v2/a/manifests/v1").await;
            got.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
            push_image(&client, "a", "v1", b"layer").await;
            client.get("/v2/a/manifests/v1").await.expect_status(StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn torn_tags_links_and_referrers_are_absent_until_written_again() {
    let (root, client) = registry();
    push_image(&client, "a", "v1", b"layer").await;
    let subject = describe(&manifest(b"layer"));
    let referrer = about(&subject, "x/y", b"layer");
    push_manifest(&client, "a", &referrer).await;
    for torn in ["", "{", "null", "{\"digest\":\"sha256:x\"}"] {
        for directory in ["_t", "_b", "_r"] {
            let directory = root.path().join("repos/a").join(directory);
            for file in files_below(&directory) {
                fs::write(directory.join(file), torn).expect("the record");
            }
        }
        client.head("/v2/a/manifests/v1").await.expect_status(StatusCode::NOT_FOUND);
        let blob = client.head(&format!("/v2/a/blobs/{}", Digest::of(b"layer"))).await;
        blob.expect_status(StatusCode::NOT_FOUND);
        let referrers = format!("/v2/a/referrers/{}", subject.digest);
        assert_eq!(client.get(&referrers).await.json()["manifests"], serde_json::json!([]));

        push_image(&client, "a", "v1", b"layer").await;
        push_manifest(&client, "a", &referrer).await;
        client.head("/v2/a/manifests/v1").await.expect_status(StatusCode::OK);
        assert_eq!(
            client.get(&referrers).await.json()["manifests"].as_array().map(Vec::len),
            Some(1)
        );
    }
}

#[tokio::test]
async fn a_torn_mark_of_a_repository_is_written_again() {
    let (root, client) = registry();
    client.push_blob("a", "x").await;
    drop(client);
    fs::write(root.path().join("names/a"), "").expect("the record");
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    Client::new(registry).push_blob("a", "x").await;
    assert_ne!(fs::read(root.path().join("names/a")).expect("the record"), b"");
}

#[tokio::test]
async fn a_tag_that_points_nowhere_goes_when_it_is_read() {
    let (root, client) = registry();
    push_image(&client, "a", "v1", b"layer").await;
    fs::remove_dir_all(root.path().join("repos/a/_m")).expect("the manifests");
    client.get("/v2/a/manifests/v1").await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    assert_eq!(client.get("/v2/a/tags/list").await.json()["tags"], serde_json::json!([]));
}

#[tokio::test]
async fn foreign_files_are_no_tags_and_no_repositories() {
    let (root, client) = registry();
    push_image(&client, "a", "v1", b"layer").await;
    for name in ["V2", ".hidden", "v3~1~", "a~x", "v4~9"] {
        fs::write(root.path().join("repos/a/_t").join(name), "junk").expect("a file");
        fs::write(root.path().join("names").join(name), "junk").expect("a file");
    }
    let tags = client.get("/v2/a/tags/list").await.json()["tags"].clone();
    assert_eq!(tags, serde_json::json!(["v1"]));
    let names = client.get("/v2/_catalog").await.json()["repositories"].clone();
    assert_eq!(names, serde_json::json!(["a"]));
}

#[tokio::test]
async fn deleting_a_manifest_leaves_no_trace_of_its_tags() {
    let (root, client) = registry();
    let digest = push_image(&client, "a", "v1", b"layer").await;
    push_image(&client, "a", "v2", b"layer").await;
    client.delete(&format!("/v2/a/manifests/{digest}")).await.expect_status(StatusCode::ACCEPTED);
    for directory in ["_t", "_m", "_p"] {
        let left = files_below(&root.path().join("repos/a").join(directory));
        assert_eq!(left, Vec::<String>::new(), "{directory}");
    }
    let pointers = fs::read_dir(root.path().join("repos/a/_p")).expect("the directory");
    assert_eq!(pointers.count(), 0);
}

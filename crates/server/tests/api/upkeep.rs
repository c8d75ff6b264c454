//! Garbage, rot, and directories of other versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use oras_server::{CheckOptions, CollectOptions, Fault, Registry};
use oras_spec::Digest;
use oras_spec::image::{Descriptor, Manifest, MediaType};

use crate::client::Client;
use crate::disk::files_below;
use crate::sample::{bytes, push_image};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("the layout") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file");
        }
    }
}

/// What the first version wrote; never to be written anew.
#[tokio::test]
async fn a_directory_of_the_first_layout_is_read() {
    let root = tempfile::tempdir().expect("a temporary directory");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts/v1"), root.path());
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let client = Client::new(registry.clone());
    let names = client.get("/v2/_catalog").await.json();
    assert_eq!(names["repositories"], serde_json::json!(["a/b"]));
    let tags = client.get("/v2/a/b/tags/list").await.json();
    assert_eq!(tags["tags"], serde_json::json!(["V1"]));
    let manifest = client.get("/v2/a/b/manifests/V1").await;
    let digest = manifest.expect_status(StatusCode::OK).header("docker-content-digest").to_owned();
    let manifest = manifest.json();
    let layer = manifest["layers"][0]["digest"].as_str().expect("a digest");
    assert_eq!(client.get(&format!("/v2/a/b/blobs/{layer}")).await.body, "hello");
    let referrers = client.get(&format!("/v2/a/b/referrers/{digest}")).await.json();
    assert_eq!(referrers["manifests"][0]["artifactType"], "x/sig");
    let checked = registry.check(&CheckOptions::default(), |fault| panic!("{fault}")).await;
    let checked = checked.expect("a disk that works");
    assert_eq!((checked.blobs, checked.manifests, checked.tags), (2, 2, 1));
}

#[tokio::test]
async fn a_scrub_finds_every_rotten_blob_and_one_push_heals_it() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let client = Client::new(registry.clone());
    let contents: Vec<Bytes> = (0..20_u8).map(|byte| vec![byte; 300_000].into()).collect();
    for content in &contents {
        let digest = client.push_blob("a", content.clone()).await;
        client.post(&format!("/v2/b/blobs/uploads/?mount={digest}&from=a")).await;
    }
    let mut rotten = BTreeSet::new();
    for content in contents.iter().step_by(3) {
        let encoded = Digest::of(content).encoded().to_owned();
        let path = root.path().join("blobs/sha256").join(&encoded[..2]).join(&encoded);
        let mut bytes = content.to_vec();
        bytes[rotten.len() * 1000] ^= 1;
        fs::write(path, bytes).expect("the blob's file");
        rotten.insert(Digest::of(content).to_string());
    }
    let mut options = CheckOptions::default();
    options.repair = true;
    options.only_blobs = true;
    let mut found = BTreeSet::new();
    let observer = |fault: &Fault| match fault {
        Fault::Rotten { digest } => drop(found.insert(digest.to_string())),
        other => panic!("{other}"),
    };
    let checked = registry.check(&options, observer).await.expect("a disk that works");
    assert_eq!((found, checked.blobs), (rotten.clone(), 20));
    assert_eq!((checked.faults, checked.mended), (7, 7));
    for content in &contents {
        let digest = Digest::of(content);
        let target = format!("/v2/b/blobs/{digest}");
        let is_rotten = rotten.contains(digest.as_str());
        let status = if is_rotten { StatusCode::NOT_FOUND } else { StatusCode::OK };
        client.head(&target).await.expect_status(status);
        if is_rotten {
            client.push_blob("a", content.clone()).await;
            assert!(client.get(&target).await.body == content, "healed in all repositories");
        }
    }
}

#[tokio::test]
async fn garbage_goes_on_growing_old_after_a_restart() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let open = || Registry::builder().directory(root.path()).build().expect("a registry");
    let registry = open();
    Client::new(registry.clone()).push_blob("a", "stray").await;
    let collect = async |registry: &Registry, grace| {
        let mut options = CollectOptions::default();
        options.grace = grace;
        registry.collect(&options, |_| ()).await.expect("a disk that works")
    };
    let day = Duration::from_hours(24);
    assert_eq!(collect(&registry, day).await.links, 0);
    drop(registry);
    let hint = root.path().join("condemned");
    let noted = fs::read_to_string(&hint).expect("it is noted");
    assert!(noted.starts_with("0 repos/a/_b/sha256/"), "{noted}");
    fs::write(&hint, noted.replacen('0', "90000", 1)).expect("a day goes by");

    let registry = open();
    assert_eq!(collect(&registry, day).await.links, 0, "not in the first hour");
    let noted = fs::read_to_string(&hint).expect("it is noted");
    assert!(noted.starts_with("90000 repos/a/_b/sha256/"), "{noted}");
    assert_eq!(collect(&registry, Duration::ZERO).await.links, 1);
    collect(&registry, Duration::ZERO).await;
    assert!(!hint.exists(), "nothing is left to note");
}

#[tokio::test]
async fn no_rule_removes_an_immutable_tag() {
    let policy = r#"
        [[grant]]
        users = ["anonymous"]
        permissions = ["all"]
        repositories = ["**"]

        [[immutable]]
        repositories = ["a"]
        tags = ["v*"]
    "#;
    let policy = oras_server::policy::Policy::parse(policy).expect("a policy");
    let registry = Registry::builder().memory().policy(policy).build().expect("a registry");
    let client = Client::new(registry.clone());
    for (repository, tag) in [("a", "v1"), ("a", "nightly"), ("b", "v1")] {
        push_image(&client, repository, tag, tag.as_bytes()).await;
    }
    let mut options = CollectOptions::default();
    options.grace = Duration::ZERO;
    options.untagged = Some(Duration::ZERO);
    options.tags = Some(oras_server::TagRules::default());
    let collected = registry.collect(&options, |_| ()).await.expect("it works");
    assert_eq!((collected.tags, collected.manifests), (2, 2));
    client.get("/v2/a/manifests/v1").await.expect_status(StatusCode::OK);
    client.get("/v2/a/manifests/nightly").await.expect_status(StatusCode::NOT_FOUND);
    client.get("/v2/b/manifests/v1").await.expect_status(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_only_looks_writes_nothing_and_sees_what_another_writes() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let error = Registry::builder().read_only(root.path()).build().expect_err("nothing is there");
    assert!(matches!(error, oras_server::BuildError::Layout { .. }), "{error}");
    let registry = Registry::builder().directory(root.path()).build().expect("a registry");
    let reader = Registry::builder().read_only(root.path()).build().expect("a look");
    let (writer, reader) = (Client::new(registry), Client::new(reader));
    push_image(&writer, "a", "v1", b"layer").await;
    reader.get("/v2/a/manifests/v1").await.expect_status(StatusCode::OK);
    let before = files_below(root.path());
    let push = reader.request(Method::POST, "/v2/a/blobs/uploads/").send().await;
    push.expect_status(StatusCode::SERVICE_UNAVAILABLE);
    reader.delete("/v2/a/manifests/v1").await.expect_status(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(files_below(root.path()), before);
}

fn image(number: usize) -> (Vec<Bytes>, Manifest) {
    // Layers are shared by some, so that what one no longer needs another is about to.
    let shared = Bytes::from(format!("shared {}", number % 7));
    let own = Bytes::from(format!("own {number}"));
    let layers = [&shared, &own].map(|bytes| Descriptor::of(MediaType::IMAGE_LAYER, bytes));
    let manifest = Manifest::new(Descriptor::empty_json(), layers.to_vec());
    (vec![Bytes::from_static(Descriptor::EMPTY_JSON), shared, own], manifest)
}

/// Pushes an image as often as it takes: without any grace its blobs may be collected before its
/// manifest is there, which the registry then says.
async fn push_until_acknowledged(client: &Client, number: usize) -> Manifest {
    let (blobs, manifest) = image(number);
    let repository = format!("r{}", number % 3);
    loop {
        for blob in &blobs {
            let digest = Digest::of(blob);
            let target = format!("/v2/{repository}/blobs/{digest}");
            if client.head(&target).await.status != StatusCode::OK {
                client.push_blob(&repository, blob.clone()).await;
            }
        }
        let target = format!("/v2/{repository}/manifests/t{number}");
        let put = client.put(&target, bytes(&manifest)).await;
        if put.status == StatusCode::CREATED {
            return manifest;
        }
        put.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
    }
}

/// Pushes images while garbage is collected without end and without grace, and deletes every
/// second one; then looks for what is lost, and for what is left when all are deleted.
async fn soak(pushers: usize, each: usize) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let builder = Registry::builder().directory(root.path()).wait_for_disk(false);
    let registry = builder.build().expect("a registry");
    let client = Client::new(registry.clone());
    let is_over = Arc::new(AtomicBool::new(false));
    let mut options = CollectOptions::default();
    options.grace = Duration::ZERO;
    let (collecting, over, rules) = (registry.clone(), Arc::clone(&is_over), options.clone());
    let collector = tokio::spawn(async move {
        while !over.load(Ordering::SeqCst) {
            collecting.collect(&rules, |_| {}).await.expect("a disk that works");
        }
    });
    let pushing: Vec<_> = (0..pushers)
        .map(|pusher| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in (pusher * each)..(pusher + 1) * each {
                    let manifest = push_until_acknowledged(&client, number).await;
                    if number % 2 == 0 {
                        delete(&client, number, &manifest).await;
                    }
                }
            })
        })
        .collect();
    for pusher in pushing {
        pusher.await.expect("no panic");
    }
    is_over.store(true, Ordering::SeqCst);
    collector.await.expect("no panic");

    let checked = registry.check(&CheckOptions::default(), |fault| panic!("{fault}")).await;
    assert_eq!(checked.expect("a disk that works").tags, (pushers * each / 2) as u64);
    for number in (0..pushers * each).filter(|number| number % 2 == 1) {
        delete(&client, number, &image(number).1).await;
    }
    registry.collect(&options, |_| {}).await.expect("a disk that works");
    for directory in ["blobs", "staging", "uploads", "tmp", "holders"] {
        assert_eq!(files_below(&root.path().join(directory)), Vec::<String>::new(), "{directory}");
    }
}

async fn delete(client: &Client, number: usize, manifest: &Manifest) {
    let digest = Digest::of(&bytes(manifest));
    let target = format!("/v2/r{}/manifests/{digest}", number % 3);
    client.delete(&target).await.expect_status(StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_beside_collections_lose_and_leave_nothing() {
    soak(4, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes many minutes"]
async fn a_hundred_thousand_pushes_beside_collections_lose_and_leave_nothing() {
    soak(8, 12_500).await;
}

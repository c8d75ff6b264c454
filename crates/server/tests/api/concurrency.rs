//! Many clients at once.

use futures_util::future::join_all;
use http::StatusCode;
use oras_spec::Digest;
use oras_spec::image::{Index, MediaType};

use crate::client::{Client, on_every_store};
use crate::sample::bytes;

/// An index that differs from all others.
fn index(number: usize) -> Index {
    let mut index = Index::new(Vec::new());
    index.annotations.insert("number".to_owned(), number.to_string());
    index
}

async fn push(client: Client, tag: String, number: usize) -> Digest {
    let body = bytes(&index(number));
    let digest = Digest::of(&body);
    let put = client.put(&format!("/v2/new/manifests/{tag}"), body).await;
    put.expect_status(StatusCode::CREATED);
    digest
}

#[tokio::test(flavor = "multi_thread")]
async fn different_tags_pushed_at_once_to_a_new_repository_are_all_there() {
    on_every_store(async |client| {
        let pushes = (0..64).map(|n| tokio::spawn(push(client.clone(), format!("tag-{n:02}"), n)));
        for pushed in join_all(pushes).await {
            pushed.expect("the push went through");
        }
        let tags = client.get("/v2/new/tags/list").await.json()["tags"].clone();
        let expected: Vec<String> = (0..64).map(|n| format!("tag-{n:02}")).collect();
        assert_eq!(tags, serde_json::json!(expected));
        assert_eq!(
            client.get("/v2/_catalog").await.json()["repositories"],
            serde_json::json!(["new"])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tag_pushed_by_many_ends_at_one_of_them_and_never_reads_as_anything_else() {
    on_every_store(async |client| {
        push(client.clone(), "latest".to_owned(), 999).await;
        let pushes: Vec<_> =
            (0..64).map(|n| tokio::spawn(push(client.clone(), "latest".to_owned(), n))).collect();
        let reads = (0..64).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let got = client.get("/v2/new/manifests/latest").await;
                got.expect_status(StatusCode::OK);
                assert_eq!(got.header("content-type"), MediaType::IMAGE_INDEX.as_str());
                assert_eq!(got.header("docker-content-digest"), Digest::of(&got.body).as_str());
            })
        });
        for read in join_all(reads).await {
            read.expect("a consistent answer");
        }
        let mut digests = Vec::new();
        for push in pushes {
            digests.push(push.await.expect("the push went through").to_string());
        }
        let last = client.head("/v2/new/manifests/latest").await;
        let winner = last.header("docker-content-digest").to_owned();
        assert!(digests.contains(&winner));
        for digest in digests {
            let head = client.head(&format!("/v2/new/manifests/{digest}")).await;
            head.expect_status(StatusCode::OK);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_blob_pushed_by_many_is_there_for_all() {
    on_every_store(async |client| {
        let content = vec![3; 300_000];
        let digest = Digest::of(&content);
        let pushes = (0..16).map(|n| {
            let (client, content) = (client.clone(), content.clone());
            tokio::spawn(async move { client.push_blob(&format!("r{}", n % 4), content).await })
        });
        for pushed in join_all(pushes).await {
            assert_eq!(pushed.expect("the push went through"), digest);
        }
        for n in 0..4 {
            let got = client.get(&format!("/v2/r{n}/blobs/{digest}")).await;
            assert!(got.body == content);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_set_while_their_manifest_is_deleted_end_consistent() {
    on_every_store(async |client| {
        for round in 0..10 {
            let body = bytes(&index(round));
            let digest = Digest::of(&body);
            let setting = (0..8)
                .map(|n| tokio::spawn(push(client.clone(), format!("tag-{round}-{n}"), round)));
            let setting: Vec<_> = setting.collect();
            client.delete(&format!("/v2/new/manifests/{digest}")).await;
            for set in setting {
                set.await.expect("the push went through");
            }
            // Whoever came first: what a tag answers is the manifest, or nothing.
            for n in 0..8 {
                let got = client.get(&format!("/v2/new/manifests/tag-{round}-{n}")).await;
                match got.status {
                    StatusCode::OK => assert_eq!(got.body, body),
                    status => assert_eq!(status, StatusCode::NOT_FOUND),
                }
            }
        }
    })
    .await;
}

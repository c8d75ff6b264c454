//! end-12: manifests about a manifest.

use http::StatusCode;
use oras_server::Limits;
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use oras_spec::{Algorithm, Digest};

use crate::client::{Answer, Client, on_every_store, on_every_store_with};
use crate::sample::{about, bytes, describe, image, manifest, push_manifest};

#[track_caller]
fn listed(answer: &Answer) -> Vec<Descriptor> {
    answer.expect_status(StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/vnd.oci.image.index.v1+json");
    let index: Index = serde_json::from_slice(&answer.body).expect("an index");
    assert_eq!((index.schema_version, index.media_type), (2, MediaType::IMAGE_INDEX));
    index.manifests
}

fn digests(descriptors: &[Descriptor]) -> Vec<&Digest> {
    let mut digests: Vec<&Digest> = descriptors.iter().map(|found| &found.digest).collect();
    digests.sort();
    digests
}

/// Follows the links from page to page.
async fn all_pages(client: &Client, target: &str) -> Vec<Vec<Descriptor>> {
    let mut pages = Vec::new();
    let mut next = Some(target.to_owned());
    while let Some(target) = next {
        let answer = client.get(&target).await;
        pages.push(listed(&answer));
        next = answer.next();
    }
    pages
}

#[tokio::test]
async fn end_12a_what_has_no_referrers_has_an_empty_list() {
    on_every_store(async |client| {
        let digest = Digest::of(b"not there");
        for repository in ["no/such/repository", "a"] {
            let answer = client.get(&format!("/v2/{repository}/referrers/{digest}")).await;
            assert_eq!(listed(&answer), []);
            assert_eq!(answer.json()["manifests"], serde_json::json!([]));
            assert_eq!(answer.header("oci-filters-applied"), "");
            client.push_blob("a", "x").await;
        }
        let bad = client.get("/v2/a/referrers/sha256:x").await;
        bad.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
    })
    .await;
}

#[tokio::test]
async fn end_12a_referrers_are_described_with_their_type_and_annotations() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let mut stated = about(&subject, "application/x.stated", b"layer");
        stated.annotations.insert("key".into(), "value".into());
        let by_config = Manifest {
            config: Descriptor::of("application/x.config".into(), Descriptor::EMPTY_JSON),
            ..about(&subject, "", b"layer")
        };
        let mut index = Index::new(Vec::new());
        index.subject = Some(subject.clone());
        index.annotations.insert("index".into(), "yes".into());
        let mut expected = Vec::new();
        for (referrer, artifact_type) in
            [(&stated, "application/x.stated"), (&by_config, "application/x.config")]
        {
            let put = client.put("/v2/a/manifests/x", bytes(referrer)).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("oci-subject"), subject.digest.as_str());
            let mut descriptor = describe(referrer);
            descriptor.artifact_type = artifact_type.into();
            descriptor.annotations.clone_from(&referrer.annotations);
            expected.push(descriptor);
        }
        let put = client.put("/v2/a/manifests/x", bytes(&index)).await;
        assert_eq!(put.header("oci-subject"), subject.digest.as_str());
        let mut descriptor = Descriptor::of(MediaType::IMAGE_INDEX, &bytes(&index));
        descriptor.annotations.clone_from(&index.annotations);
        expected.push(descriptor);
        expected.sort_by(|one, other| one.digest.cmp(&other.digest));

        let answer = client.get(&format!("/v2/a/referrers/{}", subject.digest)).await;
        assert_eq!(listed(&answer), expected);
        let without_type = answer.json()["manifests"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|referrer| referrer.get("artifactType").is_none())
            .count();
        assert_eq!(without_type, 1, "an index without a type has no artifactType");
    })
    .await;
}

#[tokio::test]
async fn end_12a_a_subject_may_be_missing_and_of_any_algorithm() {
    on_every_store(async |client| {
        client.push_blob("a", "layer").await;
        for algorithm in Algorithm::ALL {
            let digest = algorithm.digest(b"never pushed");
            let subject = Descriptor::new(MediaType::IMAGE_MANIFEST, digest.clone(), 12);
            let referrer = push_manifest(&client, "a", &about(&subject, "a/b", b"layer")).await;
            let answer = client.get(&format!("/v2/a/referrers/{digest}")).await;
            assert_eq!(digests(&listed(&answer)), [&referrer]);
        }
    })
    .await;
}

#[tokio::test]
async fn end_12a_a_referrer_of_sha512_is_listed_by_its_digest() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let body = bytes(&about(&subject, "a/b", b"layer"));
        let digest = Algorithm::Sha512.digest(&body);
        let put = client.put(&format!("/v2/a/manifests/{digest}"), body).await;
        put.expect_status(StatusCode::CREATED);
        let answer = client.get(&format!("/v2/a/referrers/{}", subject.digest)).await;
        assert_eq!(digests(&listed(&answer)), [&digest]);
    })
    .await;
}

#[tokio::test]
async fn end_12a_referrers_belong_to_their_repository() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        push_manifest(&client, "a", &about(&subject, "a/b", b"layer")).await;
        let answer = client.get(&format!("/v2/b/referrers/{}", subject.digest)).await;
        assert_eq!(listed(&answer), []);
    })
    .await;
}

#[tokio::test]
async fn end_12b_referrers_are_filtered_by_type() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let wanted = push_manifest(&client, "a", &about(&subject, "a/wanted+1", b"layer")).await;
        push_manifest(&client, "a", &about(&subject, "a/other", b"layer")).await;
        let target = format!("/v2/a/referrers/{}", subject.digest);
        let answer = client.get(&format!("{target}?artifactType=a%2Fwanted%2B1")).await;
        assert_eq!(digests(&listed(&answer)), [&wanted]);
        assert_eq!(answer.header("oci-filters-applied"), "artifactType");
        let none = client.get(&format!("{target}?artifactType=a/none")).await;
        assert_eq!(listed(&none), []);
        assert_eq!(none.header("oci-filters-applied"), "artifactType");
        let all = client.get(&format!("{target}?artifactType=")).await;
        assert_eq!(listed(&all).len(), 2);
        assert_eq!(all.header("oci-filters-applied"), "");
    })
    .await;
}

#[tokio::test]
async fn end_12a_a_deleted_referrer_is_listed_no_more() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let gone = push_manifest(&client, "a", &about(&subject, "a/gone", b"layer")).await;
        let kept = push_manifest(&client, "a", &about(&subject, "a/kept", b"layer")).await;
        client.delete(&format!("/v2/a/manifests/{gone}")).await.expect_status(StatusCode::ACCEPTED);
        let target = format!("/v2/a/referrers/{}", subject.digest);
        assert_eq!(digests(&listed(&client.get(&target).await)), [&kept]);
        // The subject may go as well; what is about it stays.
        push_manifest(&client, "a", &manifest(b"layer")).await;
        client.delete(&format!("/v2/a/manifests/{}", subject.digest)).await;
        assert_eq!(digests(&listed(&client.get(&target).await)), [&kept]);
    })
    .await;
}

#[tokio::test]
async fn end_12a_many_referrers_come_in_pages() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let mut expected = Vec::new();
        for index in 0..7 {
            let referrer = about(&subject, &format!("a/{}", index % 2), b"layer");
            let referrer = Manifest {
                annotations: [("index".to_owned(), index.to_string())].into(),
                ..referrer
            };
            expected.push(push_manifest(&client, "a", &referrer).await);
        }
        expected.sort();
        let target = format!("/v2/a/referrers/{}", subject.digest);
        for (query, sizes) in [
            ("?n=3", vec![3, 3, 1]),
            ("?n=7", vec![7]),
            ("?n=1", vec![1; 7]),
            ("?artifactType=a/0&n=3", vec![3, 1]),
            ("?artifactType=a/1&n=2", vec![2, 1]),
            ("?n=0", vec![0]),
            ("", vec![7]),
        ] {
            let pages = all_pages(&client, &format!("{target}{query}")).await;
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{query}");
            let all: Vec<Descriptor> = pages.into_iter().flatten().collect();
            assert!(all.is_sorted_by(|one, other| one.digest < other.digest), "{query}");
            assert!(all.iter().all(|found| expected.contains(&found.digest)));
        }
    })
    .await;
}

#[tokio::test]
async fn end_12a_large_referrers_come_in_pages() {
    let mut limits = Limits::default();
    limits.referrers_size = 10_000;
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            image(&client, "a", b"layer").await;
            let subject = describe(&manifest(b"layer"));
            for (index, size) in [100, 20_000, 4000, 4000, 4000].into_iter().enumerate() {
                let mut referrer = about(&subject, "a/b", b"layer");
                referrer.annotations.insert(format!("k{index}"), "x".repeat(size));
                push_manifest(&client, "a", &referrer).await;
            }
            let pages = all_pages(&client, &format!("/v2/a/referrers/{}", subject.digest)).await;
            assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 5);
            assert!(pages.len() > 2);
            for page in pages {
                let size: usize = page.iter().map(|found| bytes(found).len()).sum();
                assert!(page.len() == 1 || size <= 10_000);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn end_12a_more_referrers_than_are_looked_at_in_one_go_are_all_listed() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let subject = describe(&manifest(b"layer"));
        let mut pushed = Vec::new();
        for index in 0..230 {
            let mut referrer = about(&subject, "a/b", b"layer");
            referrer.annotations.insert("index".into(), index.to_string());
            let body = bytes(&referrer);
            client.put("/v2/a/manifests/x", body.clone()).await.expect_status(StatusCode::CREATED);
            pushed.push(Digest::of(&body));
        }
        pushed.sort();
        let answer = client.get(&format!("/v2/a/referrers/{}", subject.digest)).await;
        assert_eq!(digests(&listed(&answer)), pushed.iter().collect::<Vec<_>>());
        assert_eq!(answer.next(), None);
    })
    .await;
}

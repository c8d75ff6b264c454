//! end-3, end-7, end-9: read, write and delete manifests.

use bytes::Bytes;
use http::{Method, StatusCode};
use oras_server::Limits;
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use oras_spec::{Algorithm, Digest};

use crate::body::Pieces;
use crate::client::{Answer, Client, on_every_store, on_every_store_with};
use crate::sample::{bytes, describe, image, manifest, push_empty_index, push_image};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn put_as(client: &Client, target: &str, content_type: &str, body: Bytes) -> Answer {
    let request = client.request(Method::PUT, target).header("content-type", content_type);
    request.body(body).send().await
}

#[tokio::test]
async fn end_7a_a_manifest_is_served_as_it_was_pushed() {
    on_every_store(async |client| {
        let bytes = image(&client, "a/b", b"layer").await;
        let digest = Digest::of(&bytes);
        for reference in ["v1", digest.as_str()] {
            let target = format!("/v2/a/b/manifests/{reference}");
            let put = put_as(&client, &target, OCI, bytes.clone()).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            assert_eq!(put.header("location"), target);
            assert_eq!(put.header("oci-subject"), "");
            assert_eq!(put.header("oci-tag"), "");
            let got = client.get(&target).await;
            got.expect_status(StatusCode::OK);
            assert_eq!(got.body, bytes);
            for (name, value) in [
                ("content-type", OCI),
                ("content-length", &bytes.len().to_string()),
                ("docker-content-digest", digest.as_str()),
                ("etag", &format!("\"{digest}\"")),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "sandbox"),
            ] {
                assert_eq!(got.header(name), value, "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_3_head_has_the_headers_of_get_and_no_body() {
    on_every_store(async |client| {
        let digest = push_image(&client, "a", "v1", b"layer").await;
        for reference in ["v1", digest.as_str()] {
            let target = format!("/v2/a/manifests/{reference}");
            let (got, head) = (client.get(&target).await, client.head(&target).await);
            head.expect_status(StatusCode::OK);
            assert_eq!(head.body, "");
            assert_eq!(got.headers.len(), head.headers.len());
            for (name, value) in got.headers.iter().filter(|(name, _)| *name != "x-request-id") {
                assert_eq!(head.headers.get(name), Some(value), "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_3_a_manifest_that_is_not_there_is_unknown() {
    on_every_store(async |client| {
        let digest = Digest::of(b"not there");
        for reference in ["v1", digest.as_str()] {
            let target = format!("/v2/a/manifests/{reference}");
            client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
            client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
            client.delete(&target).await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
        }
        push_image(&client, "b", "v1", b"layer").await;
        client.get("/v2/a/manifests/v1").await.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn end_3_bad_digests_and_tags_are_refused_when_read_and_when_written() {
    on_every_store(async |client| {
        for (reference, code) in [
            ("sha256:baddigeststring", "DIGEST_INVALID"),
            ("sha256:totallywrong", "DIGEST_INVALID"),
            ("md5:00", "DIGEST_INVALID"),
            (":", "DIGEST_INVALID"),
            (".dot", "MANIFEST_INVALID"),
            ("a+b", "MANIFEST_INVALID"),
            (&"a".repeat(129), "MANIFEST_INVALID"),
        ] {
            let target = format!("/v2/a/manifests/{reference}");
            client.get(&target).await.expect_error(StatusCode::BAD_REQUEST, code);
            client.put(&target, "{}").await.expect_error(StatusCode::BAD_REQUEST, code);
            client.delete(&target).await.expect_error(StatusCode::BAD_REQUEST, code);
        }
    })
    .await;
}

#[tokio::test]
async fn end_3_what_was_pushed_is_served_whatever_is_accepted() {
    on_every_store(async |client| {
        push_image(&client, "a", "v1", b"layer").await;
        for accept in ["text/html", "application/vnd.docker.distribution.manifest.v2+json", "*/*"] {
            let request = client.request(Method::GET, "/v2/a/manifests/v1");
            let got = request.header("accept", accept).send().await;
            assert_eq!(got.expect_status(StatusCode::OK).header("content-type"), OCI);
        }
    })
    .await;
}

#[tokio::test]
async fn end_3_what_a_tag_points_at_is_asked_for_every_time_what_a_digest_names_is_not() {
    on_every_store(async |client| {
        let digest = push_image(&client, "a", "v1", b"layer").await;
        let tagged = client.get("/v2/a/manifests/v1").await;
        assert_eq!(tagged.header("cache-control"), "no-cache, public");
        let target = format!("/v2/a/manifests/{digest}");
        let named = client.get(&target).await;
        assert_eq!(named.header("cache-control"), "max-age=31536000, immutable, public");
        let asking = client.request(Method::GET, "/v2/a/manifests/v1");
        let same = asking.header("if-none-match", tagged.header("etag")).send().await;
        assert_eq!(same.expect_status(StatusCode::NOT_MODIFIED).body, "");
        push_image(&client, "a", "v1", b"other layer").await;
        let asking = client.request(Method::GET, "/v2/a/manifests/v1");
        let moved = asking.header("if-none-match", tagged.header("etag")).send().await;
        moved.expect_status(StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn end_7a_the_exact_bytes_are_kept() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let mut text = String::from_utf8(oras_spec::json::to_vec_pretty(&manifest(b"layer")))
            .expect("JSON is text");
        text = text.replacen('{', "{ \"custom\" : [1.50, \"\\u003c\", {\"x\":null}],\r\n", 1);
        text.push_str("\n\n");
        let digest = Digest::of(text.as_bytes());
        let put = client.put(&format!("/v2/a/manifests/{digest}"), text.clone()).await;
        let got = client.get(put.expect_status(StatusCode::CREATED).header("location")).await;
        assert_eq!(got.body, text);
    })
    .await;
}

#[tokio::test]
async fn end_7a_the_digest_must_be_that_of_the_bytes() {
    on_every_store(async |client| {
        let bytes = image(&client, "a", b"layer").await;
        for wrong in [Digest::of(b"other"), Algorithm::Sha512.digest(b"other")] {
            let target = format!("/v2/a/manifests/{wrong}");
            let put = client.put(&target, bytes.clone()).await;
            put.expect_error(StatusCode::BAD_REQUEST, "DIGEST_INVALID");
            client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
        }
    })
    .await;
}

#[tokio::test]
async fn end_7a_manifests_of_every_algorithm_are_manifests() {
    on_every_store(async |client| {
        let bytes = image(&client, "a", b"layer").await;
        for algorithm in Algorithm::ALL {
            let digest = algorithm.digest(&bytes);
            let target = format!("/v2/a/manifests/{digest}?tag=by-{algorithm}");
            let put = client.put(&target, bytes.clone()).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(put.header("docker-content-digest"), digest.as_str());
            for reference in [format!("by-{algorithm}"), digest.to_string()] {
                let target = format!("/v2/a/manifests/{reference}");
                let head = client.head(&target).await;
                assert_eq!(head.header("docker-content-digest"), digest.as_str());
                assert_eq!(client.get(&target).await.body, bytes);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn end_7a_the_media_type_is_that_of_the_header_without_its_parameters() {
    on_every_store(async |client| {
        let untyped = Manifest { media_type: MediaType::default(), ..manifest(b"layer") };
        image(&client, "a", b"layer").await;
        for (content_type, stored) in [
            ("application/vnd.oci.image.manifest.v1+json; charset=utf-8", OCI),
            (" application/vnd.oci.image.manifest.v1+json ;x=y", OCI),
            (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ),
            ("", OCI),
        ] {
            let target = "/v2/a/manifests/v1";
            let put = put_as(&client, target, content_type, bytes(&untyped)).await;
            put.expect_status(StatusCode::CREATED);
            assert_eq!(client.get(target).await.header("content-type"), stored);
        }
    })
    .await;
}

#[tokio::test]
async fn end_7a_without_a_header_the_document_says_what_it_is() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        let untyped = Manifest { media_type: MediaType::default(), ..manifest(b"layer") };
        let index = Index { media_type: MediaType::default(), ..Index::new(Vec::new()) };
        for (body, stored) in [
            (bytes(&manifest(b"layer")), OCI),
            (bytes(&untyped), OCI),
            (bytes(&Index::new(Vec::new())), OCI_INDEX),
            (bytes(&index), OCI_INDEX),
        ] {
            client.put("/v2/a/manifests/v1", body).await.expect_status(StatusCode::CREATED);
            assert_eq!(client.get("/v2/a/manifests/v1").await.header("content-type"), stored);
        }
    })
    .await;
}

#[tokio::test]
async fn end_7a_what_two_readers_could_read_differently_is_refused() {
    on_every_store(async |client| {
        let image = image(&client, "a", b"layer").await;
        let text = String::from_utf8(image.to_vec()).expect("JSON is text");
        let both = text.replacen('{', "{\"manifests\":[],", 1);
        let untyped = text.replacen(&format!("\"mediaType\":\"{OCI}\","), "", 1);
        for (content_type, body) in [
            (OCI, both.as_str()),
            (OCI_INDEX, text.as_str()),
            (OCI_INDEX, untyped.as_str()),
            ("application/vnd.docker.distribution.manifest.v2+json", text.as_str()),
            ("application/json", text.as_str()),
            ("text/html", text.as_str()),
            ("application/octet-stream", "hello"),
            (OCI, &text.replacen('{', "{\"schemaVersion\":2,", 1)),
            (OCI, &text[..text.len() - 1]),
            (OCI, "[]"),
            (OCI, "null"),
            (OCI, ""),
            ("", "{}"),
            ("", "hello"),
        ] {
            let put = put_as(&client, "/v2/a/manifests/v1", content_type, body.to_owned().into());
            put.await.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID");
        }
        client.head("/v2/a/manifests/v1").await.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn end_7a_an_artifact_type_that_is_no_media_type_is_refused() {
    on_every_store(async |client| {
        image(&client, "a", b"layer").await;
        for artifact_type in ["bad", "a/b\r\nx: y", &format!("a/{}", "b".repeat(1 << 20))] {
            let bad = Manifest { artifact_type: artifact_type.into(), ..manifest(b"layer") };
            let put = client.put("/v2/a/manifests/v1", bytes(&bad)).await;
            put.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID");
        }
    })
    .await;
}

#[tokio::test]
async fn end_7a_the_config_and_the_layers_must_be_in_the_repository() {
    on_every_store(async |client| {
        let target = "/v2/a/manifests/v1";
        let image = bytes(&manifest(b"layer"));
        let missing_all = client.put(target, image.clone()).await;
        missing_all.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
        client.push_blob("a", Descriptor::EMPTY_JSON).await;
        client.push_blob("other", "layer").await;
        let missing_layer = client.put(target, image.clone()).await;
        missing_layer.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
        let missing = Digest::of(b"layer");
        assert_eq!(missing_layer.json()["errors"][0]["detail"]["digest"], missing.as_str());
        client.push_blob("a", "layer").await;
        client.put(target, image).await.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_7a_layers_that_are_not_for_distribution_may_be_missing() {
    on_every_store(async |client| {
        client.push_blob("a", Descriptor::EMPTY_JSON).await;
        let mut elsewhere = Descriptor::of(MediaType::IMAGE_LAYER, b"elsewhere");
        elsewhere.urls.push("https://example.com/layer".to_owned());
        let restricted = [
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        ];
        let mut layers: Vec<_> =
            restricted.iter().map(|kind| Descriptor::of((*kind).into(), b"restricted")).collect();
        layers.push(elsewhere);
        let image = Manifest::new(Descriptor::empty_json(), layers);
        let put = client.put("/v2/a/manifests/v1", bytes(&image)).await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_7a_an_index_may_point_at_what_is_not_there() {
    on_every_store(async |client| {
        let index = Index::new(vec![describe(&manifest(b"not there"))]);
        let put = client.put("/v2/a/manifests/v1", bytes(&index)).await;
        put.expect_status(StatusCode::CREATED);
        let empty = client.put("/v2/a/manifests/v2", bytes(&Index::new(Vec::new()))).await;
        empty.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_7a_a_sparse_registry_takes_images_of_what_is_not_there() {
    on_every_store_with(
        |builder| builder.allow_sparse(true),
        async |client| {
            let put = client.put("/v2/a/manifests/v1", bytes(&manifest(b"not there"))).await;
            put.expect_status(StatusCode::CREATED);
        },
    )
    .await;
}

#[tokio::test]
async fn end_7a_an_image_may_have_no_layers() {
    on_every_store(async |client| {
        client.push_blob("a", Descriptor::EMPTY_JSON).await;
        let image = Manifest::new(Descriptor::empty_json(), Vec::new());
        let put = client.put("/v2/a/manifests/v1", bytes(&image)).await;
        put.expect_status(StatusCode::CREATED);
    })
    .await;
}

#[tokio::test]
async fn end_7a_manifests_as_large_as_registries_must_take_are_taken() {
    on_every_store(async |client| {
        let mut large = manifest(b"layer");
        image(&client, "a", b"layer").await;
        for index in 0..390 {
            large.annotations.insert(format!("key.{index}"), "x".repeat(10_000));
        }
        let body = bytes(&large);
        let put = client.put("/v2/a/manifests/v1", body.clone()).await;
        put.expect_status(StatusCode::CREATED);
        assert!(client.get("/v2/a/manifests/v1").await.body == body);
    })
    .await;
}

#[tokio::test]
async fn end_7a_larger_manifests_are_refused_before_they_are_read() {
    on_every_store(async |client| {
        let target = "/v2/a/manifests/v1";
        let (sender, body) = Pieces::channel();
        let stated = client.streamed(Method::PUT, target, body);
        let stated = stated.header("content-length", "8388609").header("expect", "100-continue");
        // Nothing is ever sent: a registry that waits for the body would wait forever.
        let refused = stated.send().await;
        refused.expect_error(StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID");
        drop(sender);
        let pieces = (0..9).map(|_| Ok(Bytes::from(vec![b' '; 1 << 20])));
        let refused = client.streamed(Method::PUT, target, Pieces::of(pieces)).send().await;
        refused.expect_error(StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID");
    })
    .await;
}

#[tokio::test]
async fn end_7a_manifests_that_nest_too_deep_or_point_too_often_are_refused() {
    let mut limits = Limits::default();
    limits.descriptors = 10;
    on_every_store_with(
        |builder| builder.limits(limits.clone()),
        async |client| {
            let target = "/v2/a/manifests/v1";
            for (depth, expected) in [
                (63, StatusCode::CREATED),
                (64, StatusCode::BAD_REQUEST),
                (1 << 20, StatusCode::BAD_REQUEST),
            ] {
                let custom = "[".repeat(depth) + &"]".repeat(depth);
                let index = format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":{custom}}}");
                client.put(target, index).await.expect_status(expected);
            }
            let descriptor = describe(&manifest(b"x"));
            for (count, expected) in [(10, StatusCode::CREATED), (11, StatusCode::BAD_REQUEST)] {
                let index = Index::new(vec![descriptor.clone(); count]);
                client.put(target, bytes(&index)).await.expect_status(expected);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn end_7b_one_request_sets_many_tags() {
    on_every_store(async |client| {
        let body = image(&client, "a", b"layer").await;
        let digest = Digest::of(&body);
        let tags: Vec<String> = (0..40).map(|n| format!("tag-{n}-{}", "x".repeat(100))).collect();
        let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        let target = format!("/v2/a/manifests/{digest}?{}", query.join("&"));
        let put = client.put(&target, body.clone()).await;
        put.expect_status(StatusCode::CREATED);
        let set: Vec<&str> =
            put.headers.get_all("oci-tag").iter().map(|tag| tag.to_str().expect("text")).collect();
        assert_eq!(set, tags);
        for tag in &tags {
            let head = client.head(&format!("/v2/a/manifests/{tag}")).await;
            assert_eq!(head.header("docker-content-digest"), digest.as_str());
        }
    })
    .await;
}

#[tokio::test]
async fn end_7b_tags_are_set_only_beside_a_digest_and_only_if_all_are_good() {
    on_every_store(async |client| {
        let body = image(&client, "a", b"layer").await;
        let digest = Digest::of(&body);
        for target in [
            "/v2/a/manifests/v1?tag=v2".to_owned(),
            format!("/v2/a/manifests/{digest}?tag=good&tag=.bad"),
            format!("/v2/a/manifests/{digest}?tag="),
        ] {
            let put = client.put(&target, body.clone()).await;
            put.expect_status(StatusCode::BAD_REQUEST);
        }
        client.head("/v2/a/manifests/good").await.expect_status(StatusCode::NOT_FOUND);
        client
            .head(&format!("/v2/a/manifests/{digest}"))
            .await
            .expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn end_7b_more_tags_than_fit_a_request_are_refused() {
    on_every_store(async |client| {
        let digest = Digest::of(b"");
        let query = format!("tag={}&", "x".repeat(128)).repeat(80);
        let put = client.put(&format!("/v2/a/manifests/{digest}?{query}"), "{}").await;
        put.expect_status(StatusCode::URI_TOO_LONG);
    })
    .await;
}

#[tokio::test]
async fn end_7a_a_tag_moves_to_what_was_pushed_last() {
    on_every_store(async |client| {
        let first = push_image(&client, "a", "v1", b"first").await;
        let second = push_image(&client, "a", "v1", b"second").await;
        let head = client.head("/v2/a/manifests/v1").await;
        assert_eq!(head.header("docker-content-digest"), second.as_str());
        client.get(&format!("/v2/a/manifests/{first}")).await.expect_status(StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn tags_that_differ_in_case_are_different_tags() {
    on_every_store(async |client| {
        let tags = ["v1", "V1", "Latest", "latest", "LATEST", "a.b-c_D", &"Zz".repeat(64)];
        for (index, tag) in tags.iter().enumerate() {
            let layer: &'static [u8] = [&b"0"[..], b"1", b"2", b"3", b"4", b"5", b"6"][index];
            push_image(&client, "a", tag, layer).await;
        }
        let digests: std::collections::BTreeSet<String> =
            futures_util::future::join_all(tags.iter().map(|tag| {
                let client = client.clone();
                async move {
                    let head = client.head(&format!("/v2/a/manifests/{tag}")).await;
                    head.header("docker-content-digest").to_owned()
                }
            }))
            .await
            .into_iter()
            .collect();
        assert_eq!(digests.len(), tags.len());
    })
    .await;
}

#[tokio::test]
async fn end_9_a_deleted_tag_leaves_its_manifest() {
    on_every_store(async |client| {
        let digest = push_image(&client, "a", "v1", b"layer").await;
        let target = "/v2/a/manifests/v1";
        client.delete(target).await.expect_status(StatusCode::ACCEPTED);
        client.head(target).await.expect_status(StatusCode::NOT_FOUND);
        client.delete(target).await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
        client.get(&format!("/v2/a/manifests/{digest}")).await.expect_status(StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn end_9_a_deleted_manifest_takes_its_tags_along_and_no_others() {
    on_every_store(async |client| {
        let digest = push_image(&client, "a", "v1", b"layer").await;
        push_image(&client, "a", "V2", b"layer").await;
        push_image(&client, "a", "moved", b"layer").await;
        let other = push_image(&client, "a", "moved", b"other").await;
        push_image(&client, "b", "v1", b"layer").await;
        let target = format!("/v2/a/manifests/{digest}");
        client.delete(&target).await.expect_status(StatusCode::ACCEPTED);
        for gone in [&target, "/v2/a/manifests/v1", "/v2/a/manifests/V2"] {
            client.head(gone).await.expect_status(StatusCode::NOT_FOUND);
            client.get(gone).await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
        }
        assert_eq!(
            client.get("/v2/a/tags/list").await.json()["tags"],
            serde_json::json!(["moved"])
        );
        let moved = client.head("/v2/a/manifests/moved").await;
        assert_eq!(moved.header("docker-content-digest"), other.as_str());
        client.get("/v2/b/manifests/v1").await.expect_status(StatusCode::OK);
        client.delete(&target).await.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
        assert_eq!(push_image(&client, "a", "v1", b"layer").await, digest);
        client.head("/v2/a/manifests/v1").await.expect_status(StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn end_9_a_manifest_of_very_many_tags_is_deleted_with_all_of_them() {
    on_every_store(async |client| {
        let digest = push_empty_index(&client, "a", "tag-0").await;
        for batch in 0..30 {
            let query: Vec<String> =
                (0..40).map(|n| format!("tag=tag-{}", batch * 40 + n)).collect();
            push_empty_index(&client, "a", &format!("{digest}?{}", query.join("&"))).await;
        }
        client
            .delete(&format!("/v2/a/manifests/{digest}"))
            .await
            .expect_status(StatusCode::ACCEPTED);
        assert_eq!(client.get("/v2/a/tags/list").await.json()["tags"], serde_json::json!([]));
    })
    .await;
}

#[tokio::test]
async fn artifact_manifests_of_old_need_their_blobs_too() {
    on_every_store(async |client| {
        let kind = MediaType::ARTIFACT_MANIFEST;
        let kind = kind.as_str();
        let layer = Descriptor::of(MediaType::OCTET_STREAM, b"layer");
        let body = format!(
            "{{\"mediaType\":\"{kind}\",\"artifactType\":\"a/b\",\"blobs\":[{}]}}",
            String::from_utf8(oras_spec::json::to_vec(&layer)).expect("JSON is text")
        );
        let put = put_as(&client, "/v2/a/manifests/v1", kind, body.clone().into()).await;
        put.expect_error(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN");
        client.push_blob("a", "layer").await;
        let put = put_as(&client, "/v2/a/manifests/v1", kind, body.into()).await;
        put.expect_status(StatusCode::CREATED);
        assert_eq!(client.get("/v2/a/manifests/v1").await.header("content-type"), kind);
    })
    .await;
}

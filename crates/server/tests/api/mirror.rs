//! Mirrors: content comes from the upstream once, while it is asked for, and stays.

mod upstream;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyDataStream, Full};
use oras_server::mirror::{Mirror, UpstreamErrorKind};
use oras_server::{RegistryBuilder, ResponseBody};
use oras_spec::Digest;
use oras_spec::image::Descriptor;
use tower_service::Service as _;

use self::upstream::Scripted;
use crate::client::{Client, on_every_store_with};
use crate::sample::{about, bytes, describe, manifest};

const REPOSITORY: &str = "/v2/docker.io/team/app";

fn mirrored(upstream: &Arc<Scripted>) -> impl Fn(RegistryBuilder) -> RegistryBuilder {
    let upstream = Arc::clone(upstream);
    move |builder| {
        let prefix = "docker.io".parse().expect("a name");
        builder.mirror(Mirror::new(prefix, "docker.io", Arc::clone(&upstream) as _))
    }
}

/// Four pieces of a mebibyte, unlike one another.
fn pieces() -> Vec<Bytes> {
    (1..=4).map(|byte| Bytes::from(vec![byte; 1 << 20])).collect()
}

/// Begins to read a blob, in its own time.
async fn begin(
    client: &Client,
    digest: &Digest,
    range: &str,
) -> (StatusCode, BodyDataStream<ResponseBody>) {
    let mut request = Request::get(format!("{REPOSITORY}/blobs/{digest}"));
    if !range.is_empty() {
        request = request.header("range", range);
    }
    let request = request.body(Full::<Bytes>::default()).expect("a request");
    let response = client.service().call(request).await.expect("never fails");
    (response.status(), BodyDataStream::new(response.into_body()))
}

async fn rest(mut body: BodyDataStream<ResponseBody>) -> Result<Vec<u8>, std::io::Error> {
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

#[tokio::test]
async fn a_cold_blob_is_fetched_once_for_fifty_clients_who_read_along_while_it_lands() {
    let upstream = Scripted::with_pieces(2);
    let digest = upstream.blob(&pieces());
    let whole = pieces().concat();
    // For one store only: the upstream's pieces are counted out.
    let client = Client::new(
        mirrored(&upstream)(oras_server::Registry::builder()).build().expect("a registry"),
    );
    let readers = join_all((0..50).map(|_| begin(&client, &digest, ""))).await;
    let mut bodies = Vec::new();
    for (status, mut body) in readers {
        assert_eq!(status, StatusCode::OK);
        // The upstream has sent half of the blob, and waits.
        let first = body.next().await.expect("a piece").expect("bytes");
        assert!(whole.starts_with(&first) && !first.is_empty());
        bodies.push((first, body));
    }
    upstream.pieces.add_permits(2);
    for (first, body) in bodies {
        let all = [first.to_vec(), rest(body).await.expect("all of it")].concat();
        assert_eq!(Digest::of(&all), digest);
    }
    assert_eq!(Scripted::count(&upstream.blobs), 1);
    assert_eq!(Scripted::count(&upstream.sent), whole.len());

    upstream.fail(Some(UpstreamErrorKind::Unavailable));
    let again = client.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
    assert_eq!(again.expect_status(StatusCode::OK).body, whole);
}

#[tokio::test]
async fn a_part_of_a_blob_is_read_as_soon_as_it_has_landed() {
    for directory in [None, Some(tempfile::tempdir().expect("a directory"))] {
        let upstream = Scripted::with_pieces(2);
        let digest = upstream.blob(&pieces());
        let builder = mirrored(&upstream)(oras_server::Registry::builder());
        let builder = match &directory {
            Some(directory) => builder.directory(directory.path()),
            None => builder.memory(),
        };
        let client = Client::new(builder.build().expect("a registry"));
        let (status, body) = begin(&client, &digest, "bytes=1048570-1048581").await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(rest(body).await.expect("landed"), [[1; 6], [2; 6]].concat());

        let (status, end) = begin(&client, &digest, "bytes=-2").await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        upstream.pieces.add_permits(2);
        assert_eq!(rest(end).await.expect("landed"), [4, 4]);
        let (status, _) = begin(&client, &digest, "bytes=4194304-").await;
        assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(Scripted::count(&upstream.blobs), 1);
    }
}

#[tokio::test]
async fn a_wrong_blob_never_looks_complete_and_is_not_kept() {
    let upstream = Scripted::flowing();
    let digest = Digest::of(&pieces().concat());
    let mut wrong = pieces();
    wrong[3] = Bytes::from(vec![5; 1 << 20]);
    on_every_store_with(mirrored(&upstream), async |client| {
        for wrong in [wrong.clone(), wrong[..1].to_vec()] {
            upstream.blob_as(&digest, &wrong);
            // It is refused at once if all of it came at once, and else breaks off.
            let (status, body) = begin(&client, &digest, "").await;
            let read = rest(body).await;
            assert!(status == StatusCode::BAD_GATEWAY || read.is_err(), "{status}");
            let target = format!("{REPOSITORY}/blobs/{digest}");
            upstream.fail(Some(UpstreamErrorKind::Unavailable));
            client.get(&target).await.expect_error(StatusCode::BAD_GATEWAY, "UNAVAILABLE");
            upstream.fail(None);
        }
        upstream.blob_as(&digest, &pieces());
        let right = client.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
        assert_eq!(Digest::of(&right.expect_status(StatusCode::OK).body), digest);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_spoils_nothing() {
    let upstream = Scripted::with_pieces(1);
    let digest = upstream.blob(&pieces());
    let builder = mirrored(&upstream)(oras_server::Registry::builder());
    let client = Client::new(builder.build().expect("a registry"));
    let (_, mut body) = begin(&client, &digest, "").await;
    body.next().await.expect("a piece").expect("bytes");
    drop(body);
    upstream.pieces.add_permits(3);
    let (_, body) = begin(&client, &digest, "").await;
    assert_eq!(Digest::of(&rest(body).await.expect("all of it")), digest);
    assert_eq!(Scripted::count(&upstream.blobs), 1);
}

#[tokio::test]
async fn an_empty_blob_and_one_that_is_only_looked_at() {
    let upstream = Scripted::flowing();
    let empty = upstream.blob(&[]);
    let digest = upstream.blob(&pieces());
    on_every_store_with(mirrored(&upstream), async |client| {
        let found = client.get(&format!("{REPOSITORY}/blobs/{empty}")).await;
        assert!(found.expect_status(StatusCode::OK).body.is_empty());
        let before = Scripted::count(&upstream.blobs);
        let looked = client.head(&format!("{REPOSITORY}/blobs/{digest}")).await;
        assert_eq!(looked.expect_status(StatusCode::OK).header("content-length"), "4194304");
        assert_eq!(Scripted::count(&upstream.blobs), before);
        let missing = Digest::of(b"missing");
        let target = format!("{REPOSITORY}/blobs/{missing}");
        client.get(&target).await.expect_error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN");
        client.head(&target).await.expect_status(StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_follows_the_upstream_and_its_manifest_is_read_once() {
    let upstream = Scripted::flowing();
    let builder = mirrored(&upstream)(oras_server::Registry::builder());
    let client = Client::new(builder.build().expect("a registry"));
    let (one, two) = (bytes(&manifest(b"one")), bytes(&manifest(b"two")));
    let target = format!("{REPOSITORY}/manifests/v1");
    upstream.tag("v1", &one);
    let answers = join_all((0..20).map(|_| client.get(&target))).await;
    assert!(answers.iter().all(|answer| answer.body == one));
    assert_eq!(answers[0].header("oci-namespace"), "docker.io");
    assert_eq!(Scripted::count(&upstream.manifests), 1);
    assert_eq!(Scripted::count(&upstream.resolved), 1);

    upstream.tag("v1", &two);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(client.get(&target).await.body, two);
    // The old one is still there by its digest, without asking.
    upstream.fail(Some(UpstreamErrorKind::Unavailable));
    let old = client.get(&format!("{REPOSITORY}/manifests/{}", Digest::of(&one))).await;
    assert_eq!(old.body, one);
    assert_eq!(Scripted::count(&upstream.manifests), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_is_served_with_a_warning_while_the_upstream_cannot_be_asked() {
    let upstream = Scripted::flowing();
    let builder = mirrored(&upstream)(oras_server::Registry::builder());
    let client = Client::new(builder.build().expect("a registry"));
    let manifest = bytes(&manifest(b"layer"));
    upstream.tag("v1", &manifest);
    let target = format!("{REPOSITORY}/manifests/v1");
    assert_eq!(client.get(&target).await.header("warning"), "");
    for kind in [UpstreamErrorKind::Unavailable, UpstreamErrorKind::RateLimited] {
        tokio::time::advance(Duration::from_secs(6)).await;
        upstream.fail(Some(kind));
        let kept = client.get(&target).await;
        assert_eq!(kept.expect_status(StatusCode::OK).body, manifest);
        assert_eq!(
            kept.header("warning"),
            "299 - \"docker.io cannot be asked, this may be old: as 'told'\""
        );
        let tags = client.get(&format!("{REPOSITORY}/tags/list")).await;
        assert_eq!(tags.json()["tags"], serde_json::json!(["v1"]));
        assert!(tags.header("warning").starts_with("299 - "));
    }
    let unknown = client.get(&format!("{REPOSITORY}/manifests/v2")).await;
    unknown.expect_error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
    assert_eq!(unknown.header("retry-after"), "60");
    upstream.fail(Some(UpstreamErrorKind::Denied));
    let denied = client.get(&format!("{REPOSITORY}/manifests/v2")).await;
    denied.expect_error(StatusCode::FORBIDDEN, "DENIED");
    upstream.fail(None);
    let unknown = client.get(&format!("{REPOSITORY}/manifests/v2")).await;
    unknown.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_mirror_takes_no_pushes_and_what_it_kept_can_be_deleted() {
    let upstream = Scripted::flowing();
    let digest = upstream.blob(&pieces());
    on_every_store_with(mirrored(&upstream), async |client| {
        let uploads = format!("{REPOSITORY}/blobs/uploads/");
        client.post(&uploads).await.expect_error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
        let put = client.put(&format!("{REPOSITORY}/manifests/v1"), "{}").await;
        put.expect_error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
        let mount = format!("{uploads}?mount={digest}&from=other");
        client.post(&mount).await.expect_error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");

        let target = format!("{REPOSITORY}/blobs/{digest}");
        client.get(&target).await.expect_status(StatusCode::OK);
        client.delete(&target).await.expect_status(StatusCode::ACCEPTED);
        client.get(&target).await.expect_status(StatusCode::OK);
        // Beside the mirror the registry is as ever, also where a name only looks alike.
        client.push_blob("docker.io", "here").await;
        client.push_blob("docker.iot/team/app", "here").await;
    })
    .await;
}

#[tokio::test]
async fn a_client_may_name_the_registry_in_the_query() {
    let upstream = Scripted::flowing();
    let manifest = bytes(&manifest(b"layer"));
    upstream.tag("v1", &manifest);
    let digest = upstream.blob(&pieces());
    on_every_store_with(mirrored(&upstream), async |client| {
        let found = client.get("/v2/team/app/manifests/v1?ns=docker.io").await;
        assert_eq!(found.expect_status(StatusCode::OK).body, manifest);
        assert_eq!(found.header("oci-namespace"), "docker.io");
        let blob = client.get(&format!("/v2/team/app/blobs/{digest}?ns=docker.io")).await;
        blob.expect_status(StatusCode::OK);
        let other = client.get("/v2/team/app/manifests/v1?ns=quay.io").await;
        other.expect_error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    })
    .await;
}

#[tokio::test]
async fn lists_are_the_upstreams_page_by_page() {
    let upstream = Scripted::flowing();
    let image = manifest(b"layer");
    let subject = describe(&image);
    for tag in ["a", "b", "c"] {
        upstream.tag(tag, &bytes(&image));
    }
    for artifact_type in ["x/one", "x/two"] {
        let referrer = about(&subject, artifact_type, b"layer");
        let mut described: Descriptor = describe(&referrer);
        described.artifact_type = artifact_type.into();
        upstream.referrer(described);
    }
    on_every_store_with(mirrored(&upstream), async |client| {
        let first = client.get(&format!("{REPOSITORY}/tags/list?n=2")).await;
        assert_eq!(first.json()["tags"], serde_json::json!(["a", "b"]));
        let next = first.next().expect("another page");
        let second = client.get(&next).await;
        assert_eq!(second.json()["tags"], serde_json::json!(["c"]));
        assert_eq!(second.next(), None);

        let target = format!("{REPOSITORY}/referrers/{}", subject.digest);
        let all = client.get(&target).await;
        assert_eq!(all.json()["manifests"].as_array().expect("a list").len(), 2);
        let some =
            client.request(Method::GET, &format!("{target}?artifactType=x/two")).send().await;
        assert_eq!(some.json()["manifests"].as_array().expect("a list").len(), 1);
        assert_eq!(some.header("oci-filters-applied"), "artifactType");
        let unknown = client.get("/v2/docker.io/other/tags/list").await;
        unknown.expect_error(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    })
    .await;
}

//! Reading from and writing to a repository.

use bytes::Bytes;
use oras_client::auth::Anonymous;
use oras_client::remote::Registry;
use oras_client::{Content, ErrorKind, Source as _, Target as _};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Tag, TagOrDigest};

use crate::server::{Reply, Server, error, reply, status};
use crate::{chain, plain_http, repository, transport};

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

fn manifest() -> Descriptor {
    Descriptor::of(MediaType::IMAGE_MANIFEST, MANIFEST)
}

fn manifest_reply() -> Reply {
    let digest = manifest().digest.to_string();
    let headers = [
        ("content-type", MediaType::IMAGE_MANIFEST.as_str().to_owned()),
        ("docker-content-digest", digest),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    reply(200, &headers, MANIFEST)
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

#[tokio::test]
async fn resolves_with_one_head() {
    let server = Server::start(|_| manifest_reply()).await;
    let found = repository(&server).resolve(&TagOrDigest::Tag(tag("v1"))).await.expect("there");
    assert_eq!(found, manifest());
    assert_eq!(server.lines(), ["HEAD /v2/a/b/manifests/v1"]);
    let seen = &server.seen()[0];
    assert_eq!(
        seen.header("accept"),
        Some(concat!(
            "application/vnd.docker.distribution.manifest.v2+json, ",
            "application/vnd.docker.distribution.manifest.list.v2+json, ",
            "application/vnd.oci.image.manifest.v1+json, ",
            "application/vnd.oci.image.index.v1+json, ",
            "application/vnd.oci.artifact.manifest.v1+json"
        ))
    );
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
}

#[tokio::test]
async fn names_what_is_not_there() {
    let server = Server::start(|_| error(404, "MANIFEST_UNKNOWN", "no")).await;
    let repository = repository(&server);
    let error = repository.resolve(&TagOrDigest::Tag(tag("v1"))).await.expect_err("nothing there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("{}/a/b:v1: not found", server.address));
    let digest = Digest::of(b"");
    let error = repository.resolve(&digest.clone().into()).await.expect_err("nothing there");
    assert_eq!(error.to_string(), format!("{}/a/b@{digest}: not found", server.address));
}

#[tokio::test]
async fn pushes_a_blob_with_one_post_and_one_put() {
    let digest = Digest::of(b"hello");
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => reply(202, &[("location", "/v2/a/b/blobs/uploads/1?_state=a%2Fb%3D")], ""),
        "PUT" => status(201),
        _ => status(404),
    })
    .await;
    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"hello");
    let content = Content::from_bytes(&descriptor, Bytes::from_static(b"hello"));
    repository(&server).push(&descriptor, content).await.expect("pushed");
    let encoded = digest.as_str().replace(':', "%3A");
    assert_eq!(
        server.lines(),
        [
            "POST /v2/a/b/blobs/uploads/".to_owned(),
            format!("PUT /v2/a/b/blobs/uploads/1?_state=a%2Fb%3D&digest={encoded}"),
        ]
    );
    let seen = server.seen();
    assert_eq!(seen[0].header("content-length"), Some("0"));
    assert_eq!(seen[1].header("content-length"), Some("5"));
    assert_eq!(seen[1].header("content-type"), Some("application/octet-stream"));
    assert_eq!(seen[1].header("transfer-encoding"), None);
    assert_eq!(seen[1].body, "hello");
}

#[tokio::test]
async fn pushes_a_manifest_right_under_its_tag() {
    let server = Server::start(|_| status(201)).await;
    let content = Content::from_bytes(&manifest(), Bytes::from_static(MANIFEST));
    repository(&server).push_tagged(&manifest(), content, &tag("v1")).await.expect("pushed");
    assert_eq!(server.lines(), ["PUT /v2/a/b/manifests/v1"]);
    let seen = &server.seen()[0];
    assert_eq!(seen.header("content-type"), Some(MediaType::IMAGE_MANIFEST.as_str()));
    assert_eq!(seen.body, MANIFEST);
}

#[tokio::test]
async fn nothing_listening_is_said_as_go_says_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let registry = Registry::new(
        address.to_string().parse().expect("a name"),
        transport(Anonymous),
        plain_http(),
    );
    let repository = registry.repository("a/b".parse().expect("a name"));
    let error = repository.resolve(&TagOrDigest::Tag(tag("v1"))).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(
        chain(&error),
        format!(
            "Head \"http://{address}/v2/a/b/manifests/v1\": dial tcp {address}: connect: connection refused"
        )
    );
}

//! The promises of `Source` and `Target`, one function each.

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use oras_client::{Content, ErrorKind, Result, Target};
use oras_spec::image::{Descriptor, Manifest, MediaType};
use oras_spec::{Algorithm, Tag, TagOrDigest, json};

use super::Promise;

/// All of them.
pub(super) const ALL: &[Promise] = &[
    |t| Box::pin(gives_back_what_it_was_given(t)),
    |t| Box::pin(takes_the_same_again(t)),
    |t| Box::pin(takes_no_lies(t)),
    |t| Box::pin(keeps_nothing_half(t)),
    |t| Box::pin(says_what_is_missing(t)),
    |t| Box::pin(points_tags(t)),
    |t| Box::pin(pushes_and_tags(t)),
    |t| Box::pin(lists_tags_in_order(t)),
    |t| Box::pin(finds_referrers(t)),
    |t| Box::pin(removes_tags(t)),
    |t| Box::pin(removes_content(t)),
    |t| Box::pin(bears_a_crowd(t)),
];

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, bytes)
}

/// Content in chunks, as it comes from a network.
fn content(descriptor: &Descriptor, bytes: &[u8]) -> Content {
    let chunks: Vec<Result<Bytes>> =
        bytes.chunks(50_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Content::new(descriptor, stream::iter(chunks))
}

async fn put(target: &dyn Target, descriptor: &Descriptor, bytes: &[u8]) {
    target.push(descriptor, content(descriptor, bytes)).await.expect("pushed");
}

/// Pushes a manifest with its config.
async fn put_manifest(
    target: &dyn Target,
    artifact_type: &str,
    subject: Option<&Descriptor>,
) -> Descriptor {
    let (descriptor, bytes) = manifest(artifact_type, subject);
    put(target, &Descriptor::empty_json(), b"{}").await;
    put(target, &descriptor, &bytes).await;
    descriptor
}

fn manifest(artifact_type: &str, subject: Option<&Descriptor>) -> (Descriptor, Vec<u8>) {
    let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
    manifest.artifact_type = artifact_type.into();
    manifest.subject = subject.cloned();
    manifest.annotations.insert("key".into(), artifact_type.into());
    let bytes = json::to_vec(&manifest);
    (Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes), bytes)
}

async fn read(target: &dyn Target, descriptor: &Descriptor) -> Bytes {
    let content = target.fetch(descriptor).await.expect("there");
    assert_eq!(content.descriptor(), descriptor);
    content.read_all().await.expect("whole")
}

async fn list(target: &dyn Target, last: Option<&Tag>) -> Vec<String> {
    target.tags(last).map_ok(|tag| tag.to_string()).try_collect().await.expect("listed")
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("refused").kind()
}

async fn gives_back_what_it_was_given(target: &dyn Target) {
    let large = vec![7; 1_000_000];
    for bytes in [&b""[..], b"x", &large] {
        for algorithm in Algorithm::ALL {
            let size = bytes.len() as u64;
            let descriptor = Descriptor::new("a/b".into(), algorithm.digest(bytes), size);
            assert!(!target.exists(&descriptor).await.expect("asked"));
            put(target, &descriptor, bytes).await;
            assert!(target.exists(&descriptor).await.expect("asked"));
            assert_eq!(read(target, &descriptor).await, bytes);
            assert_eq!(read(target, &descriptor).await, bytes, "as often as one likes");
        }
    }
    let root = put_manifest(target, "a/b", None).await;
    let reference: TagOrDigest = root.digest.clone().into();
    assert!(target.resolve(&reference).await.expect("there").is_same_content(&root));
    let (found, content) = target.fetch_reference(&reference).await.expect("there");
    assert!(found.is_same_content(&root));
    assert_eq!(content.read_all().await.expect("whole"), manifest("a/b", None).1);
    let content = target.fetch(&root).await.expect("there");
    if let Some(again) = content.reopen().await.expect("reopened") {
        assert_eq!(again.read_all().await.expect("whole"), manifest("a/b", None).1);
    }
}

async fn takes_the_same_again(target: &dyn Target) {
    let descriptor = blob(b"same");
    put(target, &descriptor, b"same").await;
    put(target, &descriptor, b"same").await;
    let root = put_manifest(target, "a/b", None).await;
    assert_eq!(put_manifest(target, "a/b", None).await, root);
    assert_eq!(read(target, &descriptor).await, "same");
}

async fn takes_no_lies(target: &dyn Target) {
    for (claimed, given) in [
        (&b"right"[..], &b"wrong"[..]),
        (b"right", b"righ"),
        (b"right", b"right and more"),
        (b"right", b""),
        (b"", b"more"),
    ] {
        let descriptor = blob(claimed);
        let result = target.push(&descriptor, content(&descriptor, given)).await;
        assert_eq!(kind(result), ErrorKind::Mismatch);
        assert!(!target.exists(&descriptor).await.expect("asked"));
        assert_eq!(kind(target.fetch(&descriptor).await), ErrorKind::NotFound);
    }
    let (descriptor, mut bytes) = manifest("a/b", None);
    bytes[20] ^= 1;
    let result = target.push(&descriptor, content(&descriptor, &bytes)).await;
    assert_eq!(kind(result), ErrorKind::Mismatch);
    assert!(!target.exists(&descriptor).await.expect("asked"));
}

async fn keeps_nothing_half(target: &dyn Target) {
    let bytes = vec![7; 600_000];
    let descriptor = blob(&bytes);
    let half = stream::iter([Ok(Bytes::from(vec![7; 300_000]))]).chain(stream::pending());
    let mut push = target.push(&descriptor, Content::new(&descriptor, half));
    assert!((&mut push).now_or_never().is_none(), "the rest never comes");
    drop(push);
    assert!(!target.exists(&descriptor).await.expect("asked"));
    put(target, &descriptor, &bytes).await;
    assert_eq!(read(target, &descriptor).await, bytes);
}

async fn says_what_is_missing(target: &dyn Target) {
    let missing = manifest("a/b", None).0;
    assert!(!target.exists(&missing).await.expect("asked"));
    assert_eq!(kind(target.resolve(&tag("v1").into()).await), ErrorKind::NotFound);
    assert_eq!(kind(target.resolve(&missing.digest.clone().into()).await), ErrorKind::NotFound);
    assert_eq!(kind(target.fetch_reference(&tag("v1").into()).await), ErrorKind::NotFound);
    assert_eq!(kind(target.tag(&missing, &tag("v1")).await), ErrorKind::NotFound);
    let read = async { target.fetch(&missing).await?.read_all().await };
    assert_eq!(kind(read.await), ErrorKind::NotFound);
}

async fn points_tags(target: &dyn Target) {
    let one = put_manifest(target, "one/x", None).await;
    let two = put_manifest(target, "two/x", None).await;
    let resolve = async |text: &str| target.resolve(&tag(text).into()).await.expect("tagged");
    target.tag(&one, &tag("v1")).await.expect("tagged");
    target.tag(&one, &tag("v2")).await.expect("tagged");
    target.tag(&one, &tag("v1")).await.expect("again");
    assert!(resolve("v1").await.is_same_content(&one));
    target.tag(&two, &tag("v1")).await.expect("moved");
    assert!(resolve("v1").await.is_same_content(&two));
    assert!(resolve("v2").await.is_same_content(&one));
    assert_eq!(list(target, None).await, ["v1", "v2"]);
}

async fn pushes_and_tags(target: &dyn Target) {
    put(target, &Descriptor::empty_json(), b"{}").await;
    let (descriptor, bytes) = manifest("a/b", None);
    for _ in 0..2 {
        let content = content(&descriptor, &bytes);
        target.push_tagged(&descriptor, content, &tag("v1")).await.expect("pushed");
        let found = target.resolve(&tag("v1").into()).await.expect("tagged");
        assert!(found.is_same_content(&descriptor));
    }
}

async fn lists_tags_in_order(target: &dyn Target) {
    assert_eq!(list(target, None).await, [""; 0]);
    let root = put_manifest(target, "a/b", None).await;
    for text in ["b", "a", "B", "a1", "_", "10", "9"] {
        target.tag(&root, &tag(text)).await.expect("tagged");
    }
    assert_eq!(list(target, None).await, ["10", "9", "B", "_", "a", "a1", "b"]);
    assert_eq!(list(target, Some(&tag("a"))).await, ["a1", "b"]);
    assert_eq!(list(target, Some(&tag("0"))).await.len(), 7);
    assert_eq!(list(target, Some(&tag("b"))).await, [""; 0]);
}

async fn finds_referrers(target: &dyn Target) {
    let subject = put_manifest(target, "a/b", None).await;
    assert_eq!(target.predecessors(&subject).await.expect("asked"), []);
    let signature = put_manifest(target, "my/signature", Some(&subject)).await;
    let sbom = put_manifest(target, "my/sbom", Some(&subject)).await;
    put_manifest(target, "other/x", Some(&sbom)).await;
    let found = target.predecessors(&subject).await.expect("asked");
    let mut digests: Vec<_> = found.into_iter().map(|found| found.digest).collect();
    let mut expected = vec![signature.digest.clone(), sbom.digest.clone()];
    digests.sort();
    expected.sort();
    assert_eq!(digests, expected);
    assert_eq!(target.referrers(&subject, None).await.expect("asked").len(), 2);
    let wanted = MediaType::from("my/sbom");
    let found = target.referrers(&subject, Some(&wanted)).await.expect("asked");
    assert_eq!(found.len(), 1);
    assert!(found[0].is_same_content(&sbom));
    assert_eq!(found[0].artifact_type, wanted);
    assert_eq!(found[0].annotations["key"], "my/sbom");
}

async fn removes_tags(target: &dyn Target) {
    let root = put_manifest(target, "a/b", None).await;
    target.tag(&root, &tag("v1")).await.expect("tagged");
    if let Err(error) = target.untag(&tag("v1")).await {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    assert_eq!(kind(target.resolve(&tag("v1").into()).await), ErrorKind::NotFound);
    assert_eq!(kind(target.untag(&tag("v1")).await), ErrorKind::NotFound);
    assert!(target.exists(&root).await.expect("asked"), "only the tag goes");
}

async fn removes_content(target: &dyn Target) {
    let root = put_manifest(target, "a/b", None).await;
    target.tag(&root, &tag("v1")).await.expect("tagged");
    if let Err(error) = target.delete(&root).await {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    assert!(!target.exists(&root).await.expect("asked"));
    assert_eq!(kind(target.delete(&root).await), ErrorKind::NotFound);
    assert_eq!(kind(target.resolve(&tag("v1").into()).await), ErrorKind::NotFound);
    assert_eq!(list(target, None).await, [""; 0]);
}

async fn bears_a_crowd(target: &dyn Target) {
    let bytes = vec![9; 300_000];
    let shared = blob(&bytes);
    let one_of_many = async |number: usize| {
        put(target, &shared, &bytes).await;
        let root = put_manifest(target, &format!("a/{number}"), None).await;
        target.tag(&root, &tag(&format!("v{number:02}"))).await.expect("tagged");
    };
    stream::iter(0..20).for_each_concurrent(20, one_of_many).await;
    assert_eq!(list(target, None).await.len(), 20);
    assert_eq!(read(target, &shared).await, bytes);
}

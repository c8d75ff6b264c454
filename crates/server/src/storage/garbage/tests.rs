//! What is collected and what is not, on what a few pushes leave.

mod interleavings;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use oras_spec::Tag;
use oras_spec::image::{Descriptor, Document, Index, Manifest, MediaType};

use super::*;
use crate::limits::Limits;
use crate::storage::memory::Memory;
use crate::storage::uploads::Chunk;

fn storage() -> Storage {
    Storage::new(Arc::new(Memory::default()), &Limits::default())
}

fn repository() -> RepositoryName {
    "r".parse().expect("a name")
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

/// No grace: what nobody refers to goes at once.
fn at_once() -> CollectOptions {
    CollectOptions { grace: Duration::ZERO, ..CollectOptions::default() }
}

fn untagged_at_once() -> CollectOptions {
    CollectOptions { untagged: Some(Duration::ZERO), ..at_once() }
}

async fn push_blob(storage: &Storage, name: &RepositoryName, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let body = Box::pin(stream::iter([Ok(Bytes::copy_from_slice(bytes))]));
    let chunk = Chunk { range: None, body };
    storage.push_blob(name, &digest, chunk).await.expect("a blob");
    digest
}

/// A manifest of a config and one layer.
fn image(layer: &[u8], subject: Option<Descriptor>) -> Document {
    let layer = Descriptor::of(MediaType::IMAGE_LAYER, layer);
    let manifest = Manifest { subject, ..Manifest::new(Descriptor::empty_json(), vec![layer]) };
    document(&MediaType::IMAGE_MANIFEST, &manifest)
}

fn document<T: serde::Serialize>(media_type: &MediaType, content: &T) -> Document {
    Document::parse(media_type, Bytes::from(oras_spec::json::to_vec(content))).expect("a document")
}

/// Pushes a manifest; tells whether all it needs was there.
async fn push(storage: &Storage, document: &Document, tags: &[&str]) -> Option<Digest> {
    let digest = Digest::of(document.bytes());
    let tags: Vec<Tag> = tags.iter().map(|text| tag(text)).collect();
    let needed = crate::storage::manifests::blobs(document).map(|blob| blob.digest.clone());
    let name = repository();
    let pushed = storage.put_manifest(&name, document, &digest, &tags, needed.collect());
    pushed.await.expect("a storage that works").is_none().then_some(digest)
}

/// Pushes the config and a layer, and a manifest of them.
async fn push_image(storage: &Storage, layer: &[u8], tags: &[&str]) -> Digest {
    push_blob(storage, &repository(), Descriptor::EMPTY_JSON).await;
    push_blob(storage, &repository(), layer).await;
    push(storage, &image(layer, None), tags).await.expect("all is there")
}

async fn collect(storage: &Storage, options: &CollectOptions) -> Vec<Garbage> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&found);
    let mut observer =
        move |piece: &Garbage| sink.lock().expect("not poisoned").push(piece.clone());
    storage.collect(options, &mut observer).await.expect("a storage that works");
    std::mem::take(&mut *found.lock().expect("not poisoned"))
}

async fn has_blob(storage: &Storage, bytes: &[u8]) -> bool {
    let size = storage.blob_size(&repository(), &Digest::of(bytes)).await;
    size.expect("a storage that works").is_some()
}

async fn has_manifest(storage: &Storage, digest: &Digest) -> bool {
    let manifest = storage.manifest(&repository(), digest).await;
    manifest.expect("a storage that works").is_some()
}

#[tokio::test]
async fn what_manifests_refer_to_stays_and_the_rest_goes_with_its_bytes() {
    let storage = storage();
    push_image(&storage, b"kept", &["v1"]).await;
    let stray = push_blob(&storage, &repository(), b"stray").await;
    let expected = [
        Garbage::Link { repository: repository(), digest: stray.clone() },
        Garbage::Blob { digest: stray, size: 5 },
    ];
    let dry = CollectOptions { dry_run: true, ..at_once() };
    assert_eq!(collect(&storage, &dry).await, expected, "said in a dry run");
    assert!(has_blob(&storage, b"stray").await);
    assert_eq!(collect(&storage, &at_once()).await, expected);
    assert!(has_blob(&storage, b"kept").await && !has_blob(&storage, b"stray").await);
    assert_eq!(collect(&storage, &at_once()).await, []);
}

#[tokio::test]
async fn bytes_stay_as_long_as_any_repository_has_them() {
    let storage = storage();
    let other: RepositoryName = "other".parse().expect("a name");
    push_image(&storage, b"layer", &["v1"]).await;
    push_blob(&storage, &other, b"layer").await;
    // The hint where it is leads to the repository that loses it.
    let digest = Digest::of(b"layer");
    let expected = [Garbage::Link { repository: other, digest }];
    assert_eq!(collect(&storage, &at_once()).await, expected);
    assert!(has_blob(&storage, b"layer").await);
}

#[tokio::test]
async fn nothing_goes_before_its_grace_is_over_and_asking_for_it_begins_a_new_one() {
    let storage = storage();
    push_blob(&storage, &repository(), b"stray").await;
    let patient = CollectOptions { grace: Duration::from_hours(1), ..at_once() };
    assert_eq!(collect(&storage, &patient).await, []);
    let key = keys::link(&repository(), &Digest::of(b"stray"));
    assert!(storage.condemned.contains(&key));
    assert!(has_blob(&storage, b"stray").await);
    assert!(!storage.condemned.contains(&key), "who is told of it may rely on it");
    assert_eq!(collect(&storage, &patient).await, []);
}

#[tokio::test]
async fn layers_that_are_not_for_distribution_stay_if_they_were_pushed() {
    let storage = storage();
    push_blob(&storage, &repository(), Descriptor::EMPTY_JSON).await;
    push_blob(&storage, &repository(), b"foreign").await;
    let media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let layer = Descriptor::of(MediaType::from(media_type), b"foreign");
    let manifest = Manifest::new(Descriptor::empty_json(), vec![layer]);
    push(&storage, &document(&MediaType::IMAGE_MANIFEST, &manifest), &["v1"]).await;
    assert_eq!(collect(&storage, &at_once()).await, []);
}

#[tokio::test]
async fn blobs_that_an_index_lists_stay() {
    let storage = storage();
    push_blob(&storage, &repository(), b"cached layer").await;
    let layer = Descriptor::of(MediaType::IMAGE_LAYER, b"cached layer");
    push(&storage, &document(&MediaType::IMAGE_INDEX, &Index::new(vec![layer])), &["v1"]).await;
    assert_eq!(collect(&storage, &at_once()).await, []);
}

#[tokio::test]
async fn manifests_stay_without_a_tag_unless_told_otherwise() {
    let storage = storage();
    let digest = push_image(&storage, b"layer", &[]).await;
    assert_eq!(collect(&storage, &at_once()).await, []);
    let found = collect(&storage, &untagged_at_once()).await;
    let digest_of_it = digest.clone();
    let manifest = Garbage::Manifest { repository: repository(), digest: digest_of_it };
    assert_eq!(found.first(), Some(&manifest));
    assert!(!has_manifest(&storage, &digest).await && !has_blob(&storage, b"layer").await);
}

#[tokio::test]
async fn manifests_stay_that_a_tag_an_index_or_their_subject_leads_to() {
    let storage = storage();
    let tagged = push_image(&storage, b"tagged", &["v1"]).await;
    let child = push_image(&storage, b"child", &[]).await;
    let size = image(b"child", None).bytes().len() as u64;
    let child = Descriptor::new(MediaType::IMAGE_MANIFEST, child, size);
    let index = document(&MediaType::IMAGE_INDEX, &Index::new(vec![child.clone()]));
    push(&storage, &index, &["v2"]).await.expect("pushed");
    let referrer = push(&storage, &image(b"child", Some(child)), &[]).await.expect("pushed");
    assert_eq!(collect(&storage, &untagged_at_once()).await, []);
    storage.delete_tag(&repository(), &tag("v2")).await.expect("deleted");
    // One after the other: what led to the next is to go first.
    for _ in 0..4 {
        collect(&storage, &untagged_at_once()).await;
    }
    assert!(has_manifest(&storage, &tagged).await && !has_manifest(&storage, &referrer).await);
    assert!(has_blob(&storage, b"tagged").await && !has_blob(&storage, b"child").await);
}

#[tokio::test]
async fn a_deleted_manifest_is_restored_with_its_tags_and_blobs_within_the_grace() {
    let storage = storage();
    let digest = push_image(&storage, b"layer", &["v1", "v2"]).await;
    storage.delete_manifest(&repository(), &digest).await.expect("deleted");
    assert!(!has_manifest(&storage, &digest).await, "nobody sees it");
    let patient = CollectOptions { grace: Duration::from_hours(1), ..at_once() };
    assert_eq!(collect(&storage, &patient).await, []);
    assert!(!storage.condemned.contains(&keys::link(&repository(), &Digest::of(b"layer"))));
    push_image(&storage, b"another", &["v2"]).await;
    assert!(storage.restore(&repository(), &digest).await.expect("restored"));
    let tagged = storage.tagged(&repository(), &tag("v1")).await.expect("a tag");
    assert_eq!(tagged.as_ref(), Some(&digest));
    let moved = storage.tagged(&repository(), &tag("v2")).await.expect("a tag");
    assert_ne!(moved.as_ref(), Some(&digest), "a tag in use again stays where it is");
    assert!(has_manifest(&storage, &digest).await && has_blob(&storage, b"layer").await);

    storage.delete_manifest(&repository(), &digest).await.expect("deleted");
    let found = collect(&storage, &at_once()).await;
    let deleted = Garbage::Deleted { repository: repository(), digest: digest.clone() };
    assert!(found.contains(&deleted), "{found:?}");
    assert!(!storage.restore(&repository(), &digest).await.expect("nothing to restore"));
    assert!(!has_blob(&storage, b"layer").await);
}

#[tokio::test]
async fn tags_stay_that_any_rule_keeps() {
    let storage = storage();
    for number in 0..5 {
        push_image(&storage, b"layer", &[&format!("v{number}"), &format!("rc-{number}")]).await;
    }
    let rules = TagRules {
        newest: Some(3),
        matching: vec!["v0".to_owned(), "*-1".to_owned()],
        ..TagRules::default()
    };
    let options = CollectOptions { tags: Some(rules.clone()), ..at_once() };
    let dry = CollectOptions { dry_run: true, ..options.clone() };
    let said = collect(&storage, &dry).await;
    let found = collect(&storage, &options).await;
    assert_eq!((found.len(), &found), (5, &said));
    let left = storage.tags(&repository(), None, 20).await.expect("tags");
    // Set in the same second, the greatest names count as the newest.
    assert_eq!(left, ["rc-1", "v0", "v2", "v3", "v4"]);
    let young = TagRules { younger_than: Some(Duration::from_hours(1)), ..TagRules::default() };
    let options = CollectOptions { tags: Some(young), ..at_once() };
    assert_eq!(collect(&storage, &options).await, []);
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_keeps_everything() {
    let storage = storage();
    push_image(&storage, b"layer", &["v1"]).await;
    push_blob(&storage, &repository(), b"stray").await;
    // It has its digest, and is no document: nobody knows what it refers to.
    let ambiguous = r#"{"manifests":[],"layers":[]}"#;
    let (media_type, size) = (MediaType::IMAGE_INDEX, ambiguous.len());
    let record = format!(r#"{{"mediaType":"{media_type}","size":{size},"at":0}}"#);
    let record = Bytes::from(format!("{record}\n{ambiguous}"));
    let key = keys::manifest(&repository(), &Digest::of(ambiguous.as_bytes()));
    let (any, durable) = (Condition::Any, Durability::Durable);
    storage.store.put(&key, record, any, durable).await.expect("written");
    let mut nothing = |piece: &Garbage| panic!("{piece}");
    storage.collect(&at_once(), &mut nothing).await.expect_err("it cannot be read");
    assert!(has_blob(&storage, b"stray").await && has_blob(&storage, b"layer").await);
}

/// Two indexes on each of thirty levels, each of both below: a billion paths to sixty manifests.
#[tokio::test]
async fn indexes_that_share_what_they_list_are_read_once_each() {
    let storage = storage();
    let mut below: Vec<Descriptor> = Vec::new();
    for level in 0..30 {
        let mut here = Vec::new();
        for side in ["a", "b"] {
            let index = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": below,
                "annotations": { "level": format!("{level} {side}") },
            });
            let index = document(&MediaType::IMAGE_INDEX, &index);
            let is_top = level == 29 && side == "a";
            push(&storage, &index, if is_top { &["top"] } else { &[] }).await.expect("an index");
            here.push(Descriptor::of(MediaType::IMAGE_INDEX, index.bytes()));
        }
        below = here;
    }
    let [kept, stray] = &below[..] else { panic!("two sides") };
    let found = collect(&storage, &untagged_at_once()).await;
    let manifest =
        |digest: &Digest| Garbage::Manifest { repository: repository(), digest: digest.clone() };
    assert!(found.contains(&manifest(&stray.digest)), "{found:?}");
    let manifests = found.iter().filter(|found| matches!(found, Garbage::Manifest { .. }));
    assert_eq!(manifests.count(), 1, "{found:?}");
    assert!(has_manifest(&storage, &kept.digest).await);
    let (options, mut observer) =
        (crate::CheckOptions::default(), |fault: &crate::Fault| panic!("{fault}"));
    let checked = storage.check(&options, &mut observer).await.expect("it works");
    assert_eq!(checked.manifests, 59);
}

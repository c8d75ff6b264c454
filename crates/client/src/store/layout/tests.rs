//! Layouts as others write and read them, and what becomes of them when things go wrong.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use futures_util::future::join_all;
use oras_spec::image::layout::{INDEX_FILE, blob_path};
use oras_spec::image::{Manifest, annotation};
use tempfile::TempDir;

use super::*;
use crate::copy::{CopyOptions, copy};
use crate::store::fixture::{chain, claiming, names};

fn tag(text: &str) -> Tag {
    Tag::free_form(text).expect("a tag")
}

async fn put(target: &dyn Target, media_type: MediaType, bytes: &[u8]) -> Descriptor {
    let descriptor = Descriptor::of(media_type, bytes);
    target.push(&descriptor, claiming(&descriptor, bytes)).await.expect("pushed");
    descriptor
}

async fn manifest(
    target: &dyn Target,
    layers: &[&Descriptor],
    subject: Option<&Descriptor>,
) -> Descriptor {
    let config = put(target, MediaType::EMPTY_JSON, b"{}").await;
    let mut manifest = Manifest::new(config, layers.iter().copied().cloned().collect());
    manifest.subject = subject.cloned();
    put(target, MediaType::IMAGE_MANIFEST, &json::to_vec(&manifest)).await
}

async fn layout() -> (TempDir, Layout) {
    let directory = tempfile::tempdir().expect("a directory");
    let layout = Layout::open(&directory.path().join("layout")).await.expect("made");
    (directory, layout)
}

fn read(directory: &TempDir, name: &str) -> String {
    fs::read_to_string(directory.path().join("layout").join(name)).expect(name)
}

async fn refusal(path: &Path) -> String {
    chain(&Layout::open_read_only(path).await.expect_err("refused"))
}

#[tokio::test]
async fn has_the_files_of_the_specification_byte_for_byte() {
    let (directory, layout) = layout().await;
    let root = directory.path().join("layout");
    assert_eq!(names(&root), ["blobs", INDEX_FILE, MARKER_FILE]);
    assert_eq!(read(&directory, MARKER_FILE), r#"{"imageLayoutVersion":"1.0.0"}"#);
    let empty = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    assert_eq!(read(&directory, INDEX_FILE), empty);

    let manifest = manifest(&layout, &[], None).await;
    let mut tagged = manifest.clone();
    tagged.artifact_type = "a/b".into();
    tagged.annotations.insert("k".into(), "<v>".into());
    layout.tag(&tagged, &tag("v1")).await.expect("tagged");
    let (digest, size) = (&manifest.digest, manifest.size);
    assert_eq!(
        read(&directory, INDEX_FILE),
        format!(
            "{}{}{digest}\",\"size\":{size},{}",
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#,
            r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":""#,
            r#""annotations":{"k":"\u003cv\u003e","org.opencontainers.image.ref.name":"v1"},"artifactType":"a/b"}]}"#,
        )
    );
    assert_eq!(names(&root), ["blobs", INDEX_FILE, "ingest", MARKER_FILE]);
    assert_eq!(names(&root.join("ingest")), [""; 0]);
    let blob = root.join(blob_path(digest)).metadata().expect("there");
    assert_eq!(blob.mode() & 0o777, 0o444);

    layout.delete(&manifest).await.expect("deleted");
    assert_eq!(read(&directory, INDEX_FILE), empty, "an empty list, not null");
}

#[tokio::test]
async fn resolves_what_it_knows_as_well_as_it_knows_it() {
    let (_directory, layout) = layout().await;
    let root = manifest(&layout, &[], None).await;
    let mut described = root.clone();
    described.annotations.insert("k".into(), "v".into());
    layout.tag(&described, &tag("weird+tag:x@y")).await.expect("tagged");
    described.annotations.insert(annotation::REF_NAME.into(), "weird+tag:x@y".into());
    assert_eq!(layout.resolve(&tag("weird+tag:x@y").into()).await.expect("tag"), described);
    assert_eq!(layout.resolve(&root.digest.clone().into()).await.expect("digest"), root);
    let blob = layout.resolve(&Descriptor::empty_json().digest.into()).await.expect("blob");
    assert_eq!(blob, Descriptor::of(MediaType::OCTET_STREAM, b"{}"));
}

#[tokio::test]
async fn twenty_writers_lose_nothing_of_one_another() {
    let (directory, first) = layout().await;
    let path = directory.path().join("layout");
    let write = |number: usize| {
        let path = path.clone();
        tokio::spawn(async move {
            // Each as if it were a process of its own: nothing is shared but the directory.
            let layout = Layout::open(&path).await.expect("opened");
            let name = format!("v{number}");
            let layer = put(&layout, "a/b".into(), name.as_bytes()).await;
            let root = manifest(&layout, &[&layer], None).await;
            layout.tag(&root, &tag(&name)).await.expect("tagged");
        })
    };
    for written in join_all((0..20).map(write)).await {
        written.expect("written");
    }
    let tags: Vec<Tag> = first.tags(None).try_collect().await.expect("listed");
    assert_eq!(tags.len(), 20);
    let text = read(&directory, INDEX_FILE);
    let index: Index = serde_json::from_str(&text).expect("an index");
    assert_eq!(index.manifests.len(), 20);
    assert_eq!(names(&path), ["blobs", INDEX_FILE, "ingest", MARKER_FILE]);
}

#[tokio::test]
async fn reads_what_others_have_written_and_nothing_before_it_is_needed() {
    let (directory, layout) = layout().await;
    let root = manifest(&layout, &[], None).await;
    layout.tag(&root, &tag("v1")).await.expect("tagged");
    let path = directory.path().join("layout");
    // As other tools have it: no media type, a missing manifest, links instead of blobs.
    let text = read(&directory, INDEX_FILE)
        .replace(r#""mediaType":"application/vnd.oci.image.index.v1+json","#, "");
    fs::write(path.join(INDEX_FILE), text).expect("written");
    let blob = path.join(blob_path(&root.digest));
    fs::rename(&blob, directory.path().join("elsewhere")).expect("moved");
    let read_only = Layout::open_read_only(&path).await.expect("opened");
    assert!(!read_only.exists(&root).await.expect("asked"));
    assert!(read_only.predecessors(&Descriptor::empty_json()).await.expect("asked").is_empty());
    symlink(directory.path().join("elsewhere"), &blob).expect("linked");
    let bytes = read_only.fetch(&root).await.expect("there").read_all().await.expect("whole");
    assert_eq!(Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes), root);
    // A change by somebody else is seen at once.
    layout.tag(&root, &tag("v2")).await.expect("tagged");
    read_only.resolve(&tag("v2").into()).await.expect("seen");
}

#[tokio::test]
async fn a_reader_changes_nothing() {
    let (directory, layout) = layout().await;
    let root = manifest(&layout, &[], None).await;
    let path = directory.path().join("layout");
    let reader = Layout::open_read_only(&path).await.expect("opened");
    let before = read(&directory, INDEX_FILE);
    let blob = Descriptor::of("a/b".into(), b"x");
    for result in [
        reader.push(&blob, claiming(&blob, b"x")).await,
        reader.tag(&root, &tag("v1")).await,
        reader.untag(&tag("v1")).await,
        reader.delete(&root).await,
    ] {
        assert_eq!(result.expect_err("refused").kind(), ErrorKind::Unsupported);
    }
    assert_eq!(read(&directory, INDEX_FILE), before);
    let missing = directory.path().join("missing");
    assert_eq!(
        refusal(&missing).await,
        format!("open {}: no such file or directory", missing.display())
    );
    assert!(!missing.exists(), "nothing is made");
}

#[tokio::test]
async fn says_what_is_wrong_with_a_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let marker = "invalid OCI Image Layout: ";
    assert_eq!(
        refusal(path).await,
        format!(
            "{marker}failed to open OCI layout file: open oci-layout: no such file or directory"
        )
    );
    fs::write(path.join(MARKER_FILE), "{").expect("written");
    assert!(
        refusal(path).await.starts_with(&format!("{marker}failed to decode OCI layout file: "))
    );
    fs::write(path.join(MARKER_FILE), r#"{"imageLayoutVersion":"2.0.0"}"#).expect("written");
    assert_eq!(refusal(path).await, format!("{marker}unsupported version"));
    let error = Layout::open(path).await.expect_err("refused");
    assert_eq!(chain(&error), format!("{marker}unsupported version"));
    fs::write(path.join(MARKER_FILE), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    assert!(
        refusal(path).await.starts_with("invalid OCI Image Index: failed to open index file: ")
    );
    for bad in ["", "{", "[]", r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:../x"}]}"#] {
        fs::write(path.join(INDEX_FILE), bad).expect("written");
        let text = refusal(path).await;
        assert!(
            text.starts_with("invalid OCI Image Index: failed to decode index file: "),
            "{text}"
        );
    }
    let file = path.join(INDEX_FILE);
    let error = Layout::open(&file).await.expect_err("a file");
    assert_eq!(chain(&error), format!("mkdir {}: not a directory", file.display()));
}

#[tokio::test]
async fn a_damaged_blob_is_noticed_and_one_of_another_length_is_replaced() {
    let (directory, layout) = layout().await;
    let descriptor = put(&layout, "a/b".into(), b"content").await;
    let path = directory.path().join("layout").join(blob_path(&descriptor.digest));
    fs::remove_file(&path).expect("removed");
    fs::write(&path, b"c0ntent").expect("written");
    let error = layout.fetch(&descriptor).await.expect("open").read_all().await.expect_err("bad");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    for damage in [&b""[..], b"con", b"content and more"] {
        fs::write(&path, damage).expect("written");
        assert!(!layout.exists(&descriptor).await.expect("asked"));
        put(&layout, "a/b".into(), b"content").await;
        assert_eq!(fs::read(&path).expect("there"), b"content");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .expect("chmod");
    }
}

#[tokio::test]
async fn deleting_a_manifest_takes_along_what_nothing_else_needs() {
    let (_directory, layout) = layout().await;
    let shared = put(&layout, "a/b".into(), b"shared").await;
    let own = put(&layout, "a/b".into(), b"own").await;
    let kept = manifest(&layout, &[&shared], None).await;
    let gone = manifest(&layout, &[&shared, &own], None).await;
    let signature = manifest(&layout, &[], Some(&gone)).await;
    let of_signature = manifest(&layout, &[&own], Some(&signature)).await;
    layout.tag(&kept, &tag("kept")).await.expect("tagged");
    layout.tag(&gone, &tag("gone")).await.expect("tagged");
    layout.tag(&gone, &tag("gone too")).await.expect("tagged");
    layout.delete(&gone).await.expect("deleted");
    for (descriptor, is_there) in [
        (&kept, true),
        (&shared, true),
        (&gone, false),
        (&own, false),
        (&signature, false),
        (&of_signature, false),
    ] {
        assert_eq!(layout.exists(descriptor).await.expect("asked"), is_there, "{descriptor:?}");
    }
    assert!(layout.exists(&Descriptor::empty_json()).await.expect("asked"), "the config is shared");
    let tags: Vec<Tag> = layout.tags(None).try_collect().await.expect("listed");
    assert_eq!(tags, [tag("kept")]);
    layout.delete(&kept).await.expect("deleted");
    assert!(!layout.exists(&Descriptor::empty_json()).await.expect("asked"), "nobody needs it");
}

#[tokio::test]
async fn a_tagged_child_outlives_its_index() {
    let (_directory, layout) = layout().await;
    let tagged = manifest(&layout, &[], None).await;
    let layer = put(&layout, "a/b".into(), b"layer").await;
    let child = manifest(&layout, &[&layer], None).await;
    let index = Index::new(vec![tagged.clone(), child.clone()]);
    let index = put(&layout, MediaType::IMAGE_INDEX, &json::to_vec(&index)).await;
    layout.tag(&tagged, &tag("child")).await.expect("tagged");
    let predecessors = layout.predecessors(&tagged).await.expect("asked");
    assert_eq!(predecessors.iter().map(|found| &found.digest).collect::<Vec<_>>(), [&index.digest]);
    layout.delete(&index).await.expect("deleted");
    assert!(layout.exists(&tagged).await.expect("asked"));
    assert!(!layout.exists(&child).await.expect("asked"));
    assert!(layout.predecessors(&tagged).await.expect("asked").is_empty());
}

#[tokio::test]
async fn takes_no_document_that_is_none() {
    let (directory, layout) = layout().await;
    for text in ["", "{}", "no JSON", r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#] {
        let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, text.as_bytes());
        let content = claiming(&descriptor, text.as_bytes());
        let error = layout.push(&descriptor, content).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{text}");
        assert!(!layout.exists(&descriptor).await.expect("asked"));
    }
    assert!(read(&directory, INDEX_FILE).contains("[]"));
}

#[tokio::test]
async fn what_a_killed_writer_left_is_swept() {
    let (directory, layout) = layout().await;
    let ingest = directory.path().join("layout/ingest");
    fs::create_dir(&ingest).expect("made");
    fs::write(ingest.join(".oras-0123456789abcdef.partial"), "half").expect("written");
    put(&layout, "a/b".into(), b"x").await;
    assert_eq!(names(&ingest), [""; 0]);
}

#[tokio::test]
async fn copies_from_layout_to_layout_take_the_tag_that_is_asked_for() {
    let ((_one, source), (two, target)) = (layout().await, layout().await);
    let root = manifest(&source, &[], None).await;
    source.tag(&root, &tag("there")).await.expect("tagged");
    let options = CopyOptions::default();
    let from = tag("there").into();
    for _ in 0..2 {
        copy(&source, &from, &target, Some(&tag("here")), &options).await.expect("copied");
        let tags: Vec<Tag> = target.tags(None).try_collect().await.expect("listed");
        assert_eq!(tags, [tag("here")]);
    }
    assert!(!read(&two, INDEX_FILE).contains("there"));
    let blob = put(&source, "a/b".into(), b"a blob").await;
    source.tag(&blob, &tag("blob")).await.expect("tagged");
    let from = tag("blob").into();
    copy(&source, &from, &target, Some(&tag("blob")), &options).await.expect("copied");
    assert!(target.resolve(&tag("blob").into()).await.expect("there").is_same_content(&blob));
}

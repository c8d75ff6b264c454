//! Honest archives are layouts; of the others none is, and nothing is written anywhere.

use futures_util::TryStreamExt as _;
use oras_spec::image::layout::blob_path;
use oras_spec::image::{Index, Manifest, annotation};
use oras_spec::json;
use tempfile::TempDir;

use super::*;
use crate::copy::{CopyOptions, copy};
use crate::store::entries::sample::Archive as Sample;
use crate::store::fixture::{chain, names};
use crate::store::{Layout, Memory};

const MARKER: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

fn tag(text: &str) -> Tag {
    Tag::free_form(text).expect("a tag")
}

/// A manifest with one layer, tagged `v1`, and one about it: each with its bytes.
fn parts() -> (Vec<(Descriptor, Vec<u8>)>, String) {
    let config = (Descriptor::empty_json(), b"{}".to_vec());
    let layer = (Descriptor::of("a/b".into(), b"layer"), b"layer".to_vec());
    let document = |subject: Option<&Descriptor>| {
        let mut manifest = Manifest::new(config.0.clone(), vec![layer.0.clone()]);
        manifest.artifact_type = "x/y".into();
        manifest.subject = subject.cloned();
        let bytes = json::to_vec(&manifest);
        (Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes), bytes)
    };
    let manifest = document(None);
    let referrer = document(Some(&manifest.0));
    let mut entry = manifest.0.clone();
    entry.annotations.insert(annotation::REF_NAME.into(), "v1".into());
    let index = json::to_vec(&Index::new(vec![entry, referrer.0.clone()]));
    (vec![manifest, referrer, layer, config], String::from_utf8(index).expect("JSON"))
}

/// An archive of [`parts`], whose names all begin with `prefix`.
fn sample(prefix: &str) -> Sample {
    let (parts, index) = parts();
    let mut sample = Sample::default().directory(&format!("{prefix}blobs/"));
    for (descriptor, bytes) in &parts {
        let name = format!("{prefix}{}", blob_path(&descriptor.digest));
        sample = sample.entry(b'0', &name, "", bytes);
    }
    sample.file(&format!("{prefix}index.json"), &index).file(&format!("{prefix}oci-layout"), MARKER)
}

async fn open(bytes: &[u8]) -> (TempDir, Result<Archive>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.tar");
    std::fs::write(&path, bytes).expect("written");
    let opened = Archive::open(&path).await;
    assert_eq!(names(directory.path()), ["a.tar"], "nothing is unpacked");
    (directory, opened)
}

/// Opens what must be refused, and says why, without the path.
async fn refusal(bytes: &[u8]) -> String {
    let (directory, opened) = open(bytes).await;
    let error = opened.expect_err("refused");
    chain(&error).replace(&directory.path().display().to_string(), "")
}

#[tokio::test]
async fn reads_a_layout_where_it_lies() {
    for prefix in ["", "./", ".//./"] {
        let (_directory, archive) = open(&sample(prefix).file("manifest.json", "[]").end()).await;
        let archive = archive.expect("opened");
        let (parts, _) = parts();
        let found = archive.resolve(&tag("v1").into()).await.expect("there");
        assert!(found.is_same_content(&parts[0].0));
        for (descriptor, bytes) in &parts {
            assert!(archive.exists(descriptor).await.expect("asked"));
            let content = archive.fetch(descriptor).await.expect("there");
            let again = content.reopen().await.expect("there").expect("it can be reopened");
            assert_eq!(content.read_all().await.expect("read"), bytes);
            assert_eq!(again.read_all().await.expect("read"), bytes);
        }
        let tags: Vec<Tag> = archive.tags(None).try_collect().await.expect("listed");
        assert_eq!(tags, [tag("v1")]);
        let referrers = archive.referrers(&found, None).await.expect("found");
        assert_eq!(referrers[0].digest, parts[1].0.digest);
        let copied = Memory::new();
        let options = CopyOptions::default();
        copy(&archive, &tag("v1").into(), &copied, Some(&tag("v2")), &options).await.expect("ok");
        assert!(copied.exists(&parts[2].0).await.expect("asked"));
        let missing = archive.resolve(&tag("v2").into()).await.expect_err("missing");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let refused = archive.tag(&found, &tag("v2")).await.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn content_that_is_not_what_its_name_says_is_not_read() {
    let digest = Digest::of(b"right");
    let bytes = sample("").file(&blob_path(&digest), "wrong").end();
    let (_directory, archive) = open(&bytes).await;
    let descriptor = Descriptor::new("a/b".into(), digest, 5);
    let content = archive.expect("opened").fetch(&descriptor).await.expect("there");
    assert_eq!(content.read_all().await.expect_err("wrong").kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn an_archive_that_changes_is_not_read_to_its_end() {
    let (directory, archive) = open(&sample("").end()).await;
    let archive = archive.expect("opened");
    let path = directory.path().join("a.tar");
    let mut bytes = std::fs::read(&path).expect("there");
    bytes.extend_from_slice(&[0; 512]);
    std::fs::write(&path, bytes).expect("written");
    let (parts, _) = parts();
    let content = archive.fetch(&parts[0].0).await.expect("there");
    let error = content.read_all().await.expect_err("changed");
    assert!(chain(&error).contains("file changed while reading"), "{}", chain(&error));
}

#[tokio::test]
async fn what_is_no_archive_is_told_apart() {
    let compressed = crate::store::entries::sample::gzip(&sample("").end());
    let whole = sample("").end();
    let torn = &whole[..whole.len() - 1024 - 400];
    let mut scrambled = whole.clone();
    scrambled[0] ^= 1;
    for (bytes, why) in [
        (&b"no tar"[..], "unexpected EOF"),
        (torn, "unexpected EOF"),
        (&compressed, "it is compressed by gzip"),
        (&scrambled, "malformed archive: a checksum"),
    ] {
        let expected = format!("\"/a.tar\" does not look like a tar archive: {why}");
        assert_eq!(refusal(bytes).await, expected);
    }
    assert_eq!(
        refusal(b"").await,
        "invalid OCI Image Layout: failed to open OCI layout file: open oci-layout: no such file \
         or directory"
    );
    let bytes = Sample::default().file("oci-layout", MARKER).end();
    let expected = "invalid OCI Image Index: failed to open index file: open index.json: no such \
                    file or directory";
    assert_eq!(refusal(&bytes).await, expected);
    let bytes = Sample::default().file("oci-layout", MARKER).file("index.json", "{\"mani").end();
    let why = refusal(&bytes).await;
    assert!(why.starts_with("invalid OCI Image Index: failed to decode index file: "), "{why}");
    let bytes = Sample::default().file("oci-layout", "{\"imageLayoutVersion\":\"2\"}").end();
    assert_eq!(refusal(&bytes).await, "invalid OCI Image Layout: unsupported version");
    let error = Archive::open(Path::new("/dev/null")).await.expect_err("a device");
    assert_eq!(chain(&error), "/dev/null: not a regular file");
}

#[tokio::test]
async fn what_could_be_understood_in_two_ways_is_refused() {
    let (parts, index) = parts();
    let blob = blob_path(&parts[2].0.digest);
    let none = "\"/a.tar\" is no archive of an OCI layout: ";
    let cases = [
        (sample("").file("../x", ""), "the entry \"../x\" leads out of the archive"),
        (sample("").file("a/../../x", ""), "the entry \"a/../../x\" leads out of the archive"),
        (sample("").file("/etc/passwd", ""), "the entry \"/etc/passwd\" leads out of the archive"),
        (sample("").symlink("../x", "y"), "the entry \"../x\" leads out of the archive"),
        (
            sample("").pax(&[("path", "../x")]).file("x", ""),
            "the entry \"../x\" leads out of the archive",
        ),
        (sample("").file("./index.json", &index), "two entries have the name \"./index.json\""),
        (sample("").file(&blob, "layer"), "two entries have the name"),
        (
            sample("").pax(&[("path", "index.json")]).file("x", &index),
            "two entries have the name \"index.json\"",
        ),
        (
            Sample::default().symlink("index.json", "/etc/passwd"),
            "the entry \"index.json\" is no regular file",
        ),
        (Sample::default().hard_link(&blob, "x"), "is no regular file"),
        (Sample::default().symlink("blobs", "/etc"), "the entry \"blobs\" is no regular file"),
        (Sample::default().symlink("blobs/sha256", "x"), "\"blobs/sha256\" is no regular file"),
        (Sample::default().directory("oci-layout/"), "\"oci-layout/\" is no regular file"),
    ];
    for (sample, why) in cases {
        let found = refusal(&sample.end()).await;
        assert!(found.starts_with(none) && found.contains(why), "{found}");
    }
    let sizes = sample("").pax(&[("size", "1"), ("size", "2")]).file("x", "12");
    let found = refusal(&sizes.end()).await;
    assert!(found.contains("malformed archive: two sizes"), "{found}");
    let sparse = sample("").pax(&[("GNU.sparse.major", "1")]).file("x", "");
    assert!(refusal(&sparse.end()).await.contains("sparse files are not supported"));
    let huge = sample("").changed(b'0', "huge", b"", |header| header.set_size(1 << 40));
    assert!(refusal(&huge.end()).await.contains("unexpected EOF"));
    // Links elsewhere are not followed, so they may be there.
    let (_directory, archive) = open(&sample("").symlink("x", "../../etc").end()).await;
    archive.expect("opened");
}

#[tokio::test]
async fn a_sink_replaces_a_file_when_all_is_there_and_not_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("out.tar");
    std::fs::write(&path, "old").expect("written");
    let (parts, _) = parts();
    let (_kept, source) = open(&sample("").end()).await;
    let source = source.expect("opened");
    let mut first = None;
    for _ in 0..2 {
        let dropped = ArchiveSink::create(&path).await.expect("made");
        assert_eq!(names(directory.path()).len(), 2, "it is filled beside");
        drop(dropped);
        let sink = ArchiveSink::create(&path).await.expect("made");
        let (from, to) = (tag("v1").into(), tag("v1"));
        let options = CopyOptions::default();
        copy(&source, &from, sink.layout(), Some(&to), &options).await.expect("copied");
        assert_eq!(first.is_none(), std::fs::read(&path).expect("there") == b"old");
        let size = sink.finish(1_600_000_000).await.expect("written");
        assert_eq!(names(directory.path()), ["out.tar"]);
        let written = std::fs::read(&path).expect("there");
        assert_eq!(written.len() as u64, size);
        let again = first.get_or_insert_with(|| written.clone());
        assert!(*again == written, "the same content gives the same file");
    }
    let archive = Archive::open(&path).await.expect("opened");
    assert_eq!(archive.resolve(&to_v1()).await.expect("there").digest, parts[0].0.digest);
    let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().expect("tar");
    let listed = String::from_utf8(listed.stdout).expect("names");
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(listed[..2], ["blobs/", "blobs/sha256/"]);
    assert_eq!(listed[listed.len() - 2..], ["index.json", "oci-layout"]);
    assert!(listed.is_sorted());

    let layout = Layout::open(&directory.path().join("layout")).await.expect("made");
    assert!(layout.resolve(&to_v1()).await.is_err());
    let missing = directory.path().join("missing/out.tar");
    let error = ArchiveSink::create(&missing).await.expect_err("nowhere to write");
    let expected = format!("open {}: no such file or directory", missing.display());
    assert_eq!(chain(&error), expected);
    let error = ArchiveSink::create(directory.path()).await.expect_err("a directory");
    assert_eq!(chain(&error), format!("open {}: is a directory", directory.path().display()));
}

fn to_v1() -> TagOrDigest {
    tag("v1").into()
}

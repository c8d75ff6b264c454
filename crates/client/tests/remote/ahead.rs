//! Files that are sent while they are hashed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use oras_client::copy::{CopyOptions, copy};
use oras_client::pack::{Artifact, PackOptions, pack};
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::store::{Files, FilesOptions};
use oras_client::{Content, Note as _, Notebook, Target as _, Unnamed};
use oras_spec::image::{Descriptor, Manifest, MediaType};
use oras_spec::{Digest, Tag, json};

use crate::chain;
use crate::server::{Reply, Scripted, Seen, error, reply, status};
use crate::slate::Slate;

const LARGE: usize = 33 * 1024 * 1024;

fn repository(scripted: &Scripted, notes: Option<Arc<dyn Notebook>>) -> Repository {
    let options = RegistryOptions { notes, ..RegistryOptions::default() };
    let name = "r.example".parse().expect("a name");
    Registry::new(name, Arc::new(scripted.transport()), options)
        .repository("a".parse().expect("a name"))
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect()
}

/// Pushes one file under a tag, sent ahead if the repository likes; returns what was asked, with the
/// sizes of the bodies, but without what is of manifests and configs alone.
async fn push(scripted: &Scripted, size: usize) -> Result<Vec<String>, String> {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("file"), bytes(size)).expect("written");
    let tag: Tag = "v1".parse().expect("a tag");
    let repository = repository(scripted, None);
    let ahead = Some(repository.ahead(Some(tag.clone()), 3));
    let files = Files::new(place.path(), FilesOptions { ahead, ..FilesOptions::default() });
    let layer = files.add(Path::new("file"), Some("file"), None).await.expect("added");
    let artifact = Artifact {
        artifact_type: "application/x".into(),
        layers: vec![layer],
        ..Artifact::default()
    };
    let manifest = pack(&files, artifact, &PackOptions::default()).await.expect("packed");
    let from = manifest.digest.into();
    let copied = copy(&files, &from, &repository, Some(&tag), &CopyOptions::default()).await;
    copied.map_err(|error| chain(&error))?;
    let seen = scripted.seen();
    let large = seen.iter().filter(|seen| {
        let is_query_of_file = seen.uri.query().is_some_and(|query| query.contains(&encoded(size)));
        seen.method == "PATCH" || seen.body.len() == size || is_query_of_file
    });
    Ok(large
        .map(|seen| format!("{} {} {}", seen.method, seen.uri.path(), seen.body.len()))
        .collect())
}

fn encoded(size: usize) -> String {
    Digest::of(&bytes(size)).encoded().to_owned()
}

/// A registry that has nothing, but what `special` says.
fn empty(special: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Scripted {
    let uploads = Mutex::new(0);
    Scripted::new(move |seen| {
        special(seen).unwrap_or_else(|| match seen.method.as_str() {
            "HEAD" | "GET" => status(404),
            "POST" => {
                let mut uploads = uploads.lock().expect("no panic");
                *uploads += 1;
                reply(202, &[("location", &format!("/u{uploads}"))], "")
            }
            "PATCH" => reply(202, &[("location", &format!("{}x", seen.uri.path()))], ""),
            "DELETE" => status(204),
            _ => status(201),
        })
    })
}

#[tokio::test]
async fn a_large_file_goes_before_its_digest_is_known() {
    let scripted = empty(|_| None);
    let asked = push(&scripted, LARGE).await.expect("pushed");
    assert_eq!(asked, [format!("PATCH /u1 {LARGE}"), "PUT /u1x 0".to_owned()]);
    let sent = scripted.seen().into_iter().find(|seen| seen.method == "PATCH").expect("sent");
    assert!(sent.body == bytes(LARGE), "other bytes");
    assert_eq!(sent.header("content-length"), Some(LARGE.to_string().as_str()));
    assert_eq!(sent.header("content-range"), None, "a stream, which all registries take");
}

#[tokio::test]
async fn a_small_file_waits_for_its_digest() {
    let asked = push(&empty(|_| None), 1000).await.expect("pushed");
    assert!(asked.len() == 1 && asked[0].starts_with("PUT "), "{asked:?}");
}

#[tokio::test]
async fn what_the_tag_has_a_blob_of_the_size_of_waits_for_its_digest() {
    for (size, is_sent_ahead) in [(LARGE as u64, false), (LARGE as u64 - 1, true)] {
        let layer = Descriptor::new(MediaType::IMAGE_LAYER, Digest::of(b"another"), size);
        let manifest = json::to_vec(&Manifest::new(Descriptor::empty_json(), vec![layer]));
        let digest = Digest::of(&manifest).to_string();
        let scripted = empty(move |seen| {
            let is_asked = seen.uri.path().ends_with("/manifests/v1")
                || seen.uri.path().ends_with(&format!("/manifests/{digest}"));
            (is_asked && seen.method != "PUT").then(|| {
                let headers = [
                    ("content-type", MediaType::IMAGE_MANIFEST.as_str()),
                    ("docker-content-digest", &digest),
                    ("content-length", &manifest.len().to_string()),
                ]
                .map(|(name, value)| (name, value.to_owned()));
                let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                reply(200, &headers, manifest.clone())
            })
        });
        let asked = push(&scripted, LARGE).await.expect("pushed");
        let patches = asked.iter().filter(|line| line.starts_with("PATCH")).count();
        assert_eq!(patches, usize::from(is_sent_ahead), "{size}: {asked:?}");
    }
}

#[tokio::test]
async fn a_registry_that_takes_no_streams_gets_the_file_as_ever() {
    for code in [400, 404, 405, 413, 500] {
        let scripted = empty(move |seen| {
            (seen.method == "PATCH").then(|| error(code, "UNSUPPORTED", "no streams here"))
        });
        let asked = push(&scripted, LARGE).await.expect("pushed");
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(asked[0].starts_with("PATCH ") && asked[1].starts_with("PUT "), "{asked:?}");
        assert!(asked[1].ends_with(&LARGE.to_string()), "{asked:?}");
    }
}

#[tokio::test]
async fn a_stream_that_came_to_nothing_is_sent_anew() {
    let scripted = empty(|seen| {
        let is_first = seen.method == "PUT" && seen.uri.path() == "/u1x";
        is_first.then(|| error(400, "DIGEST_INVALID", "no"))
    });
    let asked = push(&scripted, LARGE).await.expect("pushed");
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[2].starts_with("PUT ") && asked[2].ends_with(&LARGE.to_string()), "{asked:?}");
}

/// Content of which no byte comes.
fn silent(name: &str) -> Unnamed {
    let bytes = oras_client::content::ByteStream::new(futures_util::stream::pending());
    Unnamed { name: name.to_owned(), size: Some(10), bytes }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_blob_that_is_there_after_all_is_not_sent_to_its_end() {
    let scripted =
        empty(|seen| (seen.method == "HEAD").then(|| reply(200, &[("content-length", "10")], "")));
    let ahead = repository(&scripted, None).ahead(None, 1);
    let early = ahead.begin(silent("x")).expect("begun");
    assert!(ahead.begin(silent("y")).is_none(), "more than the limit");
    early.name(&Digest::of(b"x"));
    until(|| scripted.lines().iter().any(|line| line.starts_with("DELETE "))).await;
    until(|| ahead.begin(silent("z")).is_some()).await;
}

#[tokio::test]
async fn what_a_process_was_killed_over_waits_for_its_digest() {
    let slate = Slate::default();
    let scripted = empty(|_| None);
    let ahead = repository(&scripted, Some(Arc::new(slate.clone()))).ahead(None, 1);
    let early = ahead.begin(silent("x")).expect("begun");
    until(|| slate.read().is_some()).await;
    // Given up without a name: nothing is there that another process could go on with.
    drop(early);
    until(|| slate.read().is_none()).await;
    assert!(scripted.lines().iter().any(|line| line.starts_with("DELETE ")));

    slate.clone().write("begun");
    let before = scripted.lines().len();
    let later = repository(&scripted, Some(Arc::new(slate))).ahead(None, 1);
    let early = later.begin(silent("x")).expect("looked at");
    until(|| later.begin(silent("y")).is_some()).await;
    drop(early);
    assert_eq!(scripted.lines().len(), before, "nothing was sent");
}

#[tokio::test]
async fn what_a_process_was_killed_over_goes_on_once_its_digest_is_known() {
    let scripted = empty(|seen| match (seen.method.as_str(), seen.uri.path()) {
        ("GET", "/left") => Some(reply(204, &[("range", "0-3")], "")),
        ("PUT", "/left") => Some(status(201)),
        _ => None,
    });
    let slate = Slate::default();
    slate.clone().write("{\"location\":\"https://r.example/left\",\"sent\":0}");
    let repository = repository(&scripted, Some(Arc::new(slate.clone())));
    let early = repository.ahead(None, 1).begin(silent("x")).expect("taken up");
    let blob = Descriptor::of("a/b".into(), b"0123456789");
    early.name(&blob.digest);
    let content = Content::from_bytes(&blob, "0123456789".into());
    repository.push(&blob, content).await.expect("pushed");
    let seen = scripted.seen();
    let lines: Vec<_> =
        seen.iter().map(|seen| format!("{} {}", seen.method, seen.uri.path())).collect();
    assert_eq!(lines, ["GET /left", "PUT /left"]);
    assert_eq!(seen[1].body, "456789");
    assert_eq!(slate.read(), None, "what is done is forgotten");
}

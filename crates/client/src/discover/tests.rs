//! Searches of stores in memory, and of places that lie about their referrers.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use oras_spec::image::Manifest;
use oras_spec::{Tag, TagOrDigest, json};

use super::*;
use crate::store::Memory;
use crate::{Content, Target as _};

async fn attach(memory: &Memory, subject: Option<&Descriptor>, kind: &str) -> Descriptor {
    let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
    manifest.artifact_type = kind.into();
    manifest.subject = subject.cloned();
    let bytes = Bytes::from(json::to_vec(&manifest));
    let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
    let content = Content::from_bytes(&descriptor, bytes);
    memory.push(&descriptor, content).await.expect("memory takes it");
    descriptor
}

/// The artifact types of all nodes, each with those of what is about it.
fn shown(found: &Discovered) -> Vec<(String, Vec<String>)> {
    let kind = |at: &usize| found.nodes()[*at].descriptor.artifact_type.to_string();
    let node = |at: usize| (kind(&at), found.nodes()[at].referrers.iter().map(kind).collect());
    (0..found.nodes().len()).map(node).collect()
}

fn pairs(pairs: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    pairs.iter().map(|(one, many)| ((*one).to_owned(), owned(many))).collect()
}

#[tokio::test]
async fn goes_level_by_level_as_deep_as_it_is_told() {
    let memory = Memory::new();
    let root = attach(&memory, None, "r/r").await;
    let sbom = attach(&memory, Some(&root), "s/s").await;
    attach(&memory, Some(&root), "t/t").await;
    attach(&memory, Some(&sbom), "u/u").await;
    let all = discover(&memory, std::slice::from_ref(&root), &DiscoverOptions::default()).await;
    let wanted = pairs(&[("", &["s/s", "t/t"]), ("s/s", &["u/u"]), ("t/t", &[]), ("u/u", &[])]);
    assert_eq!(shown(&all.expect("found")), wanted);
    let options = DiscoverOptions { depth: 1, ..DiscoverOptions::default() };
    let one = discover(&memory, std::slice::from_ref(&root), &options).await.expect("found");
    assert_eq!(shown(&one), pairs(&[("", &["s/s", "t/t"]), ("s/s", &[]), ("t/t", &[])]));
    // What is about something that is left out is left out, too.
    let options =
        DiscoverOptions { artifact_type: Some("u/u".into()), ..DiscoverOptions::default() };
    let none = discover(&memory, &[root], &options).await.expect("found");
    assert_eq!(shown(&none), pairs(&[("", &[])]));
}

/// A place that makes referrers up as it is asked.
#[derive(Debug)]
struct Endless {
    /// How many referrers everything has.
    each: usize,
    /// Whether they are the same ones for everything.
    same: bool,
    /// How long the annotation of each is.
    note: usize,
    asked: AtomicUsize,
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("endless")
    }
}

#[async_trait]
impl Source for Endless {
    async fn resolve(&self, _: &TagOrDigest) -> Result<Descriptor> {
        unreachable!("nothing is resolved")
    }
    async fn fetch(&self, _: &Descriptor) -> Result<Content> {
        unreachable!("nothing is read")
    }
    async fn exists(&self, _: &Descriptor) -> Result<bool> {
        unreachable!("nothing is looked for")
    }
    async fn predecessors(&self, _: &Descriptor) -> Result<Vec<Descriptor>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let turn = if self.same { 0 } else { turn };
        let name = |at| {
            let name = format!("{turn} {at}");
            let mut found = Descriptor::of(MediaType::IMAGE_MANIFEST, name.as_bytes());
            found.annotations.insert("note".to_owned(), "x".repeat(self.note));
            found
        };
        Ok((0..self.each).map(name).collect())
    }
    fn tags(&self, _: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        stream::empty().boxed()
    }
}

async fn search(each: usize, same: bool) -> (Result<usize, ErrorKind>, usize) {
    search_noted(each, same, 0).await
}

async fn search_noted(each: usize, same: bool, note: usize) -> (Result<usize, ErrorKind>, usize) {
    let place = Endless { each, same, note, asked: AtomicUsize::new(0) };
    let root = Descriptor::of(MediaType::IMAGE_MANIFEST, b"root");
    let found = discover(&place, &[root], &DiscoverOptions::default()).await;
    let found = found.map(|found| found.nodes().len()).map_err(|error| error.kind());
    (found, place.asked.into_inner())
}

#[tokio::test]
async fn circles_end() {
    // Two manifests, each of which is about the other and about itself.
    assert_eq!(search(2, true).await, (Ok(7), 3));
}

#[tokio::test]
async fn what_has_no_end_is_given_up() {
    let (found, asked) = search(1, false).await;
    assert_eq!(found, Err(ErrorKind::LimitExceeded));
    assert_eq!(asked, MAX_DEPTH + 1);
    let (found, asked) = search(100_000, true).await;
    assert_eq!(found, Err(ErrorKind::LimitExceeded));
    assert!(asked <= MAX_NODES / 100_000 + 3, "{asked}");
}

#[tokio::test]
async fn what_is_said_of_referrers_is_not_kept_without_bound() {
    const NOTE: usize = 4 << 20;
    let (found, asked) = search_noted(2, false, NOTE).await;
    assert_eq!(found, Err(ErrorKind::LimitExceeded));
    assert!(asked <= MAX_LENGTH / NOTE, "{asked}");
}

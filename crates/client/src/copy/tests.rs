//! Copies between stores in memory, with a target that can be made to behave like a registry.

mod referrers;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use oras_spec::image::{Index, Manifest, MediaType, annotation};
use oras_spec::{Digest, json};

use super::*;
use crate::store::Memory;
use crate::{Content, Error, ErrorKind, Event};

/// A store in memory with the manners of a registry, or worse.
#[derive(Debug, Default)]
struct Odd {
    inner: Memory,
    tags_by_push: bool,
    /// Says that it has these, whether or not it has.
    claims: Mutex<BTreeSet<Digest>>,
    /// Refuses documents of which it lacks a successor, as registries do.
    checks_successors: bool,
    mount: Option<Result<bool, ErrorKind>>,
    calls: Mutex<Vec<String>>,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Odd {
    fn note(&self, call: String) {
        self.calls.lock().expect("not poisoned").push(call);
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("not poisoned").clone()
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("odd")
    }
}

#[async_trait]
impl Source for Odd {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        self.inner.resolve(reference).await
    }
    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        self.note(format!("fetch {}", name(descriptor)));
        self.inner.fetch(descriptor).await
    }
    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        let claims = self.claims.lock().expect("not poisoned").contains(&descriptor.digest);
        Ok(claims || self.inner.exists(descriptor).await?)
    }
    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        self.inner.predecessors(descriptor).await
    }
    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        self.inner.tags(last)
    }
}

#[async_trait]
impl Target for Odd {
    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        self.note(format!("push {}", name(descriptor)));
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.busiest.fetch_max(busy, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.busy.fetch_sub(1, Ordering::SeqCst);
        let bytes = content.read_all().await?;
        if self.checks_successors && descriptor.media_type.is_document() {
            for successor in graph::decode(descriptor, bytes.clone())?.successors() {
                if !self.inner.exists(&successor).await? {
                    return Err(Error::new(ErrorKind::NotFound, "manifest blob unknown"));
                }
            }
        }
        self.inner.push(descriptor, Content::from_bytes(descriptor, bytes)).await
    }
    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
        self.inner.tag(descriptor, tag).await
    }
    async fn push_tagged(
        &self,
        descriptor: &Descriptor,
        content: Content,
        tag: &Tag,
    ) -> Result<()> {
        self.push(descriptor, content).await?;
        self.tag(descriptor, tag).await
    }
    fn tags_by_push(&self) -> bool {
        self.tags_by_push
    }
    async fn mount(&self, descriptor: &Descriptor, _: &RepositoryName) -> Result<bool> {
        self.note(format!("mount {}", name(descriptor)));
        match self.mount {
            None => Ok(false),
            Some(answer) => answer.map_err(|kind| Error::new(kind, "mount")),
        }
    }
}

/// The title, else the first characters of the digest.
fn name(descriptor: &Descriptor) -> String {
    descriptor.title().map_or_else(|| descriptor.digest.encoded()[..8].to_owned(), str::to_owned)
}

async fn put(target: &dyn Target, media_type: MediaType, bytes: &[u8]) -> Descriptor {
    let descriptor = Descriptor::of(media_type, bytes);
    let content = Content::from_bytes(&descriptor, Bytes::copy_from_slice(bytes));
    target.push(&descriptor, content).await.expect("memory takes it");
    descriptor
}

async fn layer(target: &dyn Target, title: &str, bytes: &[u8]) -> Descriptor {
    let mut descriptor = put(target, MediaType::IMAGE_LAYER, bytes).await;
    descriptor.annotations.insert(annotation::TITLE.into(), title.into());
    descriptor
}

async fn manifest(target: &dyn Target, layers: Vec<Descriptor>) -> Descriptor {
    let config = put(target, MediaType::EMPTY_JSON, b"{}").await;
    let bytes = json::to_vec(&Manifest::new(config, layers));
    put(target, MediaType::IMAGE_MANIFEST, &bytes).await
}

async fn index(target: &dyn Target, manifests: Vec<Descriptor>) -> Descriptor {
    put(target, MediaType::IMAGE_INDEX, &json::to_vec(&Index::new(manifests))).await
}

/// Two manifests that share a layer, in an index that is listed in an index twice over.
async fn diamond(target: &dyn Target) -> Descriptor {
    let shared = layer(target, "shared", b"shared").await;
    let left = layer(target, "left", b"left").await;
    let right = layer(target, "right", b"right").await;
    let one = manifest(target, vec![shared.clone(), left]).await;
    let two = manifest(target, vec![shared, right]).await;
    let inner = index(target, vec![one.clone(), two.clone()]).await;
    index(target, vec![one, inner.clone(), two, inner]).await
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Started(d) => format!("started {}", name(d)),
            Event::Copied(d) => format!("copied {}", name(d)),
            Event::Exists(d) => format!("exists {}", name(d)),
            Event::Mounted(d) => format!("mounted {}", name(d)),
            Event::Restored(d) => format!("restored {}", name(d)),
            Event::Fetching(d) => format!("fetching {}", name(d)),
            Event::Fetched(d) => format!("fetched {}", name(d)),
            Event::Failed(d) => format!("failed {}", name(d)),
            Event::Moved(..) => return,
            other => panic!("{other:?} is not said by a copy"),
        };
        self.0.lock().expect("not poisoned").push(line);
    }
}

fn listening(options: CopyOptions) -> (Arc<Log>, CopyOptions) {
    let log = Arc::new(Log::default());
    let observer = Arc::<Log>::clone(&log);
    (log, CopyOptions { observer, ..options })
}

fn lines(log: &Log) -> Vec<String> {
    log.0.lock().expect("not poisoned").clone()
}

fn one_by_one() -> CopyOptions {
    CopyOptions { concurrency: 1, ..CopyOptions::default() }
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

#[tokio::test]
async fn copies_a_diamond_once() {
    for concurrency in [0, 1, 3, 16] {
        let (source, target) = (Odd::default(), Odd::default());
        let root = diamond(&source.inner).await;
        let (log, options) = listening(CopyOptions { concurrency, ..CopyOptions::default() });
        let from = root.digest.clone().into();
        let found = copy(&source, &from, &target, Some(&tag("v1")), &options).await;
        assert_eq!(found.expect("copied"), root);
        assert_eq!(target.inner.resolve(&tag("v1").into()).await.expect("tagged"), root);
        let lines = lines(&log);
        let copied = |line: &&String| line.starts_with("copied");
        let names: BTreeSet<&String> = lines.iter().filter(copied).collect();
        assert_eq!(names.len(), 8, "{lines:?}");
        assert_eq!(lines.iter().filter(copied).count(), 8, "each node once");
        assert_eq!(source.calls().len(), 8, "each node is read once");
        assert_eq!(target.calls().len(), 8, "each node is written once");
        assert_eq!(target.calls().last(), Some(&format!("push {}", name(&root))));
    }
}

#[tokio::test]
async fn children_are_there_before_what_points_at_them() {
    let source = Memory::new();
    let root = diamond(&source).await;
    let target = Odd { checks_successors: true, ..Odd::default() };
    let options = CopyOptions { concurrency: 16, ..CopyOptions::default() };
    copy_graph(&source, &root, &target, &options).await.expect("never refused");
}

#[tokio::test]
async fn no_more_is_under_way_than_was_asked_for() {
    for concurrency in [1, 2, 5] {
        let source = Memory::new();
        let mut layers = Vec::new();
        for number in 0..20_u8 {
            layers.push(layer(&source, &number.to_string(), &[number]).await);
        }
        let root = manifest(&source, layers).await;
        let target = Odd::default();
        let options = CopyOptions { concurrency, ..CopyOptions::default() };
        copy_graph(&source, &root, &target, &options).await.expect("copied");
        assert_eq!(target.busiest.load(Ordering::SeqCst), concurrency);
    }
}

#[tokio::test]
async fn says_what_happens_in_the_order_it_does() {
    let source = Memory::new();
    let one = layer(&source, "one", b"same").await;
    let two = layer(&source, "two", b"same").await;
    let three = layer(&source, "three", b"other").await;
    let root = manifest(&source, vec![one.clone(), two, three, one]).await;
    let target = Memory::new();
    put(&target, MediaType::EMPTY_JSON, b"{}").await;
    let (log, options) = listening(one_by_one());
    copy_graph(&source, &root, &target, &options).await.expect("copied");
    let root = name(&root);
    let expected = [
        format!("fetching {root}"),
        format!("fetched {root}"),
        "exists 44136fa3".into(),
        "started one".into(),
        "copied one".into(),
        "started three".into(),
        "copied three".into(),
        format!("started {root}"),
        "restored two".into(),
        format!("copied {root}"),
    ];
    assert_eq!(lines(&log), expected);
}

#[tokio::test]
async fn what_is_there_is_not_looked_into_unless_asked() {
    let source = Memory::new();
    let root = diamond(&source).await;
    let target = Memory::new();
    copy_graph(&source, &root, &target, &one_by_one()).await.expect("copied");

    let (log, options) = listening(one_by_one());
    copy_graph(&source, &root, &target, &options).await.expect("copied");
    assert_eq!(lines(&log), [format!("exists {}", name(&root))]);

    let (log, options) = listening(CopyOptions { existing: Existing::Descend, ..one_by_one() });
    copy_graph(&source, &root, &target, &options).await.expect("copied");
    let of = |what: &str| lines(&log).iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((of("copied"), of("exists")), (4, 4), "documents anew, blobs not");
}

#[tokio::test]
async fn a_root_that_is_there_is_tagged_all_the_same() {
    let source = Odd::default();
    let root = diamond(&source.inner).await;
    let from: TagOrDigest = root.digest.clone().into();
    let target = Odd { tags_by_push: true, ..Odd::default() };
    copy_graph(&source, &root, &target, &one_by_one()).await.expect("copied");
    let (read, written) = (source.calls().len(), target.calls().len());

    let (log, options) = listening(one_by_one());
    copy(&source, &from, &target, Some(&tag("v2")), &options).await.expect("tagged");
    assert_eq!(lines(&log), Vec::<String>::new(), "silently");
    assert_eq!(target.calls()[written..], [format!("push {}", name(&root))], "by pushing it");
    assert_eq!(source.calls().len() - read, 1, "with the bytes that were read anyway");
    assert_eq!(target.inner.resolve(&tag("v2").into()).await.expect("tagged"), root);

    let local = Memory::new();
    copy_graph(&source, &root, &local, &one_by_one()).await.expect("copied");
    let (log, options) = listening(one_by_one());
    copy(&source, &from, &local, Some(&tag("v2")), &options).await.expect("tagged");
    assert_eq!(lines(&log), [format!("exists {}", name(&root))]);
    assert_eq!(local.resolve(&tag("v2").into()).await.expect("tagged"), root);
}

#[tokio::test]
async fn sends_what_the_target_said_it_had_and_has_not() {
    let source = Memory::new();
    let root = diamond(&source).await;
    // Everything but the root is claimed, and nothing is there.
    let mut claims = BTreeSet::new();
    let mut open = vec![root.clone()];
    while let Some(descriptor) = open.pop() {
        for successor in graph::successors(&source, &descriptor).await.expect("there") {
            claims.insert(successor.digest.clone());
            open.push(successor);
        }
    }
    let target = Odd { checks_successors: true, claims: Mutex::new(claims), ..Odd::default() };
    for concurrency in [1, 8] {
        let options = CopyOptions { concurrency, ..CopyOptions::default() };
        copy_graph(&source, &root, &target, &options).await.expect("healed");
        let whole = Odd { checks_successors: true, ..Odd::default() };
        copy_graph(&target.inner, &root, &whole, &options).await.expect("complete");
        target.inner.delete(&root).await.expect("there");
    }
}

#[tokio::test]
async fn a_root_that_lost_what_is_below_it_gets_it_back_when_it_is_to_be_tagged() {
    let source = Memory::new();
    let one = layer(&source, "one", b"one").await;
    let two = layer(&source, "two", b"two").await;
    let root = manifest(&source, vec![one.clone(), two]).await;
    let from: TagOrDigest = root.digest.clone().into();
    for existing in [Existing::Skip, Existing::Complete] {
        for claims in [BTreeSet::new(), BTreeSet::from([one.digest.clone()])] {
            let target = Odd {
                tags_by_push: true,
                checks_successors: true,
                claims: Mutex::new(claims),
                ..Odd::default()
            };
            copy_graph(&source, &root, &target, &one_by_one()).await.expect("copied");
            target.inner.delete(&one).await.expect("there");
            let options = CopyOptions { existing, ..one_by_one() };
            copy(&source, &from, &target, Some(&tag("v1")), &options).await.expect("healed");
            assert_eq!(target.inner.resolve(&tag("v1").into()).await.expect("tagged"), root);
            assert!(target.inner.exists(&one).await.expect("asked"), "{existing:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_healed_is_returned() {
    let source = Memory::new();
    let one = layer(&source, "one", b"one").await;
    let root = manifest(&source, vec![one]).await;
    let target = Odd { checks_successors: true, ..Odd::default() };
    let (log, mut options) = listening(one_by_one());
    options.successors = Some(Arc::new(|_| Ok(Vec::new())));
    let error = copy_graph(&source, &root, &target, &options).await.expect_err("refused");
    assert_eq!((error.kind(), error.origin()), (ErrorKind::NotFound, Some(Origin::Target)));
    assert_eq!(lines(&log).last(), Some(&format!("failed {}", name(&root))));
}

#[tokio::test]
async fn mounts_blobs_and_stops_trying_where_it_may_not() {
    let source = Memory::new();
    let one = layer(&source, "one", b"one").await;
    let two = layer(&source, "two", b"two").await;
    let root = manifest(&source, vec![one, two]).await;
    let options =
        || CopyOptions { mount_from: Some("from/here".parse().expect("a name")), ..one_by_one() };
    let started_and_mounted = async |mount| {
        let target = Odd { mount: Some(mount), ..Odd::default() };
        let (log, options) = listening(options());
        let result = copy_graph(&source, &root, &target, &options).await;
        let of = |what: &str| lines(&log).iter().filter(|line| line.starts_with(what)).count();
        let tries = target.calls().iter().filter(|call| call.starts_with("mount")).count();
        (result.map_err(|error| error.kind()), of("started"), of("mounted"), tries)
    };
    assert_eq!(started_and_mounted(Ok(true)).await, (Ok(()), 1, 3, 3));
    assert_eq!(started_and_mounted(Ok(false)).await, (Ok(()), 4, 0, 3));
    assert_eq!(started_and_mounted(Err(ErrorKind::Denied)).await, (Ok(()), 4, 0, 1));
    let broken = Err(ErrorKind::Network);
    assert_eq!(started_and_mounted(broken).await, (Err(ErrorKind::Network), 0, 0, 1));
}

#[tokio::test]
async fn says_which_side_failed() {
    let source = Memory::new();
    let root = manifest(&source, vec![Descriptor::of("a/b".into(), b"missing")]).await;
    let error =
        copy_graph(&source, &root, &Memory::new(), &one_by_one()).await.expect_err("missing");
    assert_eq!((error.kind(), error.origin()), (ErrorKind::NotFound, Some(Origin::Source)));

    let unknown = copy(&source, &tag("none").into(), &Memory::new(), None, &one_by_one()).await;
    assert_eq!(unknown.expect_err("unknown").origin(), Some(Origin::Source));

    let root = diamond(&source).await;
    let small = Memory::with_limit(3);
    let error = copy_graph(&source, &root, &small, &one_by_one()).await.expect_err("too small");
    assert_eq!((error.kind(), error.origin()), (ErrorKind::LimitExceeded, Some(Origin::Target)));
}

#[tokio::test]
async fn successors_can_be_left_out_and_renamed() {
    let source = Memory::new();
    let one = layer(&source, "one", b"one").await;
    let two = layer(&source, "two", b"two").await;
    let root = manifest(&source, vec![one, two.clone()]).await;
    let (log, mut options) = listening(one_by_one());
    options.successors = Some(Arc::new(|document| {
        let mut last = document.successors().split_off(2);
        last[0].annotations.insert(annotation::TITLE.into(), "renamed".into());
        Ok(last)
    }));
    let target = Memory::new();
    copy_graph(&source, &root, &target, &options).await.expect("copied");
    assert!(lines(&log).contains(&"copied renamed".to_owned()));
    assert!(target.exists(&two).await.expect("memory"));
    assert!(!target.exists(&Descriptor::empty_json()).await.expect("memory"));
}

#[tokio::test]
async fn only_the_chosen_platform_is_copied() {
    let source = Memory::new();
    let mut one = manifest(&source, vec![layer(&source, "one", b"one").await]).await;
    let two = manifest(&source, vec![layer(&source, "two", b"two").await]).await;
    one.platform = Some(Platform::new("linux", "amd64"));
    let root = index(&source, vec![two.clone(), one.clone()]).await;
    let options = CopyOptions { platform: one.platform.clone(), ..one_by_one() };
    let target = Memory::new();
    let from = root.digest.clone().into();
    let found = copy(&source, &from, &target, Some(&tag("v")), &options).await.expect("copied");
    assert_eq!(found, one);
    assert!(!target.exists(&root).await.expect("memory"));
    assert!(!target.exists(&two).await.expect("memory"));
}

#[tokio::test]
async fn a_blob_of_a_document_and_the_document_are_two_things() {
    let source = Memory::new();
    let inner = manifest(&source, Vec::new()).await;
    let as_blob = Descriptor { media_type: "a/b".into(), ..inner.clone() };
    let wrapping = manifest(&source, vec![as_blob]).await;
    let root = index(&source, vec![wrapping, inner.clone()]).await;
    let (log, options) = listening(one_by_one());
    copy_graph(&source, &root, &Memory::new(), &options).await.expect("copied");
    let of_inner = |line: &&String| line.ends_with(&name(&inner));
    // Memory keeps both in one place and so has the second already; a registry would not.
    let fates: Vec<String> = lines(&log).iter().filter(of_inner).cloned().collect();
    assert_eq!(fates.len(), 3, "{fates:?}");
    assert_eq!(fates.last(), Some(&format!("exists {}", name(&inner))));
}

#[tokio::test]
async fn one_digest_has_one_size() {
    let source = Memory::new();
    let honest = Descriptor::of("a/b".into(), b"x");
    let lying = Descriptor { size: 2, ..honest.clone() };
    put(&source, "a/b".into(), b"x").await;
    let root = manifest(&source, vec![honest, lying]).await;
    let error = copy_graph(&source, &root, &Memory::new(), &one_by_one()).await.expect_err("a lie");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn depth_is_limited() {
    let source = Memory::new();
    let mut root = manifest(&source, Vec::new()).await;
    // The manifest and its config are two more levels.
    for _ in 0..graph::MAX_DEPTH - 1 {
        root = index(&source, vec![root]).await;
    }
    copy_graph(&source, &root, &Memory::new(), &one_by_one()).await.expect("just not too deep");
    let deeper = index(&source, vec![root]).await;
    let error =
        copy_graph(&source, &deeper, &Memory::new(), &one_by_one()).await.expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[tokio::test]
async fn a_hook_that_leads_back_is_noticed() {
    let source = Memory::new();
    let root = manifest(&source, Vec::new()).await;
    let again = root.clone();
    let successors: Successors = Arc::new(move |_| Ok(vec![again.clone()]));
    let options = CopyOptions { successors: Some(successors), ..one_by_one() };
    let error = copy_graph(&source, &root, &Memory::new(), &options).await.expect_err("a circle");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_target_that_cannot_restore_gets_the_bytes_again() {
    #[derive(Debug)]
    struct Forgetful(Odd);
    impl fmt::Display for Forgetful {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("forgetful")
        }
    }
    #[async_trait]
    impl Source for Forgetful {
        async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
            self.0.resolve(reference).await
        }
        async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
            self.0.fetch(descriptor).await
        }
        async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
            self.0.exists(descriptor).await
        }
        async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
            self.0.predecessors(descriptor).await
        }
        fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
            self.0.tags(last)
        }
    }
    #[async_trait]
    impl Target for Forgetful {
        async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
            self.0.push(descriptor, content).await
        }
        async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
            self.0.tag(descriptor, tag).await
        }
        async fn restore(&self, _: &Descriptor) -> Result<bool> {
            Ok(false)
        }
    }
    let source = Memory::new();
    let one = layer(&source, "one", b"same").await;
    let two = layer(&source, "two", b"same").await;
    let root = manifest(&source, vec![one, two]).await;
    let target = Forgetful(Odd::default());
    copy_graph(&source, &root, &target, &one_by_one()).await.expect("copied");
    let pushed = target.0.calls();
    assert!(pushed.contains(&"push one".into()) && pushed.contains(&"push two".into()));
}

/// Content that comes only when so many ask for it at once.
#[derive(Debug)]
struct Together {
    inner: Memory,
    barrier: tokio::sync::Barrier,
    size: u64,
}

impl fmt::Display for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("together")
    }
}

#[async_trait]
impl Source for Together {
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        self.inner.resolve(reference).await
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        if descriptor.size == self.size {
            self.barrier.wait().await;
        }
        self.inner.fetch(descriptor).await
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        self.inner.exists(descriptor).await
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        self.inner.predecessors(descriptor).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        self.inner.tags(last)
    }
}

/// Copies four blobs of so many bytes that come only together; tells whether they come.
async fn come_together(size: usize, further_small: usize) -> bool {
    let inner = Memory::new();
    let mut layers = Vec::new();
    for number in 0..4 {
        let bytes = vec![number; size];
        let layer = Descriptor::of(MediaType::IMAGE_LAYER, &bytes);
        let content = Content::from_bytes(&layer, bytes.into());
        inner.push(&layer, content).await.expect("kept");
        layers.push(layer);
    }
    let artifact = crate::pack::Artifact {
        artifact_type: "test/together".into(),
        layers,
        ..crate::pack::Artifact::default()
    };
    let options = crate::pack::PackOptions::default();
    let root = crate::pack::pack(&inner, artifact, &options).await.expect("packed");
    let source = Together { inner, barrier: tokio::sync::Barrier::new(4), size: size as u64 };
    let options = CopyOptions { concurrency: 1, further_small, ..CopyOptions::default() };
    let target = Memory::new();
    let copied = copy_graph(&source, &root, &target, &options);
    let limit = std::time::Duration::from_hours(1);
    matches!(tokio::time::timeout(limit, copied).await, Ok(Ok(())))
}

#[tokio::test(start_paused = true)]
async fn small_things_are_waited_for_together_and_large_ones_are_not() {
    assert!(come_together(1000, 3).await);
    assert!(!come_together(1000, 2).await);
    assert!(!come_together(300_000, 3).await);
}

//! Pushes, mounts and deletions beside collections, in every order of their steps that matters.
//!
//! A step is one operation of the store. Each waits at a gate until it is let through, and only one
//! is let through at a time, so a list of choices decides the order of all of them, and the same
//! list the same order. All orders of few changes between tasks are tried, as most mistakes need
//! no more than two; and many others at random.

use std::collections::VecDeque;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, LocalBoxFuture};
use oras_spec::distribution::UploadId;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::storage::{Collection, Condition, Durability, Key, OpenObject, Result, Stage, Store};

/// A store whose operations wait to be let through.
#[derive(Debug)]
struct Gated {
    inner: Memory,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    /// Whose next step waits, and what lets it through.
    waiting: Mutex<VecDeque<(Who, oneshot::Sender<()>)>>,
    is_open: AtomicBool,
}

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Client,
    Collector,
}

impl Who {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Collector,
            Self::Collector => Self::Client,
        }
    }
}

tokio::task_local! {
    /// Set in the task of the collector alone: clients' work goes on in tasks of its own.
    static COLLECTOR: ();
}

impl Gate {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Who, oneshot::Sender<()>)>> {
        self.waiting.lock().expect("not poisoned")
    }

    async fn pass(&self) {
        if self.is_open.load(Ordering::SeqCst) {
            return;
        }
        let who = COLLECTOR.try_with(|()| Who::Collector).unwrap_or(Who::Client);
        let (sender, receiver) = oneshot::channel();
        self.waiting().push_back((who, sender));
        receiver.await.unwrap_or_default();
    }

    /// Lets a step of `who` through, or of the other if nothing of `who`'s waits; tells whose.
    fn let_through(&self, who: Who) -> Option<Who> {
        let mut waiting = self.waiting();
        let index = waiting.iter().position(|(waiter, _)| *waiter == who);
        let index = index.or((!waiting.is_empty()).then_some(0))?;
        let (who, sender) = waiting.remove(index).expect("within");
        // Who has given up waiting takes no step.
        sender.send(()).unwrap_or_default();
        Some(who)
    }
}

/// Who goes on, step by step: first one, after so many of its steps the other, and so on; whoever is
/// last goes on to the end.
#[derive(Clone, Debug)]
struct Order {
    who: Who,
    steps: VecDeque<usize>,
}

impl Order {
    fn next(&mut self) -> Who {
        while self.steps.front() == Some(&0) {
            self.steps.pop_front();
            self.who = self.who.other();
        }
        if let Some(left) = self.steps.front_mut() {
            *left -= 1;
        }
        self.who
    }
}

/// What clients do: prepares a registry, and then acts; returns the manifests that are acknowledged.
struct Scenario<'a> {
    options: CollectOptions,
    prepare: &'a dyn Fn(Storage) -> LocalBoxFuture<'a, ()>,
    act: fn(Storage) -> BoxFuture<'static, Vec<Document>>,
}

/// Runs a scenario beside collections in an order, and checks that nothing acknowledged is lost
/// and that nothing is left in the end. Tells whether the order was used up.
async fn run(scenario: &Scenario<'_>, collections: usize, mut order: Order) -> bool {
    let gate = Arc::new(Gate::default());
    gate.is_open.store(true, Ordering::SeqCst);
    let store = Gated { inner: Memory::default(), gate: Arc::clone(&gate) };
    let storage = Storage::new(Arc::new(store), &Limits::default());
    (scenario.prepare)(storage.clone()).await;

    gate.is_open.store(false, Ordering::SeqCst);
    let shown = format!("{order:?}");
    let client = tokio::spawn((scenario.act)(storage.clone()));
    let (collecting, options) = (storage.clone(), scenario.options.clone());
    let collector = tokio::spawn(COLLECTOR.scope((), async move {
        for _ in 0..collections {
            collect(&collecting, &options).await;
        }
    }));
    loop {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        if client.is_finished() && collector.is_finished() {
            break;
        }
        gate.let_through(order.next()).unwrap_or_else(|| panic!("everybody waits in {shown}"));
    }
    gate.is_open.store(true, Ordering::SeqCst);
    collector.await.expect("no panic");
    let acknowledged = client.await.expect("no panic");
    check(&storage, &acknowledged, &shown).await;
    collect(&storage, &scenario.options).await;
    check(&storage, &acknowledged, &shown).await;
    assert_eq!(collect(&storage, &at_once()).await, [], "left in {shown}");
    order.steps.iter().all(|left| *left == 0)
}

async fn check(storage: &Storage, acknowledged: &[Document], order: &str) {
    for document in acknowledged {
        let digest = Digest::of(document.bytes());
        let found = storage.manifest(&repository(), &digest).await.expect("memory works");
        assert!(found.is_some(), "the manifest is lost in {order}");
        for descriptor in crate::storage::manifests::blobs(document) {
            let size = storage.blob_size(&repository(), &descriptor.digest).await;
            assert!(size.expect("memory works").is_some(), "a blob is lost in {order}");
        }
    }
}

/// Tries all orders of at most two changes, and some of more.
fn try_orders(scenario: &Scenario<'_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for who in [Who::Client, Who::Collector] {
            for first in 0.. {
                if !try_after(scenario, who, first).await {
                    assert!(first > 5, "there are more steps than that");
                    break;
                }
            }
        }
    });
}

/// Tries all orders whose first change is after `first` steps; tells whether there are any.
async fn try_after(scenario: &Scenario<'_>, who: Who, first: usize) -> bool {
    for second in 1.. {
        let order = Order { who, steps: [first, second].into() };
        if !run(scenario, 1, order).await {
            return second > 1;
        }
    }
    unreachable!("every order comes to its end")
}

const LAYER: &[u8] = b"layer";

fn acknowledged(pushed: Option<Digest>, document: Document) -> Vec<Document> {
    pushed.map(|_| document).into_iter().collect()
}

/// Blobs that are garbage already, and known to be.
async fn stray_blobs(storage: &Storage, name: &RepositoryName) {
    push_blob(storage, name, Descriptor::EMPTY_JSON).await;
    push_blob(storage, name, LAYER).await;
    let patient = CollectOptions { grace: Duration::from_hours(1), ..at_once() };
    collect(storage, &patient).await;
}

fn push_again(storage: Storage) -> BoxFuture<'static, Vec<Document>> {
    Box::pin(async move {
        push_blob(&storage, &repository(), Descriptor::EMPTY_JSON).await;
        push_blob(&storage, &repository(), LAYER).await;
        let document = image(LAYER, None);
        acknowledged(push(&storage, &document, &["v1"]).await, document)
    })
}

#[test]
fn a_push_of_what_was_garbage_loses_nothing() {
    try_orders(&Scenario {
        options: at_once(),
        prepare: &|storage| Box::pin(async move { stray_blobs(&storage, &repository()).await }),
        act: push_again,
    });
}

#[test]
fn a_manifest_of_blobs_that_are_there_already_is_refused_or_whole() {
    try_orders(&Scenario {
        options: at_once(),
        prepare: &|storage| Box::pin(async move { stray_blobs(&storage, &repository()).await }),
        act: |storage| {
            Box::pin(async move {
                let document = image(LAYER, None);
                acknowledged(push(&storage, &document, &["v1"]).await, document)
            })
        },
    });
}

#[test]
fn a_mount_from_a_repository_that_loses_the_blob_loses_nothing() {
    try_orders(&Scenario {
        options: at_once(),
        prepare: &|storage| {
            Box::pin(async move {
                let other = "other".parse().expect("a name");
                stray_blobs(&storage, &other).await;
            })
        },
        act: |storage| {
            Box::pin(async move {
                let other: RepositoryName = "other".parse().expect("a name");
                for bytes in [Descriptor::EMPTY_JSON, LAYER] {
                    let digest = Digest::of(bytes);
                    let mounted =
                        storage.mount_blob(&repository(), &digest, Some(&other), |_| true).await;
                    if !mounted.expect("memory works") {
                        push_blob(&storage, &repository(), bytes).await;
                    }
                }
                let document = image(LAYER, None);
                acknowledged(push(&storage, &document, &["v1"]).await, document)
            })
        },
    });
}

#[test]
fn a_deletion_and_a_push_of_the_same_lose_nothing() {
    try_orders(&Scenario {
        options: at_once(),
        prepare: &|storage| Box::pin(async move { drop(push_again(storage).await) }),
        act: |storage| {
            Box::pin(async move {
                let digest = Digest::of(image(LAYER, None).bytes());
                storage.delete_manifest(&repository(), &digest).await.expect("memory works");
                push_again(storage).await
            })
        },
    });
}

#[test]
fn a_manifest_that_nothing_led_to_is_tagged_or_pushed_anew() {
    try_orders(&Scenario {
        options: CollectOptions { untagged: Some(Duration::ZERO), ..at_once() },
        prepare: &|storage| {
            Box::pin(async move {
                push_blob(&storage, &repository(), Descriptor::EMPTY_JSON).await;
                push_blob(&storage, &repository(), LAYER).await;
                push(&storage, &image(LAYER, None), &[]).await.expect("all is there");
            })
        },
        act: |storage| {
            Box::pin(async move {
                let document = image(LAYER, None);
                acknowledged(push(&storage, &document, &["v1"]).await, document)
            })
        },
    });
}

#[test]
fn a_restored_manifest_is_whole() {
    try_orders(&Scenario {
        options: at_once(),
        prepare: &|storage| {
            Box::pin(async move {
                push_again(storage.clone()).await;
                let digest = Digest::of(image(LAYER, None).bytes());
                storage.delete_manifest(&repository(), &digest).await.expect("memory works");
            })
        },
        act: |storage| {
            Box::pin(async move {
                let document = image(LAYER, None);
                let digest = Digest::of(document.bytes());
                let restored = storage.restore(&repository(), &digest).await.expect("memory works");
                acknowledged(restored.then_some(digest), document)
            })
        },
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_a_push_and_collections_loses_anything(
        is_client in any::<bool>(),
        steps in prop::collection::vec(1_usize..6, 0..40),
    ) {
        let scenario = Scenario {
            options: at_once(),
            prepare: &|storage| {
                Box::pin(async move { stray_blobs(&storage, &repository()).await })
            },
            act: push_again,
        };
        let who = if is_client { Who::Client } else { Who::Collector };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(&scenario, 2, Order { who, steps: steps.into() }));
    }
}

#[async_trait::async_trait]
impl Store for Gated {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.gate.pass().await;
        self.inner.get(key).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>> {
        self.gate.pass().await;
        self.inner.size(key).await
    }

    async fn open(
        &self,
        key: &Key,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenObject>> {
        self.inner.open(key, size, offset, length).await
    }

    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<bool> {
        self.gate.pass().await;
        self.inner.put(key, value, condition, durability).await
    }

    async fn delete(
        &self,
        key: &Key,
        expected: Option<Bytes>,
        durability: Durability,
    ) -> Result<bool> {
        self.gate.pass().await;
        self.inner.delete(key, expected, durability).await
    }

    async fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let names = self.inner.list(collection, after, limit).await?;
        // Nearly all of the collections are empty, and when one learns so matters little.
        if !names.is_empty() {
            self.gate.pass().await;
            return self.inner.list(collection, after, limit).await;
        }
        Ok(names)
    }

    async fn stage(&self, id: &UploadId, offset: u64) -> Result<Box<dyn Stage>> {
        self.inner.stage(id, offset).await
    }

    async fn staged_size(&self, id: &UploadId) -> Result<Option<u64>> {
        self.inner.staged_size(id).await
    }

    async fn read_staged(&self, id: &UploadId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        self.inner.read_staged(id, offset, length).await
    }

    async fn staged_digest(&self, id: &UploadId, algorithm: Algorithm) -> Result<Option<Digest>> {
        self.inner.staged_digest(id, algorithm).await
    }

    async fn commit(&self, id: &UploadId, key: &Key) -> Result<()> {
        self.gate.pass().await;
        self.inner.commit(id, key).await
    }

    async fn discard(&self, id: &UploadId) -> Result<()> {
        self.inner.discard(id).await
    }
}

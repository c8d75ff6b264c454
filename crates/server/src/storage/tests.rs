//! A registry that dies at any moment: what it acknowledged is there, the rest is whole or absent.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use tower_service::Service as _;

use super::directory::Directory;
use super::garbage::CollectOptions;
use super::memory::Memory;
use super::*;
use crate::config::{BuildError, Config};
use crate::{Registry, RegistryService};

/// A store that dies after so many operations. A dead one fails everything.
#[derive(Debug)]
struct Mortal {
    inner: Arc<dyn Store>,
    life: Life,
}

/// How many operations are left, and what happens then.
#[derive(Clone, Debug)]
struct Life {
    left: Arc<AtomicUsize>,
    death: io::ErrorKind,
    counts: Counts,
}

/// What is an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Everything,
    /// Only adding bytes to an upload.
    Bytes,
    /// Only what needs room on a disk.
    Growth,
}

impl Life {
    fn new(left: usize, death: io::ErrorKind) -> Self {
        Self { left: Arc::new(left.into()), death, counts: Counts::Everything }
    }

    fn spend_on_record(&self) -> Result<()> {
        if self.counts == Counts::Everything { self.spend() } else { Ok(()) }
    }

    fn spend_on_growth(&self) -> Result<()> {
        if self.counts == Counts::Bytes { Ok(()) } else { self.spend() }
    }

    fn spend(&self) -> Result<()> {
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        let spent = self.left.try_update(set, fetch, |left| left.checked_sub(1));
        spent.map(|_| ()).map_err(|_| io::Error::from(self.death).into())
    }
}

#[async_trait::async_trait]
impl Store for Mortal {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.life.spend_on_record()?;
        self.inner.get(key).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>> {
        self.life.spend_on_record()?;
        self.inner.size(key).await
    }

    async fn open(
        &self,
        key: &Key,
        size: u64,
        offset: u64,
        length: u64,
    ) -> Result<Option<OpenObject>> {
        self.life.spend_on_record()?;
        self.inner.open(key, size, offset, length).await
    }

    async fn put(
        &self,
        key: &Key,
        value: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<bool> {
        self.life.spend_on_growth()?;
        self.inner.put(key, value, condition, durability).await
    }

    async fn delete(
        &self,
        key: &Key,
        expected: Option<Bytes>,
        durability: Durability,
    ) -> Result<bool> {
        self.life.spend_on_record()?;
        self.inner.delete(key, expected, durability).await
    }

    async fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.life.spend_on_record()?;
        self.inner.list(collection, after, limit).await
    }

    async fn stage(&self, id: &UploadId, offset: u64) -> Result<Box<dyn Stage>> {
        self.life.spend_on_growth()?;
        let inner = self.inner.stage(id, offset).await?;
        Ok(Box::new(MortalStage { inner, life: self.life.clone() }))
    }

    async fn staged_size(&self, id: &UploadId) -> Result<Option<u64>> {
        self.life.spend_on_record()?;
        self.inner.staged_size(id).await
    }

    async fn read_staged(&self, id: &UploadId, offset: u64, length: u64) -> Result<Option<Bytes>> {
        self.life.spend_on_record()?;
        self.inner.read_staged(id, offset, length).await
    }

    async fn staged_digest(&self, id: &UploadId, algorithm: Algorithm) -> Result<Option<Digest>> {
        self.life.spend_on_record()?;
        self.inner.staged_digest(id, algorithm).await
    }

    async fn commit(&self, id: &UploadId, key: &Key) -> Result<()> {
        self.life.spend_on_record()?;
        self.inner.commit(id, key).await
    }

    async fn discard(&self, id: &UploadId) -> Result<()> {
        self.life.spend_on_record()?;
        self.inner.discard(id).await
    }
}

struct MortalStage {
    inner: Box<dyn Stage>,
    life: Life,
}

#[async_trait::async_trait]
impl Stage for MortalStage {
    async fn append(
        &mut self,
        pieces: Vec<Bytes>,
        hasher: Option<Hasher>,
    ) -> Result<Option<Hasher>> {
        self.life.spend()?;
        self.inner.append(pieces, hasher).await
    }

    async fn sync(&mut self) -> Result<()> {
        self.life.spend()?;
        self.inner.sync().await
    }
}

/// Opens the store, once the last operation of who had it before is over.
async fn open(root: &Path) -> Arc<dyn Store> {
    loop {
        match Directory::open(root, Limits::default().upload_lifetime) {
            Ok(directory) => return Arc::new(directory),
            Err(BuildError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn service(store: Arc<dyn Store>) -> RegistryService {
    let config = Config::default();
    Registry::new(Storage::new(store, &config.limits), config).into_service()
}

async fn send(
    service: &mut RegistryService,
    method: Method,
    target: &str,
    body: &Bytes,
) -> (StatusCode, Option<String>, Bytes) {
    let request = Request::builder().method(method).uri(target).body(Full::new(body.clone()));
    let response = service.call(request.expect("a request")).await.expect("never fails");
    let status = response.status();
    let location = response.headers().get("location");
    let location = location.map(|value| value.to_str().expect("text").to_owned());
    // A body that breaks off is a visible failure, as good as a refusal.
    match response.into_body().collect().await {
        Ok(body) => (status, location, body.to_bytes()),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, None, Bytes::new()),
    }
}

/// One thing a client does: one request, or an upload in as many as it takes.
#[derive(Clone, Debug)]
enum Step {
    Post(Bytes),
    /// POST, PATCH, PUT.
    Chunks(Bytes),
    Put(String, Bytes),
    Delete(String),
}

async fn take(service: &mut RegistryService, step: &Step) -> bool {
    let none = Bytes::new();
    let (status, ..) = match step {
        Step::Post(bytes) => {
            let target = format!("/v2/r/blobs/uploads/?digest={}", Digest::of(bytes));
            send(service, Method::POST, &target, bytes).await
        }
        Step::Chunks(bytes) => {
            let started = send(service, Method::POST, "/v2/r/blobs/uploads/", &none).await;
            let Some(location) = started.1 else { return false };
            let (first, last) = (bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..));
            let appended = send(service, Method::PATCH, &location, &first).await;
            if appended.0 != StatusCode::ACCEPTED {
                return false;
            }
            let target = format!("{location}?digest={}", Digest::of(bytes));
            send(service, Method::PUT, &target, &last).await
        }
        Step::Put(reference, bytes) => {
            let target = format!("/v2/r/manifests/{reference}");
            send(service, Method::PUT, &target, bytes).await
        }
        Step::Delete(target) => send(service, Method::DELETE, target, &none).await,
    };
    status.is_success()
}

/// The story of a repository, and everything that can be seen of it.
fn story() -> (Vec<Step>, Vec<String>) {
    let (small, large) = (Bytes::from_static(b"small"), Bytes::from(vec![1; 300_000]));
    let config = Bytes::from_static(Descriptor::EMPTY_JSON);
    let image = |layer: &Bytes| {
        let layer = Descriptor::of(MediaType::IMAGE_LAYER, layer);
        Manifest::new(Descriptor::empty_json(), vec![layer])
    };
    let bytes = |manifest: &Manifest| Bytes::from(oras_spec::json::to_vec(manifest));
    let (first, second) = (image(&small), image(&large));
    let subject = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes(&first));
    let referrer = Manifest { subject: Some(subject.clone()), ..image(&small) };
    let empty = Bytes::from(oras_spec::json::to_vec(&Index::new(Vec::new())));
    let manifests = [bytes(&first), bytes(&second), bytes(&referrer), empty.clone()];
    let manifest = |number: usize| format!("/v2/r/manifests/{}", Digest::of(&manifests[number]));
    let blob = |bytes: &Bytes| format!("/v2/r/blobs/{}", Digest::of(bytes));

    let steps = vec![
        Step::Post(config.clone()),
        Step::Post(small.clone()),
        Step::Put("v1".to_owned(), manifests[0].clone()),
        Step::Put(Digest::of(&manifests[2]).to_string(), manifests[2].clone()),
        Step::Chunks(large.clone()),
        Step::Put("v1".to_owned(), manifests[1].clone()),
        Step::Put("v2".to_owned(), empty),
        Step::Post(large.clone()),
        Step::Delete("/v2/r/manifests/v2".to_owned()),
        Step::Delete(manifest(2)),
        Step::Delete(manifest(1)),
        Step::Delete(manifest(0)),
        Step::Delete(blob(&small)),
        Step::Delete(blob(&large)),
    ];
    let mut targets = vec![
        "/v2/_catalog".to_owned(),
        "/v2/r/tags/list".to_owned(),
        "/v2/r/manifests/v1".to_owned(),
        "/v2/r/manifests/v2".to_owned(),
        format!("/v2/r/referrers/{}", subject.digest),
    ];
    targets.extend((0..4).map(manifest));
    targets.extend([&config, &small, &large].map(blob));
    (steps, targets)
}

type View = Vec<(StatusCode, Bytes)>;

async fn view(service: &mut RegistryService, targets: &[String]) -> View {
    let mut view = View::new();
    for target in targets {
        let (status, _, body) = send(service, Method::GET, target, &Bytes::new()).await;
        view.push((status, body));
    }
    view
}

/// What can be seen before the first step and after each.
async fn views(steps: &[Step], targets: &[String]) -> Vec<View> {
    let mut service = service(Arc::new(Memory::default()));
    let mut views = vec![view(&mut service, targets).await];
    for step in steps {
        assert!(take(&mut service, step).await, "{step:?}");
        views.push(view(&mut service, targets).await);
    }
    views
}

#[tokio::test]
async fn whenever_it_dies_what_was_acknowledged_is_there_and_the_rest_is_whole_or_absent() {
    let (steps, targets) = story();
    let expected = views(&steps, &targets).await;
    for budget in 0.. {
        let root = tempfile::tempdir().expect("a temporary directory");
        let life = Life::new(budget, io::ErrorKind::Other);
        let mut mortal = service(Arc::new(Mortal { inner: open(root.path()).await, life }));
        let mut done = 0;
        while done < steps.len() && take(&mut mortal, &steps[done]).await {
            done += 1;
        }
        drop(mortal);

        let mut reborn = service(open(root.path()).await);
        let seen = view(&mut reborn, &targets).await;
        let (before, after) = (&expected[done], &expected[(done + 1).min(steps.len())]);
        for (index, target) in targets.iter().enumerate() {
            assert!(
                seen[index] == before[index] || seen[index] == after[index],
                "{target} after {budget} operations and {done} steps: {:?}",
                seen[index]
            );
        }
        // No operator is needed: the client does it again, and all is well.
        for (step, view_after) in steps[done..].iter().zip(&expected[done + 1..]) {
            let is_deletion = matches!(step, Step::Delete(_));
            assert!(take(&mut reborn, step).await || is_deletion, "{step:?} again");
            assert_eq!(view(&mut reborn, &targets).await, *view_after, "{step:?} again");
        }
        if done == steps.len() {
            assert!(budget > 50, "the story is longer than that");
            return;
        }
    }
}

/// The names of the files below a directory.
fn files_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn whenever_it_dies_nothing_is_left_that_nobody_can_see() {
    let (steps, _) = story();
    let options = CollectOptions { grace: std::time::Duration::ZERO, ..CollectOptions::default() };
    let none = Bytes::new();
    for budget in (0..).step_by(4) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let life = Life::new(budget, io::ErrorKind::Other);
        let mut mortal = service(Arc::new(Mortal { inner: open(root.path()).await, life }));
        let mut done = 0;
        while done < steps.len() && take(&mut mortal, &steps[done]).await {
            done += 1;
        }
        drop(mortal);

        let store = open(root.path()).await;
        let storage = Storage::new(Arc::clone(&store), &Limits::default());
        storage.collect(&options, &mut |_| {}).await.expect("a disk that works");
        let mut reborn = service(store);
        for name in files_below(&root.path().join("blobs")) {
            let target = format!("/v2/r/blobs/sha256:{name}");
            let (status, ..) = send(&mut reborn, Method::GET, &target, &none).await;
            assert_eq!(status, StatusCode::OK, "{target} after {budget} operations");
        }
        for name in files_below(&root.path().join("repos/r/_r")) {
            let target = format!("/v2/r/manifests/{}", name.replacen('-', ":", 1));
            let (status, ..) = send(&mut reborn, Method::GET, &target, &none).await;
            assert_eq!(status, StatusCode::OK, "{target} after {budget} operations");
        }
        let (staged, uploads) = (root.path().join("staging"), root.path().join("uploads"));
        assert!(files_below(&staged).len() <= files_below(&uploads).len(), "{budget}");
        assert_eq!(files_below(&root.path().join("tmp")), Vec::<String>::new());
        if done == steps.len() {
            return;
        }
    }
}

#[tokio::test]
async fn a_storage_that_cannot_take_more_says_so() {
    for (death, status) in [
        (io::ErrorKind::StorageFull, StatusCode::INSUFFICIENT_STORAGE),
        (io::ErrorKind::QuotaExceeded, StatusCode::INSUFFICIENT_STORAGE),
        (io::ErrorKind::ReadOnlyFilesystem, StatusCode::SERVICE_UNAVAILABLE),
        (io::ErrorKind::Other, StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let inner: Arc<dyn Store> = Arc::new(Memory::default());
        let life = Life::new(0, death);
        let mut dead = service(Arc::new(Mortal { inner, life }));
        for size in [10, 100_000] {
            let bytes = Bytes::from(vec![1; size]);
            let target = format!("/v2/r/blobs/uploads/?digest={}", Digest::of(&bytes));
            let (found, _, body) = send(&mut dead, Method::POST, &target, &bytes).await;
            assert_eq!(found, status);
            let body: serde_json::Value = serde_json::from_slice(&body).expect("an error body");
            assert!(body["errors"][0]["code"].is_string());
        }
    }
}

#[tokio::test]
async fn what_is_deleted_from_a_full_disk_is_gone_although_there_is_no_room_to_keep_it_aside() {
    let life = Life { counts: Counts::Growth, ..Life::new(1_000, io::ErrorKind::StorageFull) };
    let inner: Arc<dyn Store> = Arc::new(Memory::default());
    let mut service = service(Arc::new(Mortal { inner, life: life.clone() }));
    let none = Bytes::new();
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let index = Bytes::from_static(index.as_bytes());
    let target = format!("/v2/r/manifests/{}", Digest::of(&index));
    let put = format!("{target}?tag=a&tag=b");
    let pushed = send(&mut service, Method::PUT, &put, &index).await;
    assert_eq!(pushed.0, StatusCode::CREATED);
    life.left.store(0, Ordering::SeqCst);
    let deleted = send(&mut service, Method::DELETE, "/v2/r/manifests/b", &none).await;
    assert_eq!(deleted.0, StatusCode::ACCEPTED);
    let deleted = send(&mut service, Method::DELETE, &target, &none).await;
    assert_eq!(deleted.0, StatusCode::ACCEPTED);
    let gone = send(&mut service, Method::GET, "/v2/r/manifests/a", &none).await;
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_upload_that_ran_out_of_room_gives_it_back() {
    let inner: Arc<dyn Store> = Arc::new(Memory::default());
    let life = Life { counts: Counts::Bytes, ..Life::new(1, io::ErrorKind::StorageFull) };
    let mut service = service(Arc::new(Mortal { inner: Arc::clone(&inner), life: life.clone() }));
    let none = Bytes::new();
    let (_, location, _) = send(&mut service, Method::POST, "/v2/r/blobs/uploads/", &none).await;
    let location = location.expect("an upload");
    let id = location.rsplit_once('/').expect("a location").1.parse().expect("an upload");
    life.left.store(2, Ordering::SeqCst);
    let bytes = Bytes::from(vec![1; 100_000]);
    let appended = send(&mut service, Method::PATCH, &location, &bytes).await;
    assert_eq!(appended.0, StatusCode::ACCEPTED);
    assert_eq!(inner.staged_size(&id).await.expect("a size"), Some(100_000));
    let failed = send(&mut service, Method::PATCH, &location, &bytes).await;
    assert_eq!(failed.0, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(inner.staged_size(&id).await.expect("a size"), None);
    assert_eq!(send(&mut service, Method::GET, &location, &none).await.0, StatusCode::NOT_FOUND);
}

//! Who is told of what clients change, and when.

use std::sync::{Arc, Mutex};

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use oras_server::policy::Policy;
use oras_server::{Change, ChangeKind, ChangeObserver, Registry};
use oras_spec::Digest;

use crate::body::Pieces;
use crate::client::Client;
use crate::sample::image;

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Change>>);

impl ChangeObserver for Heard {
    fn observe(&self, change: &Change) {
        self.0.lock().expect("whole").push(change.clone());
    }
}

impl Heard {
    /// Returns what was told since the last time, in words.
    fn take(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.0.lock().expect("whole"));
        let words = |change: Change| match change.kind {
            ChangeKind::ManifestPushed { digest, size, .. } => format!("push {digest} {size}"),
            ChangeKind::ManifestDeleted { digest } => format!("delete {digest}"),
            ChangeKind::TagCreated { tag, digest } => format!("create {tag} {digest}"),
            ChangeKind::TagMoved { tag, digest, previous } => {
                format!("move {tag} {previous} {digest}")
            }
            ChangeKind::TagDeleted { tag } => format!("delete {tag}"),
            other => format!("{other:?}"),
        };
        all.into_iter().map(words).collect()
    }
}

fn observed(policy: &str) -> (Arc<Heard>, Client) {
    let heard = Arc::new(Heard::default());
    let observer: Arc<dyn ChangeObserver> = Arc::<Heard>::clone(&heard);
    let policy = Policy::parse(policy).expect("a policy");
    let registry = Registry::builder().change_observer(observer).policy(policy).build();
    (heard, Client::new(registry.expect("a registry")))
}

const MAY: &str = "[[grant]]\nusers = [\"anonymous\"]\nrepositories = [\"**\"]\npermissions = ";

#[tokio::test]
async fn each_change_is_told_once_it_is_made_and_nothing_else_is() {
    let (heard, client) = observed(&format!("{MAY}[\"all\"]"));
    let (one, two) = (image(&client, "a/b", b"one").await, image(&client, "a/b", b"two").await);
    let (first, second) = (Digest::of(&one), Digest::of(&two));
    assert_eq!(heard.take(), [""; 0], "blobs alone are no news");
    let target = |reference: &str| format!("/v2/a/b/manifests/{reference}");
    let push = |digest: &Digest, bytes: &[u8]| format!("push {digest} {}", bytes.len());

    client.put(&target("v1"), one.clone()).await.expect_status(StatusCode::CREATED);
    assert_eq!(heard.take(), [push(&first, &one), format!("create v1 {first}")]);
    client.put(&target("v1"), one.clone()).await.expect_status(StatusCode::CREATED);
    assert_eq!(heard.take(), [push(&first, &one)], "the tag is where it was");
    client.put(&target("v1"), two.clone()).await.expect_status(StatusCode::CREATED);
    assert_eq!(heard.take(), [push(&second, &two), format!("move v1 {first} {second}")]);
    let several = format!("{}?tag=x&tag=v1", target(first.as_str()));
    client.put(&several, one.clone()).await.expect_status(StatusCode::CREATED);
    let moved = format!("move v1 {second} {first}");
    assert_eq!(heard.take(), [push(&first, &one), format!("create x {first}"), moved]);

    client.put(&target("v2"), "{}").await.expect_status(StatusCode::BAD_REQUEST);
    client.delete(&target("v2")).await.expect_status(StatusCode::NOT_FOUND);
    client.get(&target("v1")).await.expect_status(StatusCode::OK);
    assert_eq!(heard.take(), [""; 0], "what was refused, or only read");
    client.delete(&target("x")).await.expect_status(StatusCode::ACCEPTED);
    assert_eq!(heard.take(), ["delete x"]);
    client.delete(&target(first.as_str())).await.expect_status(StatusCode::ACCEPTED);
    assert_eq!(heard.take(), [format!("delete {first}")]);
}

#[tokio::test]
async fn tags_that_stay_are_told_of_when_they_are_set() {
    let (heard, client) = observed(&format!("{MAY}[\"push\"]"));
    let (one, two) = (image(&client, "a", b"one").await, image(&client, "a", b"two").await);
    client.put("/v2/a/manifests/v1", one.clone()).await.expect_status(StatusCode::CREATED);
    let digest = Digest::of(&one);
    let pushed = format!("push {digest} {}", one.len());
    assert_eq!(heard.take(), [pushed.clone(), format!("create v1 {digest}")]);
    client.put("/v2/a/manifests/v1", two).await.expect_status(StatusCode::FORBIDDEN);
    assert_eq!(heard.take(), [""; 0]);
    client.put("/v2/a/manifests/v1", one).await.expect_status(StatusCode::CREATED);
    assert_eq!(heard.take(), [pushed]);
}

#[tokio::test]
async fn a_change_tells_who_made_it_and_in_which_request() {
    let heard = Arc::new(Heard::default());
    let observer: Arc<dyn ChangeObserver> = Arc::<Heard>::clone(&heard);
    let users = oras_server::auth::Users::single("alice", "secret").expect("a user");
    let registry = Registry::builder().users(users).change_observer(observer).build();
    let client = Client::new(registry.expect("a registry"));
    let client = client.with_header(AUTHORIZATION, "Basic YWxpY2U6c2VjcmV0");
    let bytes = image(&client, "a", b"one").await;
    let put = client.put("/v2/a/manifests/v1", bytes).await;
    let changes = std::mem::take(&mut *heard.0.lock().expect("whole"));
    assert_eq!(changes.len(), 2);
    for change in changes {
        assert_eq!(change.user.as_deref(), Some("alice"));
        assert_eq!(change.request_id, put.header("x-request-id"));
        assert_eq!(change.repository.as_str(), "a");
    }
}

#[tokio::test]
async fn who_hangs_up_keeps_nobody_from_hearing_what_was_written() {
    let (heard, client) = observed(&format!("{MAY}[\"all\"]"));
    let bytes = image(&client, "a", b"one").await;
    let digest = Digest::of(&bytes);
    let (sender, body) = Pieces::channel();
    let mut putting = Box::pin(client.streamed(Method::PUT, "/v2/a/manifests/v1", body).send());
    assert!(futures_util::poll!(&mut putting).is_pending());
    sender.send(Ok(bytes)).expect("it listens");
    drop(sender);
    // Its own task writes from some poll on, whatever becomes of the request.
    while client.head("/v2/a/manifests/v1").await.status != StatusCode::OK {
        if futures_util::poll!(&mut putting).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(putting);
    let told = format!("create v1 {digest}");
    let mut all = Vec::new();
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
        all.extend(heard.take());
    }
    assert!(all.contains(&told), "{all:?}");
}

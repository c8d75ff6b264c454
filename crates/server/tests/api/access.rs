//! Who may come in, and who is told about it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use oras_server::auth::Users;
use oras_server::{Access, AccessObserver, Registry};
use oras_spec::{Digest, RepositoryName};
use tower_service::Service as _;

use crate::body::Pieces;
use crate::client::{Client, on_every_store_with};

const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";
const BOB: &str = "Basic Ym9iOnNlY3JldA==";
const MALLORY: &str = "Basic YWxpY2U6d3Jvbmc=";

fn users() -> Users {
    let users = Users::single("alice", "secret").expect("a user");
    users.with("bob", "secret").expect("a user")
}

#[tokio::test]
async fn nobody_gets_anything_without_logging_in() {
    on_every_store_with(
        |builder| builder.users(users()),
        async |client| {
            let digest = Digest::of(b"");
            for (method, target) in [
                (Method::GET, "/v2/".to_owned()),
                (Method::GET, "/v2/_catalog".to_owned()),
                (Method::GET, "/v2/a/tags/list".to_owned()),
                (Method::GET, "/v2/a/manifests/v1".to_owned()),
                (Method::PUT, "/v2/a/manifests/v1".to_owned()),
                (Method::DELETE, "/v2/a/manifests/v1".to_owned()),
                (Method::GET, format!("/v2/a/blobs/{digest}")),
                (Method::HEAD, format!("/v2/a/blobs/{digest}")),
                (Method::DELETE, format!("/v2/a/blobs/{digest}")),
                (Method::GET, format!("/v2/a/referrers/{digest}")),
                (Method::POST, "/v2/a/blobs/uploads/".to_owned()),
                (Method::POST, format!("/v2/a/blobs/uploads/?mount={digest}")),
                (Method::GET, "/v2/a/blobs/uploads/x".to_owned()),
                (Method::PATCH, "/v2/a/blobs/uploads/x".to_owned()),
                (Method::GET, "/nothing".to_owned()),
                (Method::GET, "/v2/BAD/tags/list".to_owned()),
            ] {
                for client in [client.clone(), client.with_header(AUTHORIZATION, MALLORY)] {
                    let answer = client.request(method.clone(), &target).send().await;
                    answer.expect_status(StatusCode::UNAUTHORIZED);
                    let challenge = answer.header("www-authenticate");
                    assert!(challenge.starts_with("Basic realm=\""), "{challenge}");
                    assert_eq!(answer.body.is_empty(), method == Method::HEAD);
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn who_logs_in_may_do_everything() {
    on_every_store_with(
        |builder| builder.users(users()),
        async |client| {
            let nobody = client.get("/v2/").await;
            nobody.expect_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
            let alice = client.with_header(AUTHORIZATION, ALICE);
            alice.get("/v2/").await.expect_status(StatusCode::OK);
            let digest = alice.push_blob("a", "hello").await;
            let bob = client.with_header(AUTHORIZATION, BOB);
            let got = bob.get(&format!("/v2/a/blobs/{digest}")).await;
            assert_eq!(got.expect_status(StatusCode::OK).body, "hello");
            assert_eq!(got.header("cache-control"), "max-age=31536000, immutable, private");
            let deleted = bob.delete(&format!("/v2/a/blobs/{digest}")).await;
            deleted.expect_status(StatusCode::ACCEPTED);
        },
    )
    .await;
}

#[tokio::test]
async fn an_upload_belongs_to_who_opened_it() {
    on_every_store_with(
        |builder| builder.users(users()),
        async |client| {
            let alice = client.with_header(AUTHORIZATION, ALICE);
            let bob = client.with_header(AUTHORIZATION, BOB);
            let location = alice.start_upload("a").await;
            let digest = Digest::of(b"hello");
            for answer in [
                bob.get(&location).await,
                bob.patch(&location, "hello").await,
                bob.put(&format!("{location}?digest={digest}"), "hello").await,
                bob.delete(&location).await,
            ] {
                answer.expect_error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN");
            }
            let put = alice.put(&format!("{location}?digest={digest}"), "hello").await;
            put.expect_status(StatusCode::CREATED);
        },
    )
    .await;
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Access>>);

impl AccessObserver for Heard {
    fn observe(&self, access: &Access) {
        self.0.lock().expect("not poisoned").push(access.clone());
    }
}

impl Heard {
    fn take(&self) -> Vec<Access> {
        std::mem::take(&mut self.0.lock().expect("not poisoned"))
    }
}

fn observed() -> (Arc<Heard>, Client) {
    let heard = Arc::new(Heard::default());
    let observer: Arc<dyn AccessObserver> = Arc::<Heard>::clone(&heard);
    let registry = Registry::builder().users(users()).observer(observer).build();
    (heard, Client::new(registry.expect("a registry")).with_header(AUTHORIZATION, ALICE))
}

#[tokio::test]
async fn the_observer_hears_of_every_request_once() {
    let (heard, client) = observed();
    let digest = client.push_blob("a/b", "hello").await;
    let answer = client.get(&format!("/v2/a/b/blobs/{digest}")).await;
    client.head(&format!("/v2/a/b/blobs/{digest}")).await;
    client.get("/nothing").await;
    let heard = heard.take();
    let seen: Vec<_> = heard
        .iter()
        .map(|access| {
            let repository = access.repository.as_ref().map(RepositoryName::as_str);
            let status = access.status.expect("an answer").as_u16();
            (
                access.method.as_str(),
                access.operation,
                repository,
                status,
                access.received,
                access.sent,
            )
        })
        .collect();
    let nothing = heard[3].sent;
    assert_eq!(
        seen,
        [
            ("POST", Some("end-4b"), Some("a/b"), 201, 5, 0),
            ("GET", Some("end-2"), Some("a/b"), 200, 0, 5),
            ("HEAD", Some("end-2"), Some("a/b"), 200, 0, 0),
            ("GET", None, None, 404, 0, nothing),
        ]
    );
    assert!(nothing > 0);
    assert_eq!(heard[1].request_id, answer.header("x-request-id"));
    assert!(heard.iter().all(|access| access.user.as_deref() == Some("alice")));
    assert!(heard.iter().all(|access| access.failure.is_none()));
}

#[tokio::test]
async fn the_observer_hears_when_the_answer_has_been_sent_or_dropped() {
    let (heard, client) = observed();
    let digest = client.push_blob("a", vec![0; 1000]).await;
    heard.take();
    let request = || {
        let target = format!("/v2/a/blobs/{digest}");
        let request = http::Request::get(target).header(AUTHORIZATION, ALICE);
        request.body(Empty::<Bytes>::new()).expect("a request")
    };
    let mut response = client.service().call(request()).await.expect("an answer");
    assert!(heard.take().is_empty(), "the answer is still being sent");
    let frame = response.body_mut().frame().await.expect("a frame").expect("bytes");
    assert_eq!(frame.into_data().expect("data").len(), 1000);
    assert!(response.body_mut().frame().await.is_none());
    assert_eq!(heard.take()[0].sent, 1000);
    drop(response);
    assert!(heard.take().is_empty(), "once is enough");

    let response = client.service().call(request()).await.expect("an answer");
    drop(response);
    assert_eq!(heard.take()[0].sent, 0);
}

#[tokio::test]
async fn the_observer_hears_of_requests_that_were_given_up() {
    let (heard, client) = observed();
    let location = client.start_upload("a").await;
    heard.take();
    let (sender, body) = Pieces::channel();
    let mut writing = Box::pin(client.streamed(Method::PATCH, &location, body).send());
    assert!(futures_util::poll!(&mut writing).is_pending());
    drop(writing);
    drop(sender);
    let heard = heard.take();
    assert_eq!((heard.len(), heard[0].status), (1, None));
}

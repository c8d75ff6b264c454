//! What is refused because there is too much of it, what is said then, and that it is counted.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use oras_server::auth::Users;
use oras_server::serve::{PeerAddress, ServeOptions};
use oras_server::{Limits, Registry};
use tower_service::Service as _;

use crate::client::{Client, on_every_store_with};

const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";
const BOB: &str = "Basic Ym9iOnNlY3JldA==";

fn users() -> Users {
    // At the lowest cost: nobody waits for a turn to have a password hashed.
    let hash = bcrypt::hash("secret", 4).expect("a hash");
    Users::from_htpasswd(&format!("alice:{hash}\nbob:{hash}\n")).expect("users")
}

/// Three requests at once, and one more a second.
fn slow() -> Limits {
    let mut limits = Limits::default();
    limits.request_rate = Some(1);
    limits.request_burst = Duration::from_secs(3);
    limits
}

async fn counted(client: &Client, limit: &str) -> String {
    let text = client.get("/metrics").await.body;
    let text = String::from_utf8(text.to_vec()).expect("text");
    let name = format!("oras_refusals_total{{limit=\"{limit}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).to_owned()
}

#[tokio::test]
async fn one_user_has_so_many_uploads_open_and_keeps_nobody_else_from_theirs() {
    let mut limits = Limits::default();
    limits.uploads_per_user = 2;
    on_every_store_with(
        |builder| builder.users(users()).limits(limits.clone()),
        async |client| {
            let alice = client.with_header(AUTHORIZATION, ALICE);
            let bob = client.with_header(AUTHORIZATION, BOB);
            let first = alice.start_upload("a").await;
            alice.start_upload("b").await;
            for target in ["/v2/a/blobs/uploads/", "/v2/c/blobs/uploads/"] {
                let refused = alice.post(target).await;
                refused.expect_error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
                assert_eq!(refused.header("retry-after"), "60");
            }
            bob.start_upload("a").await;
            bob.start_upload("a").await;
            bob.post("/v2/a/blobs/uploads/").await.expect_status(StatusCode::TOO_MANY_REQUESTS);
            alice.push_blob("a", "a whole blob opens none").await;
            alice.delete(&first).await.expect_status(StatusCode::NO_CONTENT);
            alice.start_upload("a").await;
            assert_eq!(counted(&alice, "uploads_of_user").await, "3");
        },
    )
    .await;
}

#[tokio::test]
async fn one_user_makes_so_many_requests_and_slows_nobody_else() {
    let registry = Registry::builder().users(users()).limits(slow()).build();
    let client = Client::new(registry.expect("a registry"));
    let alice = client.with_header(AUTHORIZATION, ALICE);
    let mut refused = Vec::new();
    // They refill while this runs, but not so fast as to be ever so many.
    for _ in 0..2000 {
        let answer = alice.get("/v2/").await;
        if answer.status != StatusCode::OK {
            refused.push(answer);
        }
    }
    assert!(refused.len() > 1000, "{}", refused.len());
    for answer in &refused {
        answer.expect_error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
        assert_eq!(answer.header("retry-after"), "1");
    }
    let bob = client.with_header(AUTHORIZATION, BOB);
    bob.get("/v2/").await.expect_status(StatusCode::OK);
    for _ in 0..100 {
        alice.get("/livez").await.expect_status(StatusCode::OK);
        alice.get("/readyz").await.expect_status(StatusCode::OK);
    }
    assert_eq!(counted(&bob, "rate").await, refused.len().to_string());
}

#[tokio::test]
async fn who_has_no_name_counts_by_the_address_and_so_does_who_lies() {
    let registry = Registry::builder().users(users()).limits(slow()).build();
    let client = Client::new(registry.expect("a registry"));
    let ask = async |peer: &str, authorization: &str| {
        let peer: SocketAddr = peer.parse().expect("an address");
        let request = Request::builder().method(Method::GET).uri("/v2/");
        let request = request.header(AUTHORIZATION, authorization).extension(PeerAddress(peer));
        let request = request.body(Full::<bytes::Bytes>::default()).expect("a request");
        let answer = client.service().call(request).await.expect("an answer");
        let status = answer.status();
        answer.into_body().collect().await.expect("a body");
        status
    };
    let mut statuses = Vec::new();
    for _ in 0..200 {
        // It is no credential of any kind, so that no password is hashed.
        statuses.push(ask("192.0.2.1:1", "Nonsense x").await);
    }
    assert_eq!(statuses[..3], [StatusCode::UNAUTHORIZED; 3]);
    let refused = |status: &&StatusCode| **status == StatusCode::TOO_MANY_REQUESTS;
    assert!(statuses.iter().filter(refused).count() > 100, "{statuses:?}");
    assert_eq!(ask("192.0.2.2:1", "Nonsense x").await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("192.0.2.1:2", ALICE).await, StatusCode::OK, "a user from there");
}

#[tokio::test]
async fn refusals_are_counted_by_their_limit() {
    let mut limits = Limits::default();
    (limits.manifest_size, limits.blob_size, limits.uploads) = (100, Some(10), 1);
    let registry = Registry::builder().limits(limits).build().expect("a registry");
    let client = Client::new(registry);
    let large = client.put("/v2/a/manifests/v1", vec![b' '; 101]).await;
    large.expect_status(StatusCode::PAYLOAD_TOO_LARGE);
    let location = client.start_upload("a").await;
    client.post("/v2/a/blobs/uploads/").await.expect_status(StatusCode::TOO_MANY_REQUESTS);
    let chunk = client.patch(&location, vec![0; 11]).await;
    chunk.expect_status(StatusCode::PAYLOAD_TOO_LARGE);
    let long = client.get(&format!("/v2/?{}", "x".repeat(10_000))).await;
    long.expect_status(StatusCode::URI_TOO_LONG);
    for (limit, count) in [
        ("manifest_size", "1"),
        ("uploads", "1"),
        ("blob_size", "1"),
        ("head", "1"),
        ("rate", "0"),
        ("quota", "0"),
        ("logins", "0"),
        ("uploads_of_user", "0"),
    ] {
        assert_eq!(counted(&client, limit).await, count, "{limit}");
    }
}

#[test]
fn a_listener_keeps_to_the_same_limits() {
    let mut limits = Limits::default();
    let usual = ServeOptions::within(&limits);
    assert_eq!(format!("{usual:?}"), format!("{:?}", ServeOptions::default()));
    (limits.connections, limits.connections_per_address, limits.header_size) = (7, 3, 20_000);
    let options = ServeOptions::within(&limits);
    assert_eq!(
        (options.max_connections, options.max_connections_per_address, options.max_head_size),
        (7, 3, 20_000)
    );
}

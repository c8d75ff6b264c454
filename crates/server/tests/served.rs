//! The registry behind its server and its users, as a client on the network meets it.

use std::net::SocketAddr;
use std::sync::Arc;

use oras_server::Registry;
use oras_server::auth::Users;
use oras_server::serve::{ServeOptions, Server};
use oras_spec::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// `ada:lovelace`
const ADA: &str = "Authorization: Basic YWRhOmxvdmVsYWNl\r\n";

/// Sends one request on a connection of its own; returns the whole answer.
async fn ask(address: SocketAddr, line: &str, fields: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn lets_its_users_push_and_pull_and_stops_when_told() {
    let users = Arc::new(Users::single("ada", "lovelace").expect("a user"));
    let registry = Registry::builder().memory().authenticator(users).build().expect("a registry");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(anywhere, registry.into_service(), ServeOptions::default());
    let server = server.await.expect("a free port");
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));

    let refused = ask(address, "GET /v2/", "", "").await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(refused.contains("www-authenticate: Basic realm=\"oras registry\"\r\n"), "{refused}");
    let wrong = ask(address, "GET /v2/", "Authorization: Basic YWRhOmJ5cm9u\r\n", "").await;
    assert!(wrong.starts_with("HTTP/1.1 401 "), "{wrong}");
    let welcome = ask(address, "GET /v2/", ADA, "").await;
    assert!(welcome.starts_with("HTTP/1.1 200 "), "{welcome}");

    let digest = Digest::of(b"hello");
    let push = format!("POST /v2/greetings/blobs/uploads/?digest={digest}");
    let refused = ask(address, &push, "", "hello").await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let pushed = ask(address, &push, ADA, "hello").await;
    assert!(pushed.starts_with("HTTP/1.1 201 "), "{pushed}");
    let pulled = ask(address, &format!("GET /v2/greetings/blobs/{digest}"), ADA, "").await;
    assert!(pulled.starts_with("HTTP/1.1 200 "), "{pulled}");
    assert!(pulled.ends_with("\r\n\r\nhello"), "{pulled}");

    stop.send(()).expect("it runs");
    running.await.expect("no panic").expect("no error");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

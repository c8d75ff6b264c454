//! Registries with faults on demand, as a client on the network meets them; and many at once.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use oras_server::serve::{Running, ServeOptions, Server};
use oras_server::trouble::{Requests, Trouble, Troubles};
use oras_server::{Registry, RegistryService};
use oras_spec::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn registry() -> RegistryService {
    Registry::builder().memory().build().expect("a registry").into_service()
}

/// A registry in trouble, with one blob.
struct Lab {
    troubles: Troubles,
    server: Running,
    blob: String,
    bytes: Vec<u8>,
}

impl Lab {
    async fn new() -> Self {
        let troubles = Troubles::default();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(anywhere, troubles.around(registry()), ServeOptions::default());
        let server = server.await.expect("a free port").start();
        let bytes: Vec<u8> = (0..400_000_u32).map(|number| (number % 251) as u8).collect();
        let digest = Digest::of(&bytes);
        let lab = Self { troubles, server, blob: format!("/v2/app/blobs/{digest}"), bytes };
        let push = format!("POST /v2/app/blobs/uploads/?digest={digest}");
        let (head, _) = parse(&lab.ask(&push, &lab.bytes).await.expect("an answer"));
        assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
        lab
    }

    async fn connect(&self, line: &str, body: &[u8]) -> TcpStream {
        connect(self.server.local_addr(), line, body).await
    }

    /// Sends a request on a connection of its own; returns all that comes back.
    async fn ask(&self, line: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        ask(self.server.local_addr(), line, body).await
    }

    /// Pulls the blob; returns what came of its bytes.
    async fn pull(&self) -> Vec<u8> {
        let answer = self.ask(&format!("GET {}", self.blob), b"").await.expect("an end");
        let (head, body) = parse(&answer);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-length: 400000"), "{head}");
        body
    }

    fn blobs() -> Requests {
        Requests::all().method(Method::GET).row("end-2")
    }
}

async fn connect(address: SocketAddr, line: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    // A server that hangs up in the middle is what some ask for.
    stream.write_all(body).await.unwrap_or_default();
    stream
}

async fn ask(address: SocketAddr, line: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    connect(address, line, body).await.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Takes an answer apart into its head and its body.
fn parse(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
}

#[tokio::test]
async fn an_answer_of_its_own_comes_as_often_as_was_said() {
    let lab = Lab::new().await;
    let busy = Response::builder().status(503).header("Retry-After", "7");
    let busy = busy.body(Bytes::from_static(b"later")).expect("an answer");
    lab.troubles.add(Lab::blobs().after(1).times(2), Trouble::Answer(busy));
    assert!(lab.pull().await == lab.bytes, "the first is left alone");
    for _ in 0..2 {
        let answer = lab.ask(&format!("GET {}", lab.blob), b"").await.expect("an answer");
        let (head, body) = parse(&answer);
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(head.contains("retry-after: 7"), "{head}");
        assert_eq!(body, b"later");
    }
    assert!(lab.pull().await == lab.bytes, "it is over");
    assert_eq!(lab.troubles.struck(), 2);
}

#[tokio::test]
async fn an_answer_is_cut_where_it_was_said() {
    let lab = Lab::new().await;
    lab.troubles.add(Lab::blobs().times(2), Trouble::Cut(1_000));
    for _ in 0..2 {
        assert!(lab.pull().await == lab.bytes[..1_000]);
    }
    assert!(lab.pull().await == lab.bytes);
    // Behind its end there is nothing to cut.
    lab.troubles.add(Lab::blobs(), Trouble::Cut(400_000));
    assert!(lab.pull().await == lab.bytes);
}

#[tokio::test]
async fn a_reset_is_one() {
    let lab = Lab::new().await;
    lab.troubles.add(Lab::blobs().nth(1), Trouble::Reset(1_000));
    let reset = lab.ask(&format!("GET {}", lab.blob), b"").await.expect_err("no end");
    assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    assert!(lab.pull().await == lab.bytes);
}

#[tokio::test]
async fn a_stalled_answer_keeps_its_connection() {
    let lab = Lab::new().await;
    lab.troubles.add(Lab::blobs().nth(1), Trouble::Stall(1_000));
    let mut stream = lab.connect(&format!("GET {}", lab.blob), b"").await;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") || parse(&answer).1.len() < 1_000 {
        assert!(stream.read_buf(&mut answer).await.expect("more") > 0, "it does not end");
    }
    let more = timeout(Duration::from_millis(100), stream.read_buf(&mut answer)).await;
    assert!(more.is_err(), "neither more nor an end: {more:?}");
    assert!(parse(&answer).1 == lab.bytes[..1_000]);
}

#[tokio::test]
async fn bytes_are_corrupted_and_the_others_are_not() {
    let lab = Lab::new().await;
    for at in [0, 65_536, 399_999] {
        lab.troubles.add(Lab::blobs(), Trouble::Corrupt(at));
    }
    let pulled = lab.pull().await;
    let differ = |at: &usize| pulled[*at] != lab.bytes[*at];
    assert_eq!(pulled.len(), lab.bytes.len());
    assert_eq!((0..400_000).filter(differ).collect::<Vec<_>>(), [0, 65_536, 399_999]);
    lab.troubles.clear();
    assert!(lab.pull().await == lab.bytes);
}

#[tokio::test]
async fn what_was_asked_is_done_although_the_answer_is_lost() {
    let lab = Lab::new().await;
    lab.troubles.add(Requests::all().row("end-4b").nth(1), Trouble::Lose);
    let digest = Digest::of(b"hello");
    let push = format!("POST /v2/app/blobs/uploads/?digest={digest}");
    let answer = lab.ask(&push, b"hello").await.expect("an end");
    assert!(answer.is_empty(), "{answer:?}");
    let found = lab.ask(&format!("HEAD /v2/app/blobs/{digest}"), b"").await.expect("an answer");
    assert!(found.starts_with(b"HTTP/1.1 200 "), "{found:?}");
}

#[tokio::test]
async fn an_upload_that_is_hung_up_on_has_what_was_taken() {
    let lab = Lab::new().await;
    let opened = lab.ask("POST /v2/app/blobs/uploads/", b"").await.expect("an answer");
    let (head, _) = parse(&opened);
    let location = head.lines().find_map(|line| line.strip_prefix("location: "));
    let location = location.expect("a location");
    lab.troubles.add(Requests::all().row("end-5").nth(1), Trouble::HangUp(70_000));
    // Either an end or a reset: our side still has something to say.
    let hung_up = lab.ask(&format!("PATCH {location}"), &lab.bytes).await;
    assert!(hung_up.unwrap_or_default().is_empty());
    let status = lab.ask(&format!("GET {location}"), b"").await.expect("an answer");
    let (head, _) = parse(&status);
    assert!(head.contains("range: 0-69999\r\n"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_drops_have_pauses() {
    use http_body_util::{BodyExt as _, Empty};
    use tower_service::Service as _;

    let troubles = Troubles::default();
    let mut service = troubles.around(registry());
    troubles.add(Requests::all(), Trouble::Delay(Duration::from_secs(5)));
    troubles.add(Requests::all(), Trouble::Delay(Duration::from_secs(2)));
    let answer = Response::new(Bytes::from_static(b"0123456789"));
    troubles.add(Requests::all(), Trouble::Answer(answer));
    let pause = Duration::from_secs(100);
    troubles.add(Requests::all(), Trouble::Drip { bytes: 4, pause });
    let begin = tokio::time::Instant::now();
    let request = http::Request::get("/v2/").body(Empty::<Bytes>::new()).expect("a request");
    let mut body = service.call(request).await.expect("an answer").into_body();
    assert_eq!(begin.elapsed().as_secs(), 7);
    let mut drops = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.expect("no error").into_data().expect("data");
        drops.push((begin.elapsed().as_secs(), data));
    }
    let drops: Vec<_> = drops.iter().map(|(at, data)| (*at, &data[..])).collect();
    assert_eq!(drops, [(7, &b"0123"[..]), (107, b"4567"), (207, b"89")]);
}

#[tokio::test]
async fn a_hundred_registries_run_in_one_process() {
    let mut servers = Vec::new();
    for _ in 0..100 {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(anywhere, registry(), ServeOptions::default()).await;
        servers.push(server.expect("a free port").start());
    }
    let contents: Vec<String> = (0..100).map(|number| format!("content {number}")).collect();
    let digests: Vec<Digest> = contents.iter().map(|text| Digest::of(text.as_bytes())).collect();
    for (server, (content, digest)) in servers.iter().zip(contents.iter().zip(&digests)) {
        let push = format!("POST /v2/app/blobs/uploads/?digest={digest}");
        let pushed = ask(server.local_addr(), &push, content.as_bytes()).await.expect("an answer");
        assert!(pushed.starts_with(b"HTTP/1.1 201 "), "{pushed:?}");
    }
    for (number, server) in servers.iter().enumerate() {
        // Its own, and not its neighbor's.
        for (asked, status) in [(number, "200"), ((number + 1) % 100, "404")] {
            let line = format!("HEAD /v2/app/blobs/{}", digests[asked]);
            let found = ask(server.local_addr(), &line, b"").await.expect("an answer");
            let (head, _) = parse(&found);
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        }
    }
    let last = servers.pop().expect("a hundred");
    let address = last.local_addr();
    last.stop().await.expect("a stop");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let dropped = servers[0].local_addr();
    drop(servers.remove(0));
    // The task ends when the runtime comes to it.
    while TcpStream::connect(dropped).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

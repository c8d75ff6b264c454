//! The server on real sockets, with deadlines short enough to wait for.

use std::time::Duration;

use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::testing::{Heard, Sample, read_response, request};
use super::*;

const MIB: usize = 1024 * 1024;

/// A server that runs until told to stop.
struct Running {
    address: SocketAddr,
    heard: Heard,
    sample: Sample,
    stop: Option<oneshot::Sender<()>>,
    outcome: JoinHandle<Result<(), ServeError>>,
}

/// Serves on a free port, with default options but for what `change` changes.
async fn serve(change: impl FnOnce(&mut ServeOptions)) -> Running {
    let heard = Heard::default();
    let mut options = ServeOptions::default();
    heard.listen(&mut options);
    change(&mut options);
    let sample = Sample { bytes: 64 * MIB, ..Sample::default() };
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(anywhere, sample.clone(), options).await.expect("a free port");
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let outcome = tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { address, heard, sample, stop: Some(stop), outcome }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends `text` on a connection of its own; returns everything that comes back.
    async fn ask(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer and an end");
        answer
    }

    /// Begins the stop.
    fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("it runs");
    }

    /// Waits until `run` has returned.
    async fn stopped(self) -> Heard {
        self.outcome.await.expect("no panic").expect("no error");
        self.heard
    }
}

fn short(options: &mut ServeOptions) {
    let moment = Duration::from_millis(300);
    options.first_byte = moment;
    options.head = moment;
    options.keep_alive = moment;
    options.body_grace = moment;
    options.body_stall = moment;
    options.write_stall = moment;
    options.linger = moment;
}

/// Writes a byte now and then until the connection is closed.
async fn drip(stream: TcpStream) {
    let (mut reader, mut writer) = stream.into_split();
    let drip = async {
        while writer.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut answer = Vec::new();
    // An end or a reset; which of them depends on what is on its way.
    let closed = reader.read_to_end(&mut answer);
    drop(select(pin!(drip), pin!(closed)).await);
}

#[tokio::test]
async fn sheds_every_kind_of_slow_client() {
    let mut running = serve(short).await;
    let mut silent = running.connect().await;
    let (mut head, mut body, mut reader) =
        (running.connect().await, running.connect().await, running.connect().await);
    head.write_all(b"G").await.expect("sent");
    let upload = request("/count", "Content-Length: 1000000\r\n");
    body.write_all(upload.as_bytes()).await.expect("sent");
    reader.write_all(request("/bytes", "").as_bytes()).await.expect("sent");

    let silent = silent.read_u8();
    let (silent, (), ()) = futures_util::join!(silent, drip(head), drip(body));
    assert!(silent.is_err(), "closed without a word");
    running.stop();
    let mut events = running.stopped().await.events();
    events.sort();
    assert_eq!(events, ["Body", "FirstByte", "Head", "Response"]);
    let mut taken = Vec::new();
    // So that the kernel does not keep the rest for a reader who does not read.
    assert!(reader.read_to_end(&mut taken).await.is_err(), "a reset, after {}", taken.len());
}

#[tokio::test]
async fn keeps_a_connection_for_several_requests() {
    let running = serve(|_| ()).await;
    let mut stream = running.connect().await;
    for _ in 0..2 {
        stream.write_all(request("/ignore", "").as_bytes()).await.expect("sent");
        assert_eq!(read_response(&mut stream).await.1, "ignored");
    }
    let both = request("/count", "Content-Length: 3\r\n") + "abc" + &request("/ignore", "");
    stream.write_all(both.as_bytes()).await.expect("sent");
    assert_eq!(read_response(&mut stream).await.1, "3");
    assert_eq!(read_response(&mut stream).await.1, "ignored");
}

#[tokio::test]
async fn stops_after_the_request_in_flight() {
    let mut running = serve(|_| ()).await;
    let mut idle = running.connect().await;
    idle.write_all(request("/ignore", "").as_bytes()).await.expect("sent");
    assert_eq!(read_response(&mut idle).await.1, "ignored");
    let mut busy = running.connect().await;
    busy.write_all(request("/held", "").as_bytes()).await.expect("sent");
    running.sample.held.notified().await;

    running.stop();
    assert_eq!(idle.read(&mut [0]).await.expect("a clean end"), 0, "idle ones are closed at once");
    assert!(TcpStream::connect(running.address).await.is_err(), "new ones are refused");
    assert!(!running.outcome.is_finished(), "the busy one is waited for");
    running.sample.release.notify_one();
    assert_eq!(read_response(&mut busy).await.1, "released");
    assert!(running.stopped().await.events().is_empty());
}

#[tokio::test]
async fn cuts_what_outlives_the_grace() {
    let mut running = serve(|options| options.stop_grace = Duration::from_millis(50)).await;
    let mut stream = running.connect().await;
    stream.write_all(request("/held", "").as_bytes()).await.expect("sent");
    running.sample.held.notified().await;
    running.stop();
    assert_eq!(stream.read(&mut [0]).await.expect("an end"), 0);
    assert_eq!(running.stopped().await.events(), ["Cut(1)"]);
}

#[tokio::test]
async fn cuts_everything_when_dropped() {
    let running = serve(|_| ()).await;
    let mut stream = running.connect().await;
    stream.write_all(request("/held", "").as_bytes()).await.expect("sent");
    running.sample.held.notified().await;
    running.outcome.abort();
    assert_eq!(stream.read(&mut [0]).await.expect("an end"), 0);
}

#[tokio::test]
async fn lets_more_connections_wait_than_it_takes() {
    let running = serve(|options| options.max_connections = 1).await;
    let mut first = running.connect().await;
    first.write_all(request("/ignore", "").as_bytes()).await.expect("sent");
    assert_eq!(read_response(&mut first).await.1, "ignored");
    let mut second = running.connect().await;
    second.write_all(request("/held", "").as_bytes()).await.expect("sent");
    first.write_all(request("/ignore", "").as_bytes()).await.expect("sent");
    assert_eq!(read_response(&mut first).await.1, "ignored");
    assert!(running.sample.held.notified().now_or_never().is_none(), "not taken yet");
    running.sample.release.notify_one();
    drop(first);
    assert_eq!(read_response(&mut second).await.1, "released");
}

#[tokio::test]
async fn an_answer_outlives_the_body_nobody_wanted() {
    let running = serve(|options| options.linger = Duration::from_mins(1)).await;
    let mut stream = running.connect().await;
    let text = request("/ignore", "Content-Length: 8388608\r\n");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream.write_all(&vec![0; 8 * MIB]).await.expect("all of it is taken");
    let (head, body) = read_response(&mut stream).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "ignored");
}

#[tokio::test]
async fn refuses_a_head_that_is_too_large() {
    let running = serve(|_| ()).await;
    let long = request("/ignore", &format!("X: {}\r\n", "x".repeat(40_000)));
    assert!(running.ask(&long).await.starts_with("HTTP/1.1 431 "));
    let many = request("/ignore", &"X: x\r\n".repeat(101));
    assert!(running.ask(&many).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn refuses_what_is_not_http() {
    let running = serve(|_| ()).await;
    for text in ["\0\0\0\0\0\0", "hello?\r\n\r\n", "GET /\r\n\r\n", "\u{fffd} / HTTP/1.1\r\n\r\n"] {
        let answer = running.ask(text).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{text:?}: {answer}");
    }
}

#[tokio::test]
async fn refuses_requests_that_two_readers_would_read_differently() {
    let running = serve(|_| ()).await;
    let close = "Connection: close\r\n";
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length: +3\r\n",
        "X: a\r\n b\r\n",
        "X : a\r\n",
        "Host: other.example\r\n",
    ] {
        let answer = running.ask(&request("/count", &format!("{fields}{close}"))).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn believes_chunks_and_not_a_length_beside_them() {
    let running = serve(|_| ()).await;
    for fields in [
        "Content-Length: 20\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
    ] {
        let fields = format!("{fields}Connection: close\r\n");
        let answer = running.ask(&(request("/count", &fields) + "2\r\nab\r\n0\r\n\r\n")).await;
        assert!(answer.ends_with("\r\n\r\n2"), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn wants_to_know_whom_a_request_is_for() {
    let running = serve(|_| ()).await;
    let close = "Connection: close\r\n\r\n";
    for (head, status) in [
        ("GET /ignore HTTP/1.1\r\n", "400"),
        ("GET http://a.example/ignore HTTP/1.1\r\nHost: b.example\r\n", "400"),
        ("GET http://a.example/ignore HTTP/1.1\r\nHost: A.example\r\n", "200"),
        ("GET /ignore HTTP/1.0\r\n", "200"),
    ] {
        let answer = running.ask(&format!("{head}{close}")).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn tells_a_client_of_tls_that_this_is_plain_http() {
    let running = serve(|_| ()).await;
    let hello = format!("\u{16}\u{3}\u{1}\u{2}\0{}", "x".repeat(512));
    let answer = running.ask(&hello).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert!(body.contains("plain HTTP"), "{body}");
    assert_eq!(running.heard.events(), ["Tls"]);
}

#[tokio::test]
async fn names_the_peer_and_believes_no_header() {
    let running = serve(|_| ()).await;
    let mut stream = running.connect().await;
    let fields = "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.7\r\n";
    stream.write_all(request("/peer", fields).as_bytes()).await.expect("sent");
    let own = stream.local_addr().expect("an address").to_string();
    assert_eq!(read_response(&mut stream).await.1, own);
}

#[tokio::test]
async fn speaks_http2_to_those_who_know() {
    let running = serve(|_| ()).await;
    let stream = TokioIo::new(running.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("h2");
    tokio::spawn(connection);
    for path in ["/bytes", "/ignore"] {
        let request = http::Request::get(format!("http://registry.example{path}"));
        let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("a response");
        let body = response.collect().await.expect("whole").to_bytes();
        assert_eq!(body.len(), if path == "/bytes" { 64 * MIB } else { 7 });
    }
}

#[tokio::test]
async fn says_which_address_it_could_not_listen_on() {
    let running = serve(|_| ()).await;
    let taken = Server::bind(running.address, Sample::default(), ServeOptions::default()).await;
    let error = taken.expect_err("taken");
    assert_eq!(error.to_string(), format!("listen on {}", running.address));
}

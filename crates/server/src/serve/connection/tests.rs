//! Every deadline with its default, on a clock that jumps ahead when nothing else happens.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::client::conn::http2;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::super::testing::{Heard, Sample, read_response, request};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const KIB: usize = 1024;

impl Wire for DuplexStream {
    fn reset_on_close(&self) {}
}

/// One connection over a wire that holds 16 KiB in each direction.
struct Connected {
    client: DuplexStream,
    heard: Heard,
    served: JoinHandle<Instant>,
    since: Instant,
    stage: watch::Sender<Stage>,
}

fn connect() -> Connected {
    let heard = Heard::default();
    let mut options = ServeOptions::default();
    heard.listen(&mut options);
    let (stage, stop) = Stop::new();
    let service = Sample { bytes: 1024 * KIB, ..Sample::default() };
    let shared = Shared { service, options: Arc::new(options), stop };
    let (client, wire) = duplex(16 * KIB);
    let peer = "192.0.2.1:1".parse().expect("an address");
    let served = tokio::spawn(async move {
        shared.serve(wire, peer).await;
        Instant::now()
    });
    Connected { client, heard, served, since: Instant::now(), stage }
}

impl Connected {
    async fn say(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.expect("the server listens");
    }

    /// Waits until the server is done; returns when that was, in seconds since the beginning.
    async fn ended(&mut self) -> u64 {
        let ended = (&mut self.served).await.expect("no panic");
        (ended - self.since).as_secs()
    }

    /// Sends `piece` every second until the connection is closed.
    async fn trickle(&mut self, piece: &[u8]) {
        while self.client.write_all(piece).await.is_ok() {
            sleep(SECOND).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sheds_a_silent_connection() {
    let mut connected = connect();
    assert_eq!(connected.ended().await, 10);
    assert_eq!(connected.heard.events(), ["FirstByte"]);
}

#[tokio::test(start_paused = true)]
async fn sheds_a_head_that_drips() {
    let mut connected = connect();
    sleep(9 * SECOND).await;
    connected.trickle(b"G").await;
    assert_eq!(connected.ended().await, 19);
    assert_eq!(connected.heard.events(), ["Head"]);
}

#[tokio::test(start_paused = true)]
async fn sheds_a_preface_that_drips() {
    let mut connected = connect();
    connected.say("PRI *").await;
    assert_eq!(connected.ended().await, 10);
    assert_eq!(connected.heard.events(), ["Head"]);
}

#[tokio::test(start_paused = true)]
async fn sheds_a_later_head_that_drips() {
    let mut connected = connect();
    connected.say(&request("/ignore", "")).await;
    assert_eq!(read_response(&mut connected.client).await.1, "ignored");
    sleep(70 * SECOND).await;
    connected.trickle(b"G").await;
    assert_eq!(connected.ended().await, 80);
    assert_eq!(connected.heard.events(), ["Head"]);
}

#[tokio::test(start_paused = true)]
async fn closes_an_idle_connection_without_reproach() {
    let mut connected = connect();
    for _ in 0..3 {
        connected.say(&request("/ignore", "")).await;
        assert_eq!(read_response(&mut connected.client).await.1, "ignored");
        sleep(50 * SECOND).await;
    }
    assert_eq!(connected.ended().await, 175);
    assert!(connected.heard.events().is_empty());
    assert_eq!(connected.client.read(&mut [0]).await.expect("a clean end"), 0);
}

#[tokio::test(start_paused = true)]
async fn sheds_a_body_that_drips() {
    let mut connected = connect();
    connected.say(&request("/count", "Content-Length: 100000\r\n")).await;
    connected.trickle(b"x").await;
    assert!(connected.client.read_to_end(&mut Vec::new()).await.is_ok());
    let ended = connected.ended().await;
    assert!((30..=33).contains(&ended), "{ended}");
    assert_eq!(connected.heard.events(), ["Body"]);
}

#[tokio::test(start_paused = true)]
async fn tells_a_sender_that_stopped() {
    let mut connected = connect();
    connected.say(&request("/count", "Content-Length: 200000\r\n")).await;
    connected.client.write_all(&vec![0; 100_000]).await.expect("taken");
    let (head, _) = read_response(&mut connected.client).await;
    assert!(head.starts_with("http/1.1 408 "), "{head}");
    assert_eq!(connected.since.elapsed().as_secs(), 60);
    assert_eq!(connected.ended().await, 62, "lingers for two seconds");
}

#[tokio::test(start_paused = true)]
async fn keeps_an_upload_that_is_slow_but_fast_enough() {
    let mut connected = connect();
    connected.say(&request("/count", "Content-Length: 1228800\r\n")).await;
    for _ in 0..60 {
        sleep(19 * SECOND).await;
        connected.client.write_all(&vec![0; 20 * KIB]).await.expect("taken");
    }
    assert_eq!(read_response(&mut connected.client).await.1, "1228800");
    assert!(connected.heard.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn sheds_a_reader_that_takes_nothing() {
    let mut connected = connect();
    connected.say(&request("/bytes", "")).await;
    assert_eq!(connected.ended().await, 60);
    assert_eq!(connected.heard.events(), ["Response"]);
}

#[tokio::test(start_paused = true)]
async fn sheds_a_reader_that_sips() {
    let mut connected = connect();
    connected.say(&request("/bytes", "")).await;
    while connected.client.read_u8().await.is_ok() {
        sleep(SECOND).await;
        if connected.served.is_finished() {
            break;
        }
    }
    let ended = connected.ended().await;
    assert!((60..=62).contains(&ended), "{ended}");
    assert_eq!(connected.heard.events(), ["Response"]);
}

#[tokio::test(start_paused = true)]
async fn keeps_a_reader_that_is_slow_but_fast_enough() {
    let mut connected = connect();
    connected.say(&request("/bytes", "Connection: close\r\n")).await;
    let mut total = 0;
    let mut buffer = [0; 8 * KIB];
    loop {
        let read = connected.client.read(&mut buffer).await.expect("served on");
        if read == 0 {
            break;
        }
        total += read;
        sleep(7 * SECOND).await;
    }
    assert!(total > 1024 * KIB, "the whole answer, not {total} bytes");
    assert!(connected.heard.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_half_a_head() {
    let mut connected = connect();
    connected.say("GET / HT").await;
    sleep(SECOND).await;
    connected.stage.send_replace(Stage::Finishing);
    assert_eq!(connected.ended().await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_the_silent_at_once() {
    let mut connected = connect();
    sleep(SECOND).await;
    connected.stage.send_replace(Stage::Finishing);
    assert_eq!(connected.ended().await, 1);
    assert!(connected.heard.events().is_empty());
}

mod over_http2 {
    use bytes::Bytes;
    use futures_util::stream;
    use http::{Request, Response, StatusCode};
    use http_body::Frame;
    use http_body_util::combinators::UnsyncBoxBody;
    use hyper::body::Incoming;

    use super::*;

    type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;
    type Sender = http2::SendRequest<Body>;

    /// A client, and its connection's task.
    async fn handshake(connected: &mut Connected) -> Sender {
        let (client, _) = duplex(1);
        let client = std::mem::replace(&mut connected.client, client);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(Some(64 * 1024 - 1))
            .keep_alive_interval(Some(20 * SECOND))
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(client))
            .await
            .expect("a handshake");
        tokio::spawn(connection);
        sender
    }

    async fn ask(sender: &mut Sender, path: &str, body: Body) -> Response<Incoming> {
        let uri = format!("http://registry.example{path}");
        let request = Request::post(uri).body(body).expect("a request");
        sender.send_request(request).await.expect("a response")
    }

    fn empty() -> Body {
        Empty::new().boxed_unsync()
    }

    #[tokio::test(start_paused = true)]
    async fn sheds_a_connection_without_a_request() {
        let mut connected = connect();
        let _sender = handshake(&mut connected).await;
        assert_eq!(connected.ended().await, 10);
        assert_eq!(connected.heard.events(), ["Head"]);
    }

    #[tokio::test(start_paused = true)]
    async fn closes_an_idle_connection_that_only_pings() {
        let mut connected = connect();
        let mut sender = handshake(&mut connected).await;
        let response = ask(&mut sender, "/ignore", empty()).await;
        assert_eq!(response.collect().await.expect("whole").to_bytes(), "ignored");
        assert_eq!(connected.ended().await, 75);
        assert!(connected.heard.events().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn sheds_a_body_that_stops() {
        let mut connected = connect();
        let mut sender = handshake(&mut connected).await;
        let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]);
        let body = StreamBody::new(stream::StreamExt::chain(first, stream::pending()));
        let response = ask(&mut sender, "/count", body.boxed_unsync()).await;
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(connected.since.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn sheds_a_reader_that_opens_no_window() {
        let mut connected = connect();
        let mut sender = handshake(&mut connected).await;
        let _unread = ask(&mut sender, "/bytes", empty()).await;
        assert_eq!(connected.ended().await, 60);
        assert_eq!(connected.heard.events(), ["Response"]);
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_a_reader_that_is_slow_but_fast_enough() {
        let mut connected = connect();
        let mut sender = handshake(&mut connected).await;
        let mut body = ask(&mut sender, "/bytes", empty()).await.into_body();
        let mut total = 0;
        while let Some(frame) = body.frame().await {
            let length = frame.expect("served on").into_data().map_or(0, |data| data.len());
            total += length;
            sleep(SECOND * u32::try_from(length / (2 * KIB)).expect("small")).await;
        }
        assert_eq!(total, 1024 * KIB);
        assert!(connected.heard.events().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_the_request_in_flight_finish() {
        let mut connected = connect();
        let mut sender = handshake(&mut connected).await;
        let mut body = ask(&mut sender, "/bytes", empty()).await.into_body();
        connected.stage.send_replace(Stage::Finishing);
        let mut total = 0;
        while let Some(frame) = body.frame().await {
            total += frame.expect("served on").into_data().map_or(0, |data| data.len());
        }
        assert_eq!(total, 1024 * KIB);
        connected.ended().await;
    }
}

//! The server when file descriptors run out. A process of its own, as their number is lowered.

use std::convert::Infallible;
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use oras_server::serve::{RequestBody, ServeEvent, ServeOptions, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Clone)]
struct Hello;

impl tower_service::Service<Request<RequestBody>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        Box::pin(async { Ok(Response::new(Full::from("hello"))) })
    }
}

/// Leaves room for `count` file descriptors more than there are now.
fn leave_room_for(count: u64) {
    let free = File::open("/dev/null").expect("one more").as_raw_fd();
    let limit = u64::try_from(free).expect("not negative") + count;
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum }).expect("lowered");
}

#[tokio::test]
async fn serves_everybody_in_turn_when_file_descriptors_run_out() {
    let pauses = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pauses);
    let mut options = ServeOptions::default();
    options.observer = Arc::new(move |event| {
        if let ServeEvent::Paused(_) = event {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(anywhere, Hello, options).await.expect("a free port");
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(TcpStream::connect(server.local_addr()).await.expect("queued"));
    }
    leave_room_for(3);
    let running = tokio::spawn(server.run(std::future::pending()));
    for (index, mut client) in clients.into_iter().enumerate() {
        let request = b"GET / HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n";
        client.write_all(request).await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.ends_with("\r\n\r\nhello"), "client {index}: {answer}");
    }
    assert!(pauses.load(Ordering::Relaxed) > 0, "they did run out");
    assert!(!running.is_finished());
}

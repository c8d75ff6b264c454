//! A registry in a test: three lines, ready at once, as many as you like, with faults on demand.
//!
//! ```sh
//! cargo run --package oras-server --example in_a_test
//! ```

use std::error::Error;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use oras_server::serve::{ServeOptions, Server};
use oras_server::trouble::{Requests, Trouble, Troubles};
use oras_server::{BuildError, Registry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // The three lines: a registry, a port, its address. It stops when `server` is dropped.
    let registry = Registry::builder().memory().build()?.into_service();
    let server =
        Server::bind("127.0.0.1:0".parse()?, registry, ServeOptions::default()).await?.start();
    let host = server.local_addr();

    let mut client = TcpStream::connect(host).await?;
    client.write_all(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    assert!(answer.starts_with("HTTP/1.1 200 OK"));

    // Without a port: many at once in one process. Each has what was pushed to it, nothing else.
    let digest = oras_spec::Digest::of(b"hello");
    let mut others: Vec<_> = (0..100)
        .map(|_| Ok(Registry::builder().memory().build()?.into_service()))
        .collect::<Result<_, BuildError>>()?;
    let push = format!("/v2/greetings/blobs/uploads/?digest={digest}");
    let pushed = others[42].call(Request::post(push).body(Full::from("hello"))?).await?;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let blob = format!("/v2/greetings/blobs/{digest}");
    for (index, other) in others.iter_mut().enumerate() {
        assert_eq!(get(other, &blob).await?.status() == StatusCode::OK, index == 42);
    }

    // Faults on demand, around any service: also around one that is served on a port.
    let troubles = Troubles::default();
    let mut flaky = troubles.around(others.swap_remove(42));
    let pulls = || Requests::all().method(Method::GET).row("end-2");
    let busy = Response::builder().status(429).header("Retry-After", "1").body(Bytes::new())?;
    troubles.add(pulls().nth(1), Trouble::Answer(busy));
    troubles.add(pulls().nth(2), Trouble::Cut(3));
    assert_eq!(get(&mut flaky, &blob).await?.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(get(&mut flaky, &blob).await?.into_body().collect().await.is_err());
    assert_eq!(get(&mut flaky, &blob).await?.into_body().collect().await?.to_bytes(), "hello");
    Ok(())
}

async fn get<S, B>(service: &mut S, target: &str) -> Result<Response<B>, S::Error>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
{
    let mut request = Request::new(Full::default());
    *request.uri_mut() = target.parse().expect("a target");
    service.call(request).await
}

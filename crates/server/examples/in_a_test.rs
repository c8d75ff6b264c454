//! A registry in a test: no port, no files, ready at once, and faults when you want them.
//!
//! ```sh
//! cargo run --package oras-server --example in_a_test
//! ```

use std::error::Error;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use oras_server::{Registry, RegistryService, ResponseBody};
use tower_service::Service as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The three lines: a registry, its service, a request.
    let registry = Registry::builder().memory().build()?;
    let mut service = registry.into_service();
    let answer = service.call(Request::get("/v2/").body(Full::<bytes::Bytes>::default())?).await?;
    assert_eq!(answer.status(), StatusCode::OK);

    // Many at once in one process: each has what was pushed to it, and nothing else.
    let digest = oras_spec::Digest::of(b"hello");
    let mut others: Vec<_> = (0..100)
        .map(|_| Ok(Registry::builder().memory().build()?.into_service()))
        .collect::<Result<_, oras_server::BuildError>>()?;
    let push = format!("/v2/greetings/blobs/uploads/?digest={digest}");
    let pushed = others[42].call(Request::post(push).body(Full::from("hello"))?).await?;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let blob = format!("/v2/greetings/blobs/{digest}");
    for (index, other) in others.iter_mut().enumerate() {
        let answer = get(other, &blob).await?;
        assert_eq!(answer.status() == StatusCode::OK, index == 42);
    }

    // Faults on demand: a service around the service. This one is down every other time.
    let mut flaky = Flaky { inner: others.swap_remove(42), calls: 0 };
    assert_eq!(flaky.get(&blob).await?.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = flaky.get(&blob).await?;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await?.to_bytes(), "hello");
    Ok(())
}

async fn get(
    service: &mut RegistryService,
    target: &str,
) -> Result<Response<ResponseBody>, Box<dyn Error>> {
    Ok(service.call(Request::get(target).body(Full::<bytes::Bytes>::default())?).await?)
}

/// A registry whose every other answer is that it is not available.
struct Flaky {
    inner: RegistryService,
    calls: usize,
}

impl Flaky {
    async fn get(&mut self, target: &str) -> Result<Response<ResponseBody>, Box<dyn Error>> {
        self.calls += 1;
        let mut answer = get(&mut self.inner, target).await?;
        if self.calls % 2 == 1 {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Ok(answer)
    }
}

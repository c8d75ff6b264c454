//! Any service in this process as a transport: no port, no socket.

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use tower_service::Service;

use super::{Body, Failure, Transport};
use crate::Result;

/// A transport that calls a service, such as a registry embedded in the same program.
#[derive(Clone)]
pub struct InProcess<S>(S);

impl<S> InProcess<S> {
    /// Wraps `service`. It is cloned for each request.
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S> fmt::Debug for InProcess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

#[async_trait]
impl<S, B> Transport for InProcess<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut service = self.0.clone();
        let failed = |error: S::Error| Failure::Other(error.to_string()).of_request(&method, &uri);
        std::future::poll_fn(|cx| service.poll_ready(cx).map_err(failed)).await?;
        let response = service.call(request).await.map_err(failed)?;
        Ok(response.map(Body::new))
    }
}

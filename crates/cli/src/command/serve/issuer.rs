//! Reads the documents of token issuers, with our own client.

use bytes::{Bytes, BytesMut};
use http::Uri;
use http::header::{ACCEPT, USER_AGENT};
use http_body_util::BodyExt as _;
use oras_client::transport::{Body, Network, Transport as _};
use oras_server::auth::{DocumentFetcher, FetchError};

use crate::command::version::VERSION;
use crate::error::chain;

/// Asks the network, once for each document: no redirect is followed, no credential sent.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) network: Network,
}

#[async_trait::async_trait]
impl DocumentFetcher for Documents {
    async fn fetch(&self, uri: &Uri, limit: usize) -> Result<Bytes, FetchError> {
        let failed = |error: &dyn std::fmt::Display| FetchError(error.to_string());
        let request = http::Request::get(uri)
            .header(USER_AGENT, format!("oras/{VERSION}"))
            .header(ACCEPT, "application/json")
            .body(Body::empty());
        let request = request.map_err(|error| failed(&error))?;
        let response = self.network.send(request).await;
        let response = response.map_err(|error| failed(&chain(&error)))?;
        if response.status() != http::StatusCode::OK {
            return Err(failed(&format!("answered {}", response.status())));
        }
        let mut body = response.into_body();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(&chain(&*error)))?;
            let Ok(piece) = frame.into_data() else { continue };
            if all.len() + piece.len() > limit {
                return Err(failed(&format!("larger than {limit} bytes")));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

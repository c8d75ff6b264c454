//! How the documents of issuers are had: by a client that whoever runs the registry supplies.

use std::fmt::Debug;

use bytes::Bytes;
use http::Uri;

/// Reads documents of issuers over the network.
///
/// Implementations check the certificate of an `https` address, follow no redirect, send no
/// credential, and bound their waits.
#[async_trait::async_trait]
pub trait DocumentFetcher: Debug + Send + Sync {
    /// Returns the body of the answer to `GET uri`, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If there is no answer with status 200, or a larger one.
    async fn fetch(&self, uri: &Uri, limit: usize) -> Result<Bytes, FetchError>;
}

/// Why a document could not be had. Told to nobody but the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

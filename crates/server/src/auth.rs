//! Who is asking: the door every request passes before it is looked at.

use std::fmt::Debug;

use http::request::Parts;
use oras_spec::distribution::Challenge;

/// Who a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name of the user; nothing for who needs no name.
    pub name: Option<String>,
}

/// Tells who a request comes from, by its headers.
///
/// Asked once for every request, `GET /v2/` included, before its path is parsed. Called from the
/// tasks that serve connections: slow work, such as hashing a password, belongs on other threads.
#[async_trait::async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Returns who is asking.
    ///
    /// # Errors
    ///
    /// The challenge to answer `401 Unauthorized` with, if the request carries no credential or a
    /// wrong one; nothing tells which.
    async fn identify(&self, parts: &Parts) -> Result<Identity, Challenge>;
}

//! Who is asking: the door every request passes before it is looked at.

mod basic;
mod htpasswd;
mod users;

use std::fmt::Debug;

use http::request::Parts;
use oras_spec::distribution::Challenge;

pub use self::htpasswd::{HtpasswdError, HtpasswdProblem};
pub use self::users::{UserError, Users};

/// Who a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name of the user; nothing for who needs no name.
    pub name: Option<String>,
}

/// Why a request was not let through the door.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No credential, or a wrong one; nothing tells which. Answer `401 Unauthorized` with this.
    Challenge(Challenge),
    /// Too many credentials are being checked at this moment. Answer `429 Too Many Requests`.
    Busy,
}

/// Tells who a request comes from, by its headers.
///
/// Asked once for every request, `GET /v2/` included, before its path is parsed. Called from the
/// tasks that serve connections: slow work, such as hashing a password, belongs on other threads.
#[async_trait::async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Returns who is asking, or why nobody will know.
    async fn identify(&self, parts: &Parts) -> Result<Identity, Refusal>;
}

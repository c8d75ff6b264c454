//! Who is asking: the door every request passes before it is looked at.

mod attempts;
mod basic;
mod htpasswd;
mod issuer;
mod logins;
mod password;
mod tokens;
mod users;

use std::fmt::Debug;
use std::net::IpAddr;

use http::HeaderMap;
use http::request::Parts;
use oras_spec::distribution::{Challenge, Scope};

pub use self::htpasswd::{HtpasswdError, HtpasswdProblem};
pub use self::issuer::{DocumentFetcher, FetchError, Issuer, IssuerError};
pub use self::logins::{Logins, LoginsOptions};
pub use self::users::{UserError, Users};

pub(crate) use self::issuer::IssuerTable;

/// Who a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name of the user; nothing for who needs no name.
    pub name: Option<String>,
    /// What the token of the request was asked for; nothing if it came without one, and may do
    /// whatever its user may.
    pub scopes: Option<Vec<Scope>>,
    /// The groups that an issuer says the user is in.
    pub groups: Vec<String>,
}

/// Why a request was not let through the door.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No credential, or a wrong one; nothing tells which. Answer `401 Unauthorized` with this.
    Challenge(Challenge),
    /// As `Challenge`, with the one of [`Authenticator::challenge`].
    Unauthorized,
    /// As `Unauthorized`, for a token of an issuer that is told why it is no good.
    Untrusted(String),
    /// Whether a token is good cannot be told at this moment; why, is for the log. Answer
    /// `503 Service Unavailable`.
    Unavailable(String),
    /// Too many credentials are being checked at this moment, or were wrong of late. Answer
    /// `429 Too Many Requests`.
    Busy,
}

/// How a request came, in its extensions; what stands in its headers is the client's word only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The other end of the connection.
    pub peer: Option<IpAddr>,
    /// Whether the connection is encrypted as far as this server.
    pub is_encrypted: bool,
}

impl Origin {
    /// Returns the origin of a request.
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get().copied().unwrap_or_default()
    }
}

/// Tells who a request comes from, by its headers.
///
/// Asked once for every request, `GET /v2/` included, before its path is parsed. Called from the
/// tasks that serve connections: slow work, such as hashing a password, belongs on other threads.
#[async_trait::async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Returns who is asking, or why nobody will know.
    async fn identify(&self, parts: &Parts) -> Result<Identity, Refusal>;

    /// Returns what a client is to be asked for that may be let do `scopes` once it has a name, or
    /// another token.
    fn challenge(&self, parts: &Parts, scopes: &[Scope]) -> Challenge {
        let (_, _) = (parts, scopes);
        Challenge::basic(REALM)
    }

    /// Hands out a token for `scopes` to who is asking, for [`TOKEN_PATH`]; nothing if there are
    /// no tokens here. `headers` are those that `identity` was known by.
    fn issue(
        &self,
        headers: &HeaderMap,
        identity: &Identity,
        scopes: &[Scope],
    ) -> Option<IssuedToken> {
        let (_, _, _) = (headers, identity, scopes);
        None
    }
}

/// What browsers show when they ask for a password.
const REALM: &str = "oras registry";

/// Where tokens are to be had.
pub const TOKEN_PATH: &str = "/token";

/// A token, fresh.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// What is to be sent as `Authorization: Bearer`.
    pub token: String,
    /// How long it lives, in seconds.
    pub expires_in: u64,
}

/// Shows no token.
impl Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

//! What a token service answers.

use serde::{Deserialize, Serialize};

/// A token, and how long it lives.
///
/// See [token response fields](https://distribution.github.io/distribution/spec/auth/token/#token-response-fields).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token, under Docker's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The token, under the name OAuth 2.0 gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// How long the token lives, in seconds from when it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// When the token was issued, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<String>,
    /// A token to get further tokens with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

impl TokenResponse {
    /// Returns the token under either name, `access_token` first; nothing if it is empty.
    pub fn into_token(self) -> Option<String> {
        let full = |text: &String| !text.is_empty();
        self.access_token.filter(full).or(self.token.filter(full))
    }
}

/// Shows which fields are there, never what a secret is.
impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("token", &self.token.is_some())
            .field("access_token", &self.access_token.is_some())
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

//! What a token service answers.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// A token, and how long it lives.
///
/// See [token response fields](https://distribution.github.io/distribution/spec/auth/token/#token-response-fields).
/// A life time that is no whole number, and anything but text elsewhere, reads as not stated.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token, under Docker's name.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "unreadable_as_none"
    )]
    pub token: Option<String>,
    /// The token, under the name OAuth 2.0 gives it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "unreadable_as_none"
    )]
    pub access_token: Option<String>,
    /// How long the token lives, in seconds from when it was issued.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "unreadable_as_none"
    )]
    pub expires_in: Option<u64>,
    /// When the token was issued, RFC 3339.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "unreadable_as_none"
    )]
    pub issued_at: Option<String>,
    /// A token to get further tokens with.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "unreadable_as_none"
    )]
    pub refresh_token: Option<String>,
}

impl TokenResponse {
    /// Returns the token under either name, `access_token` first; nothing if it is empty.
    pub fn into_token(self) -> Option<String> {
        let full = |text: &String| !text.is_empty();
        self.access_token.filter(full).or(self.token.filter(full))
    }
}

/// Reads what has the wrong type as absent: no slip beside the token is worth losing the token.
fn unreadable_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// Shows which fields are there, never what a secret is.
impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("token", &self.token.is_some())
            .field("access_token", &self.access_token.is_some())
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TokenResponse {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn takes_the_token_under_either_name() {
        for (text, token) in [
            (r#"{"token":"a"}"#, Some("a")),
            (r#"{"access_token":"a"}"#, Some("a")),
            (r#"{"token":"a","access_token":"b"}"#, Some("b")),
            (r#"{"token":"a","access_token":""}"#, Some("a")),
            (r#"{"token":"","access_token":null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(text).into_token().as_deref(), token, "{text}");
        }
    }

    #[test]
    fn a_slip_beside_the_token_does_not_lose_it() {
        let response = read(r#"{"token":"a","expires_in":"300","issued_at":17,"x":[]}"#);
        assert_eq!((response.expires_in, &response.issued_at), (None, &None));
        assert_eq!(read(r#"{"token":"a","expires_in":-1}"#).expires_in, None);
        assert_eq!(read(r#"{"token":"a","expires_in":300}"#).expires_in, Some(300));
        assert_eq!(response.into_token().as_deref(), Some("a"));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let response =
            read(r#"{"token":"canary","access_token":"canary","refresh_token":"canary"}"#);
        assert!(!format!("{response:?}").contains("canary"));
    }
}

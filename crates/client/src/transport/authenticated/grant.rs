//! What a token allows, where that can be read, and the fact that it is too little.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::HeaderValue;
use oras_spec::distribution::{Action, Scope};
use serde::Deserialize;

/// A registry refused a token that was got for this very request: we are known, or known to be
/// nobody, and may not. Found in the chain of causes of an error about the refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGranted {
    /// The host of the registry.
    pub registry: String,
    /// The scopes that were asked for, blanks between them.
    pub asked: String,
    /// The scopes the token allows, blanks between them; nothing if it does not tell.
    pub granted: Option<String>,
    /// The name of the user; empty if there is none.
    pub username: String,
    /// Whether no credential was shown for the token.
    pub is_anonymous: bool,
}

impl std::error::Error for NotGranted {}

impl std::fmt::Display for NotGranted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "asked {} for \"{}\"", self.registry, self.asked)?;
        match self.granted.as_deref() {
            Some("") => f.write_str(", which granted nothing"),
            Some(granted) => write!(f, ", which granted \"{granted}\""),
            None => f.write_str(", and the token it gave does not do"),
        }
    }
}

/// The part of a JWT that says what it allows.
#[derive(Deserialize)]
struct Claims {
    access: Option<Vec<Access>>,
}

#[derive(Deserialize)]
struct Access {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    actions: Vec<String>,
}

/// Reads what a token allows, as it stands in the header that shows it: its scopes, blanks between
/// them. Nothing if it is no JWT, or does not say: many are not, and none has to be.
pub fn granted(value: &HeaderValue) -> Option<String> {
    let claims = value.to_str().ok()?.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let granted = claims.access?.into_iter().map(|access| Scope::Resource {
        kind: access.kind,
        name: access.name,
        actions: access.actions.iter().map(|action| Action::from(action.as_str())).collect(),
    });
    Some(super::texts(&Scope::merge(granted)))
}

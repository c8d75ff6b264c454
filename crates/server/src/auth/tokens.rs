//! Tokens of our own: what a client carries instead of its password, for some minutes.

use std::fmt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oras_spec::distribution::Scope;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{Identity, IssuedToken};

/// Signs tokens, and knows them again.
///
/// The key lives as long as the process, and so do the tokens; a client whose token is no longer
/// known asks for another. A token says who has it and what it was asked for. What its owner may do
/// is decided anew at every request, so whatever is taken from a user is gone at once.
pub(super) struct Tokens {
    key: hmac::Key,
    /// Life times are counted from here: no change of the clock ends or prolongs them.
    since: Instant,
}

/// What a token says, for who has the key.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "u")]
    name: Option<String>,
    /// Of the user's password hash: another password makes the token void.
    #[serde(rename = "p")]
    password: String,
    /// The token of an issuer that this one stands for; then there is neither name nor password.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    foreign: Option<String>,
    #[serde(rename = "s")]
    scopes: Vec<String>,
    /// In seconds since the key was made.
    #[serde(rename = "e")]
    expires: u64,
}

/// How long a token lives. Docker counts on 60 seconds at least.
const LIFE: Duration = Duration::from_mins(5);
/// Longer ones are not ours: room for the token of an issuer, and as many scopes as there may be.
const LONGEST: usize = 28 * 1024;
/// Whose a token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Ours, or nobody's in particular.
    User(Identity),
    /// That of the token of an issuer, which has to be good still, for these scopes.
    Foreign(String, Vec<Scope>),
}

/// How many scopes one token has at most; further ones are left out.
const MOST_SCOPES: usize = 50;

impl Tokens {
    /// Draws a key; fails if the system has no random numbers.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), since: Instant::now() })
    }

    /// Makes a token. `password` is the hash that the owner's password is checked against.
    pub(super) fn issue(
        &self,
        identity: &Identity,
        password: &str,
        scopes: &[Scope],
        now: Instant,
    ) -> IssuedToken {
        let claims = Claims {
            name: identity.name.clone(),
            password: self.fingerprint(password),
            foreign: None,
            scopes: scopes.iter().take(MOST_SCOPES).map(ToString::to_string).collect(),
            expires: self.end(now),
        };
        self.sign(&claims)
    }

    /// Makes a token that stands for one of an issuer, and is good no longer than that.
    pub(super) fn issue_foreign(&self, token: &str, scopes: &[Scope], now: Instant) -> IssuedToken {
        self.sign(&Claims {
            name: None,
            password: String::new(),
            foreign: Some(token.to_owned()),
            scopes: scopes.iter().take(MOST_SCOPES).map(ToString::to_string).collect(),
            expires: self.end(now),
        })
    }

    fn end(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.since) + LIFE).as_secs()
    }

    fn sign(&self, claims: &Claims) -> IssuedToken {
        let payload = URL_SAFE_NO_PAD.encode(oras_spec::json::to_vec(claims));
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, payload.as_bytes()));
        IssuedToken { token: format!("{payload}.{tag}"), expires_in: LIFE.as_secs() }
    }

    /// Returns whose a token is. `password` tells the hash of a user's password, if there is that
    /// user, and is empty for who has no name.
    pub(super) fn identify(
        &self,
        token: &str,
        password: impl FnOnce(Option<&str>) -> Option<String>,
        now: Instant,
    ) -> Option<Holder> {
        if token.len() > LONGEST {
            return None;
        }
        let (payload, tag) = token.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, payload.as_bytes(), &tag).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        if now.saturating_duration_since(self.since).as_secs() >= claims.expires {
            return None;
        }
        let scopes = claims.scopes.iter().map(|text| parse(text)).collect();
        if let Some(foreign) = claims.foreign {
            return Some(Holder::Foreign(foreign, scopes));
        }
        let password = password(claims.name.as_deref())?;
        if self.fingerprint(&password) != claims.password {
            return None;
        }
        let identity = Identity { name: claims.name, scopes: Some(scopes), groups: Vec::new() };
        Some(Holder::User(identity))
    }

    fn fingerprint(&self, password: &str) -> String {
        // Behind a word that no payload begins with, so that this is never a token's signature.
        let text = format!("password:{password}");
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, text.as_bytes()))
    }
}

fn parse(text: &str) -> Scope {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// Shows no key.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$hash";

    fn made() -> (Tokens, String, Instant) {
        let tokens = Tokens::new().expect("random numbers");
        let now = Instant::now();
        let ada = Identity { name: Some("ada".into()), ..Identity::default() };
        let scopes = [parse("repository:a:pull,push")];
        let token = tokens.issue(&ada, HASH, &scopes, now).token;
        (tokens, token, now)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as it is asked for")]
    fn same(_: Option<&str>) -> Option<String> {
        Some(HASH.to_owned())
    }

    #[test]
    fn knows_its_token_until_it_expires() {
        let (tokens, token, now) = made();
        let known = tokens.identify(&token, same, now);
        let Some(Holder::User(identity)) = known else { panic!("{known:?} is not ada") };
        assert_eq!(identity.name.as_deref(), Some("ada"));
        assert_eq!(identity.scopes, Some(vec![parse("repository:a:pull,push")]));
        assert!(tokens.identify(&token, same, now + LIFE.mul_f32(0.9)).is_some());
        assert!(tokens.identify(&token, same, now + LIFE + Duration::from_secs(1)).is_none());
    }

    #[test]
    fn is_void_without_its_user_and_with_another_password() {
        let (tokens, token, now) = made();
        assert!(tokens.identify(&token, |_| None, now).is_none());
        assert!(tokens.identify(&token, |_| Some("$2y$05$other".into()), now).is_none());
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let (tokens, token, now) = made();
        for index in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(tokens.identify(&changed, same, now).is_none(), "{changed}");
        }
        let (others, ..) = made();
        assert!(others.identify(&token, same, now).is_none(), "another key");
        for bad in ["", ".", "a", "a.b", &"x".repeat(LONGEST + 1)] {
            assert!(tokens.identify(bad, same, now).is_none());
        }
    }

    #[test]
    fn shows_no_secret() {
        let (tokens, token, now) = made();
        assert!(!token.contains("hash"));
        let issued = tokens.issue(&Identity::default(), "", &[], now);
        let shown = format!("{tokens:?} {issued:?}");
        assert!(!shown.contains(&issued.token), "{shown}");
    }
}

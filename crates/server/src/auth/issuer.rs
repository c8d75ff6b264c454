//! Tokens that others signed: who they are from, whom they are for, and what they say.
//!
//! An issuer is trusted for the subjects it names, and for nothing else: what they may do here is
//! said by the policy. Its users' names begin with the issuer's, so that none is ever taken for a
//! user of ours. See [OpenID Connect Core](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)
//! and [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725), which says how not to read a JWT.

mod fetch;
mod keyring;
mod keys;
mod token;
mod trust;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use self::fetch::{DocumentFetcher, FetchError};
pub use self::trust::{Issuer, IssuerError};

pub(crate) use self::trust::IssuerTable;

use self::keyring::{KeyError, Keyring};
use self::token::Signed;
use super::Identity;

/// Everybody whose tokens are taken.
pub(super) struct Issuers {
    fetcher: Option<Arc<dyn DocumentFetcher>>,
    trusted: RwLock<Arc<Vec<Trusted>>>,
}

/// An issuer, and its keys as far as they are known.
struct Trusted {
    issuer: Issuer,
    keyring: Arc<Keyring>,
}

/// Why a token lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Untrusted {
    /// It is no good; the text says why, and holds nothing that is secret.
    Refused(String),
    /// The keys of its issuer cannot be had at this moment; why, is for the log.
    Unavailable(String),
}

/// How far clocks may be apart, in seconds.
const SKEW: f64 = 60.0;
/// The longest token. Wrapped into one of ours it has to fit into the headers of a request.
const LONGEST: usize = 12 * 1024;
/// The longest name of a subject.
const LONGEST_SUBJECT: usize = 512;

impl Issuers {
    pub(super) fn new(fetcher: Option<Arc<dyn DocumentFetcher>>) -> Self {
        Self { fetcher, trusted: RwLock::default() }
    }

    /// Trusts these from now on, and nobody else. Keys of those that stay are kept.
    pub(super) fn replace(&self, issuers: Vec<Issuer>) {
        let before = self.trusted();
        let keyring = |issuer: &Issuer| {
            let same = before.iter().find(|old| old.issuer.has_keys_of(issuer));
            same.map_or_else(|| Arc::new(Keyring::new(issuer)), |old| Arc::clone(&old.keyring))
        };
        let trusted = issuers.into_iter().map(|issuer| {
            let keyring = keyring(&issuer);
            Trusted { issuer, keyring }
        });
        let trusted = Arc::new(trusted.collect());
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = trusted;
    }

    /// Returns where an issuer hands out tokens itself, and what it knows us by.
    pub(super) fn realm(&self) -> Option<(String, String)> {
        let trusted = self.trusted();
        trusted.iter().find_map(|one| {
            let realm = one.issuer.realm.clone()?;
            Some((realm, one.issuer.audience.clone()))
        })
    }

    fn trusted(&self) -> Arc<Vec<Trusted>> {
        Arc::clone(&self.trusted.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whom a token speaks of, if it is good at this moment.
    pub(super) async fn identify(&self, token: &str) -> Result<Identity, Untrusted> {
        self.identify_at(token, SystemTime::now(), Instant::now()).await
    }

    async fn identify_at(
        &self,
        token: &str,
        now: SystemTime,
        instant: Instant,
    ) -> Result<Identity, Untrusted> {
        let refused = |why: &str| Untrusted::Refused(why.to_owned());
        if token.len() > LONGEST {
            return Err(refused("it is too long"));
        }
        let signed = Signed::parse(token).map_err(refused)?;
        // What it claims decides only whose keys it is held against.
        let claimed = signed.claims.text("iss").unwrap_or_default();
        let trusted = self.trusted();
        let one = trusted.iter().find(|one| one.issuer.url == claimed);
        let one = one.ok_or_else(|| refused("its issuer is not trusted here"))?;
        let no_fetcher =
            || Untrusted::Unavailable("nothing was given to fetch keys with".to_owned());
        let fetcher = self.fetcher.as_deref().ok_or_else(no_fetcher)?;
        let keys = one.keyring.find(fetcher, signed.key_id.as_deref(), signed.algorithm, instant);
        let keys = keys.await.map_err(|error| match error {
            KeyError::Unknown => refused("its issuer has no such key"),
            KeyError::Unavailable(why) => Untrusted::Unavailable(why),
        })?;
        if !keys.iter().any(|key| key.verifies(signed.message, &signed.signature)) {
            return Err(refused("its signature is wrong"));
        }
        check_claims(&one.issuer, &signed, now).map_err(refused)?;
        let subject = subject(&signed).map_err(refused)?;
        Ok(Identity {
            name: Some(format!("{}:{subject}", one.issuer.name)),
            scopes: signed.claims.scopes().map_err(refused)?,
            groups: one.issuer.groups_of(&signed.claims),
        })
    }
}

/// Checks for whom and for when a token is. Only after its signature: until then it says nothing.
fn check_claims(issuer: &Issuer, signed: &Signed<'_>, now: SystemTime) -> Result<(), &'static str> {
    let claims = &signed.claims;
    if !claims.has("aud", |audience| audience == issuer.audience) {
        return Err("it is for another audience");
    }
    let now = now.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let expires = claims.time("exp")?.ok_or("it does not say when it expires")?;
    if now >= expires + SKEW {
        return Err("it has expired");
    }
    if claims.time("nbf")?.is_some_and(|begins| now + SKEW < begins) {
        return Err("it is not valid yet");
    }
    if claims.time("iat")?.is_some_and(|issued| now + SKEW < issued) {
        return Err("it was issued in the future");
    }
    Ok(())
}

fn subject<'a>(signed: &'a Signed<'_>) -> Result<&'a str, &'static str> {
    let subject = signed.claims.text("sub").ok_or("it does not say whom it speaks of")?;
    let is_name = !subject.is_empty()
        && subject.len() <= LONGEST_SUBJECT
        && !subject.chars().any(char::is_control);
    is_name.then_some(subject).ok_or("its subject cannot be a name")
}

/// Tells whether a text has the form of a JWT, which neither our tokens nor our passwords have.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = self.trusted();
        f.debug_list().entries(trusted.iter().map(|one| &one.issuer)).finish()
    }
}

#[cfg(test)]
mod tests;

//! The keys of one issuer, asked for when they are needed and kept for a while.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::Uri;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::fetch::DocumentFetcher;
use super::keys::{self, Algorithm, Key};
use super::trust::{Issuer, is_safe};

/// What is known of an issuer's keys.
///
/// A key that is not known makes us ask, since issuers change theirs when they like; but no more
/// often than every [`PAUSE`], as anybody can make up the name of a key. An issuer that cannot be
/// asked is taken at its last word for [`KEPT`].
#[derive(Debug)]
pub(super) struct Keyring {
    issuer: String,
    /// Where the keys are; found out by discovery if nothing.
    keys_at: Option<Uri>,
    known: RwLock<Option<Known>>,
    /// When they were last asked for, and what went wrong; one asks at a time.
    asked: Mutex<Option<(Instant, Result<(), String>)>>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: Arc<[Key]>,
    at: Instant,
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// The issuer has none of that name for that algorithm.
    Unknown,
    /// The issuer cannot be asked, or makes no sense.
    Unavailable(String),
}

/// For how long keys are not asked for again.
const FRESH: Duration = Duration::from_hours(1);
/// For how long they are good if the issuer cannot be asked.
const KEPT: Duration = Duration::from_hours(24);
/// How long we wait before we ask again.
const PAUSE: Duration = Duration::from_secs(10);
/// How long the issuer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of a document.
const LARGEST: usize = 256 * 1024;

/// What [discovery](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
/// tells.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Keyring {
    pub(super) fn new(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.url.clone(),
            keys_at: issuer.keys.clone(),
            known: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    /// Finds the keys that a token may have been signed with: the one it names, or, if it names
    /// none, all of its algorithm.
    pub(super) async fn find(
        &self,
        fetcher: &dyn DocumentFetcher,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<Vec<Key>, KeyError> {
        let found = self.look_up(id, algorithm, FRESH, now);
        if !found.is_empty() {
            return Ok(found);
        }
        let older = self.look_up(id, algorithm, KEPT, now);
        let mut asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            // Somebody is asking already; who has a key need not wait for them.
            Err(_) if !older.is_empty() => return Ok(older),
            Err(_) => self.asked.lock().await,
        };
        let found = self.look_up(id, algorithm, FRESH, now);
        if !found.is_empty() {
            return Ok(found);
        }
        let pause = |at: &Instant| now.saturating_duration_since(*at) < PAUSE;
        if !asked.as_ref().is_some_and(|(at, _)| pause(at)) {
            let answer = timeout(PATIENCE, self.fetch(fetcher)).await;
            let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            *asked = Some((now, answer.as_ref().map(|_| ()).map_err(Clone::clone)));
            if let Ok(keys) = answer {
                let known = Some(Known { keys: keys.into(), at: now });
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
            }
        }
        let found = self.look_up(id, algorithm, KEPT, now);
        match &*asked {
            _ if !found.is_empty() => Ok(found),
            Some((_, Err(why))) => {
                Err(KeyError::Unavailable(format!("the keys of {}: {why}", self.issuer)))
            }
            _ => Err(KeyError::Unknown),
        }
    }

    fn look_up(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        age: Duration,
        now: Instant,
    ) -> Vec<Key> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.filter(|known| now.saturating_duration_since(known.at) < age);
        let fits =
            |key: &&Key| key.algorithm() == algorithm && (id.is_none() || key.id.as_deref() == id);
        known.iter().flat_map(|known| known.keys.iter()).filter(fits).cloned().collect()
    }

    async fn fetch(&self, fetcher: &dyn DocumentFetcher) -> Result<Vec<Key>, String> {
        let keys_at = match &self.keys_at {
            Some(uri) => uri.clone(),
            None => self.discover(fetcher).await?,
        };
        let keys = keys::parse(&read(fetcher, &keys_at).await?);
        keys.ok_or_else(|| format!("{keys_at} is no set of keys"))
    }

    async fn discover(&self, fetcher: &dyn DocumentFetcher) -> Result<Uri, String> {
        let base = self.issuer.trim_end_matches('/');
        let uri = format!("{base}/.well-known/openid-configuration");
        let uri: Uri = uri.parse().map_err(|_| format!("{uri} is no address"))?;
        let told: Discovered = serde_json::from_slice(&read(fetcher, &uri).await?)
            .map_err(|error| format!("{uri}: {error}"))?;
        // One issuer must not speak for another.
        if told.issuer != self.issuer {
            return Err(format!("{uri} is that of another issuer"));
        }
        let is_near = uri.scheme_str() == Some("http");
        let keys_at = told.jwks_uri.parse::<Uri>().ok().filter(|keys_at| {
            is_safe(keys_at) && (is_near || keys_at.scheme_str() == Some("https"))
        });
        keys_at.ok_or_else(|| format!("{uri}: its jwks_uri is no https address"))
    }
}

async fn read(fetcher: &dyn DocumentFetcher, uri: &Uri) -> Result<bytes::Bytes, String> {
    let document = fetcher.fetch(uri, LARGEST).await.map_err(|error| format!("{uri}: {error}"))?;
    if document.len() > LARGEST {
        return Err(format!("{uri}: larger than {LARGEST} bytes"));
    }
    Ok(document)
}

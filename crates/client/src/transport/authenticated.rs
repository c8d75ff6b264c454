//! Answers a registry's challenge once, then remembers.

mod cache;
mod realm;
mod scopes;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode, Uri};
use oras_spec::RegistryName;
use oras_spec::distribution::{Challenge, ChallengeScheme, Scope};

use self::cache::TokenCache;
use self::token::TokenRequest;
use super::body::{drain, peek};
use super::{Body, FinalUri, Transport, WebOrigin, shown};
use crate::auth::{Credential, Credentials, MissingCredential};
use crate::{Error, ErrorKind, Result};

pub(crate) use self::scopes::{ChallengeScope, ScopeHint};

/// Answers challenges, Basic and Bearer, with credentials from a store.
///
/// A request goes out bare, or with what convinced the same origin before. On 401 the challenge
/// is answered and the request repeated, with a token got once even when many requests want it at
/// a time. Tokens are kept by origin and scopes, for as long as they live; a token for more serves
/// where one for less is wanted. Credentials go to the origin that asked and to the token service
/// it names, if that is one we may believe, and nowhere else.
///
/// One of these stands for one identity: two sets of credentials need two.
pub struct Authenticated<T> {
    inner: T,
    credentials: Arc<dyn Credentials>,
    origins: Arc<Mutex<HashMap<WebOrigin, Arc<Convinced>>>>,
}

/// What is known of one origin.
#[derive(Default)]
struct Convinced {
    basic: Mutex<Option<HeaderValue>>,
    tokens: TokenCache,
    /// The answer of the credential store, once asked; an empty one stands for none.
    credential: tokio::sync::Mutex<Option<Credential>>,
}

impl<T: Transport> Authenticated<T> {
    /// Wraps `inner`. Nothing is asked of `credentials` until a registry asks.
    pub fn new(inner: T, credentials: Arc<dyn Credentials>) -> Self {
        Self { inner, credentials, origins: Arc::default() }
    }

    fn convinced(&self, origin: &WebOrigin) -> Arc<Convinced> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(origins.entry(origin.clone()).or_default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Authenticated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("inner", &self.inner)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// A bare request, a repetition with a token somebody else has just got, one with a token of its
/// own, and one more after credentials turned out to be stale.
const MAX_SENDS: usize = 4;

#[async_trait]
impl<T: Transport> Transport for Authenticated<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let origin = WebOrigin::of(request.uri());
        let (Some(origin), false) = (origin, request.headers().contains_key(AUTHORIZATION)) else {
            return self.inner.send(request).await;
        };
        let convinced = self.convinced(&origin);
        let replay = request.body().replay();
        let (parts, body) = request.into_parts();
        let hint = parts.extensions.get::<ScopeHint>().cloned().unwrap_or_default();
        let asked = Asked { parts: &parts, origin: &origin, hint: &hint };
        let mut shown = convinced.known(&hint);
        let mut was_stale = false;
        let mut body = Some(body);
        for sends_left in (0..MAX_SENDS).rev() {
            let sent = match (body.take(), &replay) {
                (Some(body), _) => body,
                (None, Some(replay)) => replay.open().await?,
                (None, None) => unreachable!("a body without a replay is sent once"),
            };
            let mut request = Request::from_parts(parts.clone(), sent);
            if let Some(value) = &shown {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            let mut response = self.inner.send(request).await?;
            let may_repeat = replay.is_some() && sends_left > 0;
            if !may_repeat || is_from_elsewhere(&response, &origin) {
                return Ok(response);
            }
            if shown.is_some() && !was_stale {
                (was_stale, response) = tells_stale(response).await;
                if was_stale {
                    drain(response).await;
                    convinced.forget().await;
                    shown = None;
                    continue;
                }
            }
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            match self.answer(&asked, &convinced, response.headers(), shown.as_ref()).await? {
                Some(value) => shown = Some(value),
                None => return Ok(response),
            }
            drain(response).await;
        }
        unreachable!("the last round returns")
    }
}

/// What a challenge is about.
struct Asked<'a> {
    parts: &'a http::request::Parts,
    origin: &'a WebOrigin,
    hint: &'a ScopeHint,
}

impl Asked<'_> {
    /// Says which request an error belongs to.
    fn context(&self, error: Error) -> Error {
        error.context(format!("{} \"{}\"", self.parts.method, shown(&self.parts.uri)))
    }
}

impl<T: Transport> Authenticated<T> {
    /// Returns what to show instead of `refused`; nothing if there is nothing better.
    async fn answer(
        &self,
        asked: &Asked<'_>,
        convinced: &Convinced,
        headers: &HeaderMap,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        let Some(challenge) = best_challenge(headers) else { return Ok(None) };
        if *challenge.scheme() == ChallengeScheme::Bearer {
            return self.bearer(asked, convinced, &challenge, refused).await;
        }
        let credential = self.credential(asked, convinced).await?;
        let missing = if credential.is_empty() {
            MissingCredential::NotFound
        } else if credential.username.is_empty() || credential.password.is_empty() {
            MissingCredential::NoPassword
        } else {
            let value = basic(&credential);
            if refused == Some(&value) {
                return Ok(None);
            }
            *convinced.basic.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
            return Ok(Some(value));
        };
        Err(asked
            .context(Error::new(ErrorKind::Unauthorized, missing.to_string()).with_source(missing)))
    }

    async fn bearer(
        &self,
        asked: &Asked<'_>,
        convinced: &Convinced,
        challenge: &Challenge,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>> {
        if let Some(refused) = refused {
            convinced.tokens.drop_token(refused);
        }
        let credential = self.credential(asked, convinced).await?;
        if !credential.registry_token.is_empty() {
            let value = bearer_value(&credential.registry_token);
            return Ok(value.filter(|value| refused != Some(value)));
        }
        let realm = realm::check(challenge.realm().unwrap_or_default(), asked.origin)
            .map_err(|error| asked.context(error))?;
        let candidates =
            asked.hint.candidates(&Scope::parse_all(challenge.scope().unwrap_or_default()));
        let flight = convinced.tokens.flight(&candidates[0]);
        let _one_at_a_time = flight.lock().await;
        if let Some(value) = convinced.tokens.find(&candidates[0])
            && refused != Some(&value)
        {
            return Ok(Some(value));
        }
        let request = TokenRequest {
            realm: &realm,
            service: challenge.service().unwrap_or_default(),
            credential: &credential,
            like: asked.parts,
            origin: asked.origin,
        };
        let mut candidates = candidates.into_iter().peekable();
        while let Some(scopes) = candidates.next() {
            match request.fetch(&self.inner, &scopes).await {
                Ok(token) => {
                    let value = token.value.clone();
                    convinced.tokens.insert(scopes, token);
                    return Ok(Some(value));
                }
                // Some services know only some actions, and refuse the request for any others.
                Err(error) if is_bad_request(&error) && candidates.peek().is_some() => {}
                Err(error) => return Err(asked.context(error)),
            }
        }
        unreachable!("there is at least one candidate, and the last one returns")
    }

    async fn credential(&self, asked: &Asked<'_>, convinced: &Convinced) -> Result<Credential> {
        let mut cell = convinced.credential.lock().await;
        if let Some(known) = &*cell {
            return Ok(known.clone());
        }
        let authority = asked.parts.uri.authority().map(http::uri::Authority::as_str);
        let authority = authority.unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let found = match authority.parse::<RegistryName>() {
            Ok(registry) => self.credentials.get(&registry).await,
            Err(_) => Ok(None),
        };
        let found = found
            .map_err(|error| asked.context(error.context("failed to resolve credential")))?
            .unwrap_or_default();
        *cell = Some(found.clone());
        Ok(found)
    }
}

impl Convinced {
    /// Returns what has convinced this origin before, for what `hint` wants.
    fn known(&self, hint: &ScopeHint) -> Option<HeaderValue> {
        let basic = self.basic.lock().unwrap_or_else(PoisonError::into_inner).clone();
        basic.or_else(|| match hint.challenge {
            ChallengeScope::Only => self.tokens.find_any(&hint.wanted),
            ChallengeScope::Added | ChallengeScope::Ignored => self.tokens.find(&hint.wanted),
        })
    }

    async fn forget(&self) {
        *self.basic.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.tokens.clear();
        *self.credential.lock().await = None;
    }
}

/// Bearer if there is a choice, since a token says less than a password.
fn best_challenge(headers: &HeaderMap) -> Option<Challenge> {
    let all: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .flat_map(|value| Challenge::parse_all(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let of = |scheme| all.iter().find(|challenge| *challenge.scheme() == scheme).cloned();
    of(ChallengeScheme::Bearer).or_else(|| of(ChallengeScheme::Basic))
}

fn is_from_elsewhere(response: &Response<Body>, origin: &WebOrigin) -> bool {
    let uri: Option<&Uri> = response.extensions().get::<FinalUri>().map(|uri| &uri.0);
    uri.is_some_and(|uri| WebOrigin::of(uri).as_ref() != Some(origin))
}

/// Amazon's registries say so without a challenge when what was shown has expired.
async fn tells_stale(response: Response<Body>) -> (bool, Response<Body>) {
    const LIMIT: usize = 4 * 1024;
    let status = response.status();
    let may_be = status == StatusCode::BAD_REQUEST || status == StatusCode::FORBIDDEN;
    let size = http_body::Body::size_hint(response.body());
    if !may_be || size.lower() > LIMIT as u64 || response.headers().contains_key(WWW_AUTHENTICATE) {
        return (false, response);
    }
    let (parts, body) = response.into_parts();
    let (read, body) = peek(body, LIMIT).await;
    let text = String::from_utf8_lossy(&read.bytes).to_ascii_lowercase();
    let is_stale =
        text.contains("token has expired") || text.contains("your authorization token is invalid");
    (is_stale, Response::from_parts(parts, body))
}

fn is_bad_request(error: &Error) -> bool {
    error.response().is_some_and(|response| response.status == StatusCode::BAD_REQUEST)
}

fn basic(credential: &Credential) -> HeaderValue {
    let pair = format!("{}:{}", credential.username, credential.password);
    secret(&format!("Basic {}", STANDARD.encode(pair))).expect("base64 is visible ASCII")
}

fn bearer_value(token: &str) -> Option<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

/// A header value that `Debug` does not print.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

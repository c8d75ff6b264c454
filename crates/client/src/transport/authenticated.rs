//! Answers a registry's challenge once, then remembers.

mod cache;
mod convinced;
mod grant;
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

use self::convinced::{Convinced, Service, Shown};
use self::token::TokenRequest;
use super::body::{drain, peek};
use super::{Body, FinalUri, Transport, WebOrigin, shown};
use crate::auth::{Credential, Credentials, MissingCredential};
use crate::{Error, ErrorKind, Result};

pub use self::grant::{NotGranted, granted};
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
/// The end of the host whose 401 may be a slip.
const FORGETFUL: &str = "ecr.aws";

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
        if shown.is_none() && http_body::Body::size_hint(&body).lower() > 0 {
            shown = self.before_bytes(&asked, &convinced).await;
        }
        let mut was_stale = false;
        let mut body = Some(body);
        for sends_left in (0..MAX_SENDS).rev() {
            let sent = match (body.take(), &replay) {
                (Some(body), _) => body,
                (None, Some(replay)) => replay.open().await?,
                (None, None) => unreachable!("a body without a replay is sent once"),
            };
            let mut request = Request::from_parts(parts.clone(), sent);
            if let Some(shown) = &shown {
                request.headers_mut().insert(AUTHORIZATION, shown.value.clone());
            }
            let mut response = self.inner.send(request).await?;
            let may_repeat = replay.is_some() && sends_left > 0;
            if !may_repeat || is_from_elsewhere(&response, &origin) {
                return Ok(response);
            }
            if let Some(value) = shown.as_ref().map(|shown| &shown.value)
                && !was_stale
            {
                (was_stale, response) = tells_stale(response).await;
                if was_stale {
                    drain(response).await;
                    convinced.forget(value).await;
                    shown = None;
                    continue;
                }
            }
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            match self.answer(&asked, &convinced, response.headers(), shown.as_ref()).await? {
                Answer::Show(next) => shown = Some(next),
                Answer::Nothing => return Ok(response),
                Answer::Denied(why) => {
                    response.extensions_mut().insert(why);
                    return Ok(response);
                }
            }
            drain(response).await;
        }
        unreachable!("the last round returns")
    }
}

/// What to do about a challenge.
enum Answer {
    /// Send the request again, and show this.
    Show(Shown),
    /// There is nothing better than what was shown.
    Nothing,
    /// What was shown was got for this very purpose: we may not.
    Denied(NotGranted),
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
    /// Decides what to show instead of `refused`.
    async fn answer(
        &self,
        asked: &Asked<'_>,
        convinced: &Convinced,
        headers: &HeaderMap,
        refused: Option<&Shown>,
    ) -> Result<Answer> {
        let Some(challenge) = best_challenge(headers) else { return Ok(Answer::Nothing) };
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
            if refused.is_some_and(|refused| refused.value == value) {
                convinced.drop_password(&value);
                return Ok(Answer::Nothing);
            }
            convinced.keep_password(&value);
            return Ok(Answer::Show(value.into()));
        };
        Err(asked
            .context(Error::new(ErrorKind::Unauthorized, missing.to_string()).with_source(missing)))
    }

    async fn bearer(
        &self,
        asked: &Asked<'_>,
        convinced: &Convinced,
        challenge: &Challenge,
        refused: Option<&Shown>,
    ) -> Result<Answer> {
        let scopes = Scope::parse_all(challenge.scope().unwrap_or_default());
        let wanted = asked.hint.candidates(&scopes).swap_remove(0);
        if let Some(refused) = refused
            && (refused.asked.as_ref() == Some(&wanted)
                || convinced.tokens.was_denied(&refused.value, &wanted))
        {
            // One registry forgets for a moment what it has just given.
            if asked.origin.host.ends_with(FORGETFUL) {
                return Ok(Answer::Show(refused.value.clone().into()));
            }
            convinced.tokens.note_denial(&refused.value, &wanted);
            let granted = granted(&refused.value);
            let credential = self.credential(asked, convinced).await?;
            return Ok(Answer::Denied(NotGranted {
                registry: asked.origin.host.clone(),
                asked: texts(&wanted),
                granted,
                is_anonymous: credential.is_empty(),
                username: credential.username,
            }));
        }
        let realm = realm::check(challenge.realm().unwrap_or_default(), asked.origin)
            .map_err(|error| asked.context(error));
        let credential = self.credential(asked, convinced).await?;
        if !credential.registry_token.is_empty() {
            let value = bearer_value(&credential.registry_token);
            let value = value.filter(|value| refused.is_none_or(|r| r.value != *value));
            return Ok(value.map_or(Answer::Nothing, |value| Answer::Show(value.into())));
        }
        let name = challenge.service().unwrap_or_default().to_owned();
        let service = Service { realm: realm?, name, scopes };
        convinced.keep_service(&service);
        if let Some(refused) = refused {
            convinced.tokens.drop_token(&refused.value);
        }
        let refused = refused.map(|refused| &refused.value);
        self.token(asked, convinced, &service, refused).await.map(Answer::Show)
    }

    /// Gets a token before bytes are sent that would be sent for nothing, and perhaps cannot be
    /// sent again; nothing if the registry has not told who gives tokens, or that one refuses.
    async fn before_bytes(&self, asked: &Asked<'_>, convinced: &Convinced) -> Option<Shown> {
        if asked.hint.wanted.is_empty() || asked.hint.challenge != ChallengeScope::Added {
            return None;
        }
        let service = convinced.service()?;
        let credential = self.credential(asked, convinced).await.ok()?;
        if !credential.registry_token.is_empty() {
            return bearer_value(&credential.registry_token).map(Shown::from);
        }
        self.token(asked, convinced, &service, None).await.ok()
    }

    /// Finds a token other than `refused`, or asks for one while everybody else waits who wants
    /// the same.
    async fn token(
        &self,
        asked: &Asked<'_>,
        convinced: &Convinced,
        service: &Service,
        refused: Option<&HeaderValue>,
    ) -> Result<Shown> {
        let credential = self.credential(asked, convinced).await?;
        let candidates = asked.hint.candidates(&service.scopes);
        let wanted = candidates[0].clone();
        let flight = convinced.tokens.flight(&wanted);
        let _one_at_a_time = flight.lock().await;
        if let Some(value) = convinced.tokens.find(&wanted)
            && refused != Some(&value)
        {
            return Ok(value.into());
        }
        let request = TokenRequest {
            realm: &service.realm,
            service: &service.name,
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
                    return Ok(Shown { value, asked: Some(wanted) });
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

fn texts(scopes: &[Scope]) -> String {
    let texts: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    texts.join(" ")
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

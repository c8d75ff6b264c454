//! The door of a registry with users: passwords, our own tokens, and those who have no name.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use oras_spec::distribution::{Challenge, Scope};

use super::attempts::Attempts;
use super::basic::{LONGEST_PASSWORD, claim, secret};
use super::issuer::{DocumentFetcher, Issuer, Issuers, Untrusted, looks_like_one};
use super::tokens::{Holder, Tokens};
use super::users::Busy;
use super::{
    Authenticator, Identity, IssuedToken, Origin, REALM, Refusal, TOKEN_PATH, UserError, Users,
};

/// Lets in users by their passwords or by tokens, and everybody else as nobody in particular.
///
/// What somebody may do is up to a [policy](crate::policy); without one, use [`Users`] alone, who
/// let nobody else in. Clients are asked for a token, which [`TOKEN_PATH`] hands out, where the
/// address of that is known: if [`LoginsOptions::url`] says it, if the client came by TLS, or from
/// this machine. Elsewhere, as behind a proxy that speaks TLS for us, they are asked for the
/// password itself: a guess at the address could send it in clear.
#[derive(Debug)]
pub struct Logins {
    users: RwLock<Arc<Users>>,
    tokens: Tokens,
    issuers: Issuers,
    attempts: Attempts,
    options: LoginsOptions,
}

/// What the token service knows the registry by.
const SERVICE: &str = "oras-registry";

/// How [`Logins`] behave.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoginsOptions {
    /// How clients reach the registry, such as `https://registry.example`, without a path.
    pub url: Option<String>,
    /// Whether clients are asked for their password each time, and never get a token.
    pub passwords_only: bool,
    /// Reads the keys of issuers; without, none of their tokens is taken.
    pub fetcher: Option<Arc<dyn DocumentFetcher>>,
}

impl Logins {
    /// Begins with some users.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn new(users: Users, options: LoginsOptions) -> Result<Self, UserError> {
        let tokens = Tokens::new().map_err(|error| UserError::Random(error.into()))?;
        let users = RwLock::new(Arc::new(users));
        let issuers = Issuers::new(options.fetcher.clone());
        Ok(Self { users, tokens, issuers, attempts: Attempts::new(), options })
    }

    /// Takes tokens of these issuers from now on, and of no others; who came with one of another
    /// is out at once. A token is shown as such (`Authorization: Bearer`), or in place of a
    /// password, with any name, by clients that know nothing else.
    pub fn trust(&self, issuers: Vec<Issuer>) {
        self.issuers.replace(issuers);
    }

    /// Puts other users in place. Who is no longer there, or has another password, is out at once,
    /// with or without a token.
    pub fn replace(&self, users: Users) {
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn by_password(&self, parts: &Parts) -> Result<Identity, Refusal> {
        if let Some(token) = foreign(&parts.headers) {
            return self.by_foreign(&token).await;
        }
        let claim = claim(&parts.headers).ok_or(Refusal::Unauthorized)?;
        let (users, peer, name) = (self.users(), Origin::of(parts).peer, claim.name.clone());
        let known = users.knows(&claim);
        if !known && !self.attempts.are_left(peer, &name, Instant::now()) {
            return Err(Refusal::Busy);
        }
        match users.check(claim).await {
            Ok(true) => Ok(Identity { name: Some(name), ..Identity::default() }),
            Ok(false) => {
                self.attempts.wrong(peer, &name, Instant::now());
                Err(Refusal::Unauthorized)
            }
            Err(Busy) => Err(Refusal::Busy),
        }
    }

    async fn by_token(&self, token: &str) -> Result<Identity, Refusal> {
        if looks_like_one(token) {
            return self.by_foreign(token).await;
        }
        let users = self.users();
        let password = |name: Option<&str>| match name {
            None => Some(String::new()),
            Some(name) => users.hash(name).map(str::to_owned),
        };
        match self.tokens.identify(token, password, Instant::now()) {
            None => Err(Refusal::Unauthorized),
            Some(Holder::User(identity)) => Ok(identity),
            Some(Holder::Foreign(token, scopes)) => {
                // What its issuer no longer stands for, we do not either.
                let identity = self.by_foreign(&token).await?;
                Ok(Identity { scopes: Some(scopes), ..identity })
            }
        }
    }

    async fn by_foreign(&self, token: &str) -> Result<Identity, Refusal> {
        self.issuers.identify(token).await.map_err(|error| match error {
            Untrusted::Refused(why) => Refusal::Untrusted(why),
            Untrusted::Unavailable(why) => Refusal::Unavailable(why),
        })
    }

    /// Returns where tokens are to be had, if a client can be told.
    fn realm(&self, parts: &Parts) -> Option<String> {
        if self.options.passwords_only {
            return None;
        }
        if let Some(url) = &self.options.url {
            return Some(format!("{}{TOKEN_PATH}", url.trim_end_matches('/')));
        }
        let host = parts.uri.authority().map(http::uri::Authority::as_str);
        let host = host.or_else(|| parts.headers.get(HOST)?.to_str().ok())?;
        // What is not an authority has no place in a URL.
        let host: http::uri::Authority = host.parse().ok()?;
        if host.as_str().contains('@') {
            return None;
        }
        if Origin::of(parts).is_encrypted {
            return Some(format!("https://{host}{TOKEN_PATH}"));
        }
        is_loopback(host.host()).then(|| format!("http://{host}{TOKEN_PATH}"))
    }
}

/// Tells whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the token of a request that has one, and only one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None; // a proxy may have looked at the other
    }
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// Returns the token of an issuer that stands in place of a password. No password looks like one:
/// they are longer than passwords can be.
fn foreign(headers: &HeaderMap) -> Option<String> {
    secret(headers).filter(|secret| secret.len() > LONGEST_PASSWORD && looks_like_one(secret))
}

#[async_trait]
impl Authenticator for Logins {
    async fn identify(&self, parts: &Parts) -> Result<Identity, Refusal> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Identity::default());
        }
        match bearer(&parts.headers) {
            Some(token) => self.by_token(token).await,
            None => self.by_password(parts).await,
        }
    }

    fn challenge(&self, parts: &Parts, scopes: &[Scope]) -> Challenge {
        let ours = || Some((self.realm(parts)?, SERVICE.to_owned()));
        match self.issuers.realm().or_else(ours) {
            Some((realm, service)) => {
                let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                Challenge::bearer(&realm, &service, &scopes.join(" "))
            }
            None => Challenge::basic(REALM),
        }
    }

    fn issue(
        &self,
        headers: &HeaderMap,
        identity: &Identity,
        scopes: &[Scope],
    ) -> Option<IssuedToken> {
        if self.options.passwords_only {
            return None;
        }
        let shown = bearer(headers).filter(|token| looks_like_one(token)).map(str::to_owned);
        if let Some(token) = shown.or_else(|| foreign(headers)) {
            return Some(self.tokens.issue_foreign(&token, scopes, Instant::now()));
        }
        let users = self.users();
        let password = match &identity.name {
            None => "",
            Some(name) => users.hash(name)?,
        };
        Some(self.tokens.issue(identity, password, scopes, Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::Request;

    use super::*;

    /// `ada`, with the password `lovelace`.
    fn logins(options: LoginsOptions) -> Logins {
        let hash = bcrypt::hash("lovelace", 4).expect("a hash");
        let users = Users::from_htpasswd(&format!("ada:{hash}")).expect("a user");
        Logins::new(users, options).expect("random numbers")
    }

    fn parts(authorization: Option<&str>, host: &str, origin: Origin) -> Parts {
        let mut request = Request::get("/v2/").header(HOST, host);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        parts.extensions.insert(origin);
        parts
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    async fn ask(logins: &Logins, authorization: Option<&str>) -> Result<Identity, Refusal> {
        logins.identify(&parts(authorization, "localhost:5000", Origin::default())).await
    }

    #[tokio::test]
    async fn knows_users_by_password_and_token_and_lets_others_be_nobody() {
        let logins = logins(LoginsOptions::default());
        let ada = ask(&logins, Some(&basic("ada:lovelace"))).await.expect("ada");
        assert_eq!((ada.name.as_deref(), &ada.scopes), (Some("ada"), &None));
        assert_eq!(ask(&logins, None).await, Ok(Identity::default()));
        let token = logins.issue(&HeaderMap::new(), &ada, &[]).expect("a token").token;
        let again = ask(&logins, Some(&format!("Bearer {token}"))).await.expect("ada");
        assert_eq!((again.name.as_deref(), again.scopes), (Some("ada"), Some(Vec::new())));
        for bad in ["Bearer x", "Bearer ", "Digest x", "Basic x", &basic("ada:x"), &basic("eve:x")]
        {
            assert_eq!(ask(&logins, Some(bad)).await, Err(Refusal::Unauthorized), "{bad}");
        }
    }

    #[tokio::test]
    async fn who_was_removed_is_out_at_once_token_or_not() {
        let logins = logins(LoginsOptions::default());
        let ada = ask(&logins, Some(&basic("ada:lovelace"))).await.expect("ada");
        let token = format!(
            "Bearer {}",
            logins.issue(&HeaderMap::new(), &ada, &[]).expect("a token").token
        );
        logins.replace(Users::from_htpasswd("").expect("nobody"));
        assert_eq!(ask(&logins, Some(&token)).await, Err(Refusal::Unauthorized));
        assert_eq!(ask(&logins, Some(&basic("ada:lovelace"))).await, Err(Refusal::Unauthorized));
        assert_eq!(logins.issue(&HeaderMap::new(), &ada, &[]), None);
    }

    #[tokio::test]
    async fn who_guesses_is_no_longer_heard_and_locks_nobody_out_who_is_in() {
        let logins = logins(LoginsOptions::default());
        ask(&logins, Some(&basic("ada:lovelace"))).await.expect("ada");
        let origin = Origin { peer: Some([192, 0, 2, 1].into()), is_encrypted: true };
        let mut outcomes = Vec::new();
        for index in 0..25 {
            let guess = parts(Some(&basic(&format!("ada:{index}"))), "a", origin);
            outcomes.push(logins.identify(&guess).await.expect_err("wrong"));
        }
        assert_eq!(outcomes[..20], vec![Refusal::Unauthorized; 20]);
        assert_eq!(outcomes[24], Refusal::Busy);
        ask(&logins, Some(&basic("ada:lovelace"))).await.expect("ada is in already");
        let right = parts(Some(&basic("ada:lovelace")), "a", origin);
        logins.identify(&right).await.expect("even from there");
    }

    #[test]
    fn asks_for_a_token_only_where_it_can_say_where_to_get_one() {
        let scope: Scope = "repository:a:pull".parse().expect("any text");
        let challenge = |options: LoginsOptions, host: &str, is_encrypted: bool| {
            let parts = parts(None, host, Origin { peer: None, is_encrypted });
            logins(options).challenge(&parts, std::slice::from_ref(&scope)).to_string()
        };
        let none = LoginsOptions::default;
        let told = |url: &str| LoginsOptions { url: Some(url.to_owned()), ..none() };
        let bearer = |realm: &str| {
            format!(r#"Bearer realm="{realm}",service="oras-registry",scope="repository:a:pull""#)
        };
        let localhost = "http://localhost:5000/token";
        assert_eq!(challenge(none(), "localhost:5000", false), bearer(localhost));
        assert_eq!(challenge(none(), "[::1]:5000", false), bearer("http://[::1]:5000/token"));
        assert_eq!(challenge(none(), "r.example", true), bearer("https://r.example/token"));
        let url = "https://r.example/token";
        assert_eq!(challenge(told("https://r.example/"), "x", false), bearer(url));
        let never = LoginsOptions { passwords_only: true, ..told("https://r.example") };
        assert!(challenge(never, "localhost", true).starts_with("Basic "));
        for host in ["r.example", "192.0.2.1:80", "localhost.example", "a@localhost", "a b", ""] {
            assert!(challenge(none(), host, false).starts_with("Basic "), "{host}");
        }
    }
}

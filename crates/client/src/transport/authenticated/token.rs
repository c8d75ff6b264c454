//! Gets a token: Docker's flow with a name and a password or nothing, OAuth 2.0's with a token.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use oras_spec::distribution::{Scope, TokenResponse};
use url::Url;
use url::form_urlencoded::Serializer;

use super::cache::Token;
use super::{basic, bearer_value};
use crate::auth::Credential;
use crate::transport::{
    Body, NoRedirects, RetryRules, Transport, WebOrigin, read_capped, refusal, shown,
};
use crate::{Error, ErrorKind, Result};

/// The largest answer of a token service, in bytes.
const MAX_ANSWER: usize = 128 * 1024;
/// How long a token lives if the service does not say, in seconds.
const DEFAULT_LIFETIME: u64 = 60;
/// No service lets a token live longer than a day, in seconds.
const MAX_LIFETIME: u64 = 24 * 3600;

/// Headers that belong to one request, not to all of a user's.
const OWN: [HeaderName; 9] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::RANGE,
];

/// Everything but the scopes.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a Url,
    pub(super) service: &'a str,
    pub(super) credential: &'a Credential,
    /// The request that was challenged.
    pub(super) like: &'a Parts,
    /// Where that went.
    pub(super) origin: &'a WebOrigin,
}

impl TokenRequest<'_> {
    /// Asks for a token, with POST if there is an identity token and with GET otherwise.
    pub(super) async fn fetch(
        &self,
        transport: &impl Transport,
        scopes: &[Scope],
    ) -> Result<Token> {
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        if self.credential.identity_token.is_empty() {
            return self.get(transport, &scopes).await;
        }
        match self.post(transport, &scopes).await {
            Err(error) if self.may_fall_back(&error) => self.get(transport, &scopes).await,
            outcome => outcome,
        }
    }

    /// Some services do not know POST; a password helps there.
    fn may_fall_back(&self, error: &Error) -> bool {
        !self.credential.username.is_empty()
            && !self.credential.password.is_empty()
            && error
                .response()
                .is_some_and(|response| matches!(response.status.as_u16(), 400 | 401 | 404 | 405))
    }

    async fn get(&self, transport: &impl Transport, scopes: &[String]) -> Result<Token> {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            for scope in scopes {
                query.append_pair("scope", scope);
            }
            if !self.service.is_empty() {
                query.append_pair("service", self.service);
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let mut request = self.request(Method::GET, &url, Body::empty())?;
        if !self.credential.username.is_empty() || !self.credential.password.is_empty() {
            request.headers_mut().insert(header::AUTHORIZATION, basic(self.credential));
        }
        self.ask(transport, request).await
    }

    async fn post(&self, transport: &impl Transport, scopes: &[String]) -> Result<Token> {
        let body = Bytes::from(self.form(scopes));
        let mut request = self.request(Method::POST, self.realm, body.into())?;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        self.ask(transport, request).await
    }

    fn form(&self, scopes: &[String]) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("client_id", "oras-go")
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", &self.credential.identity_token);
        if !scopes.is_empty() {
            form.append_pair("scope", &scopes.join(" "));
        }
        if !self.service.is_empty() {
            form.append_pair("service", self.service);
        }
        form.finish()
    }

    fn request(&self, method: Method, url: &Url, body: Body) -> Result<Request<Body>> {
        let uri: Uri = url.as_str().parse().map_err(|error: http::uri::InvalidUri| {
            Error::new(ErrorKind::Server, "invalid bearer realm").with_source(error)
        })?;
        let is_same_origin = WebOrigin::of(&uri).as_ref() == Some(self.origin);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        for (name, value) in &self.like.headers {
            let is_common = *name == header::USER_AGENT || *name == header::ACCEPT_ENCODING;
            if is_common || (is_same_origin && !OWN.contains(name)) {
                request.headers_mut().append(name, value.clone());
            }
        }
        request.extensions_mut().insert(NoRedirects);
        // A service that counts failed logins must not be asked again and again.
        request.extensions_mut().insert(RetryRules { retries: 1, ..RetryRules::default() });
        Ok(request)
    }

    async fn ask(&self, transport: &impl Transport, request: Request<Body>) -> Result<Token> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let response = transport.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(&method, &uri, response).await);
        }
        let failed =
            |kind, why: &str| Error::new(kind, format!("{method} \"{}\": {why}", shown(&uri)));
        let (_, mut body) = response.into_parts();
        let read = read_capped(&mut body, MAX_ANSWER)
            .await
            .map_err(|error| failed(ErrorKind::Network, "read token").with_source(error))?;
        if !read.complete {
            return Err(failed(ErrorKind::LimitExceeded, "the token is too large"));
        }
        // What is wrong with the JSON is not told: the words would quote the answer.
        let answer: TokenResponse = serde_json::from_slice(&read.bytes)
            .map_err(|_| failed(ErrorKind::Server, "failed to decode token"))?;
        let lifetime = answer.expires_in.unwrap_or(DEFAULT_LIFETIME).min(MAX_LIFETIME);
        let value = answer.into_token().as_deref().and_then(bearer_value);
        match value {
            Some(value) => Ok(Token { value, lifetime: Duration::from_secs(lifetime) }),
            None => Err(failed(ErrorKind::Server, "empty token returned")),
        }
    }
}

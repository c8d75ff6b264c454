//! Tokens, as [Docker's clients](https://distribution.github.io/distribution/spec/auth/token/) ask
//! for them: a password in, a token out.

use std::time::SystemTime;

use bytes::Bytes;
use http::Uri;
use http::header::CACHE_CONTROL;
use oras_spec::distribution::{Scope, TokenResponse};

use super::{Answer, Asked, insert, json};
use crate::error::ApiError;

/// Answers a request for a token. What it is asked for is written into it; what its owner may do is
/// decided when it is used.
pub(super) fn issue(asked: &Asked<'_>, target: &Uri) -> Answer {
    let scopes = scopes(target.query().unwrap_or_default());
    let authenticator = asked.config.authenticator.as_ref();
    let issued = authenticator.and_then(|door| door.issue(asked.headers, &asked.identity, &scopes));
    let issued = issued.ok_or_else(ApiError::no_tokens)?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    let body = TokenResponse {
        token: Some(issued.token.clone()),
        access_token: Some(issued.token),
        expires_in: Some(issued.expires_in),
        issued_at: Some(format!("{now:.0}")),
        refresh_token: None,
    };
    let mut response = json(Bytes::from(oras_spec::json::to_vec(&body)));
    insert(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}

/// Reads the scopes of a query: any number of parameters, each with scopes between blanks.
fn scopes(query: &str) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for pair in query.split('&') {
        let Some(value) = pair.strip_prefix("scope=") else { continue };
        let plain = value.replace('+', " ");
        let Ok(decoded) = percent_encoding::percent_decode_str(&plain).decode_utf8() else {
            continue;
        };
        scopes.extend(decoded.split(' ').filter(|text| !text.is_empty()).map(|text| {
            text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
        }));
    }
    Scope::merge(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scopes_however_they_are_joined() {
        let texts = |query| scopes(query).iter().map(ToString::to_string).collect::<Vec<_>>();
        let both = ["repository:a:pull,push", "repository:b/c:pull"];
        assert_eq!(
            texts("service=x&scope=repository:a:push,pull&scope=repository%3Ab%2Fc%3Apull"),
            both
        );
        assert_eq!(texts("scope=repository:a:push%20repository:b/c:pull+repository:a:pull"), both);
        assert!(texts("").is_empty() && texts("scope=&scope=%ff").is_empty());
    }
}

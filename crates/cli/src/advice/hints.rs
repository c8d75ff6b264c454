//! What a refusal means at the registry at hand, and the way out of it, in a sentence.

mod clouds;
mod servers;

use std::error::Error as StdError;

use http::Method;
use oras_client::auth::MissingCredential;
use oras_client::transport::{NotGranted, RateLimit};
use oras_client::{Error, ErrorKind, RegistryResponse};
use oras_spec::{RegistryName, RepositoryName};

use crate::output::log::timestamp_seconds;
use crate::visible::visible;

/// A refusal, and what it was about.
pub(super) struct Case<'a> {
    /// The registry, as the user wrote it.
    registry: &'a RegistryName,
    /// Its host, without a port.
    host: &'a str,
    repository: Option<&'a RepositoryName>,
    error: &'a Error,
    response: Option<&'a RegistryResponse>,
    /// Everything the registry said.
    said: String,
    not_granted: Option<&'a NotGranted>,
    limit: Option<&'a RateLimit>,
}

type Rule = fn(&Case<'_>) -> Option<String>;

/// The first that knows counts: the particular before the general.
const RULES: [Rule; 20] = [
    clouds::amazon_password,
    clouds::amazon_repository,
    clouds::amazon_manifest,
    clouds::github,
    clouds::google,
    clouds::docker_hub_limit,
    servers::listed_types,
    servers::unknown_manifest,
    servers::config_that_is_no_image,
    servers::login_attempts,
    servers::robot,
    servers::missing_project,
    servers::artifactory,
    servers::immutable_tag,
    servers::no_room,
    servers::large_manifest,
    identity_token,
    not_granted,
    rate_limit,
    transport,
];

/// Says what `error` means at this registry and what to do, if we know.
pub(crate) fn hint(
    registry: &RegistryName,
    repository: Option<&RepositoryName>,
    error: &Error,
) -> Option<String> {
    let response = error.response();
    let case = Case {
        registry,
        host: registry.host(),
        repository,
        error,
        response,
        said: response.map(said).unwrap_or_default(),
        not_granted: cause(error),
        limit: cause(error),
    };
    let hint = RULES.iter().find_map(|rule| rule(&case))?;
    Some(visible(&hint).into_owned())
}

impl Case<'_> {
    fn status(&self) -> u16 {
        self.response.map_or(0, |response| response.status.as_u16())
    }

    fn method(&self) -> Option<&Method> {
        self.response.map(|response| &response.method)
    }

    /// Tells whether the answer is to a request with this in its URL.
    fn is_about(&self, path: &str) -> bool {
        self.response.is_some_and(|response| response.url.contains(path))
    }

    fn is_missing_credential(&self) -> bool {
        cause::<MissingCredential>(self.error).is_some()
    }

    /// The repository, or a word for it.
    fn name(&self) -> &str {
        self.repository.map_or("NAME", |repository| repository.as_str())
    }
}

/// Finds a fact in what caused an error.
fn cause<T: StdError + 'static>(error: &Error) -> Option<&T> {
    let mut cause = StdError::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// All codes, messages and details of an answer.
fn said(response: &RegistryResponse) -> String {
    let mut words = Vec::new();
    for entry in &response.body.errors {
        words.extend([entry.code.as_str(), &entry.message]);
        words.extend(entry.detail.get("message").unwrap_or(&entry.detail).as_str());
    }
    words.join(" ")
}

fn identity_token(case: &Case<'_>) -> Option<String> {
    let is_service = case.method() == Some(&Method::POST) && !case.is_about("/blobs/uploads/");
    (is_service && matches!(case.status(), 400 | 404 | 405)).then(|| {
        format!(
            "{} takes no identity token: log in with a name and a password, with \
             `oras login -u NAME {0}`",
            case.registry
        )
    })
}

fn not_granted(case: &Case<'_>) -> Option<String> {
    let why = case.not_granted?;
    if why.is_anonymous {
        return Some(format!(
            "{} lets nobody do this who is not logged in: use `oras login {0}`",
            case.registry
        ));
    }
    let got = match why.granted.as_deref() {
        Some("") => " and granted nothing".to_owned(),
        Some(granted) => format!(" and granted \"{granted}\""),
        None => String::new(),
    };
    let who = if why.username.is_empty() { "the token" } else { &why.username };
    Some(format!(
        "{} was asked for \"{}\"{got}: the repository or its namespace does not exist, or {who} \
         lacks the right to it",
        case.registry, why.asked
    ))
}

fn rate_limit(case: &Case<'_>) -> Option<String> {
    if case.error.kind() != ErrorKind::RateLimited {
        return None;
    }
    Some(match case.limit.and_then(|limit| limit.until) {
        Some(end) => format!(
            "{} wants no more requests from you for now: try again after {}",
            case.registry,
            timestamp_seconds(end)
        ),
        None => format!(
            "{} was asked too often: try again in some minutes, with a smaller `--concurrency`",
            case.registry
        ),
    })
}

fn transport(case: &Case<'_>) -> Option<String> {
    let text = super::chain(case.error);
    if text.contains("downgrades scheme from https") {
        return Some(format!(
            "{} believes that it is reached without TLS: the proxy before it must tell it \
             otherwise, with `X-Forwarded-Proto: https` or the address in its configuration",
            case.registry
        ));
    }
    if text.ends_with("which is not followed") {
        return Some(
            "A push does not follow redirects: use the name that the registry redirects to"
                .to_owned(),
        );
    }
    let is_deletion = case.method() == Some(&Method::DELETE) && case.status() == 405;
    is_deletion.then(|| {
        format!(
            "{} deletes nothing through this interface: its administrator may switch that on, or \
             its web pages may do it",
            case.registry
        )
    })
}

#[cfg(test)]
mod tests;

//! From what a library says went wrong to what a user should read, and do about it.

mod hints;

use std::error::Error as StdError;

use http::StatusCode;
use oras_client::auth::MissingCredential;
use oras_client::{Error, ErrorKind, Origin, RegistryResponse};
use oras_spec::distribution::ErrorEntry;
use oras_spec::{Quoted, RegistryName};
use serde_json::Value;

use crate::args::target::{Place, Target};
use crate::command::Invocation;
use crate::error::CliError;
use crate::visible::visible;

/// How much of what a registry said is shown, in characters: some say 40 KB.
const MAX_SAID: usize = 4096;
const FROM_REGISTRY: &str = "Error response from registry:";

/// What a command was about when it failed.
pub(crate) struct Advisor<'a> {
    invocation: &'a Invocation,
    registry: Option<&'a RegistryName>,
    target: Option<&'a Target>,
    /// The file that credentials come from, if there is one and only one.
    credentials: Option<String>,
}

impl<'a> Advisor<'a> {
    /// Advises on a command that works on `target`.
    pub(crate) fn of_target(
        invocation: &'a Invocation,
        target: &'a Target,
        credentials: Option<String>,
    ) -> Self {
        Self { invocation, registry: target.registry(), target: Some(target), credentials }
    }

    /// Advises on a command that works on a whole registry.
    pub(crate) fn of_registry(
        invocation: &'a Invocation,
        registry: &'a RegistryName,
        credentials: Option<String>,
    ) -> Self {
        Self { invocation, registry: Some(registry), target: None, credentials }
    }

    /// Says what went wrong and what to do.
    pub(crate) fn explain(&self, error: &Error) -> CliError {
        self.explain_below("", error)
    }

    /// Says what went wrong on this side of a copy.
    pub(crate) fn explain_side(&self, error: &Error) -> CliError {
        let explained = self.explain(error);
        let (Some(target), Some(origin)) = (self.target, error.origin()) else { return explained };
        let side = match origin {
            Origin::Source => "source",
            Origin::Target => "destination",
        };
        let place = match target.place {
            Place::Registry(_) => "registry",
            Place::Layout { .. } => "oci-layout",
        };
        explained.with_prefix(format!("Error from {side} {place} for {}:", Quoted(&target.raw)))
    }

    /// As [`explain`](Self::explain), with `first`, if it is not empty, on a line of its own before
    /// whatever is not the registry's own answer.
    pub(crate) fn explain_below(&self, first: &str, error: &Error) -> CliError {
        let below = |text: String| {
            CliError::new(if first.is_empty() { text } else { format!("{first}\n{text}") })
        };
        if let Some(registry) = self.registry {
            if is_missing_credential(error) {
                let told = self.with_credential_advice(below(without_request(error)));
                return match self.hint(error) {
                    Some(hint) => told.with_further_recommendation(&hint),
                    None => told,
                };
            }
            if let Some(response) = self.own_response(registry, error) {
                let told = CliError::new(said(response)).with_prefix(FROM_REGISTRY);
                let namespace = self.missing_namespace(registry, response);
                return match namespace.or_else(|| self.hint(error)) {
                    Some(recommendation) => told.with_recommendation(recommendation),
                    None => told,
                };
            }
        }
        let told = below(chain(error));
        let told = match self.hint(error) {
            Some(hint) => told.with_recommendation(hint),
            None => told,
        };
        // A layout that a flag of its own names is taken for a registry here, as `oras` does.
        let is_remote = self
            .target
            .is_some_and(|target| !matches!(target.place, Place::Layout { by_flag: false, .. }));
        if is_remote && error.kind() == ErrorKind::NotFound && error.response().is_none() {
            return told.with_prefix(FROM_REGISTRY);
        }
        told
    }

    /// Says what an error means at this registry, if we know.
    fn hint(&self, error: &Error) -> Option<String> {
        let repository = match self.target.map(|target| &target.place) {
            Some(Place::Registry(reference)) => Some(reference.repository()),
            _ => None,
        };
        hints::hint(self.registry?, repository, error)
    }

    /// Returns the answer behind an error; for commands that work on one repository, only if it is
    /// that registry's and not, say, that of a token service.
    fn own_response<'e>(
        &self,
        registry: &RegistryName,
        error: &'e Error,
    ) -> Option<&'e RegistryResponse> {
        error.response().filter(|response| self.target.is_none() || is_from(registry, response))
    }

    fn with_credential_advice(&self, error: CliError) -> CliError {
        let place = self.credentials.as_ref();
        let place = place.map_or(String::new(), |path| format!("at {} ", Quoted(path)));
        error.with_recommendation(format!(
            "Please check whether the registry credential stored in the authentication file \
             {place}is correct"
        ))
    }

    /// Docker's own images live under `library/`, which we do not add.
    fn missing_namespace(
        &self,
        registry: &RegistryName,
        response: &RegistryResponse,
    ) -> Option<String> {
        let Place::Registry(reference) = &self.target?.place else { return None };
        let repository = reference.repository().as_str();
        let is_bare = registry.as_str() == "docker.io" && !repository.contains('/');
        if !is_bare || response.status != StatusCode::UNAUTHORIZED {
            return None;
        }
        let rest = reference.to_string();
        let rest = rest.strip_prefix("docker.io/").unwrap_or(&rest);
        let path = self.invocation.path();
        Some(format!("Namespace seems missing. Do you mean `{path} docker.io/library/{rest}`?"))
    }
}

/// Prints an error and all that caused it, with colons between.
pub(crate) fn chain(error: &Error) -> String {
    levels(error).join(": ")
}

fn levels(error: &Error) -> Vec<String> {
    let mut levels = vec![visible(&error.to_string()).into_owned()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        levels.push(visible(&inner.to_string()).into_owned());
        cause = inner.source();
    }
    // An error and the fact behind it may have the same words.
    levels.dedup();
    // A file of credentials that cannot be read has nothing to do with what was asked for.
    let is_cause = |level: &String| level.starts_with("failed to decode config file ");
    if let Some(cause) = levels.iter().position(is_cause) {
        levels.drain(..cause);
    }
    levels
}

fn is_missing_credential(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(missing) = inner.downcast_ref::<MissingCredential>() {
            return *missing == MissingCredential::NotFound;
        }
        cause = inner.source();
    }
    false
}

/// The chain without the level that names the request, which says nothing to the user here.
fn without_request(error: &Error) -> String {
    let is_request = |level: &String| {
        let method = level.split(" \"").next().unwrap_or_default();
        level.ends_with('"') && method.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let mut levels = levels(error);
    levels.retain(|level| !is_request(level));
    levels.join(": ")
}

fn is_from(registry: &RegistryName, response: &RegistryResponse) -> bool {
    let host = match registry.as_str() {
        "docker.io" | "index.docker.io" => "registry-1.docker.io",
        name => name,
    };
    let rest = response.url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().is_some_and(|found| found.eq_ignore_ascii_case(host))
}

/// What the registry said; if that is nothing, what it was asked and the status.
fn said(response: &RegistryResponse) -> String {
    if response.body.errors.is_empty() {
        return visible(&response.to_string()).into_owned();
    }
    let entries: Vec<String> = response.body.errors.iter().map(entry).collect();
    let mut text = entries.join("; ");
    if let Some((end, _)) = text.char_indices().nth(MAX_SAID) {
        text.truncate(end);
        text.push('…');
    }
    visible(&text).into_owned()
}

fn entry(entry: &ErrorEntry) -> String {
    let code = entry.code.as_str().to_lowercase().replace('_', " ");
    let mut parts = vec![code];
    if !entry.message.is_empty() {
        parts.push(entry.message.clone());
        if !entry.detail.is_null() {
            parts.push(detail(&entry.detail));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(": ")
}

/// Prints JSON as Go's `%v` prints it once it is decoded: `map[k:v]`, `[a b]`.
fn detail(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.as_f64().map_or(number.to_string(), float),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(detail).collect::<Vec<_>>().join(" "))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_str());
            let field = |(key, value): (&String, &Value)| format!("{key}:{}", detail(value));
            format!("map[{}]", fields.into_iter().map(field).collect::<Vec<_>>().join(" "))
        }
    }
}

/// Prints a number in as few digits as tell it from others, with an exponent where it is far from 1.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    number.to_string()
}

#[cfg(test)]
mod tests;

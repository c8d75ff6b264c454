//! One webhook: where, what about, and with which secret.

use std::fmt;

use http::Uri;
use oras_spec::Quoted;
use serde::Deserialize;

use super::Undelivered;
use super::event::{Event, EventType};
use crate::change::Change;
use crate::policy::{Pattern, PatternError};

/// Somebody who is told of changes.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub(super) url: Uri,
    pub(super) secret: Option<Vec<u8>>,
    secret_file: Option<String>,
    repositories: Vec<Pattern>,
    events: Vec<EventType>,
}

/// Why somebody cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address is none, or has a user in it.
    #[error("{} is not the http or https address of a webhook", Quoted(.0))]
    Url(String),
    /// There are no such events.
    #[error("no event is called {}: there are {}", Quoted(.0), words())]
    Event(String),
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

fn words() -> String {
    EventType::ALL.map(EventType::word).join(", ")
}

impl Webhook {
    /// Tells `url` of all changes.
    ///
    /// # Errors
    ///
    /// [`WebhookError::Url`].
    pub fn new(url: &str) -> Result<Self, WebhookError> {
        let parsed = url.parse::<Uri>().ok().filter(|url| {
            let is_bare = url.authority().is_some_and(|host| !host.as_str().contains('@'));
            matches!(url.scheme_str(), Some("http" | "https")) && is_bare
        });
        let url = parsed.ok_or_else(|| WebhookError::Url(url.to_owned()))?;
        Ok(Self {
            url,
            secret: None,
            secret_file: None,
            repositories: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Signs events with an HMAC of SHA-256, in the header `X-Hub-Signature-256`.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Returns the file that a policy names for its secret; reading it is up to the caller.
    pub fn secret_file(&self) -> Option<&str> {
        self.secret_file.as_deref()
    }

    pub(super) fn wants(&self, change: &Change) -> bool {
        let name = change.repository.as_str();
        (self.repositories.is_empty() || self.repositories.iter().any(|one| one.matches(name)))
            && (self.events.is_empty() || self.events.contains(&EventType::of(change)))
    }

    pub(super) fn undelivered(&self, event: &Event, reason: String) -> Undelivered {
        Undelivered { receiver: self.receiver(), id: event.id.clone(), reason }
    }

    /// The path and the query of an address may be all that keeps others from using it.
    fn receiver(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or_default();
        format!("{scheme}://{}", self.url.authority().map_or("", |host| host.as_str()))
    }
}

/// Shows no secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhook").field(&self.receiver()).finish()
    }
}

/// A webhook in the policy file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookTable {
    url: String,
    secret_file: Option<String>,
    #[serde(default)]
    repositories: Vec<String>,
    #[serde(default)]
    events: Vec<String>,
}

impl WebhookTable {
    pub(crate) fn read(&self) -> Result<Webhook, WebhookError> {
        let mut hook = Webhook::new(&self.url)?;
        hook.secret_file.clone_from(&self.secret_file);
        for text in &self.repositories {
            hook.repositories.push(text.parse()?);
        }
        for word in &self.events {
            let known = EventType::ALL.into_iter().find(|known| known.word() == word);
            hook.events.push(known.ok_or_else(|| WebhookError::Event(word.clone()))?);
        }
        Ok(hook)
    }
}

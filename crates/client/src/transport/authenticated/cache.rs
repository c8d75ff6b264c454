//! Tokens by scopes, for as long as they live; one fetch at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::HeaderValue;
use oras_spec::distribution::Scope;
use tokio::time::Instant;

/// A token as it stands in the header.
pub(super) struct Token {
    pub(super) value: HeaderValue,
    pub(super) lifetime: Duration,
}

/// The tokens of one origin.
#[derive(Default)]
pub(super) struct TokenCache {
    entries: Mutex<Vec<Entry>>,
    flights: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct Entry {
    scopes: Vec<Scope>,
    value: HeaderValue,
    expires: Instant,
    /// What it was got for and yet did not allow.
    denied: Option<Vec<Scope>>,
}

impl TokenCache {
    /// Finds a living token that allows all of `scopes`.
    pub(super) fn find(&self, scopes: &[Scope]) -> Option<HeaderValue> {
        self.living(|entry| {
            scopes.iter().all(|scope| entry.scopes.iter().any(|held| held.covers(scope)))
        })
    }

    /// Finds a living token that allows anything on one of the resources of `scopes`.
    pub(super) fn find_any(&self, scopes: &[Scope]) -> Option<HeaderValue> {
        let resource = |scope: &Scope| match scope {
            Scope::Resource { kind, name, .. } => Some((kind.clone(), name.clone())),
            Scope::Opaque(_) => None,
        };
        let wanted: Vec<_> = scopes.iter().filter_map(resource).collect();
        self.living(|entry| {
            entry.scopes.iter().filter_map(resource).any(|held| wanted.contains(&held))
        })
    }

    fn living(&self, matches: impl Fn(&Entry) -> bool) -> Option<HeaderValue> {
        let now = Instant::now();
        let mut entries = self.entries();
        entries.retain(|entry| entry.expires > now);
        entries.iter().find(|entry| matches(entry)).map(|entry| entry.value.clone())
    }

    /// Keeps a token that was asked for `scopes`.
    pub(super) fn insert(&self, scopes: Vec<Scope>, token: Token) {
        // Better early than in the middle of an upload.
        let margin = (token.lifetime / 10).min(Duration::from_secs(10));
        let expires = Instant::now() + token.lifetime.saturating_sub(margin);
        let mut entries = self.entries();
        entries.retain(|entry| entry.scopes != scopes);
        entries.insert(0, Entry { scopes, value: token.value, expires, denied: None });
    }

    /// Forgets a token that was refused; tells whether it was there.
    pub(super) fn drop_token(&self, value: &HeaderValue) -> bool {
        let mut entries = self.entries();
        let before = entries.len();
        entries.retain(|entry| entry.value != *value);
        entries.len() != before
    }

    /// Notes that a token did not allow what it was got for.
    pub(super) fn note_denial(&self, value: &HeaderValue, wanted: &[Scope]) {
        for entry in self.entries().iter_mut().filter(|entry| entry.value == *value) {
            entry.denied = Some(wanted.to_vec());
        }
    }

    /// Tells whether another like it would not do either.
    pub(super) fn was_denied(&self, value: &HeaderValue, wanted: &[Scope]) -> bool {
        let is_it =
            |entry: &Entry| entry.value == *value && entry.denied.as_deref() == Some(wanted);
        self.entries().iter().any(is_it)
    }

    /// Returns the lock that everybody holds who asks for a token for `scopes`.
    pub(super) fn flight(&self, scopes: &[Scope]) -> Arc<tokio::sync::Mutex<()>> {
        let key: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(flights.entry(key.join(" ")).or_default())
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

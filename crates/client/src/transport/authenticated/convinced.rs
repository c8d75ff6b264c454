//! What is known of one origin: its token service, the tokens it gave, the password it takes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::HeaderValue;
use oras_spec::distribution::Scope;
use url::Url;

use super::cache::TokenCache;
use super::{ChallengeScope, ScopeHint};
use crate::auth::Credential;

/// What is known of one origin.
#[derive(Default)]
pub(super) struct Convinced {
    basic: Mutex<Option<HeaderValue>>,
    service: Mutex<Option<Service>>,
    pub(super) tokens: TokenCache,
    /// The answer of the credential store, once asked; an empty one stands for none.
    pub(super) credential: tokio::sync::Mutex<Option<Credential>>,
}

/// A token service, as a challenge names it.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) realm: Url,
    pub(super) name: String,
    /// The scopes of the challenge.
    pub(super) scopes: Vec<Scope>,
}

/// What a request shows to a registry.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) value: HeaderValue,
    /// What the token was asked to allow, if this very request asked for it.
    pub(super) asked: Option<Vec<Scope>>,
}

impl From<HeaderValue> for Shown {
    fn from(value: HeaderValue) -> Self {
        Self { value, asked: None }
    }
}

impl Convinced {
    /// Returns what has convinced this origin before, for what `hint` wants.
    pub(super) fn known(&self, hint: &ScopeHint) -> Option<Shown> {
        let basic = held(&self.basic).clone();
        let value = basic.or_else(|| match hint.challenge {
            ChallengeScope::Only => self.tokens.find_any(&hint.wanted),
            ChallengeScope::Added | ChallengeScope::Ignored => self.tokens.find(&hint.wanted),
        });
        value.map(Shown::from)
    }

    pub(super) fn keep_password(&self, value: &HeaderValue) {
        *held(&self.basic) = Some(value.clone());
    }

    pub(super) fn keep_service(&self, service: &Service) {
        *held(&self.service) = Some(service.clone());
    }

    /// Returns the token service, with those of its scopes alone that belong to no one request.
    pub(super) fn service(&self) -> Option<Service> {
        let mut service = held(&self.service).clone()?;
        service.scopes.retain(|scope| matches!(scope, Scope::Opaque(_)));
        Some(service)
    }

    /// Forgets a password that was refused.
    pub(super) fn drop_password(&self, value: &HeaderValue) -> bool {
        let mut basic = held(&self.basic);
        let is_it = basic.as_ref() == Some(value);
        if is_it {
            *basic = None;
        }
        is_it
    }

    /// Forgets what was refused for its age, and the credential behind it. Who comes later with
    /// the same finds the work done.
    pub(super) async fn forget(&self, shown: &HeaderValue) {
        if self.drop_password(shown) | self.tokens.drop_token(shown) {
            *self.credential.lock().await = None;
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

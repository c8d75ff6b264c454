//! Who may do what: grants, tags that never move, and room, each for a pattern of repositories.
//!
//! Whatever is not granted is denied. A policy knows nothing of passwords: who somebody is has been
//! found out before.

mod decide;
mod document;
mod pattern;
mod permissions;

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use oras_spec::{RepositoryName, Tag};

pub(crate) use self::decide::{Denial, decide, may_mount_from, may_pull};
pub use self::document::PolicyError;
pub use self::pattern::{Pattern, PatternError};
pub use self::permissions::{Permissions, PermissionsError};

use crate::auth::{Identity, Issuer};
use crate::webhook::Webhook;

/// Who may do what, and what nobody may.
///
/// ```
/// use oras_server::policy::Policy;
///
/// let policy = Policy::parse(
///     r#"
///     [[grant]]
///     users = ["ci"]
///     permissions = ["push"]
///     repositories = ["team/**"]
///     "#,
/// )?;
/// # Ok::<(), oras_server::policy::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    grants: Vec<Grant>,
    groups: HashMap<String, HashSet<String>>,
    immutable: Vec<Immutable>,
    quotas: Vec<Quota>,
    issuers: Vec<Issuer>,
    webhooks: Vec<Webhook>,
}

/// What somebody may do with some repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub who: Who,
    /// What.
    pub permissions: Permissions,
    /// With which repositories.
    pub repositories: Pattern,
}

/// Whom a grant is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, with a name or without: `anonymous`.
    Anybody,
    /// Everybody who has a name: `*`.
    Named,
    /// One user.
    User(String),
    /// The members of a group of the policy: `@name`.
    Group(String),
}

impl From<&str> for Who {
    fn from(text: &str) -> Self {
        match text {
            "anonymous" => Self::Anybody,
            "*" => Self::Named,
            _ => match text.strip_prefix('@') {
                Some(group) => Self::Group(group.to_owned()),
                None => Self::User(text.to_owned()),
            },
        }
    }
}

/// Reads `user:permissions:pattern`, such as `ci:push,overwrite:team/**`.
impl FromStr for Grant {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let form = || PolicyError::Grant(text.to_owned());
        let (rest, pattern) = text.rsplit_once(':').ok_or_else(form)?;
        let (who, permissions) = rest.rsplit_once(':').ok_or_else(form)?;
        if who.is_empty() {
            return Err(form());
        }
        Ok(Self {
            who: who.into(),
            permissions: permissions.parse()?,
            repositories: pattern.parse()?,
        })
    }
}

/// Tags that are set once and then stay.
#[derive(Clone, Debug)]
struct Immutable {
    repositories: Vec<Pattern>,
    tags: Vec<Pattern>,
}

/// How many bytes some repositories may have, all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) repositories: Vec<Pattern>,
    pub(crate) bytes: u64,
}

impl Quota {
    pub(crate) fn covers(&self, repository: &RepositoryName) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository.as_str()))
    }
}

impl Policy {
    /// Makes a policy of grants alone.
    pub fn of(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self { grants: grants.into_iter().collect(), ..Self::default() }
    }

    /// Adds a grant.
    #[must_use]
    pub fn with(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// Returns the users that grants or groups name, for a look whether they exist. Those of
    /// [issuers](Self::issuers) are not among them: nobody here can tell.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        let granted = self.grants.iter().filter_map(|grant| match &grant.who {
            Who::User(name) => Some(name.as_str()),
            _ => None,
        });
        let all = granted.chain(self.groups.values().flatten().map(String::as_str));
        let is_foreign = |name: &str| {
            let issuer = name.split_once(':').map(|(issuer, _)| issuer);
            issuer.is_some_and(|name| self.issuers.iter().any(|known| known.name() == name))
        };
        all.filter(move |name| !is_foreign(name))
    }

    /// Returns the issuers whose tokens are to be [trusted](crate::auth::Logins::trust).
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Returns the webhooks that are to be told of changes; their secrets are not read yet.
    pub fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    /// Tells whether somebody without a name may do anything at all.
    pub fn lets_anybody_in(&self) -> bool {
        self.grants.iter().any(|grant| grant.who == Who::Anybody)
    }

    /// Tells whether a tag, once set, stays as it is.
    pub(crate) fn is_immutable(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        let hit = |patterns: &[Pattern], text: &str| patterns.iter().any(|one| one.matches(text));
        self.immutable.iter().any(|rule| {
            hit(&rule.repositories, repository.as_str()) && hit(&rule.tags, tag.as_str())
        })
    }

    /// Tells whether any tag of a repository may be immutable.
    pub(crate) fn has_immutable(&self, repository: &RepositoryName) -> bool {
        let name = repository.as_str();
        self.immutable.iter().any(|rule| rule.repositories.iter().any(|one| one.matches(name)))
    }

    pub(crate) fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// Returns what somebody may do with a repository, by all grants together.
    pub fn permissions(&self, identity: &Identity, repository: &RepositoryName) -> Permissions {
        let granted = self.grants.iter().filter(|grant| {
            self.is_for(grant, identity) && grant.repositories.matches(repository.as_str())
        });
        granted.fold(Permissions::NONE, |all, grant| all | grant.permissions)
    }

    /// Returns what somebody may do with any repository.
    pub(crate) fn permissions_anywhere(&self, identity: &Identity) -> Permissions {
        let granted = self.grants.iter().filter(|grant| self.is_for(grant, identity));
        granted.fold(Permissions::NONE, |all, grant| all | grant.permissions)
    }

    fn is_for(&self, grant: &Grant, identity: &Identity) -> bool {
        let name = identity.name.as_deref();
        match &grant.who {
            Who::Anybody => true,
            Who::Named => name.is_some(),
            Who::User(user) => name == Some(user),
            Who::Group(group) => {
                let told = || identity.groups.iter().any(|told| told == group);
                let listed =
                    || self.groups.get(group).zip(name).is_some_and(|(all, one)| all.contains(one));
                name.is_some() && (listed() || told())
            }
        }
    }
}

/// The policy that holds at this moment. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Policies(Arc<RwLock<Arc<Policy>>>);

impl Policies {
    /// Begins with a policy.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(policy))))
    }

    /// Puts another policy in place, for every request from now on.
    pub fn replace(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Returns the policy that holds.
    pub fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;

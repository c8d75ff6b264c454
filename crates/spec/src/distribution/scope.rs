//! Token scopes: what a token allows, printed and merged as token services expect.
//!
//! See [Docker's token scopes](https://distribution.github.io/distribution/spec/auth/scope/).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::RepositoryName;

/// Something a scope allows to be done. Compared as its text.
#[derive(Clone, Debug)]
pub enum Action {
    /// `*`: everything.
    All,
    /// `delete`.
    Delete,
    /// An action we have no name for, verbatim.
    Other(String),
    /// `pull`.
    Pull,
    /// `push`.
    Push,
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Action {}

impl Hash for Action {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ord for Action {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Action {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Action {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Delete => "delete",
            Self::Other(text) => text,
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

impl From<&str> for Action {
    fn from(text: &str) -> Self {
        match text {
            "*" => Self::All,
            "delete" => Self::Delete,
            "pull" => Self::Pull,
            "push" => Self::Push,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One scope of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `type:name:action,action`.
    Resource {
        /// `repository` or `registry`, or what else a service knows.
        kind: String,
        /// The name of the resource; it may hold colons.
        name: String,
        /// What may be done with it.
        actions: BTreeSet<Action>,
    },
    /// A scope of another form, such as the `aws` of ECR Public: echoed verbatim.
    Opaque(String),
}

impl Scope {
    /// Returns the scope that allows `actions` on a repository.
    pub fn repository(name: &RepositoryName, actions: impl IntoIterator<Item = Action>) -> Self {
        Self::Resource {
            kind: "repository".to_owned(),
            name: name.as_str().to_owned(),
            actions: actions.into_iter().collect(),
        }
    }

    /// Returns the scope that allows listing all repositories.
    pub fn catalog() -> Self {
        Self::Resource {
            kind: "registry".to_owned(),
            name: "catalog".to_owned(),
            actions: BTreeSet::from([Action::All]),
        }
    }

    /// Merges scopes: actions on the same resource are united, `*` swallows the others, scopes
    /// that allow nothing are dropped, and the result is sorted by its text.
    pub fn merge(scopes: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut resources: BTreeMap<(String, String), BTreeSet<Action>> = BTreeMap::new();
        let mut merged = BTreeSet::new();
        for scope in scopes {
            match scope {
                Self::Resource { kind, name, actions } => {
                    resources.entry((kind, name)).or_default().extend(actions);
                }
                Self::Opaque(_) => {
                    merged.insert(scope);
                }
            }
        }
        for ((kind, name), mut actions) in resources {
            if actions.is_empty() {
                continue;
            }
            if actions.contains(&Action::All) {
                actions = BTreeSet::from([Action::All]);
            }
            merged.insert(Self::Resource { kind, name, actions });
        }
        let mut merged: Vec<Self> = merged.into_iter().collect();
        merged.sort_by_key(ToString::to_string);
        merged
    }

    /// Reads scopes that stand in one text with blanks between them, as challenges carry them.
    pub fn parse_all(text: &str) -> Vec<Self> {
        let parse = |word: &str| word.parse().unwrap_or_else(|never: Infallible| match never {});
        text.split_whitespace().map(parse).collect()
    }

    /// Tells whether a token for `self` serves where one for `other` is asked.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Resource { kind, name, actions },
                Self::Resource { kind: other_kind, name: other_name, actions: wanted },
            ) => {
                kind == other_kind
                    && name == other_name
                    && (actions.contains(&Action::All) || actions.is_superset(wanted))
            }
            _ => self == other,
        }
    }
}

impl FromStr for Scope {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let parts =
            text.split_once(':').and_then(|(kind, rest)| Some((kind, rest.rsplit_once(':')?)));
        Ok(match parts {
            Some((kind, (name, actions))) => Self::Resource {
                kind: kind.to_owned(),
                name: name.to_owned(),
                actions: actions.split(',').filter(|a| !a.is_empty()).map(Action::from).collect(),
            },
            None => Self::Opaque(text.to_owned()),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque(text) => f.write_str(text),
            Self::Resource { kind, name, actions } => {
                let actions: Vec<&str> = actions.iter().map(Action::as_str).collect();
                write!(f, "{kind}:{name}:{}", actions.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap_or_else(|never: Infallible| match never {})
    }

    #[test]
    fn prints_what_it_parses() {
        for text in [
            "repository:a/b:pull,push",
            "repository:host:5000/a:pull",
            "registry:catalog:*",
            "repository:a:delete,pull",
            "repository:a:",
            "aws",
        ] {
            assert_eq!(scope(text).to_string(), text);
        }
        assert_eq!(scope("repository:a:push,pull").to_string(), "repository:a:pull,push");
    }

    #[test]
    fn merges_actions_and_sorts() {
        let scopes = Scope::parse_all(
            "repository:b:pull aws repository:a:push repository:b:push repository:a:pull registry:catalog:* repository:c:pull,* repository:d:",
        );
        let merged: Vec<String> = Scope::merge(scopes).iter().map(ToString::to_string).collect();
        assert_eq!(
            merged,
            [
                "aws",
                "registry:catalog:*",
                "repository:a:pull,push",
                "repository:b:pull,push",
                "repository:c:*"
            ]
        );
    }

    #[test]
    fn an_action_is_its_text() {
        assert_eq!(Action::Other("pull".into()), Action::Pull);
        let both = BTreeSet::from([Action::Other("*".into()), Action::All]);
        assert_eq!(both.len(), 1);
    }

    #[test]
    fn wider_scopes_cover_narrower_ones() {
        assert!(scope("repository:a:pull,push").covers(&scope("repository:a:pull")));
        assert!(scope("repository:a:*").covers(&scope("repository:a:delete")));
        assert!(!scope("repository:a:pull").covers(&scope("repository:a:pull,push")));
        assert!(!scope("repository:a:*").covers(&scope("repository:b:pull")));
        assert!(scope("aws").covers(&scope("aws")));
    }
}

//! Which scopes to ask a token service for.

use std::collections::BTreeSet;

use oras_spec::distribution::{Action, Scope};

/// Among the extensions of a request, this says what its token must allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeHint {
    /// What the operation needs, and what the operations behind it will need.
    pub(crate) wanted: Vec<Scope>,
    /// What to make of the scope in the challenge.
    pub(crate) challenge: ChallengeScope,
}

/// What to make of the scope in a challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ChallengeScope {
    /// Ask for it, too.
    #[default]
    Added,
    /// Ask for nothing else: services differ in what deleting needs, and refuse what they do not
    /// know.
    Only,
    /// Ask for it only if it is of no known form; some registries give an example here instead of
    /// a scope when they are pinged.
    Ignored,
}

impl ScopeHint {
    /// Returns the sets of scopes to ask for, one after the other until the service understands;
    /// at least one. The scopes that allow writing stand last, since some services keep only the
    /// last.
    pub(super) fn candidates(&self, challenge: &[Scope]) -> Vec<Vec<Scope>> {
        let offered = challenge.iter().cloned();
        let wanted = self.wanted.iter().cloned();
        let mut candidates = match self.challenge {
            ChallengeScope::Added => {
                vec![ordered(wanted.chain(offered.clone())), ordered(offered)]
            }
            ChallengeScope::Ignored => {
                let opaque = offered.filter(|scope| matches!(scope, Scope::Opaque(_)));
                vec![ordered(wanted.chain(opaque))]
            }
            ChallengeScope::Only => {
                let first = if challenge.is_empty() { ordered(wanted) } else { ordered(offered) };
                let with = |actions: &[Action]| {
                    ordered(self.wanted.iter().cloned().map(|scope| acting(scope, actions)))
                };
                vec![first, with(&[Action::Pull, Action::Push]), with(&[Action::All])]
            }
        };
        candidates.dedup();
        candidates
    }
}

fn acting(scope: Scope, wanted: &[Action]) -> Scope {
    match scope {
        Scope::Resource { kind, name, .. } => {
            Scope::Resource { kind, name, actions: wanted.iter().cloned().collect() }
        }
        Scope::Opaque(_) => scope,
    }
}

fn ordered(scopes: impl IntoIterator<Item = Scope>) -> Vec<Scope> {
    let mut scopes = Scope::merge(scopes);
    let writes = |actions: &BTreeSet<Action>| {
        actions.contains(&Action::Push) || actions.contains(&Action::All)
    };
    scopes.sort_by_key(|scope| match scope {
        Scope::Resource { kind, actions, .. } => kind == "repository" && writes(actions),
        Scope::Opaque(_) => false,
    });
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Vec<Scope> {
        Scope::parse_all(text)
    }

    fn printed(hint: &ScopeHint, challenge: &str) -> Vec<String> {
        let candidates = hint.candidates(&scopes(challenge));
        let print = |scopes: Vec<Scope>| {
            scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        candidates.into_iter().map(print).collect()
    }

    #[test]
    fn unites_hint_and_challenge_with_the_written_repository_last() {
        let wanted = scopes("repository:a:push repository:a:pull repository:b:pull");
        let hint = ScopeHint { wanted, challenge: ChallengeScope::Added };
        assert_eq!(
            printed(&hint, "repository:a:pull"),
            ["repository:b:pull repository:a:pull,push", "repository:a:pull"]
        );
        assert_eq!(printed(&ScopeHint::default(), ""), [""]);
    }

    #[test]
    fn a_delete_asks_for_what_the_challenge_says() {
        let hint =
            ScopeHint { wanted: scopes("repository:a:delete"), challenge: ChallengeScope::Only };
        assert_eq!(
            printed(&hint, "repository:a:pull,push"),
            ["repository:a:pull,push", "repository:a:*"]
        );
        assert_eq!(
            printed(&hint, ""),
            ["repository:a:delete", "repository:a:pull,push", "repository:a:*"]
        );
    }

    #[test]
    fn a_ping_echoes_only_scopes_of_no_known_form() {
        let hint = ScopeHint { wanted: Vec::new(), challenge: ChallengeScope::Ignored };
        assert_eq!(printed(&hint, "repository:user/image:pull"), [""]);
        assert_eq!(printed(&hint, "aws"), ["aws"]);
    }
}

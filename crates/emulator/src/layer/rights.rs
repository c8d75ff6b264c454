//! Who may do what, whatever they show to prove who they are.

use std::collections::BTreeSet;

use oras_spec::distribution::{Action, Operation, Scope};

use crate::ask::Ask;
use crate::emulator::Emulator;
use crate::profile::{Account, Quirk, Role};

impl Emulator {
    /// Finds who has this name and this password.
    pub(crate) fn account(&self, username: &str, password: &str) -> Option<&'static Account> {
        let matches =
            |account: &&Account| account.username == username && account.password() == password;
        self.profile().accounts.iter().find(matches)
    }

    /// Returns what `account` may do with a repository, of all that is `asked`.
    pub(crate) fn rights(
        &self,
        account: Option<&Account>,
        repository: &str,
        asked: &BTreeSet<Action>,
    ) -> BTreeSet<Action> {
        let Some(account) = account else { return BTreeSet::new() };
        let is_below = |namespace: &str| {
            namespace.is_empty()
                || repository == namespace
                || repository.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
        };
        let projects = self.find(|quirk| match quirk {
            Quirk::ProjectsFirst(projects) => Some(*projects),
            _ => None,
        });
        if projects.is_some_and(|projects| !projects.iter().any(|project| is_below(project))) {
            return BTreeSet::new();
        }
        let own = self.profile().repository.split_once('/').map_or("", |(namespace, _)| namespace);
        let is_there = self.state().repositories.contains(repository);
        let wants_push = asked.contains(&Action::Push) || asked.contains(&Action::All);
        let is_in = match account.role {
            Role::Owner | Role::Reader => is_below(own),
            Role::Creator(namespace) => is_below(namespace) && (is_there || wants_push),
            Role::Writer(namespace) => is_below(namespace) && is_there,
            Role::Expired => false,
        };
        let may = |action: &Action| account.role != Role::Reader || *action == Action::Pull;
        asked.iter().filter(|action| is_in && may(action)).cloned().collect()
    }

    /// Returns what a token must allow for what is asked.
    pub(crate) fn needed(&self, ask: &Ask) -> Vec<Scope> {
        let Some(operation) = &ask.operation else { return Vec::new() };
        let deletes_by_pushing = self.has(Quirk::FewActions) || self.has(Quirk::NameParts(2));
        match operation {
            Operation::DeleteManifest { repository, .. }
            | Operation::DeleteBlob { repository, .. }
                if deletes_by_pushing =>
            {
                vec![Scope::repository(repository, [Action::Pull, Action::Push])]
            }
            Operation::ListRepositories { .. } if self.has(Quirk::FewActions) => Vec::new(),
            // Whether the other repository may be read is looked at when it comes to that.
            Operation::MountBlob { repository, .. } => {
                vec![Scope::repository(repository, [Action::Pull, Action::Push])]
            }
            operation => operation.scopes(),
        }
    }
}

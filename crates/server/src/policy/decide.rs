//! The one place where it is decided whether somebody may do something.

use oras_spec::RepositoryName;
use oras_spec::distribution::{Action, Operation, Scope};

use super::{Permissions, Policy};
use crate::auth::Identity;

/// Why somebody may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// They lack this permission on this repository, or on all of them.
    Permission(Permissions, Option<RepositoryName>),
    /// Their token was not asked for this; another could be.
    Scope,
}

/// Decides whether somebody may carry an operation out. Without a policy everybody may.
///
/// A tag that is already there takes more than [`Permissions::PUSH`], and a mount takes the right
/// to pull its source: these are found out while the operation is carried out.
pub(crate) fn decide(
    policy: Option<&Policy>,
    identity: &Identity,
    operation: &Operation,
) -> Result<(), Denial> {
    let wanted = wanted(operation);
    let repository = operation.repository();
    if let Some(policy) = policy {
        let granted = match repository {
            Some(repository) => policy.permissions(identity, repository),
            None => policy.permissions_anywhere(identity),
        };
        if granted == Permissions::NONE || !granted.allow(wanted) {
            return Err(Denial::Permission(wanted, repository.cloned()));
        }
    }
    let scoped = match repository {
        Some(repository) => covers(identity, repository, wanted),
        None => {
            !matches!(operation, Operation::ListRepositories { .. }) || covers_catalog(identity)
        }
    };
    if scoped { Ok(()) } else { Err(Denial::Scope) }
}

/// Tells whether somebody may see a repository.
pub(crate) fn may_pull(
    policy: Option<&Policy>,
    identity: &Identity,
    repository: &RepositoryName,
) -> bool {
    policy.is_none_or(|policy| policy.permissions(identity, repository).allow(Permissions::PULL))
}

/// As [`may_pull`], also by the token.
pub(crate) fn may_mount_from(
    policy: Option<&Policy>,
    identity: &Identity,
    repository: &RepositoryName,
) -> bool {
    may_pull(policy, identity, repository) && covers(identity, repository, Permissions::PULL)
}

/// What an operation takes; a new one has to be added here, or nothing compiles.
fn wanted(operation: &Operation) -> Permissions {
    match operation {
        Operation::Ping => Permissions::NONE,
        Operation::GetBlob { .. }
        | Operation::HeadBlob { .. }
        | Operation::GetManifest { .. }
        | Operation::HeadManifest { .. }
        | Operation::ListTags { .. }
        | Operation::ListReferrers { .. }
        | Operation::ListRepositories { .. } => Permissions::PULL,
        Operation::StartUpload { .. }
        | Operation::PushBlob { .. }
        | Operation::MountBlob { .. }
        | Operation::AppendUpload { .. }
        | Operation::FinishUpload { .. }
        | Operation::UploadStatus { .. }
        | Operation::CancelUpload { .. }
        | Operation::PutManifest { .. } => Permissions::PUSH,
        Operation::DeleteManifest { .. } | Operation::DeleteBlob { .. } => Permissions::DELETE,
    }
}

/// Tells whether a token, if there is one, was asked for this.
fn covers(identity: &Identity, repository: &RepositoryName, wanted: Permissions) -> bool {
    let Some(scopes) = &identity.scopes else { return true };
    let action = match wanted {
        Permissions::PULL => Action::Pull,
        Permissions::DELETE => Action::Delete,
        _ => Action::Push,
    };
    scopes.iter().any(|scope| match scope {
        Scope::Resource { kind, name, actions } => {
            kind == "repository"
                && name == repository.as_str()
                && (actions.contains(&action) || actions.contains(&Action::All))
        }
        Scope::Opaque(_) => false,
    })
}

fn covers_catalog(identity: &Identity) -> bool {
    let Some(scopes) = &identity.scopes else { return true };
    scopes.iter().any(|scope| match scope {
        Scope::Resource { kind, name, actions } => {
            kind == "registry" && name == "catalog" && actions.contains(&Action::All)
        }
        Scope::Opaque(_) => false,
    })
}

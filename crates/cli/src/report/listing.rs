//! What repo ls and repo tags say.

use serde::Serialize;

/// The repositories of a registry, by their full names.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RepositoriesReport {
    pub(crate) registry: String,
    pub(crate) repositories: Vec<String>,
}

/// The tags of a repository.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TagsReport {
    pub(crate) tags: Vec<String>,
}

//! One look for a credential into one file, and what came of it.

use std::path::{Path, PathBuf};

use oras_spec::RegistryName;

use super::{DockerConfig, file, read};
use crate::Result;
use crate::auth::Credential;

/// Who keeps a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// The file itself, under `auths`.
    File,
    /// This helper program, which the file names for the registry under `credHelpers`.
    OwnHelper(String),
    /// This helper program, which the file names for all registries as `credsStore`.
    HelperForAll(String),
}

/// One look for the credential of a registry into one file.
#[derive(Debug)]
pub struct Lookup {
    /// The file.
    pub path: PathBuf,
    /// Whether the file is there.
    pub is_there: bool,
    /// Whether others than the owner of the file may read it.
    pub is_exposed: bool,
    /// Who would keep the credential.
    pub kept_by: KeptBy,
    /// The key it is kept under; nothing if the file knows none.
    pub key: Option<String>,
    /// What is kept. An error if that cannot be told.
    pub found: Result<Option<Credential>>,
}

impl DockerConfig {
    /// Looks into one file after the other until one has a credential or fails, as
    /// [`Credentials::get`](crate::auth::Credentials::get) does, and tells of all looks.
    pub async fn lookups(&self, registry: &RegistryName) -> Vec<Lookup> {
        let key = Self::key(registry);
        let mut lookups = Vec::new();
        for path in &self.paths {
            let lookup = self.look(path, &key).await;
            let is_last = match &lookup.found {
                Ok(found) => found.as_ref().is_some_and(|credential| !credential.is_empty()),
                Err(_) => true,
            };
            lookups.push(lookup);
            if is_last {
                break;
            }
        }
        lookups
    }

    pub(super) async fn look(&self, path: &Path, key: &str) -> Lookup {
        let mode = file::mode(path);
        let mut lookup = Lookup {
            path: path.to_owned(),
            is_there: mode.is_some(),
            is_exposed: mode.is_some_and(|mode| mode & 0o044 != 0),
            kept_by: KeptBy::File,
            key: None,
            found: Ok(None),
        };
        let document = match read(path).await {
            Ok(document) => document,
            Err(error) => return Lookup { found: Err(error), ..lookup },
        };
        let entry = document.find(key, self.repository.as_ref());
        let is_narrow = entry.is_some() && entry != document.find(key, None);
        if let Some(helper) = document.helper(key).filter(|_| !is_narrow) {
            let program = format!("docker-credential-{}", helper.name);
            lookup.kept_by = match helper.entry {
                Some(_) => KeptBy::OwnHelper(program),
                None => KeptBy::HelperForAll(program),
            };
            lookup.key = Some(key.to_owned());
            lookup.found = self.helper(helper).get(key).await;
        } else if let Some(entry) = entry {
            lookup.key = Some(entry.to_owned());
            lookup.found = document.credential(entry);
        }
        lookup
    }
}

//! Docker's `config.json`: where its credentials are, and how they get there.

mod document;
mod file;
mod lookup;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use oras_spec::{RegistryName, RepositoryName};

use self::document::{Document, HelperName};
use super::native::Helper;
use super::{Credential, Credentials};
use crate::{Error, ErrorKind, Result};

pub use self::lookup::{KeptBy, Lookup};

/// What Docker Hub is kept under, whatever it is called.
const HUB_KEY: &str = "https://index.docker.io/v1/";
const HUB_NAMES: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// Credentials in one or more files of the form of Docker's `config.json`, and in the native
/// helpers (`docker-credential-…`) they name.
///
/// The files are asked in order until one has a credential; changes go to the first. In each,
/// an entry for the repository comes before a helper for the registry, that before the helper for
/// all, and that before the file itself. A
/// helper that fails is an error, never taken for “no credential”.
///
/// Changes keep everything else in the file, are made under a lock that all of our processes
/// respect, and appear at once or not at all. The file is readable by its owner only.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    paths: Vec<PathBuf>,
    helper_timeout: Duration,
    helper_directory: Option<PathBuf>,
    repository: Option<RepositoryName>,
}

impl DockerConfig {
    /// Uses `first` for everything and reads `others` after it. Nothing is read yet; a file that
    /// is not there is an empty one.
    pub fn new(first: impl Into<PathBuf>, others: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut paths = vec![first.into()];
        paths.extend(others);
        let helper_timeout = Duration::from_secs(30);
        Self { paths, helper_timeout, helper_directory: None, repository: None }
    }

    /// Sets how long a helper may take; 30 s if not set.
    #[must_use]
    pub fn with_helper_timeout(mut self, timeout: Duration) -> Self {
        self.helper_timeout = timeout;
        self
    }

    /// Takes helpers from `directory` alone, instead of wherever the system looks for programs.
    #[must_use]
    pub fn with_helper_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.helper_directory = Some(directory.into());
        self
    }

    /// Also finds what is kept for this repository alone, or for what is above it: under
    /// `quay.io/organization/name` or `quay.io/organization`, as podman keeps it.
    #[must_use]
    pub fn with_repository(mut self, repository: RepositoryName) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Returns the files, the one that changes go to first.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns what the credential of a registry is kept under.
    pub fn key(registry: &RegistryName) -> String {
        if HUB_NAMES.contains(&registry.as_str()) {
            HUB_KEY.to_owned()
        } else {
            registry.as_str().to_owned()
        }
    }

    /// Forgets what is kept under `key`, which need not be the name of a registry. Succeeds if there
    /// is nothing; the file is not touched then.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or its helper fails.
    pub async fn remove_key(&self, key: &str) -> Result<()> {
        let document = read(self.first()).await?;
        if let Some(helper) = document.helper(key) {
            return self.helper(helper).erase(key).await;
        }
        if !document.has(key) {
            return Ok(());
        }
        let key = key.to_owned();
        change(self.first(), move |document| document.remove(&key)).await
    }

    fn helper(&self, helper: HelperName<'_>) -> Helper {
        Helper::new(helper.name, self.helper_directory.as_deref(), self.helper_timeout)
    }

    fn first(&self) -> &Path {
        &self.paths[0]
    }
}

#[async_trait]
impl Credentials for DockerConfig {
    async fn get(&self, registry: &RegistryName) -> Result<Option<Credential>> {
        let key = Self::key(registry);
        for path in &self.paths {
            let found = self.look(path, &key).await.found?;
            if found.as_ref().is_some_and(|credential| !credential.is_empty()) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn put(&self, registry: &RegistryName, credential: &Credential) -> Result<()> {
        let key = Self::key(registry);
        let document = read(self.first()).await?;
        if let Some(helper) = document.helper(&key) {
            return self.helper(helper).store(&key, credential).await;
        }
        if credential.username.contains(':') {
            let message = "bad credential format: colons(:) are not allowed in username";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let credential = credential.clone();
        change(self.first(), move |document| {
            document.put(&key, &credential);
            true
        })
        .await
    }

    async fn remove(&self, registry: &RegistryName) -> Result<()> {
        self.remove_key(&Self::key(registry)).await
    }
}

async fn read(path: &Path) -> Result<Document> {
    let path = path.to_owned();
    blocking(move || file::read(&path).and_then(|text| Document::parse(&path, &text))).await
}

/// Reads the file again, changes it and writes it, with nobody in between.
async fn change(path: &Path, edit: impl Fn(&mut Document) -> bool + Send + 'static) -> Result<()> {
    let path = path.to_owned();
    blocking(move || {
        file::replace(&path, |text| {
            let mut document = Document::parse(&path, text)?;
            Ok(edit(&mut document).then(|| document.print()))
        })
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(ErrorKind::Io, "credential file").with_source(error)),
    }
}

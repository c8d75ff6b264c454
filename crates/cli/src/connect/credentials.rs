//! Where credentials come from: flags, docker's files and podman's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oras_client::auth::{
    Anonymous, Credential, Credentials, DockerConfig, KeptBy, Lookup, StaticCredentials,
};
use oras_spec::{RegistryName, RepositoryName};

use crate::args::remote::Remote;
use crate::context::Context;
use crate::output::log::{Level, Log};
use crate::visible::visible;

/// Returns where credentials for a registry, or for one repository in it, come from.
pub(crate) fn all(
    remote: &Remote,
    repository: Option<&RepositoryName>,
    context: &Context,
) -> Arc<dyn Credentials> {
    match (static_credential(remote), stored(&remote.registry_configs, context)) {
        (Some(credential), _) => Arc::new(StaticCredentials::new(credential)),
        (None, Some(config)) => Arc::new(Warning {
            config: match repository {
                Some(repository) => config.with_repository(repository.clone()),
                None => config,
            },
            log: context.log(false),
            told: Arc::clone(&context.exposed_files),
        }),
        (None, None) => Arc::new(Anonymous),
    }
}

/// Files with credentials; warns when a secret is used that others on this machine can read.
#[derive(Debug)]
struct Warning {
    config: DockerConfig,
    log: Log,
    /// The files that were warned of.
    told: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Warning {
    fn warn_of(&self, lookup: &Lookup) {
        if !lookup.is_exposed || lookup.kept_by != KeptBy::File {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(lookup.path.clone()) {
            let path = lookup.path.display().to_string();
            let path = visible(&path);
            let message = format!("{path} holds secrets and others can read it: chmod 600 {path}");
            self.log.entry(Level::Warning, &message, &[]);
        }
    }
}

#[async_trait]
impl Credentials for Warning {
    async fn get(&self, registry: &RegistryName) -> oras_client::Result<Option<Credential>> {
        // All looks before the last one found nothing.
        let Some(lookup) = self.config.lookups(registry).await.pop() else { return Ok(None) };
        if let Ok(Some(credential)) = &lookup.found
            && !credential.is_empty()
        {
            self.warn_of(&lookup);
        }
        lookup.found
    }

    async fn put(&self, registry: &RegistryName, new: &Credential) -> oras_client::Result<()> {
        self.config.put(registry, new).await
    }

    async fn remove(&self, registry: &RegistryName) -> oras_client::Result<()> {
        self.config.remove(registry).await
    }
}

/// Returns the credential that flags state, if they do.
pub(crate) fn static_credential(remote: &Remote) -> Option<Credential> {
    match (remote.username.as_str(), remote.secret.as_str()) {
        ("", "") => None,
        ("", token) => Some(Credential::identity_token(token)),
        (username, password) => Some(Credential::password(username, password)),
    }
}

/// Opens the files with credentials, which need not be there: those that flags name, else docker's
/// and after it podman's. Nothing if nobody says where they are.
pub(crate) fn stored(configs: &[String], context: &Context) -> Option<DockerConfig> {
    let environment = &context.environment;
    let mut paths = configs.iter().map(|path| environment.path(path));
    if let Some(first) = paths.next() {
        return Some(DockerConfig::new(first, paths));
    }
    let mut paths = environment.docker_config().into_iter().chain(environment.podman_configs());
    Some(DockerConfig::new(paths.next()?, paths))
}

/// Returns the one file that credentials come from; nothing if there are several or flags state it.
pub(crate) fn credentials_file(remote: &Remote, context: &Context) -> Option<String> {
    if static_credential(remote).is_some() {
        return None;
    }
    match remote.registry_configs.as_slice() {
        [] => Some(context.environment.docker_config()?.display().to_string()),
        [only] => Some(only.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_a_name_is_a_token() {
        let credential = |username: &str, secret: &str| {
            static_credential(&Remote {
                username: username.to_owned(),
                secret: secret.to_owned(),
                ..Remote::default()
            })
        };
        assert_eq!(credential("", ""), None);
        assert_eq!(credential("", "t"), Some(Credential::identity_token("t")));
        assert_eq!(credential("u", "p"), Some(Credential::password("u", "p")));
        assert_eq!(credential("u", ""), Some(Credential::password("u", "")));
    }
}

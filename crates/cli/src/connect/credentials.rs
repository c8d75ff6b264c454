//! Where credentials come from: flags, docker's files and podman's.

use std::sync::Arc;

use oras_client::auth::{Anonymous, Credential, Credentials, DockerConfig, StaticCredentials};
use oras_spec::RepositoryName;

use crate::args::remote::Remote;
use crate::context::Context;

/// Returns where credentials for a registry, or for one repository in it, come from.
pub(crate) fn all(
    remote: &Remote,
    repository: Option<&RepositoryName>,
    context: &Context,
) -> Arc<dyn Credentials> {
    match (static_credential(remote), stored(&remote.registry_configs, context)) {
        (Some(credential), _) => Arc::new(StaticCredentials::new(credential)),
        (None, Some(config)) => Arc::new(match repository {
            Some(repository) => config.with_repository(repository.clone()),
            None => config,
        }),
        (None, None) => Arc::new(Anonymous),
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

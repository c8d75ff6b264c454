//! `oras login --explain`: which file, key and helper a credential comes from. Tells no secret.

use oras_client::auth::{Credential, DockerConfig, KeptBy, Lookup};
use oras_spec::{Quoted, RegistryName, RepositoryName};

use crate::advice::chain;
use crate::args::format;
use crate::args::remote::{Remote, Side};
use crate::command::Invocation;
use crate::connect;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::output::render::render;
use crate::report::{CredentialReport, LookupReport};
use crate::visible::visible;

pub(super) async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let format = format::read(invocation, context)?;
    let remote = Remote::read(invocation, Side::Only, context).await?;
    let (registry, repository) = read_name(invocation.argument(0))?;
    let (report, failure) = match connect::static_credential(&remote) {
        Some(credential) => {
            let mut report = empty(&registry, repository.as_ref());
            (report.kind, report.username) = described(&credential);
            report.from = "flags";
            (report, None)
        }
        None => search(&remote, &registry, repository.as_ref(), context).await,
    };
    render(&context.printer, &format, &report, || {
        report.lines().iter().try_for_each(|line| context.printer.line(&visible(line)))
    })?;
    failure.map_or(Ok(()), Err)
}

/// Reads the name of a registry, or of a repository in one.
fn read_name(text: &str) -> Result<(RegistryName, Option<RepositoryName>)> {
    let invalid =
        |error: &dyn std::fmt::Display| CliError::new(format!("invalid reference: {error}"));
    let (registry, repository) = match text.split_once('/') {
        Some((registry, repository)) if !registry.contains(':') || !repository.starts_with('/') => {
            (registry, Some(repository.parse().map_err(|error| invalid(&error))?))
        }
        _ => (text, None),
    };
    Ok((registry.parse().map_err(|error| invalid(&error))?, repository))
}

fn empty(registry: &RegistryName, repository: Option<&RepositoryName>) -> CredentialReport {
    CredentialReport {
        registry: registry.to_string(),
        repository: repository.map(ToString::to_string),
        server: DockerConfig::key(registry),
        kind: "none",
        username: String::new(),
        from: "",
        file: None,
        key: None,
        helper: None,
        files: Vec::new(),
    }
}

/// Says what a credential is, and whose.
fn described(credential: &Credential) -> (&'static str, String) {
    let kind = if !credential.registry_token.is_empty() {
        "registry token"
    } else if !credential.identity_token.is_empty() {
        "identity token"
    } else {
        "password"
    };
    (kind, credential.username.clone())
}

/// Looks for the credential where a request would; also returns what went wrong with that.
async fn search(
    remote: &Remote,
    registry: &RegistryName,
    repository: Option<&RepositoryName>,
    context: &Context,
) -> (CredentialReport, Option<CliError>) {
    let mut report = empty(registry, repository);
    let Some(config) = connect::stored(&remote.registry_configs, context) else {
        return (report, None);
    };
    let config = match repository {
        Some(repository) => config.with_repository(repository.clone()),
        None => config,
    };
    let mut failure = None;
    for lookup in config.lookups(registry).await {
        let file = lookup.path.display().to_string();
        let helper = match &lookup.kept_by {
            KeptBy::File => None,
            KeptBy::OwnHelper(program) | KeptBy::HelperForAll(program) => Some(program.clone()),
        };
        let result = match &lookup.found {
            Err(error) => {
                failure = Some(CliError::new(chain(error)));
                "failed"
            }
            Ok(Some(credential)) if !credential.is_empty() => {
                (report.kind, report.username) = described(credential);
                report.from = from(&lookup);
                report.file = Some(file.clone());
                report.key.clone_from(&lookup.key);
                report.helper.clone_from(&helper);
                "found"
            }
            Ok(_) if lookup.is_there => "no credential",
            Ok(_) => "no such file",
        };
        let (key, exposed) = (lookup.key, lookup.is_exposed);
        report.files.push(LookupReport { file, key, helper, exposed, result });
    }
    (report, failure)
}

fn from(lookup: &Lookup) -> &'static str {
    match lookup.kept_by {
        KeptBy::File => "auths",
        KeptBy::OwnHelper(_) => "credHelpers",
        KeptBy::HelperForAll(_) => "credsStore",
    }
}

impl CredentialReport {
    /// Says it to people.
    fn lines(&self) -> Vec<String> {
        let name = match &self.repository {
            Some(repository) => format!("{}/{repository}", self.registry),
            None => self.registry.clone(),
        };
        let credential = match (self.kind, self.username.as_str()) {
            ("none", _) => "none: requests are anonymous".to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, username) => format!("{kind} of {}", Quoted(username)),
        };
        let mut lines = vec![format!("Registry:   {name}"), format!("Credential: {credential}")];
        let mut add = |title: &str, value: Option<&str>| {
            lines.extend(value.map(|value| format!("{title:11} {value}")));
        };
        add("From:", Some(self.from).filter(|from| !from.is_empty()));
        add("File:", self.file.as_deref());
        add("Key:", self.key.as_deref());
        add("Helper:", self.helper.as_deref());
        for lookup in &self.files {
            let helper = lookup.helper.as_ref();
            let asked = helper.map_or(String::new(), |helper| format!(" by way of {helper}"));
            let exposed = if lookup.exposed { "; others may read this file" } else { "" };
            let looked = format!("{}{asked}: {}{exposed}", lookup.file, lookup.result);
            add("Looked in:", Some(&looked));
        }
        lines
    }
}

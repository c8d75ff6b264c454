//! Who are we there, and what may we do.

use oras_client::auth::{DockerConfig, KeptBy};
use oras_client::{ErrorKind, Source as _};
use oras_spec::{Tag, TagOrDigest};

use super::patient::Patient;
use super::report::{Outcome, Report};
use super::skip;
use crate::advice::chain;
use crate::connect;

/// The tag of what is pushed, and looked for.
pub(super) const TAG: &str = "oras-doctor";

/// Looks at the credential, and what it is good for.
pub(super) async fn examine(patient: &Patient<'_>, is_write: bool, report: &mut Report) {
    credential(patient, report).await;
    let names: &[&str] = if patient.repository.is_some() { &["login", "pull"] } else { &["login"] };
    if report.first_refusal().is_some() {
        return skip(report, names, "there is nobody to ask");
    }
    if let Err(error) = patient.registry.ping().await {
        let (why, advice) = patient.explain(&error);
        let usual = format!("Log in with oras login {}", patient.name);
        let advice = if advice.is_empty() { usual } else { format!("{advice}\n{usual}") };
        report.fails("login", why, &advice);
        return skip(report, &names[1..], "nobody is let in");
    }
    let how = if patient.record.has_token() { "a token was given and taken" } else { "let in" };
    report.ok("login", how);
    let Some(repository) = &patient.repository else { return };
    let tag: Tag = TAG.parse().expect("a tag");
    match repository.resolve(&TagOrDigest::Tag(tag)).await {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let (why, advice) = patient.explain(&error);
            report.fails("pull", why, &advice);
        }
        _ => report.ok("pull", granted(patient)),
    }
    if is_write || report.first_refusal().is_some() {
        return;
    }
    report.add("push", Outcome::Skipped, "--write finds out, by pushing a tiny artifact");
}

fn granted(patient: &Patient<'_>) -> String {
    match patient.record.granted() {
        Some(scopes) if scopes.is_empty() => "granted nothing".to_owned(),
        Some(scopes) => format!("granted {scopes}"),
        None => String::new(),
    }
}

/// Tells where a credential was looked for, and found. Never the secret.
async fn credential(patient: &Patient<'_>, report: &mut Report) {
    if connect::static_credential(&patient.remote).is_some() {
        return report.ok("credential", "from the flags");
    }
    let Some(config) = connect::stored(&patient.remote.registry_configs, patient.context) else {
        return skip(report, &["credential"], "there is no home directory to look into");
    };
    let config = match &patient.repository {
        Some(repository) => config.with_repository(repository.name().clone()),
        None => config,
    };
    let key = DockerConfig::key(&patient.name);
    let mut looked = Vec::new();
    for lookup in config.lookups(&patient.name).await {
        let path = lookup.path.display().to_string();
        let place = match &lookup.kept_by {
            KeptBy::File => path.clone(),
            KeptBy::OwnHelper(program) | KeptBy::HelperForAll(program) => {
                format!("{program}, which {path} names")
            }
        };
        match lookup.found {
            Ok(Some(credential)) if !credential.is_empty() => {
                let key = lookup.key.unwrap_or(key);
                let who = if credential.username.is_empty() {
                    "a token".to_owned()
                } else {
                    format!("user {}", credential.username)
                };
                return report.ok("credential", format!("{who}, under {key} in {place}"));
            }
            Ok(_) => looked.push(place),
            Err(error) => {
                let why = format!("{place}: {}", chain(&error));
                let advice = "Repair the file or the helper, or log in again with oras login";
                return report.fails("credential", why, advice);
            }
        }
    }
    let why = format!("none for {key} in {}; asking as nobody", looked.join(", "));
    report.add("credential", Outcome::Skipped, why);
}

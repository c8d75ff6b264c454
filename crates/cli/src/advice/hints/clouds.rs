//! Registries that are known by their hosts.

use oras_client::ErrorKind;

use super::Case;
use crate::output::log::timestamp_seconds;

const PUBLIC: &str = "public.ecr.aws";

/// Returns the region of one of Amazon's private registries, `ACCOUNT.dkr.ecr.REGION.amazonaws.com`
/// and its kin.
fn amazon_region<'a>(case: &Case<'a>) -> Option<&'a str> {
    let is_amazon = ["amazonaws.com", "amazonaws.com.cn", "on.aws"]
        .iter()
        .any(|name| case.host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    let is_registry = |label: &&str| ["ecr", "ecr-fips", "dkr-ecr", "dkr-ecr-fips"].contains(label);
    let mut labels = case.host.split('.').skip_while(|label| !is_registry(label));
    labels.next()?;
    labels.next().filter(|_| is_amazon)
}

/// How to log in to one of Amazon's registries.
fn amazon_login(case: &Case<'_>) -> Option<String> {
    let (command, region) = match amazon_region(case) {
        Some(region) => ("ecr", region),
        None if case.host == PUBLIC => ("ecr-public", "us-east-1"),
        None => return None,
    };
    Some(format!(
        "`aws {command} get-login-password --region {region} | oras login --username AWS \
         --password-stdin {}`",
        case.registry
    ))
}

pub(super) fn amazon_password(case: &Case<'_>) -> Option<String> {
    let login = amazon_login(case)?;
    let said = case.said.to_ascii_lowercase();
    if said.contains("token has expired") || said.contains("authorization token is invalid") {
        return Some(format!(
            "Passwords of Amazon's registries last 12 hours, and this one is older or was never \
             one: log in again, with {login}"
        ));
    }
    (case.is_missing_credential() || case.status() == 401 && case.not_granted.is_none())
        .then(|| format!("Log in to this registry with {login}"))
}

pub(super) fn amazon_repository(case: &Case<'_>) -> Option<String> {
    amazon_login(case)?;
    let is_unknown = case.said.contains("NAME_UNKNOWN");
    // Without a word, where the repository of an upload is missing.
    let text = crate::advice::chain(case.error);
    let ends = ["EOF", "stream error"].iter().any(|end| text.contains(end));
    let is_cut = case.error.kind() == ErrorKind::Network && text.contains("Post \"") && ends;
    if !is_unknown && !is_cut {
        return None;
    }
    let name = case.name();
    let public = name.split_once('/').map_or(name, |(_, name)| name);
    let command = match amazon_region(case) {
        Some(region) => format!("ecr create-repository --region {region} --repository-name {name}"),
        None => {
            format!("ecr-public create-repository --region us-east-1 --repository-name {public}")
        }
    };
    Some(format!(
        "Amazon's registries make no repository for a push, and this one {}: create it, with \
         `aws {command}`",
        if is_unknown { "does not exist" } else { "may not exist" }
    ))
}

pub(super) fn amazon_manifest(case: &Case<'_>) -> Option<String> {
    amazon_login(case)?;
    case.said.contains("'ImageManifest'").then(|| {
        "Amazon's registries read manifests strictly: use media types without parameters (no `;`) \
         and, if it still refuses, `--image-spec v1.0` without `--artifact-type`"
            .to_owned()
    })
}

pub(super) fn github(case: &Case<'_>) -> Option<String> {
    if case.host != "ghcr.io" {
        return None;
    }
    let is_anonymous = case.not_granted.is_some_and(|why| why.is_anonymous);
    match case.status() {
        403 => Some(
            "GitHub's token has expired, or lacks the scope: it takes `write:packages` to push and \
             `read:packages` to pull, and the right to this package"
                .to_owned(),
        ),
        401 if case.is_about("/token") || is_anonymous => Some(
            "This package does not exist or is not public: log in with `oras login -u NAME \
             ghcr.io` and a token with the scope `read:packages`, or `write:packages` to push"
                .to_owned(),
        ),
        _ => None,
    }
}

pub(super) fn google(case: &Case<'_>) -> Option<String> {
    let location = case.host.strip_suffix("-docker.pkg.dev");
    if location.is_none() && case.host != "gcr.io" && !case.host.ends_with(".gcr.io") {
        return None;
    }
    let mut parts = case.name().split('/');
    let (project, name) = (parts.next().unwrap_or("PROJECT"), parts.next().unwrap_or("NAME"));
    if case.said.contains("(or it may not exist)") {
        return Some(format!(
            "Artifact Registry makes no repository for a push: create it, with `gcloud artifacts \
             repositories create {name} --project={project} --location={} \
             --repository-format=docker`, or have yourself granted the role \
             artifactregistry.writer",
            location.unwrap_or("LOCATION")
        ));
    }
    if case.said.contains("number of path components") {
        return Some(format!(
            "Names in Artifact Registry have three parts: {}/PROJECT/REPOSITORY/NAME",
            case.registry
        ));
    }
    (case.status() == 401).then(|| {
        format!(
            "Log in to this registry with `gcloud auth print-access-token | oras login -u \
             oauth2accesstoken --password-stdin {}`",
            case.registry
        )
    })
}

pub(super) fn docker_hub_limit(case: &Case<'_>) -> Option<String> {
    let is_hub = ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(&case.host);
    if !is_hub || case.error.kind() != ErrorKind::RateLimited {
        return None;
    }
    let limit = case.limit.copied().unwrap_or_default();
    let allowed = match (limit.limit, limit.window) {
        (Some(count), Some(window)) => {
            format!("Docker Hub allows {count} pulls in {} hours", window.as_secs() / 3600)
        }
        _ => "Docker Hub allows no more pulls for now".to_owned(),
    };
    let login = if case.said.contains("unauthenticated") || case.said.contains("increase-rate") {
        "; `oras login docker.io` allows more"
    } else {
        ""
    };
    let end = limit.until.map_or(String::new(), |end| {
        format!(": try again after {} at the latest", timestamp_seconds(end))
    });
    Some(format!("{allowed}{end}{login}"))
}

//! Registry servers that are known by their words, wherever they run.

use http::Method;

use super::Case;

/// Old Quay, GitLab and others take manifests only with media types that they list.
pub(super) fn listed_types(case: &Case<'_>) -> Option<String> {
    if !case.is_about("/manifests/") {
        return None;
    }
    let quoted = case.said.split_once(" is not one of [").and_then(|(before, _)| {
        let unquoted = before.strip_suffix('\'')?;
        unquoted.rsplit('\'').next()
    });
    let named = || {
        let (_, behind) = case.said.split_once("unknown media type: ")?;
        behind.split([' ', ',', ';', '"', '\'']).next()
    };
    let (media_type, who) = match quoted {
        Some(media_type) => (
            media_type,
            "ask its administrator: Quay takes every type since 3.12, and from 3.9 with \
             `IGNORE_UNKNOWN_MEDIATYPES: true`",
        ),
        None => (named()?, "ask who runs it to list that type"),
    };
    Some(format!(
        "{} takes listed media types only, and \"{media_type}\" is not among them: either use \
         types that are, such as application/vnd.oci.image.config.v1+json for the config and \
         application/vnd.oci.image.layer.v1.tar for files, or {who}",
        case.registry
    ))
}

pub(super) fn unknown_manifest(case: &Case<'_>) -> Option<String> {
    let is_unknown =
        case.status() == 415 || case.said.contains("manifest schema version not supported");
    (is_unknown && case.is_about("/manifests/")).then(|| {
        format!("{} takes no manifest of this type: push an image manifest or index", case.registry)
    })
}

/// Quay reads the config of an image, and breaks if it is none.
pub(super) fn config_that_is_no_image(case: &Case<'_>) -> Option<String> {
    let is_put = case.method() == Some(&Method::PUT) && case.is_about("/manifests/");
    (is_put && case.status() == 500).then(|| {
        format!(
            "{} failed over this manifest; Quay does so if a config that is no image's has the \
             type application/vnd.oci.image.config.v1+json: give it a type of its own",
            case.registry
        )
    })
}

pub(super) fn login_attempts(case: &Case<'_>) -> Option<String> {
    case.said.contains("Too many login attempts").then(|| {
        format!(
            "After a wrong password {} refuses the right one, too, for some minutes: wait, then \
             log in again",
            case.registry
        )
    })
}

pub(super) fn robot(case: &Case<'_>) -> Option<String> {
    let why = case.not_granted.filter(|why| why.username.contains('+'))?;
    Some(format!(
        "The robot account {} was granted {} on {}: the repository must exist, and the robot have \
         the permission Write on it",
        why.username,
        why.granted.as_deref().filter(|granted| !granted.is_empty()).unwrap_or("nothing"),
        case.name()
    ))
}

/// Harbor and GitLab make repositories for a push, but not the project they are in.
pub(super) fn missing_project(case: &Case<'_>) -> Option<String> {
    if case.said.contains("project") && case.said.contains("not found") && case.status() == 401 {
        let project = case.name().split('/').next().unwrap_or_default();
        return Some(format!(
            "{} makes no project for a push: create the project {project}, or have yourself \
             added to it",
            case.registry
        ));
    }
    let why = case.not_granted.filter(|why| !why.is_anonymous)?;
    (case.host == "registry.gitlab.com").then(|| {
        format!(
            "The name must begin with the path of a project that exists at GitLab, and {} have \
             the role Developer in it; a token needs the scopes read_registry and write_registry",
            if why.username.is_empty() { "the token" } else { &why.username }
        )
    })
}

pub(super) fn artifactory(case: &Case<'_>) -> Option<String> {
    if case.said.contains("Unsupported docker v2 repository request") {
        return Some(format!(
            "The name lacks the key of the repository in Artifactory: {}/KEY/{}",
            case.registry,
            case.name()
        ));
    }
    case.said.contains("to a remote repository").then(|| {
        "This repository of Artifactory only mirrors another: push to a local one, or to a virtual \
         one that has one"
            .to_owned()
    })
}

pub(super) fn immutable_tag(case: &Case<'_>) -> Option<String> {
    let is_kept = case.said.contains("is immutable") || case.said.contains("as immutable");
    is_kept.then(|| {
        format!(
            "In this repository of {} a tag stays where it was set first: use another tag, or have \
             the rule lifted that keeps this one",
            case.registry
        )
    })
}

/// Harbor refuses so whoever asks: rights are not what lacks.
pub(super) fn no_room(case: &Case<'_>) -> Option<String> {
    if case.said.contains("Quota exceeded") {
        return Some(format!(
            "There is no more room in this project of {}: delete what is not needed there, or ask \
             its administrator for a larger quota",
            case.registry
        ));
    }
    case.said.contains("in read only mode").then(|| {
        format!(
            "{} can be read only for now: push when its administrator has ended that",
            case.registry
        )
    })
}

pub(super) fn large_manifest(case: &Case<'_>) -> Option<String> {
    (case.status() == 413 && case.is_about("/manifests/")).then(|| {
        format!(
            "{}, or a proxy before it, takes no manifest of this size: use fewer files or shorter \
             annotations",
            case.registry
        )
    })
}

//! GitLab's container registry: a token service on another host, and types it must know.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Silence, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "gitlab",
    title: "GitLab",
    hosts: &["registry.gitlab.com"],
    token_host: Some("gitlab.com"),
    storage_host: Some("cdn.registry.gitlab-static.net"),
    accounts: &[Account::new("oras", "glpat-made-up", Role::Owner)],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/jwt/auth",
        service: Some("container_registry"),
        ping: Ping::Service,
        answer: Answer::Token,
        denial: Denial::Trimmed,
        lifetime: 300,
        readable: true,
        post: Post::Refresh,
        wrong: Wrong::Says("HTTP Basic: Access denied"),
        narrow: Unfit::Error("insufficient_scope"),
        stale: Unfit::Error("invalid_token"),
        basic: Some(Unfit::Challenge),
        detail: Detail::Class,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::ProjectsFirst(&["oras/ocitest", "oras/ocitest-copy"]),
        Quirk::LastScopeOnly,
        Quirk::Location(LocationForm::AbsoluteState),
        Quirk::MountsRefused,
        Quirk::KnownTypes(TYPES),
        Quirk::NoReferrers(Silence::Text),
        Quirk::TagOfSubject,
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: Some("text/html"),
            target: "/gitlab/docker/registry/v2/blobs/sha256/{hex}/data?Expires=1&KeyName=k&Signature={key}",
            heads: true,
            blob_type: "application/octet-stream",
        }),
        Quirk::NoCatalog,
    ],
};

const TYPES: &[&str] = &[
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.cncf.helm.config.v1+json",
    "application/vnd.cncf.flux.config.v1+json",
    "application/vnd.cncf.falco.rulesfile.config.v1+json",
    "application/vnd.cncf.falco.plugin.config.v1+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.in-toto+json",
    "application/vnd.oci.empty.v1+json",
];

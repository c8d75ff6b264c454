//! Docker Hub: names, tokens and blobs on three origins, and a limit to what is read.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Silence, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "docker-hub",
    title: "Docker Hub",
    hosts: &["registry-1.docker.io", "docker.io", "index.docker.io"],
    token_host: Some("auth.docker.io"),
    storage_host: Some("production.cloudflare.docker.com"),
    accounts: &[Account::new("oras", "dckr_pat_made-up", Role::Owner)],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/token",
        service: Some("registry.docker.io"),
        ping: Ping::Service,
        answer: Answer::All,
        denial: Denial::Trimmed,
        lifetime: 300,
        readable: true,
        post: Post::Refresh,
        wrong: Wrong::Details,
        narrow: Unfit::Error("insufficient_scope"),
        stale: Unfit::Error("invalid_token"),
        basic: Some(Unfit::Challenge),
        detail: Detail::Class,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::Location(LocationForm::AbsoluteState),
        Quirk::MountsRefused,
        Quirk::NoReferrers(Silence::Text),
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: None,
            target: "/registry-v2/docker/registry/v2/blobs/sha256/{hex}/data?verify={key}",
            heads: true,
            blob_type: "application/octet-stream",
        }),
        Quirk::NoCatalog,
        Quirk::PullLimit(100),
    ],
};

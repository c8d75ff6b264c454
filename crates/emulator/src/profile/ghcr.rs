//! GitHub's container registry: opaque tokens, small chunks, nothing is deleted.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Silence, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "ghcr",
    title: "GitHub Container Registry",
    hosts: &["ghcr.io"],
    token_host: None,
    storage_host: Some("pkg-containers.githubusercontent.com"),
    accounts: &[
        Account::new("oras", "ghp_madeUpTokenThatMayWritePackages", Role::Owner),
        Account::new("reader", "ghp_madeUpTokenThatMayReadPackages", Role::Reader),
        Account::new("expired", "ghp_madeUpTokenThatHasExpired", Role::Expired),
    ],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/token",
        service: None,
        ping: Ping::Scope("repository:user/image:pull"),
        answer: Answer::Token,
        denial: Denial::Refused,
        lifetime: 300,
        readable: false,
        post: Post::NotAllowed("GET"),
        wrong: Wrong::Denied,
        narrow: Unfit::Challenge,
        stale: Unfit::Denied,
        basic: Some(Unfit::Denied),
        detail: Detail::None,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::Location(LocationForm::Relative),
        Quirk::LargestChunk(4 << 20),
        Quirk::NoCancel,
        Quirk::NoMounts,
        Quirk::NoDelete,
        Quirk::NoReferrers(Silence::Json),
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: None,
            target: "/ghcr1/blobs/sha256:{hex}?sig={key}",
            heads: false,
            blob_type: "application/octet-stream",
        }),
        Quirk::NoCatalog,
    ],
};

//! The distribution registry, 3.x, behind a token service of its own origin.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Role, Silence,
    Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "distribution",
    title: "Distribution",
    hosts: &["registry.example.com"],
    token_host: Some("auth.example.com"),
    storage_host: None,
    accounts: &[Account::new("oras", "made-up-password", Role::Owner)],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/auth",
        service: Some("registry.example.com"),
        ping: Ping::Service,
        answer: Answer::All,
        denial: Denial::Trimmed,
        lifetime: 900,
        readable: true,
        post: Post::Refresh,
        wrong: Wrong::Says("authentication required"),
        narrow: Unfit::Error("insufficient_scope"),
        stale: Unfit::Error("invalid_token"),
        basic: Some(Unfit::Challenge),
        detail: Detail::Class,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::Location(LocationForm::AbsoluteState),
        Quirk::NoReferrers(Silence::Text),
        Quirk::NoDelete,
    ],
};

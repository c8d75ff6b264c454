//! Artifactory: sentences of its own, and errors without codes.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Role, Tokens,
    Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "artifactory",
    title: "Artifactory",
    hosts: &["artifactory.example.com"],
    token_host: None,
    storage_host: None,
    accounts: &[Account::new("oras", "cmVmdGtuOjAxOm1hZGUtdXA", Role::Owner)],
    repository: "docker-local/ocitest",
    door: Door::Bearer(Tokens {
        path: "/v2/token",
        service: None,
        ping: Ping::Service,
        answer: Answer::TokenAndLifetime,
        denial: Denial::Trimmed,
        lifetime: 9000,
        readable: false,
        post: Post::Unauthorized,
        wrong: Wrong::Codeless,
        narrow: Unfit::Challenge,
        stale: Unfit::Basic("Basic realm=\"Artifactory Realm\""),
        basic: None,
        detail: Detail::None,
    }),
    voice: Voice::Artifactory,
    quirks: &[Quirk::Location(LocationForm::Absolute)],
};

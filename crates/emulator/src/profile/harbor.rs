//! Harbor: two kinds of challenge, projects that must be there, and a cookie on every answer.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Role, Tokens,
    Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "harbor",
    title: "Harbor",
    hosts: &["harbor.example.com"],
    token_host: None,
    storage_host: None,
    accounts: &[
        Account::new("oras", "made-up-Passw0rd", Role::Owner),
        Account::new("robot$oras+pusher", "made-up-robot-secret", Role::Owner),
        Account::new("reader", "made-up-Passw0rd", Role::Reader),
    ],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/service/token",
        service: Some("harbor-registry"),
        ping: Ping::Service,
        answer: Answer::All,
        denial: Denial::Trimmed,
        lifetime: 1800,
        readable: true,
        post: Post::Refresh,
        wrong: Wrong::Says("unauthorized"),
        narrow: Unfit::Basic("Basic realm=\"harbor\""),
        stale: Unfit::Basic("Basic realm=\"harbor\""),
        basic: None,
        detail: Detail::None,
    }),
    voice: Voice::Harbor,
    quirks: &[
        Quirk::ProjectsFirst(&["oras"]),
        Quirk::ServiceChecked,
        Quirk::Location(LocationForm::AbsoluteState),
        Quirk::NoDeleteByTag,
        Quirk::Cookies,
    ],
};

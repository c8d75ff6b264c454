//! Quay: as it is, and as it was up to 3.11, when it took only media types it had a list of.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Role, Silence,
    Tokens, Unfit, Voice, Wrong,
};

const ACCOUNTS: &[Account] = &[
    Account::new("oras", "made-up-password", Role::Owner),
    Account::new("acme+creator", "MADEUPROBOTTOKEN1", Role::Creator("acme")),
    Account::new("oras+writer", "MADEUPROBOTTOKEN2", Role::Writer("oras")),
];

const DOOR: Door = Door::Bearer(Tokens {
    path: "/v2/auth",
    service: None,
    ping: Ping::Service,
    answer: Answer::Token,
    denial: Denial::Trimmed,
    lifetime: 3600,
    readable: true,
    post: Post::NotAllowed("HEAD, OPTIONS, GET"),
    wrong: Wrong::Quay,
    narrow: Unfit::Challenge,
    stale: Unfit::Html,
    basic: Some(Unfit::Html),
    detail: Detail::None,
});

pub(super) static TODAY: Profile = Profile {
    name: "quay",
    title: "Quay",
    hosts: &["quay.io"],
    token_host: None,
    storage_host: None,
    accounts: ACCOUNTS,
    repository: "oras/ocitest",
    door: DOOR,
    voice: Voice::Quay,
    quirks: &[
        Quirk::MadeByTokens,
        Quirk::FewActions,
        Quirk::LoginPause,
        Quirk::Location(LocationForm::Absolute),
        Quirk::OffByOne,
        Quirk::BareContentRange,
        Quirk::GoneOnMismatch,
        Quirk::AcceptDecides,
        Quirk::QuayManifests,
        Quirk::UntaggedAreGone,
        Quirk::NoSubjectHeader,
        Quirk::ReferrersOfKnown,
        Quirk::NoRanges,
        Quirk::PageClamp(100),
        Quirk::OpaquePages,
    ],
};

pub(super) static OLD: Profile = Profile {
    name: "quay-3.11",
    title: "Quay up to 3.11",
    hosts: &["quay.io"],
    token_host: None,
    storage_host: None,
    accounts: ACCOUNTS,
    repository: "oras/ocitest",
    door: DOOR,
    voice: Voice::Quay,
    quirks: &[
        Quirk::MadeByTokens,
        Quirk::FewActions,
        Quirk::LoginPause,
        Quirk::Location(LocationForm::Absolute),
        Quirk::OffByOne,
        Quirk::BareContentRange,
        Quirk::GoneOnMismatch,
        Quirk::SchemaTypes { configs: CONFIGS, layers: LAYERS },
        Quirk::AcceptDecides,
        Quirk::QuayManifests,
        Quirk::UntaggedAreGone,
        Quirk::NoReferrers(Silence::Html),
        Quirk::NoRanges,
        Quirk::PageClamp(100),
        Quirk::OpaquePages,
    ],
};

const CONFIGS: &[&str] =
    &["application/vnd.oci.image.config.v1+json", "application/vnd.cncf.helm.config.v1+json"];

const LAYERS: &[&str] = &[
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/tar+gzip",
];

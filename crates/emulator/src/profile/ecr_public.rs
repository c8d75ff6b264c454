//! Amazon ECR Public: tokens for a scope of its own form, and no challenge to what is stale.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Silence, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "ecr-public",
    title: "Amazon ECR Public",
    hosts: &["public.ecr.aws"],
    token_host: None,
    storage_host: Some("d5l0dvt14r5h8.cloudfront.net"),
    accounts: &[Account::long("AWS", "bWFkZS11cCBwdWJsaWMgcGFzc3dvcmQg", Role::Owner)],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/token/",
        service: None,
        ping: Ping::Scope("aws"),
        answer: Answer::Token,
        denial: Denial::Trimmed,
        lifetime: 43200,
        readable: false,
        post: Post::NotAllowed("GET"),
        wrong: Wrong::Says("Not Authorized"),
        narrow: Unfit::Challenge,
        stale: Unfit::BadRequest,
        basic: Some(Unfit::BadRequest),
        detail: Detail::None,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::RepositoriesFirst(&["oras/ocitest", "oras/ocitest-copy"]),
        Quirk::Location(LocationForm::Absolute),
        Quirk::StuckRange,
        Quirk::SmallestChunk(5 << 20),
        Quirk::NoEmptyFinish,
        Quirk::NoMounts,
        Quirk::StrictJson,
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: None,
            target: "/{hex}?Signature={key}",
            heads: false,
            blob_type: "application/octet-stream",
        }),
        Quirk::NoReferrers(Silence::Json),
        Quirk::NoCatalog,
        Quirk::PageLimit(1000),
    ],
};

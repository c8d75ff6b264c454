//! Azure's registry: relative locations with a signed state, blobs in storage that knows signatures.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "acr",
    title: "Azure Container Registry",
    hosts: &["orastest.azurecr.io"],
    token_host: None,
    storage_host: Some("eusmanaged1.blob.core.windows.net"),
    accounts: &[
        Account::new("oras", "made+up/password==", Role::Owner),
        Account::new("00000000-0000-0000-0000-000000000000", "made-up-refresh-token", Role::Owner),
    ],
    repository: "oras/ocitest",
    door: Door::Bearer(Tokens {
        path: "/oauth2/token",
        service: None,
        ping: Ping::Service,
        answer: Answer::AccessToken,
        denial: Denial::Trimmed,
        lifetime: 4500,
        readable: true,
        post: Post::Refresh,
        wrong: Wrong::Says("authentication required"),
        narrow: Unfit::Error("insufficient_scope"),
        stale: Unfit::Error("invalid_token"),
        basic: Some(Unfit::Challenge),
        detail: Detail::Plain,
    }),
    voice: Voice::Distribution,
    quirks: &[
        Quirk::Location(LocationForm::RelativeState),
        Quirk::BareContentRange,
        Quirk::StatedLength,
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: None,
            target: "/8f1c/docker/registry/v2/blobs/sha256/{hex}/data?se=1&sp=r&sv=2018-03-28&sr=b&sig={key}",
            heads: false,
            blob_type: "application/octet-stream",
        }),
    ],
};

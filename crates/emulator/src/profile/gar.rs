//! Google's Artifact Registry: uploads outside of `/v2/`, and no challenge to a wrong credential.

use super::{
    Account, Answer, Denial, Detail, Door, LocationForm, Ping, Post, Profile, Quirk, Redirect,
    Role, Tokens, Unfit, Voice, Wrong,
};

pub(super) static PROFILE: Profile = Profile {
    name: "gar",
    title: "Google Artifact Registry",
    hosts: &["us-docker.pkg.dev"],
    token_host: None,
    storage_host: None,
    accounts: &[
        Account::new("oauth2accesstoken", "ya29.made-up", Role::Owner),
        Account::new("_json_key", "{\"type\": \"service_account\", \"made\": \"up\"}", Role::Owner),
    ],
    repository: "oras/repo/ocitest",
    door: Door::Bearer(Tokens {
        path: "/v2/token",
        service: None,
        ping: Ping::Realm,
        answer: Answer::TokenAndLifetime,
        denial: Denial::Refused,
        lifetime: 43200,
        readable: false,
        post: Post::NotAllowed("GET"),
        wrong: Wrong::Says("authentication failed"),
        narrow: Unfit::Challenge,
        stale: Unfit::Silent,
        basic: Some(Unfit::Silent),
        detail: Detail::None,
    }),
    voice: Voice::Terse,
    quirks: &[
        Quirk::NameParts(2),
        Quirk::ProjectsFirst(&["oras/repo"]),
        Quirk::Location(LocationForm::Artifacts),
        Quirk::OneChunk,
        Quirk::NoEmptyBlobs,
        Quirk::Redirects(Redirect {
            status: 302,
            content_type: None,
            target: "/artifacts-downloads/namespaces/oras/repositories/repo/downloads/{hex}?key={key}",
            heads: false,
            blob_type: "application/octet-stream",
        }),
        Quirk::TagMaps,
    ],
};

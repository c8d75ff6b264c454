//! Amazon ECR, private: passwords with every request, repositories that must be there.

use super::{Account, Door, LocationForm, Profile, Quirk, Redirect, Role, Silence, Voice};

pub(super) static PROFILE: Profile = Profile {
    name: "ecr",
    title: "Amazon ECR",
    hosts: &[
        "xxxxxxxxxxx.dkr.ecr.us-east-1.amazonaws.com",
        "012345678910.dkr.ecr.us-east-1.amazonaws.com",
    ],
    token_host: None,
    storage_host: Some("prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com"),
    accounts: &[
        Account::long("AWS", "bWFkZS11cCBwYXNzd29yZCBmb3IgRUNS", Role::Owner),
        Account::long("AWS", "ZXhwaXJlZCBwYXNzd29yZCBmb3IgRUNS", Role::Expired),
    ],
    repository: "ocitest",
    door: Door::Basic {
        challenge: "Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\"",
    },
    voice: Voice::Distribution,
    quirks: &[
        Quirk::RepositoriesFirst(&["ocitest", "ocitest-copy", "team/ocitest"]),
        Quirk::Location(LocationForm::Absolute),
        Quirk::StuckRange,
        Quirk::SmallestChunk(5 << 20),
        Quirk::NoEmptyFinish,
        Quirk::NoMounts,
        Quirk::StrictJson,
        Quirk::NoReferrers(Silence::Json),
        Quirk::Redirects(Redirect {
            status: 307,
            content_type: None,
            target: "/{hex}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600&X-Amz-Signature={key}",
            heads: false,
            blob_type: "application/vnd.docker.container.image.v1+json",
        }),
        Quirk::NoCatalog,
        Quirk::PageLimit(1000),
    ],
};

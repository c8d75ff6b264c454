//! zot: passwords, relative locations, and one bare error for who is not let in.

use super::{Account, Door, LocationForm, Profile, Quirk, Role, Voice};

pub(super) static PROFILE: Profile = Profile {
    name: "zot",
    title: "zot",
    hosts: &["zot.example.com"],
    token_host: None,
    storage_host: None,
    accounts: &[Account::new("oras", "made-up-password", Role::Owner)],
    repository: "oras/ocitest",
    door: Door::Basic { challenge: "basic realm=zot" },
    voice: Voice::Zot,
    quirks: &[Quirk::Location(LocationForm::Relative)],
};

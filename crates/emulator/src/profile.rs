//! What a registry is like: data, no behavior.

mod acr;
mod artifactory;
mod distribution;
mod docker_hub;
mod ecr;
mod ecr_public;
mod gar;
mod ghcr;
mod gitlab;
mod harbor;
mod quay;
mod quirk;
mod zot;

pub use self::quirk::{LocationForm, Quirk, Redirect, Silence};

static ALL: [&Profile; 13] = [
    &docker_hub::PROFILE,
    &ecr::PROFILE,
    &ecr_public::PROFILE,
    &quay::OLD,
    &quay::TODAY,
    &ghcr::PROFILE,
    &gitlab::PROFILE,
    &acr::PROFILE,
    &gar::PROFILE,
    &harbor::PROFILE,
    &artifactory::PROFILE,
    &zot::PROFILE,
    &distribution::PROFILE,
];

/// One registry, as its clients see it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Profile {
    /// The word it is chosen by, such as `quay-3.11`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The names it is reached by; the first is the one requests are sent to.
    pub hosts: &'static [&'static str],
    /// The host of its token service, if that is another.
    pub token_host: Option<&'static str>,
    /// The host that blobs are downloaded from, if that is another.
    pub storage_host: Option<&'static str>,
    /// Who is let in; the first may do everything the registry lets anybody do.
    pub accounts: &'static [Account],
    /// A repository that the first account can push to.
    pub repository: &'static str,
    /// How it asks who is there.
    pub door: Door,
    /// How it words its refusals.
    pub voice: Voice,
    /// What it does differently from the specification.
    pub quirks: &'static [Quirk],
}

impl Profile {
    /// Returns all profiles, in the order they are best listed in.
    pub fn all() -> &'static [&'static Self] {
        &ALL
    }

    /// Finds a profile by its name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|profile| profile.name == name).copied()
    }

    /// Returns every name that a certificate for it must bear.
    pub fn host_names(&self) -> impl Iterator<Item = &'static str> {
        self.hosts.iter().copied().chain(self.token_host).chain(self.storage_host)
    }
}

/// Who is let in. Made up: no real registry knows these.
#[derive(Debug)]
#[non_exhaustive]
pub struct Account {
    /// The name.
    pub username: &'static str,
    secret: &'static str,
    /// How often the secret is repeated in the password; some registries have long ones.
    times: usize,
    /// What it may do.
    pub role: Role,
}

impl Account {
    const fn new(username: &'static str, secret: &'static str, role: Role) -> Self {
        Self { username, secret, times: 1, role }
    }

    const fn long(username: &'static str, secret: &'static str, role: Role) -> Self {
        Self { username, secret, times: 40, role }
    }

    /// Returns the password.
    pub fn password(&self) -> String {
        self.secret.repeat(self.times)
    }
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Everything, everywhere below the first account's namespaces; repositories are made for it.
    Owner,
    /// Everything below one namespace, but not to see what is not there yet.
    Creator(&'static str),
    /// To read and write what exists below one namespace; nothing is made for it.
    Writer(&'static str),
    /// To read.
    Reader,
    /// Nothing any more: what it shows has expired.
    Expired,
}

/// How a registry asks who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Door {
    /// A name and a password with every request.
    Basic {
        /// The challenge.
        challenge: &'static str,
    },
    /// A token.
    Bearer(Tokens),
}

/// A token service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// Its path.
    pub path: &'static str,
    /// The `service` in challenges; nothing for the name of the registry.
    pub service: Option<&'static str>,
    /// What the challenge to a ping says behind the realm.
    pub ping: Ping,
    /// What stands in its answers.
    pub answer: Answer,
    /// Whether what is not allowed is refused here, or later by a token that allows less.
    pub denial: Denial,
    /// How long a token is said to live, in seconds.
    pub lifetime: u64,
    /// Whether tokens tell what they allow.
    pub readable: bool,
    /// What becomes of POST.
    pub post: Post,
    /// How a wrong password is answered here.
    pub wrong: Wrong,
    /// How the registry answers a token that allows too little.
    pub narrow: Unfit,
    /// How the registry answers a token that it does not know, or no longer.
    pub stale: Unfit,
    /// How the registry answers a name and a password in place of a token; nothing if it takes them.
    pub basic: Option<Unfit>,
    /// What the refusals of the registry tell of what would be needed.
    pub detail: Detail,
}

/// What becomes of POST at a token service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Post {
    /// Passwords as refresh tokens are taken; passwords as such are not.
    Refresh,
    /// 405, with the methods there are.
    NotAllowed(&'static str),
    /// 401.
    Unauthorized,
}

/// How a token service answers a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// 401 with `details`.
    Details,
    /// 401 in the words of Quay, which differ by kind of user.
    Quay,
    /// 403 `DENIED`.
    Denied,
    /// 401 with this message.
    Says(&'static str),
    /// 401 without a code.
    Codeless,
}

/// How a registry answers what it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// The challenge again.
    Challenge,
    /// The challenge again, with an error in it.
    Error(&'static str),
    /// 401 with JSON that is said to be HTML, and the challenge.
    Html,
    /// 401 without a challenge.
    Silent,
    /// 400 without a challenge.
    BadRequest,
    /// 403 without a challenge.
    Denied,
    /// Another challenge: for a name and a password.
    Basic(&'static str),
}

/// What a refusal tells of what would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// Nothing.
    None,
    /// Type, name and action.
    Plain,
    /// Type, class, name and action; null for a ping.
    Class,
}

/// What the challenge to a ping says behind the realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ping {
    /// Nothing, not even the service.
    Realm,
    /// The service.
    Service,
    /// The service and a scope that is always the same.
    Scope(&'static str),
}

/// What stands in the answer of a token service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// `token`.
    Token,
    /// `access_token`.
    AccessToken,
    /// `token` and `expires_in`.
    TokenAndLifetime,
    /// `token`, `access_token`, `expires_in` and `issued_at`.
    All,
}

/// Where it is said that something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// Later, by the registry: the token allows less than was asked for.
    Trimmed,
    /// At the token service: 401 to nobody, 403 to somebody.
    Refused,
}

/// How a registry words its refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Voice {
    /// As the distribution registry, from which most descend.
    Distribution,
    /// `detail` before `message`, and always there.
    Quay,
    /// As distribution, but what is not there is `NOT_FOUND`.
    Harbor,
    /// Sentences of its own.
    Artifactory,
    /// As distribution, without anything behind the closing brace.
    Terse,
    /// A refusal of who is asking is one bare error.
    Zot,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn thirteen_registries_each_under_a_name_of_its_own() {
        let names: BTreeSet<&str> = Profile::all().iter().map(|profile| profile.name).collect();
        assert_eq!(names.len(), 13);
        for name in names {
            assert_eq!(Profile::named(name).expect("it is listed").name, name);
        }
        assert!(Profile::named("quay").is_some() && Profile::named("nowhere").is_none());
    }
}

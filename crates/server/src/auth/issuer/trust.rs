//! Whom we trust to say who somebody is, and what we make of what they say.

use std::collections::BTreeMap;

use http::Uri;
use oras_spec::Quoted;
use serde::Deserialize;

use super::token::Claims;
use crate::policy::{Pattern, PatternError};

/// An issuer whose tokens are taken: an OpenID Connect provider, such as that of a CI service, or a
/// token service of Docker's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) audience: String,
    pub(super) keys: Option<Uri>,
    pub(super) realm: Option<String>,
    members: Vec<Member>,
}

/// A group, and what a token has to say for its owner to be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    group: String,
    claims: Vec<(String, Vec<Pattern>)>,
}

/// Why an issuer cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// Its name is empty, or has other characters than lower-case letters, digits, `.`, `_`, `-`.
    #[error("{} cannot be the name of an issuer: it may have a-z, 0-9, \".\", \"_\" and \"-\"", Quoted(.0))]
    Name(String),
    /// An address is none, or its content could be altered on the way.
    #[error("{} is not an https address without query", Quoted(.0))]
    Url(String),
    /// Tokens for anybody would be tokens for us.
    #[error("the issuer {} has no audience", Quoted(.0))]
    Audience(String),
    /// A group's claims are none: everybody that the issuer knows would be in it.
    #[error("the group {} demands no claim", Quoted(.0))]
    Member(String),
    /// A claim's pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Issuer {
    /// Trusts the tokens of the issuer `url` that are for `audience`. The names of its users are
    /// `name`, a colon, and the token's subject.
    ///
    /// `url` is `https`, or `http` on this machine, and exactly what tokens have for `iss`.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] for what is not as it should be.
    pub fn new(name: &str, url: &str, audience: &str) -> Result<Self, IssuerError> {
        let legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(legal) {
            return Err(IssuerError::Name(name.to_owned()));
        }
        address(url)?;
        if audience.is_empty() {
            return Err(IssuerError::Audience(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            url: url.to_owned(),
            audience: audience.to_owned(),
            keys: None,
            realm: None,
            members: Vec::new(),
        })
    }

    /// Says where the issuer's keys are, for one without
    /// [discovery](https://openid.net/specs/openid-connect-discovery-1_0.html).
    ///
    /// # Errors
    ///
    /// [`IssuerError::Url`].
    pub fn with_keys_at(mut self, url: &str) -> Result<Self, IssuerError> {
        self.keys = Some(address(url)?);
        Ok(self)
    }

    /// Sends clients to `url` for a token, instead of to the registry itself.
    ///
    /// # Errors
    ///
    /// [`IssuerError::Url`].
    pub fn with_realm(mut self, url: &str) -> Result<Self, IssuerError> {
        address(url)?;
        self.realm = Some(url.to_owned());
        Ok(self)
    }

    /// Puts into `group` whoever has a token with all of `claims`, each as one of its patterns has
    /// it.
    ///
    /// # Errors
    ///
    /// [`IssuerError::Member`] and [`IssuerError::Pattern`].
    pub fn with_member<'a>(
        mut self,
        group: &str,
        claims: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, IssuerError> {
        let claims = claims.into_iter().map(|(name, patterns)| {
            let patterns = patterns.iter().map(|text| Pattern::of_text(text));
            Ok((name.to_owned(), patterns.collect::<Result<Vec<_>, PatternError>>()?))
        });
        let claims = claims.collect::<Result<Vec<_>, PatternError>>()?;
        if claims.is_empty() {
            return Err(IssuerError::Member(group.to_owned()));
        }
        self.members.push(Member { group: group.to_owned(), claims });
        Ok(self)
    }

    /// Returns the name that its users' names begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the issuer as tokens name it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells whether clients are sent to it for tokens.
    pub(crate) fn has_realm(&self) -> bool {
        self.realm.is_some()
    }

    /// Returns the groups that its tokens can put somebody into.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.group.as_str())
    }

    pub(super) fn has_keys_of(&self, other: &Self) -> bool {
        self.url == other.url && self.keys == other.keys
    }

    pub(super) fn groups_of(&self, claims: &Claims) -> Vec<String> {
        let is_in = |member: &&Member| {
            member.claims.iter().all(|(name, patterns)| {
                claims.has(name, |value| patterns.iter().any(|pattern| pattern.matches(value)))
            })
        };
        self.members.iter().filter(is_in).map(|member| member.group.clone()).collect()
    }
}

/// An issuer in the policy file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerTable {
    name: String,
    url: String,
    audience: String,
    keys: Option<String>,
    realm: Option<String>,
    #[serde(default)]
    member: Vec<MemberTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberTable {
    group: String,
    claims: BTreeMap<String, OneOrMore>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl IssuerTable {
    pub(crate) fn read(&self) -> Result<Issuer, IssuerError> {
        let mut issuer = Issuer::new(&self.name, &self.url, &self.audience)?;
        if let Some(keys) = &self.keys {
            issuer = issuer.with_keys_at(keys)?;
        }
        if let Some(realm) = &self.realm {
            issuer = issuer.with_realm(realm)?;
        }
        for member in &self.member {
            let claims = member.claims.iter().map(|(name, patterns)| {
                let patterns = match patterns {
                    OneOrMore::One(pattern) => std::slice::from_ref(pattern),
                    OneOrMore::More(patterns) => patterns.as_slice(),
                };
                (name.as_str(), patterns)
            });
            issuer = issuer.with_member(&member.group, claims)?;
        }
        Ok(issuer)
    }
}

/// Reads an address whose content nobody can alter on the way.
fn address(text: &str) -> Result<Uri, IssuerError> {
    let uri = text.parse::<Uri>().ok().filter(is_safe);
    uri.ok_or_else(|| IssuerError::Url(text.to_owned()))
}

/// Tells whether an address is `https`, or on this machine, and nothing but an address.
pub(super) fn is_safe(uri: &Uri) -> bool {
    let has_scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => uri.host().is_some_and(super::super::logins::is_loopback),
        _ => false,
    };
    let is_bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    has_scheme && is_bare && uri.query().is_none()
}

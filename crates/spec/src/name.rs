//! The three name grammars: registries, repositories and tags.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Quoted;
use crate::reference::TagOrDigest;

/// Why a text is not a name. Carries the text as it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `host[:port]`.
    #[error("invalid registry {}", Quoted(.0))]
    Registry(String),
    /// Not a path of lower-case components.
    #[error("invalid repository {}", Quoted(.0))]
    Repository(String),
    /// Not `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    #[error("invalid tag {}", Quoted(.0))]
    Tag(String),
}

/// Where a registry is: `host[:port]`, as the user wrote it. Cheap to clone.
///
/// No scheme, no path, no user. IPv6 addresses stand in brackets. Never only dots, so that a
/// mistyped `../path` is no registry, and safe as one component of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryName(Arc<str>);

impl RegistryName {
    /// Returns the text, `host[:port]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host without the port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        self.split().0
    }

    /// Returns the port, if one is written.
    pub fn port(&self) -> Option<u16> {
        self.split().1?.parse().ok()
    }

    fn split(&self) -> (&str, Option<&str>) {
        let after_address = self.0.rfind(']').map_or(0, |end| end + 1);
        match self.0[after_address..].rfind(':') {
            Some(colon) => {
                let colon = after_address + colon;
                (&self.0[..colon], Some(&self.0[colon + 1..]))
            }
            None => (&self.0, None),
        }
    }
}

impl FromStr for RegistryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_authority(text) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Registry(text.into()))
        }
    }
}

fn is_authority(text: &str) -> bool {
    let (host_is_good, rest) = if let Some(inner) = text.strip_prefix('[') {
        let Some((address, rest)) = inner.split_once(']') else { return false };
        (address.parse::<std::net::Ipv6Addr>().is_ok(), rest)
    } else {
        let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
        let byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        (host.bytes().all(byte) && host.bytes().any(|b| b != b'.'), rest)
    };
    let port_is_good = match rest.strip_prefix(':') {
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    };
    host_is_good && port_is_good
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a repository inside its registry, such as `library/hello-world`. Cheap to clone.
///
/// Only exists valid, by the grammar of
/// [pulling manifests](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests):
/// components of lower-case letters and digits, joined inside by `.`, `_`, `__` or dashes, between
/// slashes. There are no empty, `.` or `..` components, so it is safe as a relative path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The longest name, in bytes, that registries accept; parsing does not enforce it.
    pub const MAX_LENGTH: usize = 255;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Iterates over the components between the slashes; there is at least one.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Repository(text.into()))
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    is_word(first)
        && is_word(last)
        && bytes.split(|&byte| is_word(byte)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
        })
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A human pointer to a manifest. Cheap to clone.
///
/// Parsing holds it to the grammar that registries demand. A layout accepts any text that is not
/// empty as a tag, so [`Tag::free_form`] does too; [`Tag::is_conformant`] tells the two apart, and
/// whatever talks to a registry refuses a tag that is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The longest conformant tag, in bytes.
    pub const MAX_LENGTH: usize = 128;

    /// Makes a tag of any text that is not empty, as an OCI layout may hold.
    ///
    /// # Errors
    ///
    /// [`NameError::Tag`] if `text` is empty.
    pub fn free_form(text: &str) -> Result<Self, NameError> {
        if text.is_empty() { Err(NameError::Tag(String::new())) } else { Ok(Self(text.into())) }
    }

    /// Tells whether a registry would accept this tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn is_conformant(&self) -> bool {
        is_tag(&self.0)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the tag spells a digest with its first `-` in place of `:`, as the tags of
    /// the [referrers tag schema] do.
    ///
    /// [referrers tag schema]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
    pub fn is_digest_like(&self) -> bool {
        self.0.replacen('-', ":", 1).parse::<crate::Digest>().is_ok()
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_tag(text) { Ok(Self(text.into())) } else { Err(NameError::Tag(text.into())) }
    }
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= Tag::MAX_LENGTH
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Tag> for TagOrDigest {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_registry_by_its_authority() {
        for good in [
            "localhost",
            "localhost:5000",
            "docker.io",
            "a_b.c",
            "[::1]",
            "[::1]:5000",
            "127.0.0.1:1",
        ] {
            assert!(good.parse::<RegistryName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ":5000",
            "a b",
            "http://a",
            "a/b",
            "u@a",
            "a:b",
            "a:99999",
            "a:1:2",
            "[::1",
            "::1",
            "a?b",
            "[x]",
            "ä.de",
            ".",
            "..",
            "..:5000",
            "a:",
            "a:+1",
            "[::1]x",
            "[::1%25a]",
            "a@b",
        ] {
            assert_eq!(bad.parse::<RegistryName>(), Err(NameError::Registry(bad.into())));
        }
    }

    #[test]
    fn splits_host_and_port() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("localhost:5000", "localhost", Some(5000)),
            ("[::1]", "[::1]", None),
            ("[::1]:5000", "[::1]", Some(5000)),
        ] {
            let registry: RegistryName = text.parse().expect("a registry");
            assert_eq!((registry.host(), registry.port()), (host, port));
        }
    }

    #[test]
    fn holds_repositories_to_the_grammar() {
        for good in [
            "a",
            "a/b/c",
            "0",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a---b",
            "blobs/uploads",
            "v2/tags/list",
        ] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "-a", "a-", "a._b", ".", "..",
            "a/../b", "a b", "a:b", "é", "_a", "a_-b",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn holds_tags_to_the_grammar() {
        for good in ["v1", "_", "A.b-c_d", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a+b", "a:b", "a/b", "é", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
        assert!(!Tag::free_form("weird+tag:x").expect("not empty").is_conformant());
        assert!(Tag::free_form("").is_err());
    }

    #[test]
    fn shows_the_bad_name_without_its_power_over_terminals() {
        let error = "a\u{1b}[2J\"\u{202e}".parse::<Tag>().expect_err("no tag");
        assert_eq!(error.to_string(), r#"invalid tag "a\x1b[2J\"\u202e""#);
    }

    #[test]
    fn recognizes_digest_like_tags() {
        let tag = |text: &str| text.parse::<Tag>().expect("a tag");
        assert!(tag(&format!("sha256-{}", "0".repeat(64))).is_digest_like());
        assert!(!tag("sha256-0").is_digest_like());
        assert!(!tag("v1").is_digest_like());
    }
}

//! References: registry, repository, and a tag or a digest.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, DigestError, NameError, Quoted, RegistryName, RepositoryName, Tag};

/// The last part of a reference: what picks one manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagOrDigest {
    /// A movable pointer.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl TagOrDigest {
    /// Reads `text` as a digest if it is one, else as a tag a registry would accept.
    ///
    /// # Errors
    ///
    /// A [`ReferenceError`] about the digest if `text` has a colon, which no tag has, else about
    /// the tag.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            parse_digest(text).map(Self::Digest)
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }

    /// Returns the tag, if it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }

    /// Returns the digest, if it is one.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Tag(_) => None,
            Self::Digest(digest) => Some(digest),
        }
    }

    /// Returns the text of the tag or the digest.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl From<Digest> for TagOrDigest {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `<registry>/<repository>[:<tag>][@<digest>]`.
///
/// Nothing is assumed: no default registry, no `latest`, no `library/`. Where both a tag and a
/// digest are given the digest counts and the tag is dropped unread, as `oras` has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: RegistryName,
    repository: RepositoryName,
    tag_or_digest: Option<TagOrDigest>,
}

impl Reference {
    /// Puts a reference together.
    pub fn new(
        registry: RegistryName,
        repository: RepositoryName,
        tag_or_digest: Option<TagOrDigest>,
    ) -> Self {
        Self { registry, repository, tag_or_digest }
    }

    /// Returns the registry.
    pub fn registry(&self) -> &RegistryName {
        &self.registry
    }

    /// Returns the repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Returns the tag or the digest, if there is one.
    pub fn tag_or_digest(&self) -> Option<&TagOrDigest> {
        self.tag_or_digest.as_ref()
    }

    /// Returns `registry/repository`, without tag and digest.
    pub fn path(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (registry, rest) = text.split_once('/').ok_or(ReferenceError::Incomplete)?;
        let (repository, tag, digest) = match rest.split_once('@') {
            Some((left, digest)) => {
                (left.split_once(':').map_or(left, |(name, _)| name), "", digest)
            }
            None => match rest.split_once(':') {
                Some((repository, tag)) => (repository, tag, ""),
                None => (rest, "", ""),
            },
        };
        let registry = registry.parse()?;
        let repository = repository.parse()?;
        let tag_or_digest = if !digest.is_empty() {
            Some(TagOrDigest::Digest(parse_digest(digest)?))
        } else if tag.is_empty() {
            None
        } else {
            Some(TagOrDigest::Tag(tag.parse()?))
        };
        Ok(Self { registry, repository, tag_or_digest })
    }
}

fn parse_digest(text: &str) -> Result<Digest, ReferenceError> {
    text.parse().map_err(|source| ReferenceError::Digest { text: text.into(), source })
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match &self.tag_or_digest {
            None => Ok(()),
            Some(TagOrDigest::Tag(tag)) => write!(f, ":{tag}"),
            Some(TagOrDigest::Digest(digest)) => write!(f, "@{digest}"),
        }
    }
}

/// Why a text is not a reference. `Display` tells all of it; there is no further cause to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// There is no slash.
    Incomplete,
    /// The registry, the repository or the tag breaks its grammar.
    Name(NameError),
    /// The digest breaks its grammar.
    Digest {
        /// The text after the `@`.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid reference: ")?;
        match self {
            Self::Incomplete => f.write_str("missing registry or repository"),
            Self::Name(error) => write!(f, "{error}"),
            Self::Digest { text, source } => write!(f, "invalid digest {}: {source}", Quoted(text)),
        }
    }
}

impl std::error::Error for ReferenceError {}

impl From<NameError> for ReferenceError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        text.parse::<Reference>().expect_err(text).to_string()
    }

    #[test]
    fn reads_every_form() {
        let digest = Digest::of(b"");
        for (text, printed) in [
            ("localhost:5000/hello".to_owned(), "localhost:5000/hello".to_owned()),
            ("docker.io/me/app:1".into(), "docker.io/me/app:1".into()),
            ("h/r:".into(), "h/r".into()),
            ("h/r@".into(), "h/r".into()),
            (format!("h/r@{digest}"), format!("h/r@{digest}")),
            (format!("h/r:in valid@{digest}"), format!("h/r@{digest}")),
        ] {
            let reference: Reference = text.parse().expect(&text);
            assert_eq!(reference.to_string(), printed);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(message("hello"), "invalid reference: missing registry or repository");
        assert_eq!(message("a b/r"), "invalid reference: invalid registry \"a b\"");
        assert_eq!(message("h/R:v1"), "invalid reference: invalid repository \"R\"");
        assert_eq!(message("h/r:b+d"), "invalid reference: invalid tag \"b+d\"");
        assert_eq!(
            message("h/r@sha256:1"),
            "invalid reference: invalid digest \"sha256:1\": invalid checksum digest length"
        );
        assert_eq!(message("../foo:v1"), "invalid reference: invalid registry \"..\"");
    }

    #[test]
    fn a_printed_chain_of_causes_says_nothing_twice() {
        for text in ["hello", "h/r:b+d", "h/r@sha256:1"] {
            let error = text.parse::<Reference>().expect_err(text);
            assert!(std::error::Error::source(&error).is_none(), "{text}");
        }
    }
}

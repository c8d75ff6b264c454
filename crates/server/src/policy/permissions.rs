//! Permissions: what a grant lets somebody do.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use oras_spec::Quoted;

/// What somebody may do with a repository: any of `pull`, `push`, `overwrite`, `delete`, `admin`.
///
/// Who may push, overwrite or delete may also pull; who may overwrite may also push; `all` is
/// everything but `admin`, and `admin` is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Read blobs, manifests, and lists of tags and referrers.
    pub const PULL: Self = Self(1);
    /// Add blobs and manifests, and set tags that are not there yet.
    pub const PUSH: Self = Self(2);
    /// Set tags that are there to something else.
    pub const OVERWRITE: Self = Self(4);
    /// Delete tags, manifests and blobs.
    pub const DELETE: Self = Self(8);
    /// See what the registry tells of itself, such as its metrics.
    pub const ADMIN: Self = Self(16);
    /// Everything but [`ADMIN`](Self::ADMIN).
    pub const ALL: Self = Self(15);

    const WORDS: [(&'static str, Self, Self); 6] = [
        ("pull", Self::PULL, Self::PULL),
        ("push", Self::PUSH, Self(3)),
        ("overwrite", Self::OVERWRITE, Self(7)),
        ("delete", Self::DELETE, Self(9)),
        ("all", Self::ALL, Self::ALL),
        ("admin", Self::ADMIN, Self(31)),
    ];

    /// Tells whether all of `wanted` is among these.
    pub fn allow(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Returns the word of a single permission.
    pub(crate) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, one, _)| *one == self).map_or("permission", |(word, ..)| word)
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A word that is no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no permission is called {}; there are pull, push, overwrite, delete, all and admin", Quoted(.0))]
pub struct PermissionsError(String);

/// Reads words with commas between them.
impl FromStr for Permissions {
    type Err = PermissionsError;

    fn from_str(text: &str) -> Result<Self, PermissionsError> {
        text.split(',').try_fold(Self::NONE, |all, word| {
            let found = Self::WORDS.iter().find(|(known, ..)| *known == word.trim());
            let (_, _, implied) = found.ok_or_else(|| PermissionsError(word.to_owned()))?;
            Ok(all | *implied)
        })
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let singles =
            Self::WORDS.iter().filter(|(word, one, _)| *word != "all" && self.allow(*one));
        let words: Vec<_> = singles.map(|(word, ..)| *word).collect();
        f.write_str(&words.join(","))
    }
}

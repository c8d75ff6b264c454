//! What was found to be garbage, as told to who asked for it to be collected.

use std::fmt;

use oras_spec::{Digest, RepositoryName, Tag};

/// A piece of garbage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Garbage {
    /// A tag that the rules do not keep.
    Tag {
        /// Its repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
    },
    /// A manifest that nothing leads to. It can be restored until the grace is over once more.
    Manifest {
        /// Its repository.
        repository: RepositoryName,
        /// Its digest.
        digest: Digest,
    },
    /// A deleted manifest that nobody has restored.
    Deleted {
        /// Its repository.
        repository: RepositoryName,
        /// Its digest.
        digest: Digest,
    },
    /// What is left of a referrer whose manifest was never there.
    Referrer {
        /// Its repository.
        repository: RepositoryName,
        /// The digest of the manifest.
        digest: Digest,
    },
    /// A blob of a repository that no manifest of it refers to.
    Link {
        /// The repository.
        repository: RepositoryName,
        /// The blob's digest.
        digest: Digest,
    },
    /// The bytes of a blob that no repository has.
    Blob {
        /// Its digest.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
    },
}

impl Garbage {
    /// Says why it is garbage.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "the rules for tags do not keep it",
            Self::Manifest { .. } => "no tag, index or subject leads to it",
            Self::Deleted { .. } => "it was deleted and not restored",
            Self::Referrer { .. } => "its push was cut short",
            Self::Link { .. } => "no manifest of the repository refers to it",
            Self::Blob { .. } => "no repository has it",
        }
    }
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { repository, tag } => write!(f, "tag {repository}:{tag}"),
            Self::Manifest { repository, digest } => write!(f, "manifest {repository}@{digest}"),
            Self::Deleted { repository, digest } => {
                write!(f, "deleted manifest {repository}@{digest}")
            }
            Self::Referrer { repository, digest } => write!(f, "referrer {repository}@{digest}"),
            Self::Link { repository, digest } => write!(f, "blob {digest} of {repository}"),
            Self::Blob { digest, size } => write!(f, "blob {digest} ({size} bytes)"),
        }
    }
}

/// How much garbage there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Tags that the rules did not keep.
    pub tags: u64,
    /// Manifests that nothing led to.
    pub manifests: u64,
    /// Deleted manifests that were not restored.
    pub deleted: u64,
    /// What was left of referrers.
    pub referrers: u64,
    /// Blobs taken from a repository.
    pub links: u64,
    /// Blobs whose bytes went.
    pub blobs: u64,
    /// How many bytes these were.
    pub bytes: u64,
}

impl Collected {
    pub(super) fn add(&mut self, found: &Garbage) {
        match found {
            Garbage::Tag { .. } => self.tags += 1,
            Garbage::Manifest { .. } => self.manifests += 1,
            Garbage::Deleted { .. } => self.deleted += 1,
            Garbage::Referrer { .. } => self.referrers += 1,
            Garbage::Link { .. } => self.links += 1,
            Garbage::Blob { size, .. } => {
                self.blobs += 1;
                self.bytes += size;
            }
        }
    }
}

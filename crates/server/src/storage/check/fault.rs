//! What can be wrong with what is stored.

use std::fmt;

use oras_spec::{Digest, RepositoryName, Tag};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes of a blob do not match its digest.
    Rotten {
        /// The blob's digest.
        digest: Digest,
    },
    /// A repository has a blob whose bytes are not there.
    MissingBlob {
        /// The repository.
        repository: RepositoryName,
        /// The blob's digest.
        digest: Digest,
    },
    /// The bytes of a manifest do not match its digest.
    Torn {
        /// Its repository.
        repository: RepositoryName,
        /// Its digest.
        digest: Digest,
    },
    /// A manifest refers to something that is not in its repository. Only a fault where sparse
    /// manifests are not wanted.
    Incomplete {
        /// Its repository.
        repository: RepositoryName,
        /// Its digest.
        digest: Digest,
        /// What is not there.
        missing: Digest,
    },
    /// A manifest that has a subject is not listed among its referrers.
    Unlisted {
        /// Its repository.
        repository: RepositoryName,
        /// Its digest.
        digest: Digest,
    },
    /// A tag points at no manifest.
    LostTag {
        /// Its repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotten { digest } => write!(f, "blob {digest}: its bytes have changed"),
            Self::MissingBlob { repository, digest } => {
                write!(f, "blob {digest} of {repository}: its bytes are not there")
            }
            Self::Torn { repository, digest } => {
                write!(f, "manifest {repository}@{digest}: its bytes have changed")
            }
            Self::Incomplete { repository, digest, missing } => {
                write!(f, "manifest {repository}@{digest}: {missing} is not there")
            }
            Self::Unlisted { repository, digest } => {
                write!(f, "manifest {repository}@{digest}: not listed as a referrer")
            }
            Self::LostTag { repository, tag } => {
                write!(f, "tag {repository}:{tag}: points at no manifest")
            }
        }
    }
}

/// What was checked, and how much of it was not as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// Blobs whose bytes were read.
    pub blobs: u64,
    /// How many bytes these were.
    pub bytes: u64,
    /// Manifests.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// What was not as it should be.
    pub faults: u64,
    /// How many of the faults were mended, or cleared away so that a push mends them.
    pub mended: u64,
}

//! What changed in a repository: told once it is durable, whether or not the client still listens.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use oras_spec::image::MediaType;
use oras_spec::{Digest, RepositoryName, Tag};

/// Something that a client changed. What is collected as garbage, or taken from the upstream of a
/// mirror, is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// When it was done.
    pub at: SystemTime,
    /// Where.
    pub repository: RepositoryName,
    /// What.
    pub kind: ChangeKind,
    /// The user who did it, if one was asked for.
    pub user: Option<String>,
    /// The identifier of the request that did it.
    pub request_id: String,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A manifest was pushed, also one that was there already.
    ManifestPushed {
        /// The manifest.
        digest: Digest,
        /// Its media type.
        media_type: MediaType,
        /// Its length, in bytes.
        size: usize,
    },
    /// A manifest was deleted, and its tags with it.
    ManifestDeleted {
        /// The manifest.
        digest: Digest,
    },
    /// A tag was set that was not there.
    TagCreated {
        /// The tag.
        tag: Tag,
        /// What it points at.
        digest: Digest,
    },
    /// A tag was set that pointed at something else. Of two clients that move one at the same
    /// time, both may have seen it where it was before.
    TagMoved {
        /// The tag.
        tag: Tag,
        /// What it points at now.
        digest: Digest,
        /// What it pointed at.
        previous: Digest,
    },
    /// A tag was deleted; its manifest stays.
    TagDeleted {
        /// The tag.
        tag: Tag,
    },
}

/// Hears of every change.
pub trait ChangeObserver: Debug + Send + Sync {
    /// Takes notice of a change. Called between a write and its answer: be quick.
    fn observe(&self, change: &Change);

    /// Tells whether there is anybody to tell; what is needed only for that is left undone
    /// otherwise.
    fn is_interested(&self) -> bool {
        true
    }
}

/// Tells the observer of what one request does.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    pub(crate) observer: Arc<dyn ChangeObserver>,
    pub(crate) repository: RepositoryName,
    pub(crate) user: Option<String>,
    pub(crate) request_id: String,
}

impl Changes {
    pub(crate) fn tell(&self, kind: ChangeKind) {
        self.observer.observe(&Change {
            at: SystemTime::now(),
            repository: self.repository.clone(),
            kind,
            user: self.user.clone(),
            request_id: self.request_id.clone(),
        });
    }

    /// Tells what became of a tag that was set.
    pub(crate) fn tell_tag(&self, tag: &Tag, digest: &Digest, previous: Option<&Digest>) {
        let (tag, digest) = (tag.clone(), digest.clone());
        match previous {
            None => self.tell(ChangeKind::TagCreated { tag, digest }),
            Some(previous) if *previous == digest => {}
            Some(previous) => {
                self.tell(ChangeKind::TagMoved { tag, digest, previous: previous.clone() });
            }
        }
    }
}

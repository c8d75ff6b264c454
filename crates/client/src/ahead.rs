//! Content that is on its way before its digest is known.

use std::fmt;

use oras_spec::Digest;

use crate::content::ByteStream;

/// Content whose digest is still being found out.
#[derive(Debug)]
pub struct Unnamed {
    /// What it is called here, the same in every process, so that a later one knows it again.
    pub name: String,
    /// How many bytes there are, if that is known.
    pub size: Option<u64>,
    /// The bytes. They end in an error if they are not those that are hashed.
    pub bytes: ByteStream,
}

/// Takes content while somebody else hashes it, so that neither waits for the other.
///
/// All of this is a favor: whatever becomes of it, the content is pushed afterwards as ever, which is
/// soon done if it is there by then.
pub trait Ahead: fmt::Debug + Send + Sync {
    /// Begins to send content, in the background; nothing if it is better to wait for the digest.
    fn begin(&self, content: Unnamed) -> Option<Box<dyn Early>>;
}

/// Content that is being sent. Dropped without a name, it is given up.
pub trait Early: Send {
    /// Says what was sent, or will have been.
    fn name(self: Box<Self>, digest: &Digest);
}

//! What befalls a transfer between us and a registry, told to whoever listens.

use std::time::Duration;

use oras_spec::Digest;

/// Something that happened to the transfer of a blob. Borrowed: copy what you keep.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Incident<'a> {
    /// The connection broke. The transfer goes on after a wait.
    Broken {
        /// What was under way.
        digest: &'a Digest,
        /// How many bytes of it are on the other side.
        offset: u64,
        /// How often it has broken since the last progress, from 1.
        attempt: u32,
        /// How long we wait.
        delay: Duration,
        /// What was wrong.
        cause: &'a str,
    },
    /// An upload goes on behind bytes that the registry has.
    Resumed {
        /// What is under way.
        digest: &'a Digest,
        /// How many bytes of it need not be sent.
        offset: u64,
    },
}

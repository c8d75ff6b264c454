//! The nodes of a walk: what is known of each digest it meets.

use std::sync::Arc;

use bytes::Bytes;
use oras_spec::image::Descriptor;

/// What is known of one digest.
pub(super) struct Node {
    pub(super) descriptor: Arc<Descriptor>,
    pub(super) depth: usize,
    pub(super) way: Way,
    /// It hangs below what is kept: that it is there goes without saying.
    pub(super) quiet: bool,
    pub(super) state: State,
    /// Who waits for it.
    pub(super) parents: Vec<usize>,
    /// How many nodes it waits for.
    pub(super) waiting: usize,
    /// A document's bytes, from its reading to its writing.
    pub(super) bytes: Option<Bytes>,
    pub(super) successors: Vec<(usize, Descriptor)>,
    /// The titles under which the target has it.
    pub(super) titles: Vec<Option<String>>,
    /// Missing successors were sent anew already.
    pub(super) healed: bool,
}

/// What is done with a node when it is visited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The target is asked for it first.
    Ask,
    /// It is sent.
    Send,
    /// The target has it, and it is only looked at what is below.
    Keep,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Present,
    Copied,
}

//! What an emulated registry remembers besides its content.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oras_spec::distribution::Scope;

use crate::ledger::Exchange;
use crate::profile::Account;

/// What a token allows.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) account: Option<&'static Account>,
    pub(crate) scopes: Vec<Scope>,
    /// How many requests it is still good for.
    pub(crate) uses: u32,
}

/// How far an upload is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upload {
    pub(crate) repository: String,
    /// What stands in its location, where that has a state.
    pub(crate) state: String,
    /// How many bytes it holds.
    pub(crate) held: u64,
    /// The sizes of the chunks that came with a range.
    pub(crate) chunks: Vec<u64>,
    /// How many chunks came.
    pub(crate) patches: u32,
    /// Whether an attempt to finish it was refused for no reason.
    pub(crate) was_refused: bool,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) tokens: HashMap<String, Grant>,
    /// Users whose last password was wrong.
    pub(crate) paused: BTreeSet<String>,
    pub(crate) repositories: BTreeSet<String>,
    pub(crate) uploads: HashMap<String, Upload>,
    /// What a key to the storage opens: a repository and a digest.
    pub(crate) keys: HashMap<String, (String, String)>,
    /// Repositories and digests that had a tag.
    pub(crate) tagged: BTreeSet<(String, String)>,
    /// Repositories and tags that were deleted.
    pub(crate) expired: BTreeSet<(String, String)>,
    /// How many manifests were read.
    pub(crate) pulls: u32,
    /// How many requests a proxy turned away.
    pub(crate) turned_away: u32,
    /// How many bytes of blobs were pushed.
    pub(crate) stored: u64,
    /// Which kinds of request were refused for no reason, by method.
    pub(crate) flaky: BTreeMap<String, u32>,
}

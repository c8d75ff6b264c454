//! Mirrors: parts of the registry that hold what other registries have, taken as it is asked for.
//!
//! A mirror has a prefix: below `docker.io`, the repository `docker.io/library/alpine` is
//! `library/alpine` of the upstream. This module never speaks HTTP: it knows an [`Upstream`], which
//! whoever runs the registry supplies.

mod fill;
mod freshness;
mod upstream;

use std::sync::Arc;

use oras_spec::RepositoryName;

pub use self::upstream::{Upstream, UpstreamBlob, UpstreamError, UpstreamErrorKind};

pub(crate) use self::fill::{FillError, Opened};

use self::fill::Fills;
use self::freshness::Freshness;

/// A registry that is mirrored.
#[derive(Clone, Debug)]
pub struct Mirror {
    prefix: RepositoryName,
    host: String,
    upstream: Arc<dyn Upstream>,
}

impl Mirror {
    /// Makes a mirror of `upstream` whose repositories are found below `prefix`.
    ///
    /// `host` is what clients call the upstream in the query `ns` of their requests, as containerd
    /// does: `docker.io`. It is told to people as well.
    pub fn new(
        prefix: RepositoryName,
        host: impl Into<String>,
        upstream: Arc<dyn Upstream>,
    ) -> Self {
        Self { prefix, host: host.into(), upstream }
    }

    /// Returns what the upstream is called.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn upstream(&self) -> &dyn Upstream {
        &*self.upstream
    }
}

/// A repository of a mirror: its name here, and its name there.
#[derive(Clone, Debug)]
pub(crate) struct Mirrored {
    pub(crate) mirror: Mirror,
    pub(crate) repository: RepositoryName,
    pub(crate) there: RepositoryName,
}

/// All mirrors of a registry, and what is on its way to them.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    all: Vec<Mirror>,
    pub(crate) fills: Fills,
    pub(crate) freshness: Freshness,
}

impl Mirrors {
    pub(crate) fn add(&mut self, mirror: Mirror) {
        self.all.push(mirror);
    }

    /// Finds the mirror that a repository belongs to. The longest prefix counts.
    pub(crate) fn find(&self, repository: &RepositoryName) -> Option<Mirrored> {
        let below = |mirror: &Mirror| {
            let rest = repository.as_str().strip_prefix(mirror.prefix.as_str())?;
            let there = rest.strip_prefix('/')?.parse().ok()?;
            Some(Mirrored { mirror: mirror.clone(), repository: repository.clone(), there })
        };
        let found = self.all.iter().filter_map(below);
        found.max_by_key(|mirrored| mirrored.mirror.prefix.as_str().len())
    }

    /// Returns the prefix of the mirror of the registry that clients call `host`.
    pub(crate) fn prefix_of(&self, host: &str) -> Option<&RepositoryName> {
        let mirror = self.all.iter().find(|mirror| mirror.host == host)?;
        Some(&mirror.prefix)
    }
}

//! How a registry is put together.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::Registry;
use crate::access::AccessObserver;
use crate::auth::{Authenticator, Users};
use crate::change::ChangeObserver;
use crate::handle::Usage;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::mirror::{Mirror, Mirrors};
use crate::policy::{Policies, Policy};
use crate::rate::Rates;
use crate::storage::directory::Directory;
use crate::storage::memory::Memory;
use crate::storage::{Storage, Store, keys};

/// What handlers need to know.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) allow_sparse: bool,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) observer: Option<Arc<dyn AccessObserver>>,
    pub(crate) change_observer: Option<Arc<dyn ChangeObserver>>,
    pub(crate) policies: Option<Policies>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rates: Option<Rates>,
    pub(crate) usage: Usage,
    pub(crate) mirrors: Mirrors,
}

/// Makes a [`Registry`]. What is not set has the default stated at its method.
#[derive(Debug)]
#[must_use = "nothing is opened before `build`"]
pub struct RegistryBuilder {
    place: Place,
    config: Config,
    waits_for_disk: bool,
}

#[derive(Debug)]
enum Place {
    Memory,
    Directory(PathBuf),
    ReadOnly(PathBuf),
}

impl RegistryBuilder {
    pub(crate) fn new() -> Self {
        Self { place: Place::Memory, config: Config::default(), waits_for_disk: true }
    }

    /// Keeps everything in memory, for as long as the registry lives. The default.
    pub fn memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Keeps everything in a local directory, which is made if need be. Only one registry at a time
    /// can have it.
    ///
    /// What was acknowledged survives the death of the process and of the machine.
    pub fn directory(mut self, root: impl Into<PathBuf>) -> Self {
        self.place = Place::Directory(root.into());
        self
    }

    /// Answers only when what a directory was given is on stable storage. Without that what was
    /// acknowledged survives the death of the process, but not that of the machine. The default.
    pub fn wait_for_disk(mut self, wait: bool) -> Self {
        self.waits_for_disk = wait;
        self
    }

    /// Looks into a local directory that another registry may have, and writes nothing.
    ///
    /// What is written meanwhile is seen, or not yet. A client that wants to write is told that
    /// the storage is read-only.
    pub fn read_only(mut self, root: impl Into<PathBuf>) -> Self {
        self.place = Place::ReadOnly(root.into());
        self
    }

    /// Lets in whom `authenticator` knows. By default everybody may do everything.
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.config.authenticator = Some(authenticator);
        self
    }

    /// Lets in these users, and nobody else, everywhere. As [`authenticator`](Self::authenticator).
    pub fn users(self, users: Users) -> Self {
        self.authenticator(Arc::new(users))
    }

    /// Lets everybody do what `policy` grants them, and nothing else. By default whoever is let in
    /// may do everything.
    ///
    /// Who has no name gets what the policy grants to anybody, if the authenticator lets them in:
    /// [`Logins`](crate::auth::Logins) do, [`Users`] do not.
    pub fn policy(self, policy: Policy) -> Self {
        self.policies(Policies::new(policy))
    }

    /// As [`policy`](Self::policy), one that can be replaced while the registry runs.
    pub fn policies(mut self, policies: Policies) -> Self {
        self.config.policies = Some(policies);
        self
    }

    /// Tells `observer` of every request. By default nobody is told.
    pub fn observer(mut self, observer: Arc<dyn AccessObserver>) -> Self {
        self.config.observer = Some(observer);
        self
    }

    /// Tells `observer` of every change that a client makes, such as
    /// [`Webhooks`](crate::webhook::Webhooks). By default nobody is told.
    pub fn change_observer(mut self, observer: Arc<dyn ChangeObserver>) -> Self {
        self.config.change_observer = Some(observer);
        self
    }

    /// Returns the numbers that the registry will count in, for what counts along.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.config.metrics)
    }

    /// Sets what the registry is willing to take.
    pub fn limits(mut self, limits: Limits) -> Self {
        let rates = |rate| Rates::new(rate, limits.request_burst);
        self.config.rates = limits.request_rate.map(rates);
        self.config.limits = limits;
        self
    }

    /// Takes manifests whose config or layers are missing. By default only those of an index, the
    /// subject, and layers that are not for distribution may be missing.
    pub fn allow_sparse(mut self, allow: bool) -> Self {
        self.config.allow_sparse = allow;
        self
    }

    /// Serves what another registry has below the prefix of `mirror`, and keeps what was asked for.
    /// May be called for several.
    pub fn mirror(mut self, mirror: Mirror) -> Self {
        self.config.mirrors.add(mirror);
        self
    }

    /// Opens the storage. Blocks, shortly: the time does not grow with what is stored.
    ///
    /// # Errors
    ///
    /// If the directory belongs to another registry or another program, or cannot be used.
    pub fn build(self) -> Result<Registry, BuildError> {
        let mut condemned = Bytes::new();
        let store: Arc<dyn Store> = match self.place {
            Place::Memory => Arc::new(Memory::default()),
            Place::Directory(root) => {
                let directory = Directory::open(&root, self.config.limits.upload_lifetime)?;
                let directory =
                    if self.waits_for_disk { directory } else { directory.without_syncs() };
                condemned = directory.read_hint(&keys::condemned());
                Arc::new(directory)
            }
            Place::ReadOnly(root) => Arc::new(Directory::open_read_only(&root)?),
        };
        let storage = Storage::new(store, &self.config.limits);
        if let Ok(text) = std::str::from_utf8(&condemned) {
            storage.condemned.remember(text);
        }
        Ok(Registry::new(storage, self.config))
    }
}

/// Why a registry cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The directory cannot be made, read or written.
    #[error("open the registry in {}", root.display())]
    Io {
        /// The directory.
        root: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The directory is laid out in a way this version does not know.
    #[error(
        "{} is not a registry of this version{}",
        root.display(),
        version.map(|version| format!(" but of version {version}")).unwrap_or_default(),
    )]
    Layout {
        /// The directory.
        root: PathBuf,
        /// The version of its layout, if it says one.
        version: Option<u32>,
    },
    /// Another process, or this one, has the directory open.
    #[error("{} is in use by another registry", root.display())]
    Locked {
        /// The directory.
        root: PathBuf,
    },
}

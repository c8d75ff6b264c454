//! Registries over a transport.
//!
//! A [`Registry`] is a name and a [`Transport`]; a [`Repository`] in it is a
//! [`Source`](crate::Source) and a [`Target`](crate::Target).

mod blobs;
mod incident;
mod listing;
mod manifests;
mod referrers;
mod repository;
mod session;
mod upload;

use std::fmt;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use oras_spec::distribution::{Operation, Page, RepositoryList, Warning};
use oras_spec::{RegistryName, RepositoryName};

use self::session::Session;
use crate::transport::{ChallengeScope, DEFAULT_RETRIES, ScopeHint, Transport};
use crate::{Error, ErrorKind, Notebook, Result};

pub use blobs::Parallelism;
pub use incident::Incident;
pub use repository::Repository;

/// How to talk to one registry.
#[derive(Clone)]
pub struct RegistryOptions {
    /// Whether to speak HTTP without TLS.
    pub plain_http: bool,
    /// What we call ourselves, such as `oras/1.3.0`.
    pub user_agent: HeaderValue,
    /// Headers to add to every request that goes to the registry itself.
    pub headers: HeaderMap,
    /// How the referrers of a manifest are found and recorded.
    pub referrers: ReferrersMode,
    /// Hears what the registry wants its users to read, each text once.
    pub warnings: Arc<dyn Fn(&Warning) + Send + Sync>,
    /// Remembers uploads, so that another process can go on with them; none by default.
    pub notes: Option<Arc<dyn Notebook>>,
    /// How often a transfer that breaks is taken up again without a byte of progress in between;
    /// [`DEFAULT_RETRIES`].
    pub retries: u32,
    /// Hears what befalls transfers, from many tasks at once.
    pub incidents: Arc<dyn Fn(Incident<'_>) + Send + Sync>,
    /// When one blob is fetched over many connections.
    pub parallelism: Parallelism,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            plain_http: false,
            user_agent: HeaderValue::from_static(concat!("oras/", env!("CARGO_PKG_VERSION"))),
            headers: HeaderMap::new(),
            referrers: ReferrersMode::default(),
            warnings: Arc::new(|_| {}),
            notes: None,
            retries: DEFAULT_RETRIES,
            incidents: Arc::new(|_| {}),
            parallelism: Parallelism::default(),
        }
    }
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().collect();
        f.debug_struct("RegistryOptions")
            .field("plain_http", &self.plain_http)
            .field("user_agent", &self.user_agent)
            .field("headers", &names)
            .field("referrers", &self.referrers)
            .finish_non_exhaustive()
    }
}

/// How the referrers of a manifest are found and recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferrersMode {
    /// By the referrers API where the registry has one, else by the tag schema.
    #[default]
    Automatic,
    /// By the [referrers API] alone.
    ///
    /// [referrers API]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
    Api,
    /// By the [tag schema] alone.
    ///
    /// [tag schema]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
    Tag,
}

/// A registry. Cheap to clone; clones share what they have learned about it.
#[derive(Clone, Debug)]
pub struct Registry {
    session: Arc<Session>,
}

impl Registry {
    /// Makes a handle; sends nothing.
    ///
    /// `docker.io` is called `registry-1.docker.io` on the wire.
    pub fn new(
        name: RegistryName,
        transport: Arc<dyn Transport>,
        options: RegistryOptions,
    ) -> Self {
        Self { session: Arc::new(Session::new(name, transport, options)) }
    }

    /// Returns the name, as the user wrote it.
    pub fn name(&self) -> &RegistryName {
        self.session.name()
    }

    /// Opens a repository; sends nothing.
    pub fn repository(&self, name: RepositoryName) -> Repository {
        Repository::new(Arc::clone(&self.session), name)
    }

    /// Asks whether the registry is there and lets us in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if what is there is no registry, [`ErrorKind::Unauthorized`] if it
    /// does not let us in.
    pub async fn ping(&self) -> Result<()> {
        let mut request = self.session.request(&Operation::Ping)?;
        let hint = ScopeHint { wanted: Vec::new(), challenge: ChallengeScope::Ignored };
        request.extensions_mut().insert(hint);
        let answer = self.session.send(request).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(Error::new(ErrorKind::NotFound, "not found"));
        }
        answer.expect(&[StatusCode::OK]).await.map(drop)
    }

    /// Lists the names of repositories behind `last`, in the registry's order and spelling, page
    /// after page as they are read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`] for a page of more than 4 MiB, [`ErrorKind::Server`] for a
    /// link to the next page that leads to another origin.
    pub fn repositories(&self, last: Option<&str>) -> BoxStream<'_, Result<String>> {
        let page = Page { limit: None, last: last.map(str::to_owned) };
        let operation = Operation::ListRepositories { page };
        let request = self.session.request(&operation);
        listing::pages(&self.session, request, |list: RepositoryList| list.repositories)
    }
}

/// Prints the name.
impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

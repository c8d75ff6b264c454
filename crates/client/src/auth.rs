//! Who we are: credentials, and where they come from.

mod docker_config;
mod native;

use std::fmt;

use async_trait::async_trait;
use oras_spec::RegistryName;

use crate::{Error, ErrorKind, Result};

pub use docker_config::{DockerConfig, KeptBy, Lookup};

/// What proves to a registry who we are. Empty fields are not there.
///
/// Printing one shows which fields are filled, never what is in them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The user's name.
    pub username: String,
    /// The password that goes with the name.
    pub password: String,
    /// A token to get access tokens with (OAuth 2.0 calls it a refresh token).
    pub identity_token: String,
    /// A token to show to the registry as it is.
    pub registry_token: String,
}

impl Credential {
    /// Makes a credential of a name and a password.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into(), ..Self::default() }
    }

    /// Makes a credential of an identity token.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self { identity_token: token.into(), ..Self::default() }
    }

    /// Tells whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| if text.is_empty() { "" } else { "*****" };
        f.debug_struct("Credential")
            .field("username", &shown(&self.username))
            .field("password", &shown(&self.password))
            .field("identity_token", &shown(&self.identity_token))
            .field("registry_token", &shown(&self.registry_token))
            .finish()
    }
}

/// Where credentials come from and where they are kept.
///
/// Registries are named as they are on the wire; that `docker.io` is kept under
/// `https://index.docker.io/v1/` is the business of whoever keeps it.
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync + 'static {
    /// Finds the credential for a registry; nothing if there is none.
    ///
    /// # Errors
    ///
    /// If a file or a helper that may hold one cannot be asked. Never taken for “none”.
    async fn get(&self, registry: &RegistryName) -> Result<Option<Credential>>;

    /// Keeps a credential for a registry, in place of any other.
    ///
    /// # Errors
    ///
    /// If it cannot be kept; the old one is untouched then.
    async fn put(&self, registry: &RegistryName, credential: &Credential) -> Result<()>;

    /// Forgets the credential for a registry. Succeeds if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be removed.
    async fn remove(&self, registry: &RegistryName) -> Result<()>;
}

/// A registry wants a name and a password, and there are none for it. Found in the chain of causes
/// of an [`ErrorKind::Unauthorized`] error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingCredential {
    /// There is no credential at all.
    #[error("basic credential not found")]
    NotFound,
    /// There is one, but of tokens only.
    #[error("missing username or password for basic auth")]
    NoPassword,
}

/// Has no credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn get(&self, _: &RegistryName) -> Result<Option<Credential>> {
        Ok(None)
    }

    async fn put(&self, _: &RegistryName, _: &Credential) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "nothing keeps credentials here"))
    }

    async fn remove(&self, _: &RegistryName) -> Result<()> {
        Ok(())
    }
}

/// One credential for every registry, as users state it on the command line.
#[derive(Clone, Debug)]
pub struct StaticCredentials(Credential);

impl StaticCredentials {
    /// Gives `credential` to every registry that asks for one.
    pub fn new(credential: Credential) -> Self {
        Self(credential)
    }
}

#[async_trait]
impl Credentials for StaticCredentials {
    async fn get(&self, _: &RegistryName) -> Result<Option<Credential>> {
        Ok((!self.0.is_empty()).then(|| self.0.clone()))
    }

    async fn put(&self, _: &RegistryName, _: &Credential) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "nothing keeps credentials here"))
    }

    async fn remove(&self, _: &RegistryName) -> Result<()> {
        Ok(())
    }
}

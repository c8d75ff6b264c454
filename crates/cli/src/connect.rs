//! Opens registries and layouts as the flags say.

pub(crate) mod credentials;
mod files;
mod headers;
mod network;
mod resolve;
mod traffic;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::store::{Archive, Cache, Cached, Layout, Notes};
use oras_client::transport::{
    Authenticated, ClientIdentity, Logged, Network, NetworkOptions, Redirecting, Retrying,
    TrafficObserver, Transport,
};
use oras_client::{Ahead, Notebook, Source, Target as WritableTarget};
use oras_spec::distribution::Action;
use oras_spec::image::{Descriptor, MediaType, Platform};
use oras_spec::{Quoted, RegistryName, RepositoryName, Tag, TagOrDigest};

use crate::advice::{Advisor, chain};
use crate::args::cache;
use crate::args::remote::Remote;
use crate::args::target::{Place, Target};
use crate::command::Invocation;
use crate::command::version::VERSION;
use crate::context::Context;
use crate::error::{CliError, Result, system_text};

pub(crate) use self::credentials::{credentials_file, static_credential, stored};
pub(crate) use self::network::network;

/// What a command is going to do to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look.
    Read,
    /// Add to it, too.
    Write,
    /// Take something away. The right to that is asked for when it comes to it.
    Delete,
}

/// A target that is open, and whom to ask what its errors mean.
pub(crate) struct Opened<'a> {
    place: OpenedPlace,
    cache: Option<Cache>,
    advisor: Advisor<'a>,
}

enum OpenedPlace {
    Repository { repository: Repository, cached: Option<Cached> },
    Layout(Layout),
    Archive(Archive),
}

impl OpenedPlace {
    /// Makes another of a repository, before the same cache; a layout stays as it is.
    fn change(self, change: impl FnOnce(Repository) -> Repository, cache: Option<&Cache>) -> Self {
        match self {
            Self::Repository { repository, .. } => Self::of(change(repository), cache),
            local => local,
        }
    }

    fn of(repository: Repository, cache: Option<&Cache>) -> Self {
        let cached = cache.map(|cache| Cached::new(Arc::new(repository.clone()), cache.clone()));
        Self::Repository { repository, cached }
    }
}

impl Opened<'_> {
    /// Returns it as something to read from.
    pub(crate) fn source(&self) -> &dyn Source {
        match &self.place {
            OpenedPlace::Repository { cached: Some(cached), .. } => cached,
            OpenedPlace::Repository { repository, cached: None } => repository,
            OpenedPlace::Layout(layout) => layout,
            OpenedPlace::Archive(archive) => archive,
        }
    }

    /// Returns the cache before it, if there is one.
    pub(crate) fn cache(&self) -> Option<Cache> {
        self.cache.clone()
    }

    /// Says which media types manifests may have; only a repository needs to know.
    ///
    /// # Errors
    ///
    /// If it is a layout.
    pub(crate) fn with_media_types(self, types: &[String]) -> Result<Self> {
        if types.is_empty() {
            return Ok(self);
        }
        if matches!(self.place, OpenedPlace::Layout(_) | OpenedPlace::Archive(_)) {
            let message = "`--media-type` cannot be used with `--oci-layout` at the same time";
            return Err(CliError::new(message));
        }
        let types = types.iter().map(|text| MediaType::from(text.as_str()));
        let cache = self.cache.as_ref();
        let place = self.place.change(|repository| repository.with_media_types(types), cache);
        Ok(Self { place, ..self })
    }

    /// Takes content of one more media type for a manifest; only a repository needs to know.
    pub(crate) fn with_manifests_of(self, media_type: &MediaType) -> Self {
        let mut types = MediaType::DOCUMENTS.to_vec();
        if !types.contains(media_type) {
            types.push(media_type.clone());
        }
        let cache = self.cache.as_ref();
        let place = self.place.change(|repository| repository.with_media_types(types), cache);
        Self { place, ..self }
    }

    /// Sees blobs alone in it; only in a repository are they apart from manifests.
    pub(crate) fn blobs(self) -> Self {
        let place = self.place.change(Repository::blobs, self.cache.as_ref());
        Self { place, ..self }
    }

    /// Returns it as something to write to.
    pub(crate) fn target(&self) -> &dyn WritableTarget {
        match &self.place {
            OpenedPlace::Repository { repository, .. } => repository,
            OpenedPlace::Layout(layout) => layout,
            OpenedPlace::Archive(archive) => archive,
        }
    }

    /// Returns what sends large files while they are hashed, where they are likely not there yet:
    /// where `tag` points at nothing of their size. Nothing for a layout, which hashes what it gets.
    pub(crate) fn ahead(&self, tag: Option<&Tag>, limit: usize) -> Option<Arc<dyn Ahead>> {
        match &self.place {
            OpenedPlace::Repository { repository, .. } => {
                Some(repository.ahead(tag.cloned(), limit))
            }
            OpenedPlace::Layout(_) | OpenedPlace::Archive(_) => None,
        }
    }

    /// Finds what a reference names; with a platform, the manifest for it.
    pub(crate) async fn resolve(
        &self,
        reference: &TagOrDigest,
        platform: Option<&Platform>,
    ) -> oras_client::Result<Descriptor> {
        oras_client::select::resolve(self.source(), reference, platform).await
    }

    /// Reads the manifest that a reference names; with a platform, the one for it. At most 4 MiB.
    pub(crate) async fn fetch_manifest(
        &self,
        reference: &TagOrDigest,
        platform: Option<&Platform>,
    ) -> oras_client::Result<(Descriptor, Bytes)> {
        let (found, content) = if platform.is_none() {
            self.source().fetch_reference(reference).await?
        } else {
            let found = self.resolve(reference, platform).await?;
            let content = self.source().fetch(&found).await?;
            (found, content)
        };
        Ok((found, content.read_all().await?))
    }

    /// Says what went wrong on this side of a copy.
    pub(crate) fn explain_side(&self, error: &oras_client::Error) -> CliError {
        self.advisor.explain_side(error)
    }

    /// Says what went wrong and what to do.
    pub(crate) fn explain(&self, error: &oras_client::Error) -> CliError {
        self.advisor.explain(error)
    }
}

impl Target {
    /// Opens it. A repository is not asked yet; a layout that is written to is made if need be.
    ///
    /// # Errors
    ///
    /// If a file that a flag names cannot be read, or a layout not be opened.
    pub(crate) async fn open<'a>(
        &'a self,
        invocation: &'a Invocation,
        access: Access,
        context: &Context,
    ) -> Result<Opened<'a>> {
        let credentials = credentials_file(&self.remote, context);
        let advisor = Advisor::of_target(invocation, self, credentials);
        match &self.place {
            Place::Registry(reference) => {
                let (name, repository) = (reference.registry(), reference.repository());
                let registry =
                    registry_of(invocation, &self.remote, name, Some(repository), context)?;
                let actions: &[Action] = match access {
                    Access::Read | Access::Delete => &[Action::Pull],
                    Access::Write => &[Action::Pull, Action::Push],
                };
                let repository = registry.repository(repository.clone());
                let repository = repository.with_actions(actions.iter().cloned());
                let cache = match access {
                    Access::Read => cache::read(invocation, context)?,
                    Access::Write | Access::Delete => None,
                };
                Ok(Opened { place: OpenedPlace::of(repository, cache.as_ref()), cache, advisor })
            }
            Place::Layout { path, .. } => {
                let mut place = self.open_local(path, access, context).await?;
                if let (OpenedPlace::Layout(layout), Access::Write) = (&mut place, access) {
                    layout.note_in(cache::read(invocation, context)?);
                }
                Ok(Opened { place, cache: None, advisor })
            }
        }
    }
}

impl Target {
    /// Opens a layout: a directory or, to look at it, also an archive.
    async fn open_local(
        &self,
        path: &str,
        access: Access,
        context: &Context,
    ) -> Result<OpenedPlace> {
        let found = context.environment.path(path);
        let opened = match (access, std::fs::metadata(&found)) {
            (Access::Write | Access::Delete, _) => {
                Layout::open(&found).await.map(OpenedPlace::Layout)
            }
            (Access::Read, Ok(metadata)) if metadata.is_dir() => {
                Layout::open_read_only(&found).await.map(OpenedPlace::Layout)
            }
            (Access::Read, Ok(_)) => Archive::open(&found).await.map(OpenedPlace::Archive),
            (Access::Read, Err(error)) => {
                let why = format!("stat {path}: {}", system_text(&error));
                return Err(CliError::new(format!(
                    "invalid argument {}: failed to find path {}: {why}",
                    Quoted(&self.raw),
                    Quoted(path)
                )));
            }
        };
        opened.map_err(|error| {
            let told = chain(&error);
            // Only what is written to is called by its whole path, as `oras` does.
            let typed = if access == Access::Read {
                told.replace(&*found.to_string_lossy(), path)
            } else {
                told
            };
            CliError::new(typed)
        })
    }
}

/// Makes the handle of a registry; sends nothing yet.
///
/// # Errors
///
/// If a flag does not say what it should, or a file that one names cannot be read.
pub(crate) fn registry(
    invocation: &Invocation,
    remote: &Remote,
    name: &RegistryName,
    context: &Context,
) -> Result<Registry> {
    registry_of(invocation, remote, name, None, context)
}

/// As [`registry`], for one repository, which may have a credential of its own.
fn registry_of(
    invocation: &Invocation,
    remote: &Remote,
    name: &RegistryName,
    repository: Option<&RepositoryName>,
    context: &Context,
) -> Result<Registry> {
    let (wire, options) = wire(invocation, remote, name, context)?;
    let credentials = credentials::all(remote, repository, context);
    let transport = Authenticated::new(Redirecting::new(wire), credentials);
    Ok(Registry::new(name.clone(), Arc::new(transport), options))
}

/// Makes what carries requests to a registry, without anybody's credentials; sends nothing yet.
///
/// # Errors
///
/// As [`registry`].
pub(crate) fn wire(
    invocation: &Invocation,
    remote: &Remote,
    name: &RegistryName,
    context: &Context,
) -> Result<(Arc<dyn Transport>, RegistryOptions)> {
    let plain_http = remote.plain_http.unwrap_or_else(|| is_local(name));
    let environment = &context.environment;
    let headers = headers::read(&remote.headers)?;
    let identity = match &remote.identity {
        Some((certificate, key)) => {
            let (chain, key) = files::identity(environment, certificate, key)?;
            let origin = format!("https://{name}").parse().map_err(|_| {
                CliError::new(format!("invalid registry {}", Quoted(name.as_str())))
            })?;
            Some(ClientIdentity { origin, chain, key })
        }
        None => None,
    };
    let mut options = NetworkOptions {
        proxies: network::proxies(context)?,
        roots: files::roots(environment, &remote.ca_file)?,
        insecure: remote.insecure,
        identity,
        resolve: resolve::read(&remote.resolve)?,
        ..NetworkOptions::default()
    };
    remote.patience.limit(&mut options);
    options.volume = Arc::clone(&context.tally.volume);
    let network = Network::new(options);
    let log = context.log(invocation.parsed.switch("debug"));
    let observer: Arc<dyn TrafficObserver> =
        if log.is_debug() { Arc::new(traffic::Recorder::new(log.clone())) } else { Arc::new(()) };
    let logged = Logged::new(network, Arc::clone(&observer))
        .hiding(headers.keys().cloned())
        .counted_by(Arc::clone(&context.requests));
    let announcer = traffic::Announcer {
        log: log.clone(),
        environment: environment.clone(),
        notices: Arc::clone(&context.notices),
        tally: Arc::clone(&context.tally),
        rest: observer,
    };
    let retrying = Retrying::new(logged)
        .with_observer(Arc::new(announcer))
        .with_retries(remote.patience.retries)
        .with_pauses(context.pauses.clone());
    let options = RegistryOptions {
        plain_http,
        user_agent: HeaderValue::from_str(&format!("oras/{VERSION}"))
            .expect("a version is a header value"),
        headers,
        referrers: remote.referrers,
        warnings: traffic::warnings(log, name),
        notes: upload_notes(invocation, context),
        retries: remote.patience.retries,
        incidents: traffic::incidents(context),
        ..RegistryOptions::default()
    };
    Ok((Arc::new(retrying), options))
}

/// Returns where uploads are remembered: beside what else is known of files, and like that not if
/// the user wants no cache.
fn upload_notes(invocation: &Invocation, context: &Context) -> Option<Arc<dyn Notebook>> {
    let parsed = &invocation.parsed;
    if parsed.declares("no-cache") && parsed.switch("no-cache") {
        return None;
    }
    let directory = context.environment.own_cache()?.join("uploads");
    Some(Arc::new(Notes::new(&directory)))
}

/// Tells whether a registry is on this machine, so that nobody is between it and us.
fn is_local(name: &RegistryName) -> bool {
    let host = name.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for name in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_local(&name.parse().expect("a registry")), "{name}");
        }
        for name in ["LOCALHOST", "localhost.example", "10.0.0.1:5000", "[::2]", "docker.io"] {
            assert!(!is_local(&name.parse().expect("a registry")), "{name}");
        }
    }
}

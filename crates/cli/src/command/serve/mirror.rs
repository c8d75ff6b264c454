//! `--mirror`: registries that are served along, read with our own client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use oras_client::remote::{Registry, Repository};
use oras_client::{ErrorKind, Source as _};
use oras_server::mirror::{Mirror, Upstream, UpstreamBlob, UpstreamError, UpstreamErrorKind};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, Quoted, RegistryName, RepositoryName, Tag, TagOrDigest};

use crate::args::remote::Remote;
use crate::command::Invocation;
use crate::connect::registry;
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;

/// How long an upstream may take to answer what is small, before it counts as one that cannot be
/// asked. Bodies of blobs have deadlines of their own, which progress extends.
const PATIENCE: Duration = Duration::from_secs(15);

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::list(
            "mirror",
            "serve what another registry has, and keep it: REGISTRY or PREFIX=[http://]REGISTRY",
        )
        .word("registry"),
        Flag::text(
            "mirror-ca-file",
            "certificate authorities that mirrored registries' are held to",
        )
        .word("path"),
        Flag::list("mirror-config", "file with the credentials for mirrored registries")
            .word("path"),
    ]
}

/// Opens the mirrors that the flags ask for; asks nobody anything yet.
///
/// # Errors
///
/// If a flag does not say which registry is meant, or a file cannot be read.
pub(super) fn mirrors(invocation: &Invocation, context: &Context) -> Result<Vec<Mirror>> {
    let parsed = &invocation.parsed;
    let open = |text: &String| {
        let (prefix, plain_http, name) = read(text)?;
        let remote = Remote {
            plain_http,
            ca_file: parsed.text("mirror-ca-file").to_owned(),
            registry_configs: parsed.list("mirror-config").to_vec(),
            ..Remote::default()
        };
        let registry = registry(invocation, &remote, &name, context)?;
        let host = name.to_string();
        Ok(Mirror::new(prefix, host, Arc::new(Remotely { registry })))
    };
    parsed.list("mirror").iter().map(open).collect()
}

/// Reads `REGISTRY` or `PREFIX=[SCHEME://]REGISTRY`: where it is found, whether TLS is done without
/// if that is said, and which it is.
fn read(text: &str) -> Result<(RepositoryName, Option<bool>, RegistryName)> {
    let invalid = |why: &dyn fmt::Display| {
        CliError::new(format!("invalid mirror {}: {why}", Quoted(text))).with_recommendation(
            "Name a registry such as docker.io, or a prefix and a registry such as hub=docker.io",
        )
    };
    let (prefix, address) = text.split_once('=').unwrap_or_else(|| {
        let address = text.split_once("://").map_or(text, |(_, address)| address);
        (address, text)
    });
    let (plain_http, name) = match address.split_once("://") {
        Some(("http", name)) => (Some(true), name),
        Some(("https", name)) => (Some(false), name),
        Some((scheme, _)) => return Err(invalid(&format!("unknown scheme \"{scheme}\""))),
        None => (None, address),
    };
    let name: RegistryName = name.parse().map_err(|error| invalid(&error))?;
    let prefix = prefix.parse().map_err(|_| {
        invalid(&format!("\"{prefix}\" cannot be the beginning of a repository's name"))
    })?;
    Ok((prefix, plain_http, name))
}

/// A registry that is asked over the network.
#[derive(Debug)]
struct Remotely {
    registry: Registry,
}

impl Remotely {
    fn repository(&self, name: &RepositoryName) -> Repository {
        self.registry.repository(name.clone())
    }
}

/// Waits for an answer, but not for ever.
async fn patiently<T>(
    answer: impl Future<Output = oras_client::Result<T>>,
) -> std::result::Result<T, UpstreamError> {
    let answer = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| {
        let reason = format!("no answer within {} s", PATIENCE.as_secs());
        UpstreamError::new(UpstreamErrorKind::Unavailable, reason)
    })?;
    answer.map_err(|error| failure(&error))
}

/// What a mirror makes of our client's errors.
fn failure(error: &oras_client::Error) -> UpstreamError {
    let kind = match error.kind() {
        ErrorKind::NotFound => UpstreamErrorKind::NotFound,
        ErrorKind::Denied | ErrorKind::Unauthorized => UpstreamErrorKind::Denied,
        ErrorKind::RateLimited => UpstreamErrorKind::RateLimited,
        _ => UpstreamErrorKind::Unavailable,
    };
    UpstreamError::new(kind, chain(error))
}

#[async_trait::async_trait]
impl Upstream for Remotely {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> std::result::Result<Descriptor, UpstreamError> {
        patiently(self.repository(repository).resolve(reference)).await
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> std::result::Result<(Descriptor, Bytes), UpstreamError> {
        let reference = TagOrDigest::from(digest.clone());
        patiently(async {
            let repository = self.repository(repository);
            let (descriptor, content) = repository.fetch_reference(&reference).await?;
            Ok((descriptor, content.read_all().await?))
        })
        .await
    }

    async fn blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> std::result::Result<u64, UpstreamError> {
        patiently(self.repository(repository).resolve_blob(digest)).await.map(|found| found.size)
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> std::result::Result<UpstreamBlob, UpstreamError> {
        let repository = self.repository(repository);
        let (descriptor, content) = patiently(repository.fetch_blob_by_digest(digest)).await?;
        let pieces = content.into_stream().map_err(|error| failure(&error));
        Ok(UpstreamBlob { size: descriptor.size, pieces: pieces.boxed() })
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        last: Option<&str>,
        limit: usize,
    ) -> std::result::Result<Vec<String>, UpstreamError> {
        let last = last.and_then(|last| last.parse::<Tag>().ok());
        patiently(async {
            let repository = self.repository(repository);
            let tags = repository.tags(last.as_ref()).take(limit);
            tags.map_ok(|tag| tag.as_str().to_owned()).try_collect().await
        })
        .await
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> std::result::Result<Vec<Descriptor>, UpstreamError> {
        // Registries look for referrers by digest alone.
        let subject = Descriptor::new(MediaType::IMAGE_MANIFEST, subject.clone(), 0);
        patiently(async { self.repository(repository).referrers(&subject, None).await }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_registry_and_where_it_is_found() {
        for (text, prefix, plain_http, name) in [
            ("docker.io", "docker.io", None, "docker.io"),
            ("hub=docker.io", "hub", None, "docker.io"),
            ("cache/quay=https://quay.io", "cache/quay", Some(false), "quay.io"),
            ("up=http://localhost:5001", "up", Some(true), "localhost:5001"),
            ("https://quay.io", "quay.io", Some(false), "quay.io"),
        ] {
            let read = read(text).expect(text);
            assert_eq!((read.0.as_str(), read.1, read.2.as_str()), (prefix, plain_http, name));
        }
    }

    #[test]
    fn what_names_no_registry_or_no_place_is_refused() {
        for text in
            ["", "=docker.io", "hub=", "localhost:5000", "a=ftp://b", "A=docker.io", "a=b/c"]
        {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(&format!("invalid mirror \"{text}\"")), "{error}");
        }
    }
}

//! A repository: a place to read artifacts from and to write them to.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use http::StatusCode;
use oras_spec::distribution::{Action, Operation, Page, Scope, TagList};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, RegistryName, RepositoryName, Tag, TagOrDigest};

use super::listing;
use super::session::Session;
use super::upload::Opened;
use crate::transport::{Body, ChallengeScope, ScopeHint};
use crate::{Content, Error, ErrorKind, Result, Source, Target};

/// A repository in a registry. Cheap to clone.
///
/// Manifests are told from blobs by their media types. Everything that is read is checked against
/// its descriptor; a blob whose connection breaks is taken up where it broke.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(super) session: Arc<Session>,
    name: RepositoryName,
    /// What tokens are to allow beyond what a request itself needs.
    actions: Vec<Action>,
    /// What is served under `/manifests/`.
    documents: Arc<[MediaType]>,
    pub(super) opened: Arc<Opened>,
}

impl Repository {
    pub(super) fn new(session: Arc<Session>, name: RepositoryName) -> Self {
        Self {
            session,
            name,
            actions: Vec::new(),
            documents: MediaType::DOCUMENTS.into(),
            opened: Arc::default(),
        }
    }

    /// Says what the requests to come will need, so that the first token serves all of them. Some
    /// registries create a repository only for those who ask to push from the start.
    #[must_use]
    pub fn with_actions(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.actions = actions.into_iter().collect();
        self
    }

    /// Says which media types manifests may have, in place of
    /// [`MediaType::DOCUMENTS`]; none changes nothing.
    #[must_use]
    pub fn with_media_types(mut self, types: impl IntoIterator<Item = MediaType>) -> Self {
        let types: Vec<MediaType> = types.into_iter().collect();
        if !types.is_empty() {
            self.documents = types.into();
        }
        self
    }

    /// Returns the repository seen as a store of blobs: whatever its media type, content is read
    /// from, written to, and deleted from where the [blobs] are, and digests resolve to blobs.
    ///
    /// Nothing there has a tag: resolving or setting one is [`ErrorKind::Invalid`].
    ///
    /// [blobs]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
    #[must_use]
    pub fn blobs(mut self) -> Self {
        self.documents = Arc::new([]);
        self
    }

    /// Tells whether this is the view of [`Repository::blobs`].
    fn is_blobs(&self) -> bool {
        self.documents.is_empty()
    }

    /// Returns the name of the registry, as the user wrote it.
    pub fn registry(&self) -> &RegistryName {
        self.session.name()
    }

    /// Returns the name inside the registry.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    pub(super) fn documents(&self) -> &[MediaType] {
        &self.documents
    }

    pub(super) fn is_document(&self, descriptor: &Descriptor) -> bool {
        self.documents.contains(&descriptor.media_type)
    }

    /// Makes a request that also asks for what was hinted at.
    pub(super) fn request(&self, operation: &Operation) -> Result<http::Request<Body>> {
        let mut request = self.session.request(operation)?;
        request.extensions_mut().insert(self.hint(operation));
        Ok(request)
    }

    pub(super) fn hint(&self, operation: &Operation) -> ScopeHint {
        let mut wanted = operation.scopes();
        if matches!(operation, Operation::DeleteManifest { .. } | Operation::DeleteBlob { .. }) {
            return ScopeHint { wanted, challenge: ChallengeScope::Only };
        }
        if !self.actions.is_empty() {
            wanted.push(Scope::repository(&self.name, self.actions.iter().cloned()));
        }
        ScopeHint { wanted: Scope::merge(wanted), challenge: ChallengeScope::Added }
    }

    /// Names content for people: `registry/name:tag` or `registry/name@digest`.
    pub(super) fn full_name(&self, reference: &TagOrDigest) -> String {
        match reference {
            TagOrDigest::Tag(tag) => format!("{self}:{tag}"),
            TagOrDigest::Digest(digest) => format!("{self}@{digest}"),
        }
    }

    pub(super) fn not_found(&self, reference: &TagOrDigest) -> Error {
        Error::new(ErrorKind::NotFound, format!("{}: not found", self.full_name(reference)))
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        let operation =
            Operation::DeleteBlob { repository: self.name.clone(), digest: digest.clone() };
        let answer = self.session.send(self.request(&operation)?).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(self.not_found(&digest.clone().into()));
        }
        answer.expect(&DELETED).await.map(drop)
    }
}

/// What registries answer to a delete that succeeded; 202 is the specification's.
pub(super) const DELETED: [StatusCode; 3] =
    [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::NO_CONTENT];

/// Prints `registry/name`.
impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session.name(), self.name)
    }
}

/// Blobs are named by their digests alone.
fn blob_digest(reference: &TagOrDigest) -> Result<&Digest> {
    let no_digest = || Error::new(ErrorKind::Invalid, "invalid checksum digest format");
    reference.digest().ok_or_else(no_digest)
}

/// Layouts take any text for a tag; registries do not.
fn registry_tag(repository: &Repository, tag: &Tag) -> Result<TagOrDigest> {
    if repository.is_blobs() {
        Err(Error::new(ErrorKind::Invalid, format!("tag a blob of {repository}")))
    } else if tag.is_conformant() {
        Ok(TagOrDigest::Tag(tag.clone()))
    } else {
        Err(Error::new(ErrorKind::Invalid, format!("invalid tag \"{tag}\"")))
    }
}

#[async_trait]
impl Source for Repository {
    /// Knows manifests only; for blobs there are [`resolve_blob`](Self::resolve_blob) and the view
    /// of [`blobs`](Self::blobs).
    async fn resolve(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        if self.is_blobs() {
            return self.resolve_blob(blob_digest(reference)?).await;
        }
        self.resolve_manifest(reference).await
    }

    async fn fetch(&self, descriptor: &Descriptor) -> Result<Content> {
        if self.is_document(descriptor) {
            self.fetch_manifest(descriptor).await
        } else {
            self.fetch_blob(descriptor).await
        }
    }

    async fn fetch_from(&self, descriptor: &Descriptor, start: u64) -> Result<Content> {
        if self.is_document(descriptor) {
            self.fetch_manifest(descriptor).await?.starting_at(start).await
        } else {
            self.fetch_blob_from(descriptor, start).await
        }
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool> {
        if self.is_document(descriptor) {
            self.manifest_exists(&descriptor.digest).await
        } else {
            self.blob_exists(&descriptor.digest).await
        }
    }

    async fn predecessors(&self, descriptor: &Descriptor) -> Result<Vec<Descriptor>> {
        self.list_referrers(descriptor, None).await
    }

    fn tags(&self, last: Option<&Tag>) -> BoxStream<'_, Result<Tag>> {
        let page = Page { limit: None, last: last.map(|tag| tag.as_str().to_owned()) };
        let operation = Operation::ListTags { repository: self.name.clone(), page };
        let request = self.request(&operation);
        // Some registries list what has no tag by its digest.
        let tags = listing::pages(&self.session, request, |mut list: TagList| {
            list.tags.retain(|tag| tag.parse::<Digest>().is_err());
            list.tags
        });
        let tag = |text: Result<String>| {
            Tag::free_form(&text?).map_err(|error| Error::new(ErrorKind::Server, error.to_string()))
        };
        tags.map(tag).boxed()
    }

    async fn fetch_reference(&self, reference: &TagOrDigest) -> Result<(Descriptor, Content)> {
        if self.is_blobs() {
            return self.fetch_blob_by_digest(blob_digest(reference)?).await;
        }
        self.fetch_manifest_reference(reference).await
    }

    async fn referrers(
        &self,
        subject: &Descriptor,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>> {
        self.list_referrers(subject, artifact_type).await
    }
}

#[async_trait]
impl Target for Repository {
    async fn push(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        if self.is_document(descriptor) {
            let reference = descriptor.digest.clone().into();
            self.push_manifest(descriptor, content, reference).await
        } else {
            self.upload(descriptor, content).await
        }
    }

    async fn tag(&self, descriptor: &Descriptor, tag: &Tag) -> Result<()> {
        let reference = registry_tag(self, tag)?;
        let bytes = self.fetch_manifest(descriptor).await?.read_all().await?;
        self.put_manifest(descriptor, bytes, reference).await.map(drop)
    }

    async fn push_tagged(
        &self,
        descriptor: &Descriptor,
        content: Content,
        tag: &Tag,
    ) -> Result<()> {
        self.push_manifest(descriptor, content, registry_tag(self, tag)?).await
    }

    fn tags_by_push(&self) -> bool {
        true
    }

    async fn mount(&self, descriptor: &Descriptor, from: &RepositoryName) -> Result<bool> {
        self.mount_blob(&descriptor.digest, from).await
    }

    async fn untag(&self, tag: &Tag) -> Result<()> {
        self.delete_manifest_reference(&registry_tag(self, tag)?).await
    }

    async fn delete(&self, descriptor: &Descriptor) -> Result<()> {
        if self.is_document(descriptor) {
            self.delete_manifest(descriptor).await
        } else {
            self.delete_blob(&descriptor.digest).await
        }
    }
}

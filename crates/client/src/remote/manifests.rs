//! Manifests: resolve, fetch, put, delete.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use oras_spec::distribution::Operation;
use oras_spec::distribution::header::OCI_SUBJECT;
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Digest, TagOrDigest};

use super::repository::{DELETED, Repository};
use super::session::Answer;
use crate::content::MAX_DOCUMENT_SIZE;
use crate::transport::{Body, RetryRules};
use crate::{Content, Error, ErrorKind, Result};

/// The largest manifest that is taken into memory, in bytes.
#[expect(clippy::cast_possible_truncation, reason = "a constant of 4 MiB")]
const MAX_MANIFEST: usize = MAX_DOCUMENT_SIZE as usize;

impl Repository {
    /// Asks with HEAD, and with GET where a registry's HEAD does not say enough.
    pub(super) async fn resolve_manifest(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let operation = Operation::HeadManifest {
            repository: self.name().clone(),
            reference: reference.clone(),
        };
        let mut request = self.request(&operation)?;
        accept(&mut request, self.documents())?;
        let answer = self.session.send(request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(self.not_found(reference)),
            _ if answer.is_unexplained() => return self.resolve_by_reading(reference).await,
            _ => return Err(answer.refusal().await),
        }
        let media_type = answer.media_type()?;
        let asked = reference.digest();
        let digest = answer.digest(asked)?.or_else(|| asked.cloned());
        match (digest, answer.length()) {
            (Some(digest), Some(size)) => Ok(Descriptor::new(media_type, digest, size)),
            _ => self.resolve_by_reading(reference).await,
        }
    }

    async fn resolve_by_reading(&self, reference: &TagOrDigest) -> Result<Descriptor> {
        let (descriptor, content) = self.fetch_manifest_reference(reference).await?;
        content.read_all().await?;
        Ok(descriptor)
    }

    /// Reads a manifest in one round trip.
    pub(super) async fn fetch_manifest_reference(
        &self,
        reference: &TagOrDigest,
    ) -> Result<(Descriptor, Content)> {
        let (answer, bytes) = self.get_manifest(reference, self.documents()).await?;
        let media_type = answer.media_type()?;
        let asked = reference.digest();
        let stated = answer.digest(asked)?;
        let digest = stated.or_else(|| asked.cloned()).unwrap_or_else(|| Digest::of(&bytes));
        let descriptor = Descriptor::new(media_type, digest, bytes.len() as u64);
        let content = Content::from_bytes(&descriptor, bytes);
        Ok((descriptor, content))
    }

    /// Reads the manifest a descriptor points at; only as that type.
    pub(super) async fn fetch_manifest(&self, descriptor: &Descriptor) -> Result<Content> {
        let reference = descriptor.digest.clone().into();
        let wanted = std::slice::from_ref(&descriptor.media_type);
        let (answer, bytes) = self.get_manifest(&reference, wanted).await?;
        let media_type = answer.media_type()?;
        if media_type != descriptor.media_type {
            return Err(answer.mismatch(&format!(
                "mismatch response Content-Type \"{media_type}\": expect \"{}\"",
                descriptor.media_type
            )));
        }
        if bytes.len() as u64 != descriptor.size {
            return Err(answer.mismatch("mismatch Content-Length"));
        }
        answer.digest(Some(&descriptor.digest))?;
        Ok(Content::from_bytes(descriptor, bytes))
    }

    async fn get_manifest(
        &self,
        reference: &TagOrDigest,
        types: &[MediaType],
    ) -> Result<(Answer, Bytes)> {
        let operation = Operation::GetManifest {
            repository: self.name().clone(),
            reference: reference.clone(),
        };
        let mut request = self.request(&operation)?;
        accept(&mut request, types)?;
        let (answer, bytes) = self.session.get(request, MAX_MANIFEST).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(self.not_found(reference));
        }
        Ok((answer.expect(&[StatusCode::OK]).await?, bytes))
    }

    /// Tells whether a manifest is there. Asked before a push, so that a 403 to a mere look (some
    /// registries answer it for what is not there) is left to the push to repeat.
    pub(super) async fn manifest_exists(&self, digest: &Digest) -> Result<bool> {
        let operation = Operation::HeadManifest {
            repository: self.name().clone(),
            reference: digest.clone().into(),
        };
        let mut request = self.request(&operation)?;
        accept(&mut request, self.documents())?;
        let answer = self.session.send(request).await?;
        match answer.status() {
            StatusCode::OK => answer.digest(Some(digest)).map(|_| true),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(false),
            _ if answer.is_unexplained() => {
                is_found(self.get_manifest(&digest.clone().into(), self.documents()).await)
            }
            _ => Err(answer.refusal().await),
        }
    }

    /// Writes a manifest and sees to it that its subject's list of referrers knows it.
    pub(super) async fn push_manifest(
        &self,
        descriptor: &Descriptor,
        content: Content,
        reference: TagOrDigest,
    ) -> Result<()> {
        let bytes = content.read_all().await?;
        let recorded = self.put_manifest(descriptor, bytes.clone(), reference).await?;
        self.record_referrer(descriptor, bytes, recorded).await
    }

    /// Writes a manifest; tells whether the registry says it has recorded it for its subject.
    pub(super) async fn put_manifest(
        &self,
        descriptor: &Descriptor,
        bytes: Bytes,
        reference: TagOrDigest,
    ) -> Result<bool> {
        let operation =
            Operation::PutManifest { repository: self.name().clone(), reference, tags: Vec::new() };
        let mut request = self.request(&operation)?.map(|_| Body::from(bytes));
        let content_type = header_value(descriptor.media_type.as_str())?;
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        // What a registry cannot digest now it will hardly digest in three seconds.
        request.extensions_mut().insert(RetryRules { after_500: 1, ..RetryRules::default() });
        let answer = self.session.send(request).await?;
        let answer = match answer.status() {
            StatusCode::CREATED => answer,
            StatusCode::OK | StatusCode::ACCEPTED
                if answer.digest(Some(&descriptor.digest)).is_ok_and(|digest| digest.is_some()) =>
            {
                answer
            }
            _ => return Err(answer.refusal().await),
        };
        answer.digest(Some(&descriptor.digest))?;
        Ok(answer.header(&OCI_SUBJECT).is_some())
    }

    /// Deletes a manifest, or a tag.
    pub(super) async fn delete_manifest_reference(&self, reference: &TagOrDigest) -> Result<()> {
        let operation = Operation::DeleteManifest {
            repository: self.name().clone(),
            reference: reference.clone(),
        };
        let answer = self.session.send(self.request(&operation)?).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(self.not_found(reference));
        }
        answer.expect(&DELETED).await.map(drop)
    }
}

/// Whether there is what was asked for, by how reading it went.
pub(super) fn is_found<T>(read: Result<T>) -> Result<bool> {
    match read {
        Ok(_) => Ok(true),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tells whether the content is not there; it may be something else on the way, such as a token
/// service, that answered 404.
pub(super) fn is_not_found(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.response().is_none()
}

/// Asks for these types, all in one header.
pub(super) fn accept(request: &mut Request<Body>, types: &[MediaType]) -> Result<()> {
    let types: Vec<&str> = types.iter().map(MediaType::as_str).collect();
    request.headers_mut().insert(header::ACCEPT, header_value(&types.join(", "))?);
    Ok(())
}

fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::new(ErrorKind::Invalid, format!("invalid media type {text:?}")))
}

//! Operations: every request the distribution specification defines, written once.

mod parse;
mod query;

use std::borrow::Cow;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Action, Page, Scope, UploadId};
use crate::{Algorithm, Digest, RepositoryName, Tag, TagOrDigest};

pub use parse::NotAnOperation;
use query::{page_query, query_string};

/// One request of the distribution specification, with its arguments.
///
/// The `end-N` beside each variant is its row in the table of
/// [endpoints](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints).
/// [`Operation::parse`] of [`method`](Self::method) and [`path_and_query`](Self::path_and_query)
/// gives the operation back, if its tags are conformant and its repositories' names no longer than
/// [`RepositoryName::MAX_LENGTH`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the fields are the blanks of the row, named in the specification's words"
)]
pub enum Operation {
    /// end-1: asks whether a registry is there and lets us in.
    Ping,
    /// end-2: reads a blob.
    GetBlob { repository: RepositoryName, digest: Digest },
    /// end-2: asks whether a blob is there.
    HeadBlob { repository: RepositoryName, digest: Digest },
    /// end-3: reads a manifest.
    GetManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-3: asks whether a manifest is there.
    HeadManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-4a, end-4c: opens an upload, maybe telling the algorithm its digest will be of.
    StartUpload { repository: RepositoryName, algorithm: Option<Algorithm> },
    /// end-4b: sends a whole blob in one request.
    PushBlob { repository: RepositoryName, digest: Digest },
    /// end-5: adds a chunk to an upload.
    AppendUpload { repository: RepositoryName, upload: UploadId },
    /// end-6: closes an upload, maybe with its last chunk.
    FinishUpload { repository: RepositoryName, upload: UploadId, digest: Digest },
    /// end-7a, end-7b: writes a manifest, and points the tags at it.
    PutManifest { repository: RepositoryName, reference: TagOrDigest, tags: Vec<Tag> },
    /// end-8a, end-8b: lists tags.
    ListTags { repository: RepositoryName, page: Page },
    /// end-9: deletes a tag or a manifest.
    DeleteManifest { repository: RepositoryName, reference: TagOrDigest },
    /// end-10: deletes a blob from a repository.
    DeleteBlob { repository: RepositoryName, digest: Digest },
    /// end-11: takes a blob that another repository, named or any, already has.
    MountBlob { repository: RepositoryName, digest: Digest, from: Option<RepositoryName> },
    /// end-12a, end-12b: lists the manifests whose subject is given.
    ListReferrers {
        repository: RepositoryName,
        digest: Digest,
        artifact_type: Option<String>,
        page: Page,
    },
    /// end-13: asks how far an upload has come.
    UploadStatus { repository: RepositoryName, upload: UploadId },
    /// end-14: gives an upload up.
    CancelUpload { repository: RepositoryName, upload: UploadId },
    /// Docker's catalog: lists repositories.
    ListRepositories { page: Page },
}

impl Operation {
    /// Returns the method of the request.
    pub fn method(&self) -> Method {
        match self {
            Self::Ping
            | Self::GetBlob { .. }
            | Self::GetManifest { .. }
            | Self::ListTags { .. }
            | Self::ListReferrers { .. }
            | Self::UploadStatus { .. }
            | Self::ListRepositories { .. } => Method::GET,
            Self::HeadBlob { .. } | Self::HeadManifest { .. } => Method::HEAD,
            Self::StartUpload { .. } | Self::PushBlob { .. } | Self::MountBlob { .. } => {
                Method::POST
            }
            Self::AppendUpload { .. } => Method::PATCH,
            Self::FinishUpload { .. } | Self::PutManifest { .. } => Method::PUT,
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } | Self::CancelUpload { .. } => {
                Method::DELETE
            }
        }
    }

    /// Returns the path and the query of the request, percent-encoded. A tag that is not
    /// conformant is encoded whole, so that it can neither leave its place in the path nor be
    /// taken for an operation.
    pub fn path_and_query(&self) -> String {
        match self {
            Self::Ping => "/v2/".to_owned(),
            Self::GetBlob { repository, digest }
            | Self::HeadBlob { repository, digest }
            | Self::DeleteBlob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
            Self::GetManifest { repository, reference }
            | Self::HeadManifest { repository, reference }
            | Self::DeleteManifest { repository, reference } => {
                format!("/v2/{repository}/manifests/{}", segment(reference))
            }
            Self::PutManifest { repository, reference, tags } => {
                let tags = tags.iter().map(|tag| ("tag", tag.as_str()));
                let reference = segment(reference);
                format!("/v2/{repository}/manifests/{reference}{}", query_string(tags))
            }
            Self::StartUpload { repository, algorithm } => {
                let algorithm = algorithm.map(|algorithm| ("digest-algorithm", algorithm.name()));
                format!("/v2/{repository}/blobs/uploads/{}", query_string(algorithm))
            }
            Self::PushBlob { repository, digest } => {
                format!("/v2/{repository}/blobs/uploads/?digest={digest}")
            }
            Self::MountBlob { repository, digest, from } => {
                let from = from.as_ref().map(|from| ("from", from.as_str()));
                let query = query_string([("mount", digest.as_str())].into_iter().chain(from));
                format!("/v2/{repository}/blobs/uploads/{query}")
            }
            Self::AppendUpload { repository, upload }
            | Self::UploadStatus { repository, upload }
            | Self::CancelUpload { repository, upload } => {
                format!("/v2/{repository}/blobs/uploads/{upload}")
            }
            Self::FinishUpload { repository, upload, digest } => {
                format!("/v2/{repository}/blobs/uploads/{upload}?digest={digest}")
            }
            Self::ListTags { repository, page } => {
                format!("/v2/{repository}/tags/list{}", page_query(None, page))
            }
            Self::ListReferrers { repository, digest, artifact_type, page } => {
                let filter = artifact_type.as_deref().map(|text| ("artifactType", text));
                format!("/v2/{repository}/referrers/{digest}{}", page_query(filter, page))
            }
            Self::ListRepositories { page } => format!("/v2/_catalog{}", page_query(None, page)),
        }
    }

    /// Returns the repository the operation is about; none for [`Ping`](Self::Ping) and
    /// [`ListRepositories`](Self::ListRepositories).
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::ListRepositories { .. } => None,
            Self::GetBlob { repository, .. }
            | Self::HeadBlob { repository, .. }
            | Self::GetManifest { repository, .. }
            | Self::HeadManifest { repository, .. }
            | Self::StartUpload { repository, .. }
            | Self::PushBlob { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::ListTags { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::MountBlob { repository, .. }
            | Self::ListReferrers { repository, .. }
            | Self::UploadStatus { repository, .. }
            | Self::CancelUpload { repository, .. } => Some(repository),
        }
    }

    /// Returns what a token must allow for the operation: nothing for a ping, two scopes for a
    /// mount from a named repository.
    pub fn scopes(&self) -> Vec<Scope> {
        let actions: &[Action] = match self {
            Self::Ping => return Vec::new(),
            Self::ListRepositories { .. } => return vec![Scope::catalog()],
            Self::MountBlob { repository, from, .. } => {
                let mut scopes = vec![Scope::repository(repository, [Action::Pull, Action::Push])];
                scopes.extend(from.as_ref().map(|from| Scope::repository(from, [Action::Pull])));
                return scopes;
            }
            Self::GetBlob { .. }
            | Self::HeadBlob { .. }
            | Self::GetManifest { .. }
            | Self::HeadManifest { .. }
            | Self::ListTags { .. }
            | Self::ListReferrers { .. } => &[Action::Pull],
            Self::StartUpload { .. }
            | Self::PushBlob { .. }
            | Self::AppendUpload { .. }
            | Self::FinishUpload { .. }
            | Self::PutManifest { .. }
            | Self::UploadStatus { .. }
            | Self::CancelUpload { .. } => &[Action::Pull, Action::Push],
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } => &[Action::Delete],
        };
        self.repository()
            .map(|repository| Scope::repository(repository, actions.iter().cloned()))
            .into_iter()
            .collect()
    }

    /// Returns the row of the specification, such as `end-4a`; `catalog` for Docker's.
    pub fn spec_id(&self) -> &'static str {
        match self {
            Self::Ping => "end-1",
            Self::GetBlob { .. } | Self::HeadBlob { .. } => "end-2",
            Self::GetManifest { .. } | Self::HeadManifest { .. } => "end-3",
            Self::StartUpload { algorithm: None, .. } => "end-4a",
            Self::StartUpload { algorithm: Some(_), .. } => "end-4c",
            Self::PushBlob { .. } => "end-4b",
            Self::AppendUpload { .. } => "end-5",
            Self::FinishUpload { .. } => "end-6",
            Self::PutManifest { tags, .. } if tags.is_empty() => "end-7a",
            Self::PutManifest { .. } => "end-7b",
            Self::ListTags { page, .. } if page.is_whole() => "end-8a",
            Self::ListTags { .. } => "end-8b",
            Self::DeleteManifest { .. } => "end-9",
            Self::DeleteBlob { .. } => "end-10",
            Self::MountBlob { .. } => "end-11",
            Self::ListReferrers { artifact_type: None, .. } => "end-12a",
            Self::ListReferrers { artifact_type: Some(_), .. } => "end-12b",
            Self::UploadStatus { .. } => "end-13",
            Self::CancelUpload { .. } => "end-14",
            Self::ListRepositories { .. } => "catalog",
        }
    }
}

fn segment(reference: &TagOrDigest) -> Cow<'_, str> {
    match reference {
        TagOrDigest::Tag(tag) if !tag.is_conformant() => {
            utf8_percent_encode(tag.as_str(), NON_ALPHANUMERIC).into()
        }
        TagOrDigest::Tag(_) | TagOrDigest::Digest(_) => reference.as_str().into(),
    }
}

#[cfg(test)]
mod tests;

//! Operations, read from the requests they are printed as.

use http::{Method, Uri};

use super::Operation;
use super::query::Query;
use crate::distribution::UploadId;
use crate::{Digest, NameError, Quoted, RepositoryName, Tag, TagOrDigest};

impl Operation {
    /// Reads a request's method and target.
    ///
    /// The path is read as it came, undecoded and from the right, because a repository may be
    /// called `blobs/uploads` or `tags/list`; a `%` in the path is never an operation. Query
    /// parameters no row knows are ignored, and of one that is repeated the first counts.
    ///
    /// # Errors
    ///
    /// [`NotAnOperation`] says which part is wrong, so that a server can answer in kind.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, NotAnOperation> {
        let query = Query::parse(uri.query().unwrap_or_default())?;
        let path = uri.path();
        if path == "/v2" || path == "/v2/" {
            return match *method {
                Method::GET | Method::HEAD => Ok(Self::Ping),
                _ => Err(NotAnOperation::Method { allow: "GET, HEAD" }),
            };
        }
        let path = path.strip_prefix("/v2/").ok_or(NotAnOperation::Path)?;
        if path == "_catalog" {
            return match *method {
                Method::GET => Ok(Self::ListRepositories { page: query.page()? }),
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            };
        }
        let (rest, last) = path.rsplit_once('/').ok_or(NotAnOperation::Path)?;
        let (rest, kind) = rest.rsplit_once('/').ok_or(NotAnOperation::Path)?;
        match (kind, last) {
            ("manifests", _) => Self::parse_manifest(method, rest, last, &query),
            ("blobs", _) if last != "uploads" => Self::parse_blob(method, rest, last),
            ("tags", "list") => match *method {
                Method::GET => {
                    Ok(Self::ListTags { repository: repository(rest)?, page: query.page()? })
                }
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            },
            ("referrers", _) => match *method {
                Method::GET => Ok(Self::ListReferrers {
                    repository: repository(rest)?,
                    digest: digest(last)?,
                    artifact_type: query.first("artifactType").map(str::to_owned),
                    page: query.page()?,
                }),
                _ => Err(NotAnOperation::Method { allow: "GET" }),
            },
            ("blobs", _) => Self::parse_start(method, rest, &query),
            ("uploads", _) => {
                let name = rest.strip_suffix("/blobs").ok_or(NotAnOperation::Path)?;
                if last.is_empty() {
                    Self::parse_start(method, name, &query)
                } else {
                    Self::parse_upload(method, name, last, &query)
                }
            }
            _ => Err(NotAnOperation::Path),
        }
    }

    fn parse_manifest(
        method: &Method,
        name: &str,
        reference: &str,
        query: &Query,
    ) -> Result<Self, NotAnOperation> {
        let repository = repository(name)?;
        let reference = if reference.contains(':') {
            TagOrDigest::Digest(digest(reference)?)
        } else {
            TagOrDigest::Tag(tag(reference)?)
        };
        match *method {
            Method::GET => Ok(Self::GetManifest { repository, reference }),
            Method::HEAD => Ok(Self::HeadManifest { repository, reference }),
            Method::PUT => {
                let tags: Vec<Tag> = query.all("tag").map(tag).collect::<Result<_, _>>()?;
                if !tags.is_empty() && reference.tag().is_some() {
                    return Err(NotAnOperation::Query("tag"));
                }
                Ok(Self::PutManifest { repository, reference, tags })
            }
            Method::DELETE => Ok(Self::DeleteManifest { repository, reference }),
            _ => Err(NotAnOperation::Method { allow: "GET, HEAD, PUT, DELETE" }),
        }
    }

    fn parse_blob(method: &Method, name: &str, text: &str) -> Result<Self, NotAnOperation> {
        let (repository, digest) = (repository(name)?, digest(text)?);
        match *method {
            Method::GET => Ok(Self::GetBlob { repository, digest }),
            Method::HEAD => Ok(Self::HeadBlob { repository, digest }),
            Method::DELETE => Ok(Self::DeleteBlob { repository, digest }),
            _ => Err(NotAnOperation::Method { allow: "GET, HEAD, DELETE" }),
        }
    }

    fn parse_start(method: &Method, name: &str, query: &Query) -> Result<Self, NotAnOperation> {
        if *method != Method::POST {
            return Err(NotAnOperation::Method { allow: "POST" });
        }
        let repository = repository(name)?;
        if let Some(mount) = query.first("mount") {
            let from = query.first("from").filter(|name| !name.is_empty());
            let from = from.map(self::repository).transpose()?;
            return Ok(Self::MountBlob { repository, digest: digest(mount)?, from });
        }
        if let Some(text) = query.first("digest") {
            return Ok(Self::PushBlob { repository, digest: digest(text)? });
        }
        let algorithm = match query.first("digest-algorithm") {
            Some(name) => Some(name.parse().map_err(|_| NotAnOperation::Digest(name.to_owned()))?),
            None => None,
        };
        Ok(Self::StartUpload { repository, algorithm })
    }

    fn parse_upload(
        method: &Method,
        name: &str,
        upload: &str,
        query: &Query,
    ) -> Result<Self, NotAnOperation> {
        let repository = repository(name)?;
        let upload: UploadId = upload.parse()?;
        match *method {
            Method::PATCH => Ok(Self::AppendUpload { repository, upload }),
            Method::PUT => {
                let digest = digest(query.first("digest").unwrap_or_default())?;
                Ok(Self::FinishUpload { repository, upload, digest })
            }
            Method::GET => Ok(Self::UploadStatus { repository, upload }),
            Method::DELETE => Ok(Self::CancelUpload { repository, upload }),
            _ => Err(NotAnOperation::Method { allow: "GET, PATCH, PUT, DELETE" }),
        }
    }
}

/// Why a request is none the specification defines. Carries the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOperation {
    /// A digest, or the name of an algorithm, that is none.
    #[error("invalid digest {}", Quoted(.0))]
    Digest(String),
    /// The path is known, but not with this method.
    #[error("method not allowed; allowed are {allow}")]
    Method {
        /// The value for an `Allow` header.
        allow: &'static str,
    },
    /// A repository or a tag that breaks its grammar or is too long.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No row has this path.
    #[error("no such path")]
    Path,
    /// A query parameter that cannot be read, by its name.
    #[error("invalid query parameter \"{0}\"")]
    Query(&'static str),
    /// An upload identifier that is none.
    #[error("invalid upload {}", Quoted(.0))]
    Upload(String),
}

fn repository(text: &str) -> Result<RepositoryName, NotAnOperation> {
    if text.len() > RepositoryName::MAX_LENGTH {
        return Err(NameError::Repository(text.to_owned()).into());
    }
    Ok(text.parse()?)
}

fn tag(text: &str) -> Result<Tag, NotAnOperation> {
    Ok(text.parse()?)
}

fn digest(text: &str) -> Result<Digest, NotAnOperation> {
    text.parse().map_err(|_| NotAnOperation::Digest(text.to_owned()))
}

//! Handlers: one function for each operation, and the one `match` that knows them all.

mod blob;
mod listing;
mod manifest;
mod mirrored;
mod own;
mod quota;
mod referrers;
mod token;
mod upload;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LINK};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use oras_spec::distribution::{Operation, header, next_link};
use oras_spec::{Digest, RepositoryName};

pub(crate) use self::quota::Usage;
use crate::auth::Identity;
use crate::body::{RequestBody, ResponseBody};
use crate::change::Changes;
use crate::config::Config;
use crate::error::ApiError;
use crate::policy::Policy;
use crate::route::Route;
use crate::storage::Storage;

/// What every handler gets.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) config: &'a Config,
    pub(crate) identity: Identity,
    /// What everybody may do; without, everything.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) request_id: &'a str,
    pub(crate) target: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

type Answer = Result<Response<ResponseBody>, ApiError>;

/// Answers a request that has been let in.
pub(crate) async fn handle(route: Route, asked: Asked<'_>, body: &mut RequestBody) -> Answer {
    match route {
        Route::Operation(operation) => carry_out(operation, asked, body).await,
        Route::Token => token::issue(&asked, asked.target),
        Route::Live => Ok(own::live()),
        Route::Ready => own::ready(&asked).await,
        Route::Metrics => Ok(own::metrics(&asked)),
    }
}

/// Carries an operation out.
async fn carry_out(operation: Operation, asked: Asked<'_>, body: &mut RequestBody) -> Answer {
    use Operation as O;

    if let Some(repository) = operation.repository()
        && mirrored::concerns(&operation)
        && let Some(mirrored) = asked.config.mirrors.find(repository)
    {
        return mirrored::handle(operation, &mirrored, &asked).await;
    }
    match operation {
        O::Ping => Ok(json(Bytes::from_static(b"{}"))),
        O::GetBlob { repository, digest } => blob::get(&asked, &repository, &digest).await,
        O::HeadBlob { repository, digest } => blob::head(&asked, &repository, &digest).await,
        O::DeleteBlob { repository, digest } => blob::delete(&asked, &repository, &digest).await,
        O::GetManifest { repository, reference } | O::HeadManifest { repository, reference } => {
            manifest::get(&asked, &repository, &reference).await
        }
        O::PutManifest { repository, reference, tags } => {
            manifest::put(&asked, &repository, &reference, &tags, body).await
        }
        O::DeleteManifest { repository, reference } => {
            manifest::delete(&asked, &repository, &reference).await
        }
        O::StartUpload { repository, algorithm } => {
            upload::start(&asked, &repository, algorithm).await
        }
        O::PushBlob { repository, digest } => {
            upload::push(&asked, &repository, &digest, body).await
        }
        O::MountBlob { repository, digest, from } => {
            upload::mount(&asked, &repository, &digest, from.as_ref()).await
        }
        O::AppendUpload { repository, upload } => {
            upload::append(&asked, repository, upload, body).await
        }
        O::FinishUpload { repository, upload, digest } => {
            upload::finish(&asked, repository, upload, &digest, body).await
        }
        O::UploadStatus { repository, upload } => {
            upload::status_of(&asked, repository, upload).await
        }
        O::CancelUpload { repository, upload } => upload::cancel(&asked, repository, upload).await,
        O::ListTags { repository, page } => listing::tags(&asked, repository, page).await,
        O::ListRepositories { page } => listing::repositories(&asked, page).await,
        O::ListReferrers { repository, digest, artifact_type, page } => {
            referrers::list(&asked, repository, digest, artifact_type, page).await
        }
    }
}

impl Asked<'_> {
    /// Returns whom to tell of what this request changes, if there is anybody.
    fn changes(&self, repository: &RepositoryName) -> Option<Changes> {
        let observer = self.config.change_observer.as_ref();
        observer.filter(|observer| observer.is_interested()).map(|observer| Changes {
            observer: Arc::clone(observer),
            repository: repository.clone(),
            user: self.identity.name.clone(),
            request_id: self.request_id.to_owned(),
        })
    }

    /// Tells whether the client has content already, by its entity tag.
    fn has(&self, digest: &Digest) -> bool {
        self.headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(
            |value| {
                let etag = etag(digest);
                value.split(',').any(|candidate| {
                    let candidate = candidate.trim();
                    candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == etag
                })
            },
        )
    }

    /// `private` where one must log in, so that no cache between shows content to others.
    fn cache_scope(&self) -> &'static str {
        if self.config.authenticator.is_some() { "private" } else { "public" }
    }
}

fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Makes an answer without a body.
fn status(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

fn json(body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(body));
    insert(&mut response, CONTENT_TYPE, "application/json");
    response
}

/// Sets a header whose value is made of names, numbers and digests: always legal.
fn insert(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("checked names are legal in headers");
    response.headers_mut().insert(name, value);
}

fn insert_digest(response: &mut Response<ResponseBody>, digest: &Digest) {
    insert(response, header::DOCKER_CONTENT_DIGEST, digest.as_str());
}

/// Sets what content that has a digest goes with: the digest, the entity tag, how long it may be
/// kept, and what keeps a browser from taking it for a page of ours.
fn insert_content_headers(response: &mut Response<ResponseBody>, digest: &Digest, cache: &str) {
    insert_digest(response, digest);
    insert(response, ETAG, &etag(digest));
    insert(response, http::header::CACHE_CONTROL, cache);
    insert(response, http::header::CONTENT_SECURITY_POLICY, "sandbox");
    insert(response, http::header::CONTENT_DISPOSITION, "attachment");
}

/// Names the next page, if there is one.
fn insert_next(response: &mut Response<ResponseBody>, next: Option<&Operation>) {
    if let Some(next) = next {
        insert(response, LINK, &next_link(&next.path_and_query()));
    }
}

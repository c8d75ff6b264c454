//! The service: from a request to an operation, to its handler, to a response.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use oras_spec::distribution::header;

use crate::Registry;
use crate::access::AccessGuard;
use crate::body::{RequestBody, ResponseBody};
use crate::error::ApiError;
use crate::gate::{Admitted, admit, note_origin};
use crate::handle::{Asked, handle};
use crate::route::Route;

/// A [`Registry`] as a service. Cheap to clone; never fails, always ready.
///
/// Must be called inside a tokio runtime.
#[derive(Clone, Debug)]
pub struct RegistryService {
    registry: Registry,
}

/// Bytes of a refused request's body that are read so that the client hears of the refusal.
const DRAIN: usize = 256 << 10;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

impl RegistryService {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    async fn answer(
        self,
        parts: Parts,
        mut body: RequestBody,
        mut access: AccessGuard,
    ) -> Response<ResponseBody> {
        self.registry.storage.sweep_if_due();
        let is_head = parts.method == Method::HEAD;
        let waits_for_go = parts.headers.contains_key(EXPECT);
        let answered = self.try_answer(parts, &mut body, &mut access).await;
        let mut response = answered.unwrap_or_else(|refusal| {
            access.access.failure = refusal.log_text();
            if let Some(limit) = refusal.for_limit() {
                self.registry.config.metrics.refused(limit);
            }
            refusal.into_response()
        });
        if !waits_for_go {
            body.drain(DRAIN).await;
        }
        let headers = response.headers_mut();
        headers.insert(
            header::DOCKER_DISTRIBUTION_API_VERSION,
            HeaderValue::from_static("registry/2.0"),
        );
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&access.access.request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        if !response.headers().contains_key(CONTENT_LENGTH)
            && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            let length = HeaderValue::from(response.body().length());
            response.headers_mut().insert(CONTENT_LENGTH, length);
        }
        access.access.status = Some(response.status());
        response.map(|body| {
            let body = if is_head { ResponseBody::empty() } else { body };
            body.with_access(access)
        })
    }

    async fn try_answer(
        &self,
        mut parts: Parts,
        body: &mut RequestBody,
        access: &mut AccessGuard,
    ) -> Result<Response<ResponseBody>, ApiError> {
        access.access.peer = note_origin(&mut parts).peer;
        self.check_size(&parts)?;
        let route = Route::parse(&parts.method, &self.within_mirror(&parts.uri));
        if let Ok(route) = &route {
            access.note(route);
        }
        let config = &self.registry.config;
        let admitted = admit(config, &parts, route, &mut access.access.user).await?;
        let Admitted { route, identity, policy } = admitted;
        let asked = Asked {
            storage: &self.registry.storage,
            config,
            identity,
            policy,
            request_id: &access.access.request_id,
            target: &parts.uri,
            headers: &parts.headers,
        };
        handle(route, asked, body).await
    }

    /// Puts the prefix of the mirror in front of the repository, where the client names in the
    /// query which registry it takes us for, as
    /// [the specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#registry-proxying)
    /// drafts it.
    fn within_mirror<'a>(&self, uri: &'a Uri) -> Cow<'a, Uri> {
        let prefixed = || {
            let host = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("ns="))?;
            let host = percent_encoding::percent_decode_str(host).decode_utf8().ok()?;
            let prefix = self.registry.config.mirrors.prefix_of(&host)?;
            let rest = uri.path().strip_prefix("/v2/").filter(|rest| !rest.is_empty())?;
            format!("/v2/{prefix}/{rest}?{}", uri.query()?).parse().ok()
        };
        prefixed().map_or(Cow::Borrowed(uri), Cow::Owned)
    }

    fn check_size(&self, parts: &Parts) -> Result<(), ApiError> {
        let limits = &self.registry.config.limits;
        let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target > limits.target_size {
            return Err(ApiError::target_too_long(limits.target_size));
        }
        let headers = parts.headers.iter();
        let size: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > limits.header_size {
            return Err(ApiError::headers_too_large(limits.header_size));
        }
        Ok(())
    }
}

/// Names a request: unique in this process, and by chance among processes.
fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static PREFIX: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    // Without randomness the identifiers are still told apart within the process.
    let prefix = PREFIX.get_or_init(|| getrandom::u32().unwrap_or_default());
    format!("{prefix:08x}{:08x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl<B> tower_service::Service<Request<B>> for RegistryService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let observer = self.registry.config.observer.clone();
        let metrics = self.registry.metrics();
        let access = AccessGuard::new(request_id(), parts.method.clone(), metrics, observer);
        let body = RequestBody::new(body, access.received());
        let answer = self.clone().answer(parts, body, access);
        Box::pin(async move { Ok(answer.await) })
    }
}

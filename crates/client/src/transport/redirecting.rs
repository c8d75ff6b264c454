//! Follows redirects of requests that only read, and leaves the credentials at home.

use async_trait::async_trait;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response, StatusCode, Uri};

use super::origin::is_local;
use super::{Body, Failure, Transport, WebOrigin, shown};
use crate::Result;

/// As many redirects as Go follows.
const MAX_REDIRECTS: usize = 10;

/// What may go to strangers: what the request is about, nothing of who asks.
const HARMLESS: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::RANGE,
    header::USER_AGENT,
];

/// The URL that a response came from in the end; among the extensions of the response if that is
/// not the URL of the request.
#[derive(Clone, Debug)]
pub(crate) struct FinalUri(pub(crate) Uri);

/// Among the extensions of a request, this keeps it from being redirected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRedirects;

/// Follows up to ten redirects of GET and HEAD; other methods get the redirect as their answer,
/// since a body must not go where nobody meant to send it.
///
/// When scheme, host or port change, only harmless headers (`Accept`, `Range`, …) go along: a
/// credential belongs to one origin. HTTPS never leads to HTTP, and a registry out in the world
/// cannot send us to addresses of our own machine or of its link.
#[derive(Clone, Debug)]
pub struct Redirecting<T> {
    inner: T,
}

impl<T: Transport> Redirecting<T> {
    /// Wraps `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<T: Transport> Transport for Redirecting<T> {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let may_follow = matches!(*request.method(), Method::GET | Method::HEAD)
            && request.extensions().get::<NoRedirects>().is_none();
        if !may_follow {
            return self.inner.send(request).await;
        }
        let method = request.method().clone();
        let mut uri = request.uri().clone();
        let mut headers = request.headers().clone();
        let extensions = request.extensions().clone();
        let mut response = self.inner.send(request).await?;
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = location(&response) else { return Ok(response) };
            let next =
                target(&uri, &location).map_err(|failure| failure.of_request(&method, &uri))?;
            if WebOrigin::of(&uri) != WebOrigin::of(&next) {
                keep_harmless(&mut headers);
            }
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method.clone();
            *request.uri_mut() = next.clone();
            *request.headers_mut() = headers.clone();
            *request.extensions_mut() = extensions.clone();
            uri = next;
            response = self.inner.send(request).await?;
            response.extensions_mut().insert(FinalUri(uri.clone()));
        }
        if location(&response).is_none() {
            return Ok(response);
        }
        let failure = Failure::Other(format!("stopped after {MAX_REDIRECTS} redirects"));
        Err(failure.of_request(&method, &uri))
    }
}

fn keep_harmless(headers: &mut HeaderMap) {
    let strange: Vec<HeaderName> =
        headers.keys().filter(|name| !HARMLESS.contains(name)).cloned().collect();
    for name in strange {
        headers.remove(name);
    }
}

/// Returns where a response redirects to; nothing if it does not.
fn location(response: &Response<Body>) -> Option<String> {
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(header::LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Resolves `location` against `base` and decides whether to go there.
fn target(base: &Uri, location: &str) -> Result<Uri, Failure> {
    let refused = |why: &str| Failure::Other(why.to_owned());
    let mut url = url::Url::parse(&base.to_string())
        .and_then(|base| base.join(location))
        .map_err(|error| Failure::Other(format!("failed to parse Location header: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::Other(format!("unsupported protocol scheme \"{}\"", url.scheme())));
    }
    url.set_fragment(None);
    // Both fail only for URLs without a host, which no http URL is.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let next: Uri = url.as_str().parse().map_err(|_| refused("invalid redirect target"))?;
    let (Some(from), Some(to)) = (WebOrigin::of(base), WebOrigin::of(&next)) else {
        return Err(refused("invalid redirect target"));
    };
    if from.is_https && !to.is_https {
        return Err(Failure::Other(format!("redirect from https to http: \"{}\"", shown(&next))));
    }
    if to.address().is_some_and(is_local) && !from.is_loopback() && to.host != from.host {
        return Err(Failure::Other(format!("redirect to a local address: \"{}\"", shown(&next))));
    }
    Ok(next)
}

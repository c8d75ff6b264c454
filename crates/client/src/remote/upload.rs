//! Pushes blobs: one upload, one PUT, the bytes streamed.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_body::{Frame, SizeHint};
use oras_spec::distribution::{ErrorCode, Operation};
use oras_spec::image::Descriptor;
use oras_spec::{Digest, RepositoryName};
use url::Url;

use super::repository::Repository;
use super::session::Answer;
use crate::content::ByteStream;
use crate::transport::{Body, RetryRules, WebOrigin, back_off, shown};
use crate::{Content, Error, ErrorKind, Result};

/// How often an upload is begun anew.
const MAX_RESTARTS: u32 = 3;

/// Uploads that a registry has opened in place of a mount, by the digest they were to be of.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<HashMap<Digest, Uri>>);

impl Opened {
    fn keep(&self, digest: &Digest, location: Uri) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), location);
    }

    fn take(&self, digest: &Digest) -> Option<Uri> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest)
    }
}

impl Repository {
    /// Pushes a blob: POST, then PUT to where the answer says. What breaks on the way is begun
    /// anew if the content can be had again.
    pub(super) async fn upload(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        let again = content.reopener();
        let mut content = Some(content);
        let mut restarts = 0;
        loop {
            let body = match (content.take(), &again) {
                (Some(content), _) => content,
                (None, Some(again)) => again.open().await?,
                (None, None) => unreachable!("begun anew only if the content can be had again"),
            };
            let location = match self.opened.take(&descriptor.digest) {
                Some(location) => location,
                None => self.start_upload().await?,
            };
            let error = match self.put_blob(descriptor, body, location).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if again.is_none() || restarts >= MAX_RESTARTS || !is_worth_another_try(&error) {
                return Err(error);
            }
            tokio::time::sleep(back_off(restarts)).await;
            restarts += 1;
        }
    }

    async fn start_upload(&self) -> Result<Uri> {
        let operation = Operation::StartUpload { repository: self.name().clone(), algorithm: None };
        let mut request = self.request(&operation)?;
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = self.session.send(request).await?;
        let answer = answer.expect(&[StatusCode::ACCEPTED]).await?;
        location(&answer)
    }

    async fn put_blob(
        &self,
        descriptor: &Descriptor,
        content: Content,
        location: Uri,
    ) -> Result<()> {
        let operation = Operation::StartUpload { repository: self.name().clone(), algorithm: None };
        let uri = with_digest(&location, &descriptor.digest)?;
        let mut request = self.session.request_to(Method::PUT, uri, self.hint(&operation));
        let headers = request.headers_mut();
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, octets);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(descriptor.size));
        // Part of the bytes may be in the upload already: only a new one is sure to begin at 0.
        request
            .extensions_mut()
            .insert(RetryRules { only_untouched: true, ..RetryRules::default() });
        let answer = self.session.send(request.map(|_| body(content))).await?;
        let statuses = [StatusCode::CREATED, StatusCode::NO_CONTENT];
        let answer = answer.expect(&statuses).await?;
        answer.digest(Some(&descriptor.digest)).map(drop)
    }

    /// Asks the registry to take a blob from another of its repositories. An upload it opens
    /// instead is kept for the push that will follow.
    pub(super) async fn mount_blob(&self, digest: &Digest, from: &RepositoryName) -> Result<bool> {
        let operation = Operation::MountBlob {
            repository: self.name().clone(),
            digest: digest.clone(),
            from: Some(from.clone()),
        };
        let mut request = self.request(&operation)?;
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = match self.session.send(request).await {
            Ok(answer) => answer,
            // The token service refuses what is asked of the other repository.
            Err(error) if error.response().is_some() => return Ok(false),
            Err(error) => return Err(error),
        };
        match answer.status() {
            StatusCode::CREATED => answer.digest(Some(digest)).map(|_| true),
            StatusCode::ACCEPTED => {
                if let Ok(location) = location(&answer) {
                    self.opened.keep(digest, location);
                }
                Ok(false)
            }
            status if status.is_client_error() => Ok(false),
            _ => Err(answer.refusal().await),
        }
    }
}

/// The upload may be gone, or the connection was: a new upload may fare better.
fn is_worth_another_try(error: &Error) -> bool {
    if error.kind() == ErrorKind::Network {
        return true;
    }
    let Some(response) = error.response() else { return false };
    let code = response.body.errors.first().map(|entry| &entry.code);
    match response.status {
        StatusCode::RANGE_NOT_SATISFIABLE => true,
        StatusCode::NOT_FOUND => code == Some(&ErrorCode::BlobUploadUnknown),
        status => matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504),
    }
}

/// The body of a PUT: the content, with its length, and once more if it must be.
fn body(content: Content) -> Body {
    let again = content.reopener();
    let body = Body::new(Measured::new(content));
    match again {
        None => body,
        Some(again) => body.with_replay(move || {
            let again = again.clone();
            async move {
                let content = again.open().await?;
                Ok(Body::new(Measured::new(content)))
            }
        }),
    }
}

/// A stream of a known length as a body. Its last bytes are held back until the stream has said
/// that all of them are right: who sends a body of a known length asks for no more than that.
struct Measured {
    stream: ByteStream,
    /// How many bytes are still to come out of the stream.
    left: u64,
    last: Option<Bytes>,
    done: bool,
}

impl Measured {
    fn new(content: Content) -> Self {
        let left = content.descriptor().size;
        Self { stream: content.into_stream(), left, last: None, done: false }
    }
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        while !self.done {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(chunk)) => {
                    self.left = self.left.saturating_sub(chunk.len() as u64);
                    if self.left > 0 {
                        return Poll::Ready(Some(Ok(Frame::data(chunk))));
                    }
                    self.last = Some(chunk);
                }
                Some(Err(error)) => {
                    self.done = true;
                    self.last = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.done = true,
            }
        }
        Poll::Ready(self.last.take().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.done && self.last.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left + self.last.as_ref().map_or(0, |chunk| chunk.len() as u64))
    }
}

/// Reads where an upload goes on: relative or absolute, but at the same place, and not without
/// TLS where there was TLS.
fn location(answer: &Answer) -> Result<Uri> {
    let here = answer.uri();
    let text = answer.header(&header::LOCATION).unwrap_or_default();
    if text.is_empty() {
        return Err(answer.wrong("missing Location header in the response to an upload request"));
    }
    let url = Url::parse(&here.to_string()).and_then(|base| base.join(text));
    let mut url = url.map_err(|error| answer.wrong(&format!("invalid Location: {error}")))?;
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let invalid = || answer.wrong("invalid Location");
    // An https URL loses its port 443 on parsing, so a user's own `:443` is put back.
    let is_same_host = url.host_str() == here.host() && url.port().is_none();
    let mut next: Uri = url.as_str().parse().map_err(|_| invalid())?;
    if is_same_host && next.scheme() == here.scheme() && next.authority() != here.authority() {
        let mut parts = next.clone().into_parts();
        if here.port_u16() == Some(443) && here.scheme_str() == Some("https") {
            parts.authority = here.authority().cloned();
            next = Uri::from_parts(parts).map_err(|_| invalid())?;
        }
    }
    let (Some(from), Some(to)) = (WebOrigin::of(here), WebOrigin::of(&next)) else {
        return Err(invalid());
    };
    let refused = |why: String| Err(Error::new(ErrorKind::Server, why));
    if from.is_https && !to.is_https {
        return refused(format!(
            "blob upload Location \"{}\" downgrades scheme from https",
            shown(&next)
        ));
    }
    if !from.is_same_place(&to) {
        return refused(format!(
            "blob upload Location \"{}\" is on a different host than the registry \"{}\"",
            next.authority().map_or("", http::uri::Authority::as_str),
            here.authority().map_or("", http::uri::Authority::as_str),
        ));
    }
    Ok(next)
}

/// Adds the digest to a URL, whose query stays as it is: some registries sign it.
fn with_digest(location: &Uri, digest: &Digest) -> Result<Uri> {
    let separator = if location.query().is_some_and(|query| !query.is_empty()) { "&" } else { "?" };
    let text = location.to_string();
    let text = text.trim_end_matches('?');
    format!("{text}{separator}digest={}", digest.as_str().replacen(':', "%3A", 1))
        .parse()
        .map_err(|_| Error::new(ErrorKind::Server, "invalid blob upload Location"))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use oras_spec::image::MediaType;

    use super::*;

    async fn frames(claimed: &[u8], chunks: &[&'static [u8]]) -> (Vec<Bytes>, Option<Error>) {
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, claimed);
        let chunks: Vec<Result<Bytes>> =
            chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let content = Content::new(&descriptor, futures_util::stream::iter(chunks));
        let mut body = Measured::new(content);
        let mut sent = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => sent.extend(frame.into_data().ok()),
                Err(error) => return (sent, Some(error)),
            }
        }
        (sent, None)
    }

    #[tokio::test]
    async fn the_last_bytes_are_sent_only_if_all_of_them_are_right() {
        let (sent, error) = frames(b"abcdef", &[b"abc", b"def"]).await;
        assert!(sent == ["abc", "def"] && error.is_none());
        let (sent, error) = frames(b"abcdef", &[b"abc", b"deg"]).await;
        assert_eq!(sent, ["abc"]);
        assert_eq!(error.expect("the digest is another").kind(), ErrorKind::Mismatch);
        let (sent, error) = frames(b"", &[]).await;
        assert!(sent.is_empty() && error.is_none());
    }
}

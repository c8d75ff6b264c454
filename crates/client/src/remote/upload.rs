//! Pushes blobs: one upload, one PUT, the bytes streamed; otherwise where a registry wants that.

mod ahead;
mod body;
mod ladder;
mod location;
mod resume;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode, Uri};
use oras_spec::distribution::header::OCI_CHUNK_MIN_LENGTH;
use oras_spec::distribution::{Operation, UploadRange};
use oras_spec::image::Descriptor;
use oras_spec::{Digest, RepositoryName};

use self::ahead::{End, UnderWay};
use self::body::{Pieces, body};
use self::ladder::{CHUNK, MAX_CHUNK, Mode};
use self::location::{location, next_location, with_digest};
use self::resume::Memory;
use super::repository::Repository;
use crate::transport::{Body, RetryRules, back_off};
use crate::{Content, Error, Result};

pub(super) use self::ladder::Lessons;

/// Uploads that are there before the push that they are for, by the digest that they are to be of.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Those that a registry has opened in place of a mount.
    empty: HashMap<Digest, Uri>,
    /// Those that are sent already.
    under_way: HashMap<Digest, UnderWay>,
}

impl Opened {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, digest: &Digest, location: Uri) {
        self.state().empty.insert(digest.clone(), location);
    }

    fn take(&self, digest: &Digest) -> Option<Uri> {
        self.state().empty.remove(digest)
    }

    fn expect(&self, digest: &Digest, under_way: UnderWay) {
        self.state().under_way.insert(digest.clone(), under_way);
    }

    fn expected(&self, digest: &Digest) -> Option<UnderWay> {
        self.state().under_way.remove(digest)
    }
}

/// Tells whether the registry still has an upload that failed so, and lets us take it back: who may
/// not write may not delete, and what is gone is gone.
fn is_left_behind(error: &Error) -> bool {
    let status = error.response().map(|response| response.status.as_u16());
    !matches!(status, Some(401 | 403 | 404 | 429))
}

/// How long an upload that nobody wants any more may keep us waiting for its end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells whether a registry refused what came of going on with an upload.
fn is_about_parts(error: &Error) -> bool {
    let status = error.response().map(|response| response.status.as_u16());
    matches!(status, Some(400 | 404 | 409 | 416))
}

/// An upload that has begun.
#[derive(Debug)]
struct Upload {
    location: Uri,
    /// The smallest chunk the registry takes, in bytes.
    smallest: u64,
    /// How many bytes of the blob it has.
    sent: u64,
}

impl Repository {
    /// Pushes a blob: POST, then PUT to where the answer says. What breaks on the way is begun
    /// anew, and what is refused in one way is sent in another, if the content can be had again.
    pub(super) async fn upload(&self, descriptor: &Descriptor, content: Content) -> Result<()> {
        let mut memory = Memory::open(self, descriptor, content.is_reopenable());
        let mut left = memory.left(self);
        // What another process has left goes on where it stands.
        let early = self.opened.expected(&descriptor.digest).filter(|_| left.is_none());
        let Some(early) = early else {
            return self.upload_from(descriptor, content, memory, left).await;
        };
        let mut arrived = early.end(content.teller(), &mut memory).await;
        match std::mem::replace(&mut arrived.end, End::Nothing) {
            End::Whole(upload) => {
                let closed = self.finish(descriptor, &upload.location, Body::empty(), 0).await;
                if closed.is_ok() {
                    memory.forget();
                    arrived.settle();
                    return Ok(());
                }
            }
            End::Broken(upload) => left = Some(upload),
            End::Nothing => {}
        }
        self.upload_from(descriptor, content, memory, left).await.map(|()| arrived.settle())
    }

    /// Pushes a blob, going on with what is left of it in the registry, if it says so.
    async fn upload_from(
        &self,
        descriptor: &Descriptor,
        content: Content,
        mut memory: Memory,
        left: Option<Upload>,
    ) -> Result<()> {
        let again = content.reopener();
        let mut ladder = self.session.uploads.ladder(
            self.registry().host(),
            descriptor.size,
            self.session.options().retries,
        );
        let mut left = match left {
            Some(left) => self.status(&left, descriptor.size).await.unwrap_or(None),
            None => None,
        };
        let mut content = Some(content);
        loop {
            let mut upload = match left.take() {
                Some(left) => left,
                None => self.begin(descriptor).await?,
            };
            let body = match (content.take().filter(|_| upload.sent == 0), &again) {
                (Some(content), _) => content,
                (None, Some(again)) => again.open(upload.sent).await?,
                (None, None) => unreachable!("begun anew only if the content can be had again"),
            };
            let (mode, went_on) = (ladder.mode(), upload.sent > 0);
            if went_on {
                self.tell_resumed(descriptor, upload.sent);
            }
            let error = match self.send(descriptor, body, &mut upload, (mode, &mut memory)).await {
                Ok(()) => {
                    memory.forget();
                    self.session.uploads.learn(&ladder);
                    return Ok(());
                }
                Err(error) => error,
            };
            if memory.may_ask(&upload, &error) {
                let attempt = memory.fruitless();
                self.pause(descriptor, upload.sent, (attempt, back_off(attempt - 1)), &error).await;
                left = self.status(&upload, descriptor.size).await.unwrap_or(None);
                if left.is_some() {
                    continue;
                }
                memory.lost_all();
            }
            memory.forget();
            // Parts that do not fit together are sent as one.
            if went_on && is_about_parts(&error) && ladder.restart() {
                continue;
            }
            let Some(wait) = again.as_ref().and_then(|_| ladder.descend(&error)) else {
                if is_left_behind(&error) {
                    self.cancel(&upload).await;
                }
                return Err(error);
            };
            self.pause(descriptor, 0, (ladder.restarts(), wait), &error).await;
        }
    }

    /// Takes back an upload, so that the registry need not keep what it has of it. Best effort: not
    /// all registries know that, and all forget it in time.
    async fn cancel(&self, upload: &Upload) {
        let mut request = self.upload_request(Method::DELETE, upload.location.clone(), Some(0));
        request.extensions_mut().insert(RetryRules { retries: 0, ..RetryRules::default() });
        drop(tokio::time::timeout(CANCEL_TIMEOUT, self.session.send(request)).await);
    }

    /// Opens an upload, or takes one that came of a mount.
    async fn begin(&self, descriptor: &Descriptor) -> Result<Upload> {
        match self.opened.take(&descriptor.digest) {
            Some(location) => Ok(Upload { location, smallest: 0, sent: 0 }),
            None => self.start_upload().await,
        }
    }

    /// Sends what an upload lacks.
    async fn send(
        &self,
        descriptor: &Descriptor,
        body: Content,
        upload: &mut Upload,
        (mode, memory): (Mode, &mut Memory),
    ) -> Result<()> {
        memory.keep(upload);
        match mode {
            Mode::Chunked(chunk) => {
                self.send_chunks(descriptor, body, upload, (chunk, memory)).await
            }
            // What has begun goes on in chunks, which are taken wherever uploads go on at all.
            _ if upload.sent > 0 => {
                self.send_chunks(descriptor, body, upload, (CHUNK, memory)).await
            }
            Mode::Single => self.send_whole(descriptor, body, upload).await,
            Mode::Streamed => self.send_stream(descriptor, body, upload).await,
        }
    }

    async fn start_upload(&self) -> Result<Upload> {
        let operation = Operation::StartUpload { repository: self.name().clone(), algorithm: None };
        let mut request = self.request(&operation)?;
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = self.session.send(request).await?;
        let answer = answer.expect(&[StatusCode::ACCEPTED]).await?;
        let smallest = answer.header(&OCI_CHUNK_MIN_LENGTH).and_then(|text| text.parse().ok());
        Ok(Upload { location: location(&answer)?, smallest: smallest.unwrap_or(0), sent: 0 })
    }

    async fn send_whole(
        &self,
        descriptor: &Descriptor,
        content: Content,
        upload: &Upload,
    ) -> Result<()> {
        self.finish(descriptor, &upload.location, body(content), descriptor.size).await
    }

    /// The last chunk goes with the PUT: some registries want no empty one.
    async fn send_chunks(
        &self,
        descriptor: &Descriptor,
        content: Content,
        upload: &mut Upload,
        (chunk, memory): (u64, &mut Memory),
    ) -> Result<()> {
        let chunk = chunk.max(upload.smallest).min(MAX_CHUNK);
        let length = |bytes: u64| usize::try_from(bytes).expect("no more than a chunk");
        let mut pieces = Pieces::new(content);
        // What is sent counts, not what the registry says it holds: some always say the same.
        while descriptor.size - upload.sent > chunk {
            let piece = pieces.next(length(chunk)).await?;
            let range = UploadRange { first: upload.sent, last: upload.sent + chunk - 1 };
            upload.location = self
                .patch(&upload.location, piece.into(), Some(chunk), Some(range), memory.apart())
                .await?;
            upload.sent += chunk;
            memory.keep(upload);
        }
        let rest = descriptor.size - upload.sent;
        let piece = pieces.next(length(rest)).await?;
        self.finish(descriptor, &upload.location, piece.into(), rest).await
    }

    async fn send_stream(
        &self,
        descriptor: &Descriptor,
        content: Content,
        upload: &Upload,
    ) -> Result<()> {
        let size = descriptor.size;
        let location = self.patch(&upload.location, body(content), Some(size), None, false).await?;
        self.finish(descriptor, &location, Body::empty(), 0).await
    }

    /// Sends bytes to an upload, of a length that may not be known; returns where it goes on. What is
    /// sent apart has a connection that is used no further.
    async fn patch(
        &self,
        location: &Uri,
        body: Body,
        length: Option<u64>,
        range: Option<UploadRange>,
        is_apart: bool,
    ) -> Result<Uri> {
        let mut request = self.upload_request(Method::PATCH, location.clone(), length);
        if is_apart {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(range) = range {
            let range = HeaderValue::try_from(range.to_string()).expect("digits and a dash");
            request.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        let answer = self.session.send(request.map(|_| body)).await?;
        let statuses = [StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT];
        let answer = answer.expect(&statuses).await?;
        next_location(&answer, location)
    }

    /// Closes an upload with its last bytes, which may be all of them.
    async fn finish(
        &self,
        descriptor: &Descriptor,
        location: &Uri,
        body: Body,
        length: u64,
    ) -> Result<()> {
        let uri = with_digest(location, &descriptor.digest)?;
        let request = self.upload_request(Method::PUT, uri, Some(length));
        let answer = self.session.send(request.map(|_| body)).await?;
        let statuses = [StatusCode::CREATED, StatusCode::NO_CONTENT];
        let answer = answer.expect(&statuses).await?;
        answer.digest(Some(&descriptor.digest)).map(drop)
    }

    fn upload_request(&self, method: Method, uri: Uri, length: Option<u64>) -> http::Request<Body> {
        let operation = Operation::StartUpload { repository: self.name().clone(), algorithm: None };
        let mut request = self.session.request_to(method, uri, self.hint(&operation));
        let headers = request.headers_mut();
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, octets);
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        // Part of the bytes may be in the upload already: only a new one is sure to begin at 0.
        request
            .extensions_mut()
            .insert(RetryRules { only_untouched: true, ..RetryRules::default() });
        request
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
            // Whatever is wrong with the mount: an upload may still do.
            _ => Ok(false),
        }
    }
}

//! Blobs: is it there, and its bytes, taken up where a connection broke.

mod wide;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use oras_spec::Digest;
use oras_spec::distribution::{ByteRange, ContentRange, Operation};
use oras_spec::image::{Descriptor, MediaType};

use self::wide::Adaptive;
pub use self::wide::Parallelism;
use super::incident::Incident;
use super::manifests::is_found;
use super::repository::Repository;
use super::session::{Answer, Session};
use crate::content::ByteStream;
use crate::transport::{Body, Failure, ScopeHint, back_off};
use crate::{Content, Error, ErrorKind, Result};

impl Repository {
    /// Finds a blob by its digest. Its media type is what the registry states, or that of bytes
    /// nobody knows anything of: never that of a manifest, unless this is the view of
    /// [`Repository::blobs`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such blob.
    pub async fn resolve_blob(&self, digest: &Digest) -> Result<Descriptor> {
        let answer = self.head_blob(digest).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(self.not_found(&digest.clone().into()));
        }
        let answer = answer.expect(&[StatusCode::OK]).await?;
        answer.digest(Some(digest))?;
        match answer.length() {
            Some(size) => Ok(Descriptor::new(self.type_of_blob(&answer), digest.clone(), size)),
            None => Err(answer.wrong("unknown response Content-Length")),
        }
    }

    /// Opens a blob by its digest, in one round trip.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such blob.
    pub async fn fetch_blob_by_digest(&self, digest: &Digest) -> Result<(Descriptor, Content)> {
        let answer = self.get_blob(digest).await?;
        let Some(size) = answer.length() else {
            return Err(answer.wrong("unknown response Content-Length"));
        };
        let descriptor = Descriptor::new(self.type_of_blob(&answer), digest.clone(), size);
        let content = self.blob_content(&descriptor, answer);
        Ok((descriptor, content))
    }

    /// What a registry calls a manifest is still a blob here, and must not be taken for another.
    fn type_of_blob(&self, answer: &Answer) -> MediaType {
        let stated = answer.media_type().ok().filter(|stated| !self.documents().contains(stated));
        stated.unwrap_or(MediaType::OCTET_STREAM)
    }

    pub(super) async fn fetch_blob(&self, descriptor: &Descriptor) -> Result<Content> {
        let answer = self.get_blob(&descriptor.digest).await?;
        if answer.length().is_some_and(|length| length != descriptor.size) {
            return Err(answer.mismatch("mismatch Content-Length"));
        }
        Ok(self.blob_content(descriptor, answer))
    }

    /// Opens a blob behind its first `start` bytes. If there is nothing behind them, the registry
    /// is not asked.
    pub(super) async fn fetch_blob_from(
        &self,
        descriptor: &Descriptor,
        start: u64,
    ) -> Result<Content> {
        let mut download = Download::new(self.blob(descriptor), start, None);
        if start < descriptor.size {
            download.body = Some(download.resume().await?);
        }
        Ok(content_of(descriptor, download).left_out(start))
    }

    pub(super) async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        let answer = self.head_blob(digest).await?;
        match answer.status() {
            StatusCode::OK => answer.digest(Some(digest)).map(|_| true),
            StatusCode::NOT_FOUND => Ok(false),
            _ if answer.is_unexplained() => is_found(self.get_blob(digest).await),
            _ => Err(answer.refusal().await),
        }
    }

    async fn head_blob(&self, digest: &Digest) -> Result<Answer> {
        let operation =
            Operation::HeadBlob { repository: self.name().clone(), digest: digest.clone() };
        self.session.send(self.request(&operation)?).await
    }

    async fn get_blob(&self, digest: &Digest) -> Result<Answer> {
        let operation =
            Operation::GetBlob { repository: self.name().clone(), digest: digest.clone() };
        let answer = self.session.send(self.request(&operation)?).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(self.not_found(&digest.clone().into()));
        }
        let answer = answer.expect(&[StatusCode::OK]).await?;
        answer.digest(Some(digest))?;
        Ok(answer)
    }

    fn blob_content(&self, descriptor: &Descriptor, answer: Answer) -> Content {
        let body = Some(answer.into_body());
        content_of(descriptor, Download::new(self.blob(descriptor), 0, body))
    }

    fn blob(&self, descriptor: &Descriptor) -> Blob {
        let (digest, size) = (descriptor.digest.clone(), descriptor.size);
        let (repository, wanted) = (self.name().clone(), digest.clone());
        let operation = Operation::GetBlob { repository, digest: wanted };
        let hint = self.hint(&operation);
        Blob { session: Arc::clone(&self.session), operation, hint, digest, size }
    }
}

/// Makes content of a download, with the same download again for whoever needs it.
fn content_of(descriptor: &Descriptor, begun: Download) -> Content {
    let blob = begun.blob.clone();
    let plan = blob.session.options().parallelism;
    let content = Content::new(descriptor, Adaptive::new(begun, plan).into_stream()).fickle();
    content.with_reopen_at(move |start| {
        let anew = Download::new(blob.clone(), start, None);
        std::future::ready(Ok(ByteStream::new(Adaptive::new(anew, plan).into_stream())))
    })
}

/// Where a blob is.
#[derive(Clone)]
struct Blob {
    session: Arc<Session>,
    operation: Operation,
    hint: ScopeHint,
    digest: Digest,
    size: u64,
}

/// A blob on its way, or a part of it, over as many connections as it takes, one after another.
struct Download {
    blob: Blob,
    /// How many bytes have been passed on, and before how many to stop.
    offset: u64,
    end: u64,
    /// Only ranges will do: who has to read a part does not read everything before it.
    is_part: bool,
    /// How many bytes of the present body have been passed on before.
    skip: u64,
    /// How many connections have broken since the last byte came, and how many were too slow.
    fruitless: u32,
    slow: u32,
    body: Option<Body>,
}

impl Download {
    fn new(blob: Blob, offset: u64, body: Option<Body>) -> Self {
        let end = blob.size;
        Self { blob, offset, end, is_part: false, skip: 0, fruitless: 0, slow: 0, body }
    }

    /// Narrows it to the part before `end`.
    fn part(self, end: u64) -> Self {
        Self { end, is_part: true, ..self }
    }

    /// Tells whether it ends before the blob does.
    fn is_cut(&self) -> bool {
        self.end < self.blob.size
    }

    /// Returns the next bytes; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.is_cut() && self.offset >= self.end {
                self.body = None;
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                if self.offset == self.blob.size && self.offset > 0 {
                    return Ok(None);
                }
                match self.resume().await {
                    Ok(body) => self.body = Some(body),
                    Err(error) if error.kind() == ErrorKind::Network => {
                        self.broken(Some(error)).await?;
                    }
                    Err(error) => return Err(error),
                }
                continue;
            };
            let failure = match body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(mut chunk) = frame.into_data() else { continue };
                    let known = self.skip.min(chunk.len() as u64);
                    self.skip -= known;
                    chunk.advance(usize::try_from(known).expect("no longer than the chunk"));
                    if self.is_cut() {
                        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
                        chunk.truncate(left);
                    }
                    if chunk.is_empty() {
                        continue;
                    }
                    self.offset += chunk.len() as u64;
                    self.fruitless = self.slow;
                    return Ok(Some(chunk));
                }
                None if self.offset >= self.blob.size => return Ok(None),
                None => None,
                Some(Err(error)) => {
                    let failure = error.downcast_ref::<Failure>();
                    // A few bytes a minute are no progress.
                    self.slow += u32::from(failure.is_some_and(Failure::is_slow));
                    Some(Error::new(ErrorKind::Network, error.to_string()))
                }
            };
            self.broken(failure).await?;
        }
    }

    /// Counts a connection that broke, and waits a while before the next.
    ///
    /// # Errors
    ///
    /// If too many have broken without a byte of progress.
    async fn broken(&mut self, failure: Option<Error>) -> Result<()> {
        self.body = None;
        self.fruitless += 1;
        let options = self.blob.session.options();
        if self.fruitless > options.retries {
            let message = format!("read {} of {} bytes", self.offset, self.blob.size);
            let error = Error::new(ErrorKind::Network, message);
            return Err(match failure {
                Some(failure) => error.with_source(failure),
                None => error.with_source("unexpected EOF"),
            });
        }
        let delay = match self.fruitless {
            1 => Duration::ZERO,
            further => back_off(further - 2),
        };
        (options.incidents)(Incident::Broken {
            digest: &self.blob.digest,
            offset: self.offset,
            attempt: self.fruitless,
            delay,
            cause: &failure.as_ref().map_or_else(|| "unexpected EOF".to_owned(), cause_of),
        });
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Asks the registry, never a signed URL of before, for what is missing.
    async fn resume(&mut self) -> Result<Body> {
        let last = self.is_cut().then(|| self.end - 1);
        let answer = self.blob.session.send(self.blob.request(Some(self.offset), last)?).await?;
        let answer = match answer.status() {
            StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE if self.is_part => {
                return Err(Error::new(ErrorKind::Unsupported, "fetch a part of a blob"));
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.blob.session.send(self.blob.request(None, None)?).await?
            }
            _ => answer,
        };
        let answer = answer.expect(&[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await?;
        if answer.status() == StatusCode::OK {
            self.skip = self.offset;
            return Ok(answer.into_body());
        }
        let range = answer.header(&header::CONTENT_RANGE).and_then(|text| text.parse().ok());
        match range {
            Some(ContentRange::Within { first, size, .. })
                if first == self.offset && size.is_none_or(|size| size == self.blob.size) =>
            {
                self.skip = 0;
                Ok(answer.into_body())
            }
            _ => Err(answer.mismatch("invalid response Content-Range")),
        }
    }
}

/// Says what is at the bottom of an error.
pub(super) fn cause_of(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

impl Blob {
    fn request(&self, from: Option<u64>, last: Option<u64>) -> Result<Request<Body>> {
        let mut request = self.session.request(&self.operation)?;
        request.extensions_mut().insert(self.hint.clone());
        if let Some(offset) = from.filter(|offset| *offset > 0) {
            let range = match last {
                Some(last) => ByteRange::Within(offset, last),
                None => ByteRange::From(offset),
            };
            let range = HeaderValue::try_from(range.to_string());
            request.headers_mut().insert(header::RANGE, range.expect("digits and dashes"));
        }
        Ok(request)
    }
}

//! Blobs that are sent while they are hashed: a stream into an upload, closed when the digest is
//! known.

use std::collections::HashSet;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream as _;
use futures_util::future::{Either, select};
use http::Uri;
use http_body::{Frame, SizeHint};
use oras_spec::{Digest, Tag, TagOrDigest};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use super::resume::{Memory, left_in, note_in};
use super::{Opened, Upload};
use crate::ahead::{Ahead, Early, Unnamed};
use crate::content::ByteStream;
use crate::note::Note;
use crate::remote::repository::Repository;
use crate::transport::Body;
use crate::{Error, ErrorKind, Result, Source as _, graph};

impl Repository {
    /// Returns what takes blobs before their digests are known, at most `limit` of them at a time.
    ///
    /// What the manifest that `tag` points at has a blob of the size of is likely to be there, and
    /// waits for its digest; without a tag, nothing is. A blob that turns out to be there once its
    /// digest is known is not sent any further: what was sent in vain is no more than the line takes
    /// in the time of hashing.
    pub fn ahead(&self, tag: Option<Tag>, limit: usize) -> Arc<dyn Ahead> {
        Arc::new(Outpost(Arc::new(Shared {
            repository: self.clone(),
            tag,
            permits: Arc::new(Semaphore::new(limit)),
            likely: OnceCell::new(),
            is_refused: AtomicBool::new(false),
        })))
    }
}

#[derive(Clone)]
struct Outpost(Arc<Shared>);

struct Shared {
    repository: Repository,
    tag: Option<Tag>,
    permits: Arc<Semaphore>,
    /// The sizes of blobs that are likely there; nothing if that could not be found out.
    likely: OnceCell<Option<HashSet<u64>>>,
    /// The registry takes no streams.
    is_refused: AtomicBool,
}

impl fmt::Debug for Outpost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outpost({})", self.0.repository)
    }
}

impl Ahead for Outpost {
    fn begin(&self, content: Unnamed) -> Option<Box<dyn Early>> {
        if self.0.is_refused.load(Ordering::Relaxed) {
            return None;
        }
        let permit = Arc::clone(&self.0.permits).try_acquire_owned().ok()?;
        let (naming, named) = watch::channel(None);
        let (progress, watched) = watch::channel(Progress::default());
        let sending = Sending { shared: Arc::clone(&self.0), progress, _permit: permit };
        let task = tokio::spawn(sending.run(content, named));
        let under_way = UnderWay { watched, task, naming };
        Some(Box::new(Begun { opened: Arc::clone(&self.0.repository.opened), under_way }))
    }
}

struct Begun {
    opened: Arc<Opened>,
    under_way: UnderWay,
}

impl Early for Begun {
    fn name(self: Box<Self>, digest: &Digest) {
        self.under_way.naming.send_replace(Some(digest.clone()));
        self.opened.expect(digest, self.under_way);
    }
}

/// How far a blob is.
#[derive(Clone, Debug, Default)]
struct Progress {
    location: Option<Uri>,
    sent: u64,
}

/// A blob on its way whose digest is known by now. Given up when dropped.
pub(super) struct UnderWay {
    watched: watch::Receiver<Progress>,
    task: JoinHandle<Arrived>,
    naming: watch::Sender<Option<Digest>>,
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watched.fmt(f)
    }
}

/// What came of a blob that was sent ahead.
pub(super) struct Arrived {
    pub(super) end: End,
    /// The mark that it was begun.
    mark: Option<Box<dyn Note>>,
}

pub(super) enum End {
    /// All of it is in the upload.
    Whole(Upload),
    /// The connection broke.
    Broken(Upload),
    /// It was not sent.
    Nothing,
}

impl Arrived {
    fn with(end: End, mark: Option<Box<dyn Note>>) -> Self {
        Self { end, mark }
    }

    /// Removes the mark: the blob is where it belongs, in whichever way it came there.
    pub(super) fn settle(self) {
        if let Some(mut mark) = self.mark {
            mark.remove();
        }
    }
}

impl UnderWay {
    /// Waits for the end, and tells of what moves meanwhile.
    pub(super) async fn end(mut self, tell: impl Fn(u64), memory: &mut Memory) -> Arrived {
        let (mut told, mut is_noted) = (0, false);
        loop {
            let now = self.watched.borrow_and_update().clone();
            if let Some(location) = now.location.filter(|_| !is_noted) {
                memory.keep(&Upload { location, smallest: 0, sent: now.sent });
                is_noted = true;
            }
            tell(now.sent - told);
            told = now.sent;
            let arrived = match select(&mut self.task, pin!(self.watched.changed())).await {
                Either::Left((arrived, _)) => arrived,
                Either::Right(_) => continue,
            };
            tell(self.watched.borrow().sent - told);
            return arrived.unwrap_or_else(|_| Arrived::with(End::Nothing, None));
        }
    }
}

/// The task that sends one blob.
struct Sending {
    shared: Arc<Shared>,
    progress: watch::Sender<Progress>,
    _permit: OwnedSemaphorePermit,
}

impl Sending {
    async fn run(self, content: Unnamed, mut named: watch::Receiver<Option<Digest>>) -> Arrived {
        let repository = &self.shared.repository;
        let notes = repository.session.options().notes.as_ref();
        let mut mark =
            notes.and_then(|notes| notes.open(&format!("{repository} {}", content.name)));
        // What another process has sent of it is gone on with, once the digest says what it is.
        if let Some(left) = mark.as_ref().and_then(|mark| left_in(&**mark, repository)) {
            return Arrived::with(End::Broken(left), mark);
        }
        let is_begun = mark.as_ref().is_some_and(|mark| mark.read().is_some());
        if is_begun || !self.shared.is_likely_absent(content.size).await {
            return Arrived::with(End::Nothing, mark);
        }
        let Ok(upload) = repository.start_upload().await else {
            return Arrived::with(End::Nothing, mark);
        };
        self.progress.send_modify(|progress| progress.location = Some(upload.location.clone()));
        if let Some(mark) = &mut mark {
            note_in(&mut **mark, &upload);
        }
        let needless = async {
            while named.changed().await.is_ok() {
                let digest = named.borrow().clone();
                if let Some(digest) = digest
                    && repository.blob_exists(&digest).await.is_ok_and(|exists| exists)
                {
                    return;
                }
            }
        };
        let sent = match select(Box::pin(self.send(content, &upload)), pin!(needless)).await {
            Either::Left((sent, _)) => sent,
            Either::Right(((), sending)) => {
                drop(sending);
                repository.cancel(&upload).await;
                let nothing = Arrived::with(End::Nothing, mark);
                nothing.settle();
                return Arrived::with(End::Nothing, None);
            }
        };
        let sent_bytes = self.progress.borrow().sent;
        let end = match sent {
            Ok(location) => End::Whole(Upload { location, sent: sent_bytes, ..upload }),
            Err(error) if error.kind() == ErrorKind::Network => {
                End::Broken(Upload { sent: sent_bytes, ..upload })
            }
            Err(error) => {
                if error.response().is_some() {
                    self.shared.is_refused.store(true, Ordering::Relaxed);
                }
                End::Nothing
            }
        };
        Arrived::with(end, mark)
    }

    async fn send(&self, content: Unnamed, upload: &Upload) -> Result<Uri> {
        let body =
            Counted { bytes: content.bytes, left: content.size, progress: self.progress.clone() };
        self.shared
            .repository
            .patch(&upload.location, Body::new(body), content.size, None, false)
            .await
    }
}

impl Shared {
    async fn is_likely_absent(&self, size: Option<u64>) -> bool {
        let likely = self.likely.get_or_init(async || self.look().await.ok()).await;
        match (likely, size) {
            (None, _) => false,
            (Some(sizes), Some(size)) => !sizes.contains(&size),
            (Some(sizes), None) => sizes.is_empty(),
        }
    }

    /// Lists the sizes of what the tag's manifest points at.
    async fn look(&self) -> Result<HashSet<u64>> {
        let Some(tag) = &self.tag else { return Ok(HashSet::new()) };
        let found = match self.repository.resolve(&TagOrDigest::Tag(tag.clone())).await {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
            Err(error) => return Err(error),
        };
        let successors = graph::successors(&self.repository, &found).await?;
        Ok(successors.iter().map(|successor| successor.size).collect())
    }
}

/// A stream as a body, which says how far it is.
struct Counted {
    bytes: ByteStream,
    left: Option<u64>,
    progress: watch::Sender<Progress>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let item = ready!(Pin::new(&mut self.bytes).poll_next(cx));
        Poll::Ready(item.map(|item| {
            item.map(|chunk| {
                let count = chunk.len() as u64;
                self.left = self.left.map(|left| left.saturating_sub(count));
                self.progress.send_modify(|progress| progress.sent += count);
                Frame::data(chunk)
            })
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

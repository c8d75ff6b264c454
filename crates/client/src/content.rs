//! Content: a stream of bytes that checks itself against its descriptor.

mod byte_stream;
mod checked;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use oras_spec::Hasher;
use oras_spec::image::Descriptor;

pub use self::byte_stream::ByteStream;
use self::byte_stream::skipping;
use self::checked::Checked;
use crate::{Error, ErrorKind, Origin, Result};

/// How large a document may be, in bytes, for [`Content::read_all`] to take it into memory: 4 MiB,
/// as registries demand and `oras` has it.
pub const MAX_DOCUMENT_SIZE: u64 = 4 * 1024 * 1024;

/// Opens the bytes of content anew, from so many bytes behind the beginning.
type Reopen =
    Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = Result<ByteStream>> + Send>> + Send + Sync>;

type OnChunk = Arc<dyn Fn(u64) + Send + Sync>;

/// Where bytes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provenance {
    /// From this machine: wrong ones stay wrong.
    Here,
    /// From afar: wrong ones may be right the next time.
    Afar,
    /// From a cache, which has looked at them.
    Cache,
    /// From a cache, where nobody has looked at them yet.
    UnseenCache,
}

/// The bytes a descriptor points at. They cannot be read to the end unless they match it.
///
/// One-shot: reading consumes it. Content of files and of memory can be [reopened](Content::reopen),
/// so that an upload can be repeated.
pub struct Content {
    descriptor: Descriptor,
    bytes: ByteStream,
    /// How many bytes at the beginning are left out.
    start: u64,
    reopen: Option<Reopen>,
    provenance: Provenance,
    on_chunk: Option<OnChunk>,
    /// The digest was checked by whoever made the stream, or will be by whoever receives it.
    trusted: bool,
    /// Which side of a copy the bytes come from; put on every error of the stream.
    origin: Option<Origin>,
}

impl Content {
    /// Makes content of a stream of unknown honesty.
    pub fn new(
        descriptor: &Descriptor,
        bytes: impl Stream<Item = Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            descriptor: descriptor.clone(),
            bytes: ByteStream::new(bytes),
            start: 0,
            reopen: None,
            provenance: Provenance::Here,
            on_chunk: None,
            trusted: false,
            origin: None,
        }
    }

    /// Makes content of bytes in memory.
    pub fn from_bytes(descriptor: &Descriptor, bytes: Bytes) -> Self {
        let open = move || {
            let bytes = bytes.clone();
            ByteStream::new(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
        };
        Self::new(descriptor, open()).with_reopen(move || std::future::ready(Ok(open())))
    }

    /// Says how to open the same bytes again.
    #[must_use]
    pub fn with_reopen<F>(mut self, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ByteStream>> + Send + 'static,
    {
        self.reopen = Some(Arc::new(move |start| {
            let opened = open();
            Box::pin(async move { Ok(skipping(opened.await?, start)) })
        }));
        self
    }

    /// Says how to open the same bytes again from anywhere: `open` is given how many bytes to leave
    /// out at the beginning.
    #[must_use]
    pub fn with_reopen_at<F>(mut self, open: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ByteStream>> + Send + 'static,
    {
        self.reopen = Some(Arc::new(move |start| Box::pin(open(start))));
        self
    }

    /// Says that the bytes come from afar: if they are wrong, it is worth asking for them again.
    #[must_use]
    pub(crate) fn fickle(mut self) -> Self {
        self.provenance = Provenance::Afar;
        self
    }

    /// Says that the bytes come from a cache, which has verified them.
    #[must_use]
    pub(crate) fn cached(mut self) -> Self {
        self.provenance = Provenance::Cache;
        self
    }

    /// Says that the bytes come from a cache and nobody has looked at them yet, and that those of a
    /// second opening were: unless somebody hashes the first, they are opened a second time at once.
    #[must_use]
    pub(crate) fn cached_unseen(mut self) -> Self {
        self.provenance = Provenance::UnseenCache;
        self
    }

    /// Tells whether the bytes come from a cache.
    pub fn is_cached(&self) -> bool {
        matches!(self.provenance, Provenance::Cache | Provenance::UnseenCache)
    }

    /// Replaces the stream by what `change` makes of it; reopened ones stay as they are.
    #[must_use]
    pub(crate) fn map_stream(mut self, change: impl FnOnce(ByteStream) -> ByteStream) -> Self {
        self.bytes = change(self.bytes);
        self
    }

    /// Says that `bytes` begin so many bytes behind the beginning.
    #[must_use]
    pub(crate) fn left_out(mut self, start: u64) -> Self {
        self.start = start;
        self
    }

    /// Returns how many bytes at the beginning are left out. Only who asked for that meets content
    /// of which it is not 0, and only who has those bytes can check it.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Leaves out the first bytes, which the caller has: without moving them if the content can be
    /// reopened.
    ///
    /// # Errors
    ///
    /// As [`reopen`](Self::reopen).
    pub async fn starting_at(self, start: u64) -> Result<Self> {
        if start == self.start {
            return Ok(self);
        }
        match self.reopener() {
            Some(reopener) => reopener.open(start).await,
            None if start > self.start => {
                let bytes = skipping(self.bytes, start - self.start);
                Ok(Self { bytes, start, ..self })
            }
            None => Err(Error::new(ErrorKind::Unsupported, "read content from its beginning")),
        }
    }

    /// Says that the bytes need no hashing on the way: the digest was just computed from them, and
    /// the stream itself fails if they have changed since. Their number is still checked.
    #[must_use]
    pub(crate) fn trusted(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// Says which side of a copy errors of the stream are to name.
    #[must_use]
    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }

    /// Calls `hear` with the number of bytes of each chunk that is read, reopened ones included.
    #[must_use]
    pub fn on_chunk(mut self, hear: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.on_chunk = Some(match self.on_chunk.take() {
            None => Arc::new(hear),
            Some(inner) => Arc::new(move |count| {
                inner(count);
                hear(count);
            }),
        });
        self
    }

    /// Returns what tells whoever [listens](Self::on_chunk) of bytes that move although nobody reads
    /// them here.
    pub(crate) fn teller(&self) -> impl Fn(u64) + Send + Sync + use<> {
        let hear = self.on_chunk.clone();
        move |count| {
            if let Some(hear) = hear.as_ref().filter(|_| count > 0) {
                hear(count);
            }
        }
    }

    /// Returns what the content claims to be.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Opens the content again from its beginning; nothing if it is gone once read.
    ///
    /// # Errors
    ///
    /// If opening fails, such as when a file has been removed meanwhile.
    pub async fn reopen(&self) -> Result<Option<Self>> {
        match self.reopener() {
            Some(reopener) => reopener.open(0).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns how to open the content again after this one is used up; nothing if it is gone once
    /// read.
    pub(crate) fn reopener(&self) -> Option<Reopener> {
        Some(Reopener {
            descriptor: self.descriptor.clone(),
            reopen: Arc::clone(self.reopen.as_ref()?),
            is_fickle: matches!(self.provenance, Provenance::Afar | Provenance::UnseenCache),
            on_chunk: self.on_chunk.clone(),
            trusted: self.trusted,
            origin: self.origin,
        })
    }

    /// As [`reopener`](Self::reopener), if wrong bytes may be right ones the next time.
    pub(crate) fn second_source(&self) -> Option<Reopener> {
        self.reopener().filter(|again| again.is_fickle)
    }

    /// Tells whether [`reopen`](Self::reopen) can succeed.
    pub fn is_reopenable(&self) -> bool {
        self.reopen.is_some()
    }

    /// Takes everything into memory, verified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`] above [`MAX_DOCUMENT_SIZE`], before a byte is read;
    /// [`ErrorKind::Mismatch`] if the bytes are not what the descriptor says.
    pub async fn read_all(self) -> Result<Bytes> {
        self.read_at_most(MAX_DOCUMENT_SIZE).await
    }

    /// As [`read_all`](Self::read_all), with a limit in bytes of the caller's.
    ///
    /// # Errors
    ///
    /// As [`read_all`](Self::read_all).
    pub async fn read_at_most(self, limit: u64) -> Result<Bytes> {
        let size = self.descriptor.size;
        if size > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("content size {size} exceeds MaxMetadataBytes {limit}: size exceeds limit"),
            ));
        }
        let mut stream = self.into_stream();
        let Some(first) = stream.next().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = stream.next().await.transpose()? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(chunk) = stream.next().await.transpose()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Returns the bytes as a stream whose last item is an error unless all of them, and no more,
    /// came and hash to the digest.
    ///
    /// Of content whose beginning is left out, the only item is an error.
    pub fn into_stream(self) -> ByteStream {
        if self.start > 0 {
            let error = Error::new(ErrorKind::Invalid, "read content without its beginning");
            return ByteStream::new(futures_util::stream::iter([Err(error)]));
        }
        if self.provenance == Provenance::UnseenCache
            && let Some(again) = self.reopener()
        {
            let opened = async move { Ok::<_, Error>(again.open(0).await?.into_stream()) };
            return ByteStream::new(futures_util::stream::once(opened).try_flatten());
        }
        let hasher = (!self.trusted).then(|| self.descriptor.digest.algorithm().hasher());
        self.checked(hasher)
    }

    /// Returns the bytes as a stream that checks only how many they are. For stores that hash
    /// while they write, so that no byte is hashed twice.
    pub(crate) fn into_unhashed_stream(self) -> ByteStream {
        self.checked(None)
    }

    fn checked(self, hasher: Option<Hasher>) -> ByteStream {
        ByteStream::new(Checked {
            descriptor: self.descriptor,
            bytes: self.bytes,
            hasher,
            on_chunk: self.on_chunk,
            origin: self.origin,
            seen: self.start,
            done: false,
        })
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

/// How to open content again. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reopener {
    descriptor: Descriptor,
    reopen: Reopen,
    is_fickle: bool,
    on_chunk: Option<OnChunk>,
    trusted: bool,
    origin: Option<Origin>,
}

impl Reopener {
    /// Opens the content, without its first `start` bytes.
    pub(crate) async fn open(&self, start: u64) -> Result<Content> {
        Ok(Content {
            descriptor: self.descriptor.clone(),
            bytes: (self.reopen)(start).await?,
            start,
            provenance: if self.is_fickle { Provenance::Afar } else { Provenance::Here },
            reopen: Some(Arc::clone(&self.reopen)),
            on_chunk: self.on_chunk.clone(),
            trusted: self.trusted,
            origin: self.origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::TryStreamExt as _;
    use oras_spec::image::MediaType;

    use super::*;

    fn content(claimed: &[u8], chunks: &[&'static [u8]]) -> Content {
        let chunks: Vec<Result<Bytes>> =
            chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, claimed);
        Content::new(&descriptor, futures_util::stream::iter(chunks))
    }

    async fn read(content: Content) -> std::result::Result<Bytes, String> {
        content.read_all().await.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Mismatch);
            std::error::Error::source(&error).expect("a cause").to_string()
        })
    }

    #[tokio::test]
    async fn gives_the_bytes_that_match() {
        assert_eq!(read(content(b"", &[])).await.expect("empty"), "");
        assert_eq!(read(content(b"abc", &[b"abc"])).await.expect("one"), "abc");
        assert_eq!(
            read(content(b"abcdef", &[b"ab", b"", b"cd", b"ef"])).await.expect("many"),
            "abcdef"
        );
    }

    #[tokio::test]
    async fn refuses_the_bytes_that_do_not() {
        assert_eq!(read(content(b"abc", &[b"abd"])).await, Err("mismatched digest".to_owned()));
        assert_eq!(read(content(b"abc", &[b"ab"])).await, Err("unexpected EOF".to_owned()));
        assert_eq!(read(content(b"abc", &[b"ab", b"cd"])).await, Err("trailing data".to_owned()));
        assert_eq!(read(content(b"", &[b"x"])).await, Err("trailing data".to_owned()));
        assert_eq!(read(content(b"abc", &[])).await, Err("unexpected EOF".to_owned()));
    }

    #[tokio::test]
    async fn the_last_chunk_is_held_back_until_it_is_verified() {
        let mut stream = content(b"abcd", &[b"ab", b"xd"]).into_stream();
        assert_eq!(stream.next().await.expect("a chunk").expect("good so far"), "ab");
        assert!(stream.next().await.expect("an item").is_err());
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_claim_too_large_is_refused_before_a_byte_is_read() {
        let mut descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"");
        descriptor.size = 1 << 62;
        let never = futures_util::stream::poll_fn(|_| -> Poll<Option<Result<Bytes>>> {
            panic!("the bytes were asked for")
        });
        let error = Content::new(&descriptor, never).read_all().await.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[tokio::test]
    async fn content_of_memory_can_be_read_again_and_counts_its_chunks() {
        let moved = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = Arc::clone(&moved);
        let descriptor = Descriptor::of(MediaType::OCTET_STREAM, b"abc");
        let content =
            Content::from_bytes(&descriptor, Bytes::from_static(b"abc")).on_chunk(move |count| {
                counter.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            });
        let again = content.reopen().await.expect("memory").expect("reopenable");
        assert_eq!(content.read_all().await.expect("first"), "abc");
        let chunks: Vec<Bytes> = again.into_stream().try_collect().await.expect("second");
        assert_eq!(chunks, ["abc"]);
        assert_eq!(moved.load(std::sync::atomic::Ordering::Relaxed), 6);
    }
}

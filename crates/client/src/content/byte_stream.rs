//! Bytes that come one after another.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _};

use crate::Result;

/// A boxed stream of bytes that may fail on the way.
pub struct ByteStream(Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>);

impl ByteStream {
    /// Boxes `stream`.
    pub fn new(stream: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

/// Leaves out the first bytes of a stream.
pub(super) fn skipping(bytes: ByteStream, start: u64) -> ByteStream {
    if start == 0 {
        return bytes;
    }
    let mut left = start;
    ByteStream::new(bytes.filter_map(move |item| {
        let rest = item.map(|mut chunk| {
            let known = left.min(chunk.len() as u64);
            left -= known;
            chunk.advance(usize::try_from(known).expect("no longer than the chunk"));
            chunk
        });
        let is_empty = matches!(&rest, Ok(chunk) if chunk.is_empty());
        std::future::ready((!is_empty).then_some(rest))
    }))
}

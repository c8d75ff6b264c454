//! Holds bytes against their descriptor while they are read.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use oras_spec::Hasher;
use oras_spec::image::Descriptor;

use super::{ByteStream, OnChunk};
use crate::{Error, ErrorKind, Origin, Result};

/// A stream of bytes that is held against a descriptor.
pub(super) struct Checked {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: ByteStream,
    pub(super) hasher: Option<Hasher>,
    pub(super) on_chunk: Option<OnChunk>,
    pub(super) origin: Option<Origin>,
    pub(super) seen: u64,
    pub(super) done: bool,
}

impl Checked {
    fn accept(&mut self, chunk: &Bytes) -> Result<()> {
        self.seen += chunk.len() as u64;
        if self.seen > self.descriptor.size {
            return Err(self.mismatch("trailing data"));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        // Whoever stops reading at the last byte shall not have it unverified either.
        if self.seen == self.descriptor.size {
            self.check_digest()?;
        }
        if let Some(hear) = &self.on_chunk {
            hear(chunk.len() as u64);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if self.seen < self.descriptor.size {
            return Err(self.mismatch("unexpected EOF"));
        }
        self.check_digest()
    }

    fn check_digest(&mut self) -> Result<()> {
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != self.descriptor.digest => {
                Err(self.mismatch("mismatched digest"))
            }
            _ => Ok(()),
        }
    }

    fn mismatch(&self, what: &str) -> Error {
        Error::new(ErrorKind::Mismatch, what).context(format!("read {}", self.descriptor.digest))
    }
}

impl Stream for Checked {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(self.bytes.poll_next_unpin(cx)) {
            Some(Ok(chunk)) => match self.accept(&chunk) {
                Ok(()) => return Poll::Ready(Some(Ok(chunk))),
                Err(error) => Some(Err(error)),
            },
            Some(Err(error)) => Some(Err(error)),
            None => self.finish().err().map(Err),
        };
        self.done = true;
        Poll::Ready(match (item, self.origin) {
            (Some(Err(error)), Some(origin)) => Some(Err(error.with_origin(origin))),
            (item, _) => item,
        })
    }
}

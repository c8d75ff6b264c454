//! The bytes of a blob as bodies: whole, or piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http_body::{Frame, SizeHint};

use crate::content::ByteStream;
use crate::transport::Body;
use crate::{Content, Error, ErrorKind, Result};

/// The body of a PUT: the content, with its length, and once more if it must be.
pub(super) fn body(content: Content) -> Body {
    let again = content.reopener();
    let body = Body::new(Measured::new(content));
    match again {
        None => body,
        Some(again) => body.with_replay(move || {
            let again = again.clone();
            async move {
                let content = again.open(0).await?;
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

/// Content in pieces. The last one is given out only when all bytes were right, since the stream
/// holds back its end until then.
pub(super) struct Pieces {
    stream: ByteStream,
    /// What has come out of the stream and belongs to the next piece.
    rest: Bytes,
}

impl Pieces {
    pub(super) fn new(content: Content) -> Self {
        // The beginning of what goes on is with the registry, which holds all of it against the
        // digest.
        let stream = match content.start() {
            0 => content.into_stream(),
            _ => content.into_unhashed_stream(),
        };
        Self { stream, rest: Bytes::new() }
    }

    /// Returns the next `length` bytes.
    pub(super) async fn next(&mut self, length: usize) -> Result<Bytes> {
        let mut piece = BytesMut::with_capacity(length);
        loop {
            let taken = self.rest.split_to(self.rest.len().min(length - piece.len()));
            piece.extend_from_slice(&taken);
            if piece.len() == length {
                return Ok(piece.freeze());
            }
            self.rest = match self.stream.next().await {
                Some(chunk) => chunk?,
                None => return Err(Error::new(ErrorKind::Mismatch, "unexpected EOF")),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use oras_spec::image::{Descriptor, MediaType};

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

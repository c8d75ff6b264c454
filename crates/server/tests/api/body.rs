//! Bodies that arrive in pieces, break off, or wait to be told to go on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// A body of what is sent to it, piece by piece.
pub(crate) struct Pieces(mpsc::UnboundedReceiver<io::Result<Bytes>>);

/// Where the pieces of a body are sent to. Dropping it ends the body.
pub(crate) type PieceSender = mpsc::UnboundedSender<io::Result<Bytes>>;

impl Pieces {
    pub(crate) fn channel() -> (PieceSender, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self(receiver))
    }

    /// Makes a body of pieces that are there from the start.
    pub(crate) fn of(pieces: impl IntoIterator<Item = io::Result<Bytes>>) -> Self {
        let (sender, body) = Self::channel();
        for piece in pieces {
            sender.send(piece).expect("the body is there");
        }
        body
    }
}

/// What is read from a connection that broke.
pub(crate) fn broken() -> io::Result<Bytes> {
    Err(io::ErrorKind::ConnectionReset.into())
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

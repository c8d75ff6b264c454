//! The stream below the protocol: watches writes, and closes without destroying the answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::options::Slow;
use super::patience::{Patience, Watch};

/// What bytes travel on: a TCP stream, or TLS on one.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes the coming close a reset, so that the kernel does not keep what the peer never took.
    fn reset_on_close(&self);

    /// Tells whether nobody on the way can read along.
    fn is_encrypted(&self) -> bool {
        false
    }
}

impl Wire for TcpStream {
    fn reset_on_close(&self) {
        // A socket that refuses this is as good as closed.
        drop(self.set_zero_linger());
    }
}

/// A wire, as a protocol sees it.
#[derive(Debug)]
pub(super) struct Stream<W: Wire> {
    wire: W,
    /// What was read from the wire before the protocol was known.
    replay: Bytes,
    activity: Arc<Activity>,
    write: Watch,
    /// Once we have said that we send no more: how long we still read.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<W: Wire> Stream<W> {
    pub(super) fn new(wire: W, replay: Bytes, activity: Arc<Activity>) -> Self {
        let options = activity.options();
        let stall = options.write_stall;
        let write = Watch::new(Patience::new(stall, stall, options.minimum_rate));
        Self { wire, replay, activity, write, linger: None }
    }
}

impl<W: Wire> Stream<W> {
    /// Keeps account of one attempt to write, and ends the connection when it waited too long.
    fn watch_write(
        &mut self,
        context: &mut Context<'_>,
        attempt: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match attempt {
            Poll::Ready(Ok(bytes)) => {
                self.write.moved(bytes);
                self.activity.wrote();
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.activity.write_waits();
                ready!(self.write.poll_end(context));
                self.activity.too_slow(Slow::Response);
                self.wire.reset_on_close();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Reads and throws away until the peer has closed, too.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut self.wire).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<W: Wire> Drop for Stream<W> {
    fn drop(&mut self) {
        if self.activity.is_reset() {
            self.wire.reset_on_close();
        }
    }
}

impl<W: Wire> AsyncRead for Stream<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.replay.is_empty() {
            let length = this.replay.len().min(buffer.remaining());
            buffer.put_slice(&this.replay[..length]);
            this.replay.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.wire).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.activity.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: Wire> AsyncWrite for Stream<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let attempt = Pin::new(&mut this.wire).poll_write(context, bytes);
        this.watch_write(context, attempt)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let attempt = Pin::new(&mut this.wire).poll_write_vectored(context, slices);
        this.watch_write(context, attempt)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.activity.is_reset() {
            return Poll::Ready(Ok(()));
        }
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.wire).poll_shutdown(context))?;
            if !this.activity.is_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        let time = this.activity.options().linger;
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(time)));
        if linger.as_mut().poll(context).is_pending() {
            ready!(this.poll_drain(context));
        }
        Poll::Ready(Ok(()))
    }
}

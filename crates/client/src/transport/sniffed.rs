//! A stream that remembers how the other side began, to tell HTTP from TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HTTP: &[u8; 5] = b"HTTP/";

/// Passes everything through and remembers the first bytes read.
pub(super) struct Sniffed<S> {
    stream: S,
    first: [u8; HTTP.len()],
    seen: usize,
}

impl<S> Sniffed<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, first: [0; HTTP.len()], seen: 0 }
    }

    /// Tells whether the other side answered with plain HTTP.
    pub(super) fn is_plain_http(&self) -> bool {
        self.first == *HTTP
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sniffed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.seen < HTTP.len() {
            let fresh = &buf.filled()[before..];
            let count = fresh.len().min(HTTP.len() - this.seen);
            this.first[this.seen..this.seen + count].copy_from_slice(&fresh[..count]);
            this.seen += count;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sniffed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

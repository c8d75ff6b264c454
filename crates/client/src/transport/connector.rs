//! Opens connections for the pool: TCP, and TLS where the URL says so.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::dial::Dialer;
use super::sniffed::Sniffed;
use super::tls::Tls;
use super::{Failure, NetworkOptions, WebOrigin};

/// Opens a connection for a URL.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    options: NetworkOptions,
    dialer: Dialer,
    tls: OnceCell<Arc<Tls>>,
}

impl Connector {
    pub(super) fn new(options: NetworkOptions) -> Self {
        let dialer = Dialer { resolve: options.resolve.clone(), timeout: options.connect_timeout };
        Self(Arc::new(Inner { options, dialer, tls: OnceCell::new() }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let origin = WebOrigin::of(&uri).ok_or_else(|| {
                let scheme = uri.scheme_str().unwrap_or_default();
                Failure::Other(format!("unsupported protocol scheme \"{scheme}\""))
            })?;
            inner.open(&origin).await.map(TokioIo::new)
        })
    }
}

impl Inner {
    async fn open(&self, origin: &WebOrigin) -> Result<Stream, Failure> {
        let stream = self.dialer.dial(&origin.host, origin.port).await?;
        if !origin.is_https {
            return Ok(Stream::Plain(stream));
        }
        let tls = self.tls.get_or_try_init(|| load(self.options.clone())).await?;
        let handshake = tls.connect(origin, stream);
        match tokio::time::timeout(self.options.handshake_timeout, handshake).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream?))),
            Err(_) => Err(Failure::HandshakeTimeout),
        }
    }
}

/// Loads the roots where it may block.
async fn load(options: NetworkOptions) -> Result<Arc<Tls>, Failure> {
    let load = move || Tls::load(&options.roots, options.insecure, options.identity.as_ref());
    match tokio::task::spawn_blocking(load).await {
        Ok(tls) => tls.map(Arc::new),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// An open connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<Sniffed<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Self::Plain(_) | Self::Tls(_) => Connected::new(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

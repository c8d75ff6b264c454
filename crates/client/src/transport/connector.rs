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

use super::alert::LastWord;
use super::dial::Dialer;
use super::proxy::Proxy;
use super::sniffed::Sniffed;
use super::tls::Tls;
use super::tunnel::tunnel;
use super::{Failure, NetworkOptions, WebOrigin};

/// Opens a connection for a URL.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    options: NetworkOptions,
    dialer: Dialer,
    tls: OnceCell<Arc<Tls>>,
    last_word: LastWord,
}

impl Connector {
    /// Makes a connector that takes down in `last_word` why the other side ends a connection.
    pub(super) fn new(options: NetworkOptions, last_word: LastWord) -> Self {
        let dialer = Dialer { resolve: options.resolve.clone(), timeout: options.connect_timeout };
        Self(Arc::new(Inner { options, dialer, tls: OnceCell::new(), last_word }))
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
            let last_word = inner.last_word.clone();
            let wire = inner.open(&origin).await?;
            Ok(TokioIo::new(Stream { wire, last_word }))
        })
    }
}

impl Inner {
    async fn open(&self, origin: &WebOrigin) -> Result<Wire, Failure> {
        let Some(proxy) = self.options.proxies.proxy(origin) else {
            let stream = self.dialer.dial(&origin.host, origin.port).await?;
            if !origin.is_https {
                return Ok(Wire::Plain(stream));
            }
            let stream = self.encrypt(stream, origin, HTTP_1_AND_2).await?;
            return Ok(Wire::Tls(Box::new(stream)));
        };
        let failed = |failure| Failure::Proxy(Box::new(failure));
        let mut stream = self.reach(proxy).await.map_err(failed)?;
        if !origin.is_https {
            return Ok(Wire::Proxied(stream));
        }
        let tunnel = tunnel(&mut stream, proxy, origin);
        match tokio::time::timeout(self.options.connect_timeout, tunnel).await {
            Ok(opened) => opened.map_err(failed)?,
            Err(_) => return Err(failed(Failure::ResponseTimeout)),
        }
        let stream = self.encrypt(stream, origin, HTTP_1_AND_2).await?;
        Ok(Wire::Tunneled(Box::new(stream)))
    }

    /// Connects to a proxy, which may itself want TLS.
    async fn reach(&self, proxy: &Proxy) -> Result<Box<dyn Pipe>, Failure> {
        let stream = self.dialer.dial(&proxy.origin.host, proxy.origin.port).await?;
        if !proxy.origin.is_https {
            return Ok(Box::new(stream));
        }
        Ok(Box::new(self.encrypt(stream, &proxy.origin, HTTP_1).await?))
    }

    async fn encrypt<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        origin: &WebOrigin,
        protocols: &[&[u8]],
    ) -> Result<TlsStream<Sniffed<S>>, Failure> {
        let tls = self.tls.get_or_try_init(|| load(self.options.clone())).await?;
        let handshake = tls.connect(origin, stream, protocols);
        match tokio::time::timeout(self.options.handshake_timeout, handshake).await {
            Ok(stream) => stream,
            Err(_) => Err(Failure::HandshakeTimeout),
        }
    }
}

const HTTP_1: &[&[u8]] = &[b"http/1.1"];
const HTTP_1_AND_2: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Both directions of a connection.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// Loads the roots where it may block.
async fn load(options: NetworkOptions) -> Result<Arc<Tls>, Failure> {
    let load = move || Tls::load(&options.roots, options.insecure, options.identity.as_ref());
    match tokio::task::spawn_blocking(load).await {
        Ok(tls) => tls.map(Arc::new),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// An open connection.
pub(super) struct Stream {
    wire: Wire,
    last_word: LastWord,
}

/// What bytes go through.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<Sniffed<TcpStream>>>),
    /// To a proxy, which reads the requests.
    Proxied(Box<dyn Pipe>),
    /// Through a proxy, which does not.
    Tunneled(Box<TlsStream<Sniffed<Box<dyn Pipe>>>>),
}

impl Stream {
    fn pipe(self: Pin<&mut Self>) -> Pin<&mut dyn Pipe> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream),
            Wire::Tls(stream) => Pin::new(&mut **stream),
            Wire::Proxied(stream) => Pin::new(stream),
            Wire::Tunneled(stream) => Pin::new(&mut **stream),
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let protocol = match &self.wire {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            Wire::Proxied(_) => return Connected::new().proxy(true),
            Wire::Tunneled(stream) => stream.get_ref().1.alpn_protocol(),
        };
        let connected = Connected::new();
        if protocol == Some(b"h2") { connected.negotiated_h2() } else { connected }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let last_word = self.last_word.clone();
        self.pipe().poll_read(cx, buf).map_err(|error| last_word.hear(error))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
            Wire::Proxied(stream) => stream.is_write_vectored(),
            Wire::Tunneled(stream) => stream.is_write_vectored(),
        }
    }
}

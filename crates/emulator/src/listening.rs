//! Listeners on this machine, one for each origin of a registry.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select, select_all};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificate;
use crate::emulator::{Emulator, Entrance, Ports};
use crate::ledger::Origin;

/// An emulated registry on its ports, listening but not yet serving.
///
/// Each of its origins has a port. By its real name, over any of them, a request reaches the
/// origin of that name: a client that is told where those names lead needs only one.
#[expect(missing_debug_implementations, reason = "an acceptor prints nothing")]
pub struct Listening {
    emulator: Emulator,
    ports: Ports,
    listeners: Vec<(TcpListener, Origin)>,
    acceptor: Option<TlsAcceptor>,
    authority: Option<String>,
}

impl Listening {
    pub(crate) async fn new(emulator: Emulator, is_tls: bool, port: u16) -> io::Result<Self> {
        let profile = emulator.profile();
        let bind = async |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let registry = bind(port).await?;
        let mut ports = Ports::of(registry.local_addr()?.port());
        let mut listeners = vec![(registry, Origin::Registry)];
        if profile.token_host.is_some() {
            let token = bind(0).await?;
            ports.token = token.local_addr()?.port();
            listeners.push((token, Origin::Token));
        }
        if profile.storage_host.is_some() {
            let storage = bind(0).await?;
            ports.storage = storage.local_addr()?.port();
            listeners.push((storage, Origin::Storage));
        }
        let identity = if is_tls { Some(certificate::issue(profile)?) } else { None };
        let acceptor = identity.as_ref().map(|own| TlsAcceptor::from(Arc::clone(&own.config)));
        let authority = identity.map(|identity| identity.authority);
        Ok(Self { emulator, ports, listeners, acceptor, authority })
    }

    /// Returns where the registry listens.
    pub fn registry(&self) -> SocketAddr {
        at(self.ports.registry)
    }

    /// Returns where the token service listens; where the registry does, if that is one origin.
    pub fn token(&self) -> SocketAddr {
        at(self.ports.token)
    }

    /// Returns where blobs are downloaded from; where the registry listens, if that is one origin.
    pub fn storage(&self) -> SocketAddr {
        at(self.ports.storage)
    }

    /// Returns the certificate of the authority to trust, as PEM; nothing without TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Serves until `shutdown` is ready; then everything is cut.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let is_tls = self.acceptor.is_some();
        let accept = self.listeners.into_iter().map(|(listener, origin)| {
            let entrance =
                Entrance { emulator: self.emulator.clone(), origin, ports: self.ports, is_tls };
            Box::pin(accept(listener, entrance, self.acceptor.clone()))
        });
        let accepting = select_all(accept);
        match select(pin!(shutdown), accepting).await {
            Either::Left(((), _)) | Either::Right(_) => {}
        }
    }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn accept(listener: TcpListener, entrance: Entrance, acceptor: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that fails while it is accepted is the client's.
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connection(stream, entrance.clone(), acceptor.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, entrance: Entrance, acceptor: Option<TlsAcceptor>) {
    // A client that goes away is nobody's mistake.
    drop(stream.set_nodelay(true));
    match acceptor {
        None => serve(stream, entrance).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, entrance).await;
            }
        }
    }
}

/// The connection is to end without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, entrance: Entrance) {
    let service = service_fn(move |request| {
        let entrance = entrance.clone();
        async move {
            let answer = entrance.answer(request).await.ok_or(Cut)?;
            Ok::<_, Cut>(answer.map(Full::<Bytes>::from))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    drop(connection.await);
}

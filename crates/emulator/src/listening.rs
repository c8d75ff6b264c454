//! Listeners on this machine, one for each origin of a registry.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use oras_server::serve::{ServeOptions, Server};

use crate::certificate;
use crate::emulator::{Emulator, Entrance, Ports};
use crate::ledger::Origin;

/// An emulated registry on its ports, listening but not yet serving.
///
/// Each of its origins has a port. By its real name, over any of them, a request reaches the
/// origin of that name: a client that is told where those names lead needs only one.
#[derive(Debug)]
pub struct Listening {
    ports: Ports,
    servers: Vec<Server<Door>>,
    authority: Option<String>,
}

impl Listening {
    pub(crate) async fn new(emulator: Emulator, is_tls: bool, port: u16) -> io::Result<Self> {
        let profile = emulator.profile();
        let identity = if is_tls { Some(certificate::issue(profile)?) } else { None };
        let mut options = ServeOptions::default();
        // Nobody misses what is cut off here.
        options.stop_grace = Duration::ZERO;
        options.tls = identity.as_ref().map(|identity| identity.tls.clone());
        let mut origins = vec![(Origin::Registry, port)];
        origins.extend(profile.token_host.map(|_| (Origin::Token, 0)));
        origins.extend(profile.storage_host.map(|_| (Origin::Storage, 0)));
        let mut ports = None;
        let mut servers = Vec::new();
        // The ports are known only when all of them are taken, and each entrance names them all.
        let (announce, announced) = tokio::sync::watch::channel(Ports::of(port));
        for (origin, port) in origins {
            let entrance = Entrance { emulator: emulator.clone(), origin, is_tls };
            let door = Door { entrance, ports: announced.clone() };
            let server = Server::bind(at(port), door, options.clone()).await;
            let server = server.map_err(io::Error::other)?;
            let port = server.local_addr().port();
            let ports = ports.get_or_insert(Ports::of(port));
            match origin {
                Origin::Registry => {}
                Origin::Token => ports.token = port,
                Origin::Storage => ports.storage = port,
            }
            servers.push(server);
        }
        let ports = ports.unwrap_or(Ports::of(port));
        announce.send_replace(ports);
        Ok(Self { ports, servers, authority: identity.map(|identity| identity.authority) })
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
        let shutdown = shutdown.shared();
        let running = self.servers.into_iter().map(|server| server.run(shutdown.clone()));
        // A listener that fails is gone, and whoever asks it is told by the system.
        drop(join_all(running).await);
    }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// An entrance as a service.
#[derive(Clone, Debug)]
struct Door {
    entrance: Entrance,
    ports: tokio::sync::watch::Receiver<Ports>,
}

/// The connection is to end without an answer.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl StdError for Cut {}

impl<B> tower_service::Service<Request<B>> for Door
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Cut;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cut>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let entrance = self.entrance.clone();
        let ports = *self.ports.borrow();
        Box::pin(async move {
            let answer = entrance.answer(request, ports).await.ok_or(Cut)?;
            Ok(answer.map(Full::from))
        })
    }
}

//! Serves any HTTP service on a TCP port, and lets no peer hold it up.
//!
//! HTTP/1.1 and HTTP/2, over TLS or, for clients that know beforehand that we speak it, without. Every wait for a peer
//! has a deadline, every number of things a limit: all of them are fields of [`ServeOptions`].
//! Which addresses are fit to be served without TLS or authentication is up to the caller.

mod accept;
mod activity;
mod address;
mod body;
mod connection;
mod opening;
mod options;
mod patience;
mod running;
mod service;
mod stop;
mod stream;
#[cfg(test)]
mod testing;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

pub use self::body::{RequestBody, RequestBodyError};
pub use self::options::{Resets, ServeEvent, ServeOptions, Slow};
pub use self::running::Running;
pub use self::service::{Connection, Encrypted, HttpService, PeerAddress};

use self::accept::accept;
use self::address::Addresses;
use self::connection::Shared;
use self::stop::{Stage, Stop};

/// Why a server could not begin, or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address could not be listened on: taken, not ours, or not allowed.
    #[error("listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The listener no longer accepts connections, and never will again.
    #[error("accept connections")]
    Accept(#[source] io::Error),
}

/// A service on its port, listening but not yet serving.
#[derive(Debug)]
pub struct Server<S> {
    listener: TcpListener,
    address: SocketAddr,
    service: S,
    options: ServeOptions,
}

impl<S: HttpService> Server<S> {
    /// Listens on `address`; with port 0 on any free port, which [`local_addr`](Self::local_addr)
    /// tells. Clients can connect from now on, and wait until [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`].
    pub async fn bind(
        address: SocketAddr,
        service: S,
        options: ServeOptions,
    ) -> Result<Self, ServeError> {
        let bind = async {
            let listener = TcpListener::bind(address).await?;
            let local = listener.local_addr()?;
            Ok((listener, local))
        };
        match bind.await {
            Ok((listener, address)) => Ok(Self { listener, address, service, options }),
            Err(source) => Err(ServeError::Bind { address, source }),
        }
    }

    /// Returns the address listened on, with the port chosen if none was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready, then stops.
    ///
    /// To stop is to refuse new connections, close idle ones at once, and wait until the requests
    /// in flight are answered, but no longer than [`ServeOptions::stop_grace`]; what is left is
    /// cut. If the returned future is dropped, everything is cut at once.
    ///
    /// A connection's requests run on the task of the connection (over HTTP/2 each on one of its
    /// own) and are dropped in the middle when it breaks.
    ///
    /// # Errors
    ///
    /// [`ServeError::Accept`]; connections that break, or run out of something, are no error.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let options = Arc::new(self.options);
        let (stage, stop) = Stop::new();
        let shared = Shared { service: self.service, options: Arc::clone(&options), stop };
        let places = Places::new(&options);
        let mut shutdown = pin!(shutdown);
        let outcome = loop {
            let next = pin!(places.next(&self.listener, &options));
            match select(&mut shutdown, next).await {
                Either::Left(((), _)) => break Ok(()),
                Either::Right((Err(error), _)) => break Err(ServeError::Accept(error)),
                Either::Right((Ok((stream, peer, place)), _)) => {
                    let serve = shared.clone().welcome(stream, peer);
                    tokio::spawn(async move {
                        serve.await;
                        drop(place);
                    });
                }
            }
        };
        drop(self.listener);
        places.finish(stage, &options).await;
        outcome
    }
}

/// The connections there is room for.
struct Places {
    total: u32,
    free: Arc<Semaphore>,
    addresses: Addresses,
}

/// The room one connection takes, until dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    _admission: address::Admission,
}

impl Places {
    fn new(options: &ServeOptions) -> Self {
        // More than a million file descriptors in one process are a mistake in the options.
        let total = u32::try_from(options.max_connections).unwrap_or(u32::MAX).clamp(1, 1 << 20);
        Self {
            total,
            free: Arc::new(Semaphore::new(total as usize)),
            addresses: Addresses::new(options.max_connections_per_address),
        }
    }

    /// Waits for room, then for a connection to fill it. Nothing is lost when dropped midway.
    async fn next(
        &self,
        listener: &TcpListener,
        options: &ServeOptions,
    ) -> io::Result<(TcpStream, SocketAddr, Place)> {
        let report = |error| (options.observer)(ServeEvent::Paused(error));
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        loop {
            let (stream, peer) = accept(|| listener.accept(), report).await?;
            let Some(admission) = self.addresses.admit(peer.ip()) else {
                (options.observer)(ServeEvent::Refused(peer));
                continue;
            };
            // Answers are written whole; waiting to fill a packet only delays them.
            if stream.set_nodelay(true).is_err() {
                continue; // the peer has gone
            }
            return Ok((stream, peer, Place { _permit: permit, _admission: admission }));
        }
    }

    /// Ends all connections, gently first; returns when all are gone.
    async fn finish(&self, stage: watch::Sender<Stage>, options: &ServeOptions) {
        stage.send_replace(Stage::Finishing);
        let gone = || self.free.acquire_many(self.total);
        if timeout(options.stop_grace, gone()).await.is_ok() {
            return;
        }
        let left = (self.total as usize).saturating_sub(self.free.available_permits());
        (options.observer)(ServeEvent::Cut(left));
        stage.send_replace(Stage::Dropping);
        drop(gone().await);
    }
}

#[cfg(test)]
mod tests;

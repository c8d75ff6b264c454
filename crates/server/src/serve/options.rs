//! Every number the server holds its peers to, and who hears when one is passed.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::tls::Tls;
use crate::limits::Limits;

/// The deadlines and limits of a [`Server`](crate::serve::Server).
///
/// Each has a default that suits a registry open to the world; make one with
/// [`ServeOptions::default`] and change what you must.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServeOptions {
    /// What to speak TLS with. Without, plain HTTP is spoken.
    pub tls: Option<Tls>,
    /// How long a TLS handshake may take, from the connection to its end. 10 seconds.
    pub handshake: Duration,
    /// How long a new connection may stay silent. 10 seconds.
    pub first_byte: Duration,
    /// How long the head of a request, request line and header fields, may take from its first
    /// byte to its last. 10 seconds.
    ///
    /// Over HTTP/2, where heads of several requests mix with other frames, this holds for the
    /// first request of a connection; for later ones `keep_alive` does.
    pub head: Duration,
    /// How long a connection may stay open without a request. 75 seconds, as most servers have it.
    pub keep_alive: Duration,
    /// How many bytes per second a peer must send of a body, or take of a response, to be kept.
    /// 1,024; with 0, one byte now and then is enough.
    ///
    /// Only the time in which we wait for the peer counts, never the time in which it waits for
    /// us. A peer has a credit of waiting time: `body_grace` to begin with, and each
    /// `minimum_rate` bytes buy another second, up to `body_stall` (or `write_stall`).
    pub minimum_rate: u32,
    /// The credit of waiting time that the sender of a request body begins with. 30 seconds.
    pub body_grace: Duration,
    /// The longest silence in a request body, however fast it was before. 60 seconds.
    pub body_stall: Duration,
    /// The longest time in which the reader of a response takes nothing. 60 seconds.
    ///
    /// We see progress only when the kernel has room in its send buffer again, so this is also
    /// the credit a reader begins with.
    pub write_stall: Duration,
    /// How long we still read, and throw away, what a client sends after an answer that made the
    /// rest of its request pointless. 2 seconds.
    ///
    /// A socket closed over unread bytes is reset, and the reset can destroy the answer before
    /// the client has read it. Also how long a connection that we ask to end may take to do so.
    pub linger: Duration,
    /// How long requests in flight may take to finish after a stop. 30 seconds.
    pub stop_grace: Duration,
    /// How many connections are open at once; more wait in the kernel's queue. 10,240, at least 1.
    pub max_connections: usize,
    /// How many connections one address may have open; more are closed unread. 512.
    ///
    /// An IPv6 address counts as its /64. Loopback addresses are free of this limit: behind a
    /// proxy on the same machine everybody comes from there.
    pub max_connections_per_address: usize,
    /// How large the head of a request may be, in bytes; a larger one is answered with 431.
    /// 32 KiB. More than 100 header fields are too many, too.
    pub max_head_size: u32,
    /// How many requests may be in flight on one HTTP/2 connection. 100.
    pub max_streams: u32,
    /// How many HTTP/2 streams a peer may reset before we have looked at them, and how many we
    /// may reset for its mistakes, before the connection is closed. 20 and 100.
    pub max_resets: Resets,
    /// Hears of what befalls connections. By default nobody does.
    pub observer: Arc<dyn Fn(ServeEvent) + Send + Sync>,
}

/// Limits on reset HTTP/2 streams, against floods of them.
///
/// See [CVE-2023-44487](https://www.cve.org/CVERecord?id=CVE-2023-44487).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resets {
    /// Streams the peer opened and reset that nobody here has looked at yet.
    pub pending: usize,
    /// Streams we reset because of the peer's mistakes.
    pub errors: usize,
}

impl ServeOptions {
    /// Takes as many connections, and as large heads of requests, as `limits` say.
    pub fn within(limits: &Limits) -> Self {
        Self {
            max_connections: limits.connections,
            max_connections_per_address: limits.connections_per_address,
            max_head_size: u32::try_from(limits.header_size).unwrap_or(u32::MAX),
            ..Self::default()
        }
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            handshake: Duration::from_secs(10),
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            minimum_rate: 1024,
            body_grace: Duration::from_secs(30),
            body_stall: Duration::from_mins(1),
            write_stall: Duration::from_mins(1),
            linger: Duration::from_secs(2),
            stop_grace: Duration::from_secs(30),
            max_connections: 10_240,
            max_connections_per_address: 512,
            max_head_size: 32 * 1024,
            max_streams: 100,
            max_resets: Resets { pending: 20, errors: 100 },
            observer: Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("tls", &self.tls)
            .field("handshake", &self.handshake)
            .field("first_byte", &self.first_byte)
            .field("head", &self.head)
            .field("keep_alive", &self.keep_alive)
            .field("minimum_rate", &self.minimum_rate)
            .field("body_grace", &self.body_grace)
            .field("body_stall", &self.body_stall)
            .field("write_stall", &self.write_stall)
            .field("linger", &self.linger)
            .field("stop_grace", &self.stop_grace)
            .field("max_connections", &self.max_connections)
            .field("max_connections_per_address", &self.max_connections_per_address)
            .field("max_head_size", &self.max_head_size)
            .field("max_streams", &self.max_streams)
            .field("max_resets", &self.max_resets)
            .finish_non_exhaustive()
    }
}

/// Something that befell a connection, or the listener.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeEvent {
    /// No connection can be accepted for a while: out of file descriptors, most often.
    Paused(io::Error),
    /// A connection was closed unread: its address has too many.
    Refused(SocketAddr),
    /// A connection was closed because its peer kept us waiting.
    Shed(SocketAddr, Slow),
    /// A client began TLS where plain HTTP is spoken.
    Tls(SocketAddr),
    /// A client spoke plain HTTP where TLS is spoken.
    Plain(SocketAddr),
    /// The grace after a stop is over; this many connections were cut.
    Cut(usize),
}

/// What a peer was too slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slow {
    /// It did not finish the TLS handshake.
    Handshake,
    /// It said nothing at all.
    FirstByte,
    /// It did not finish the head of a request.
    Head,
    /// It did not send the body of a request.
    Body,
    /// It did not take its response.
    Response,
}

//! The first bytes of a connection: which protocol they begin.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::options::{ServeOptions, Slow};

/// What a connection begins with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) kind: Kind,
    /// What has been read; the protocol must see it again.
    pub(super) bytes: Bytes,
    /// When the first of it came.
    pub(super) since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything that is not one of the others; HTTP/1 finds out what is wrong with it.
    Http1,
    /// The connection preface of HTTP/2, whole.
    Http2,
    /// The beginning of a TLS handshake.
    Tls,
}

/// Why a connection did not get as far as a protocol.
#[derive(Debug)]
pub(super) enum Unopened {
    /// The peer went away, or was never there.
    Gone,
    Slow(Slow),
}

impl From<io::Error> for Unopened {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// [RFC 9113, section 3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The content type of a TLS record that carries a handshake.
pub(super) const TLS_HANDSHAKE: u8 = 22;

/// Reads until it is clear what the peer speaks: at most as many bytes as HTTP/2's preface has.
pub(super) async fn open<R>(wire: &mut R, options: &ServeOptions) -> Result<Opening, Unopened>
where
    R: AsyncRead + Unpin,
{
    let mut buffer = [0; PREFACE.len()];
    let first = timeout(options.first_byte, wire.read(&mut buffer)).await;
    let mut filled = first.map_err(|_| Unopened::Slow(Slow::FirstByte))??;
    if filled == 0 {
        return Err(Unopened::Gone);
    }
    let since = Instant::now();
    let kind = loop {
        if buffer[0] == TLS_HANDSHAKE {
            break Kind::Tls;
        }
        if buffer[..filled] != PREFACE[..filled] {
            break Kind::Http1;
        }
        if filled == PREFACE.len() {
            break Kind::Http2;
        }
        let more = timeout_at(since + options.head, wire.read(&mut buffer[filled..])).await;
        match more.map_err(|_| Unopened::Slow(Slow::Head))?? {
            0 => return Err(Unopened::Gone),
            more => filled += more,
        }
    };
    Ok(Opening { kind, bytes: Bytes::copy_from_slice(&buffer[..filled]), since })
}

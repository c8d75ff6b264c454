//! The handshake that comes before everything else, under a deadline of its own.

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::opening::TLS_HANDSHAKE;
use super::super::options::ServeOptions;
use super::super::stream::Wire;
use super::Tls;

/// How a connection began that was to be TLS.
pub(crate) enum Handshake {
    /// As it should.
    Done(Box<TlsStream<TcpStream>>),
    /// With something else; nothing of it has been read.
    NotTls(TcpStream),
    /// It did not, in time.
    Slow,
    /// The peer went away, or the two could not agree.
    Failed,
}

/// Waits for the handshake, from the first byte of the connection to its end.
pub(crate) async fn shake_hands(stream: TcpStream, tls: &Tls, options: &ServeOptions) -> Handshake {
    let shaking = async {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1..) if first[0] == TLS_HANDSHAKE => {}
            Ok(1..) => return Handshake::NotTls(stream),
            Ok(0) | Err(_) => return Handshake::Failed,
        }
        match TlsAcceptor::from(tls.config()).accept(stream).await {
            Ok(stream) => Handshake::Done(Box::new(stream)),
            Err(_) => Handshake::Failed,
        }
    };
    timeout(options.handshake, shaking).await.unwrap_or(Handshake::Slow)
}

impl<W: Wire> Wire for Box<TlsStream<W>> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }

    fn is_encrypted(&self) -> bool {
        true
    }
}

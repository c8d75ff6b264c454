//! One connection, from its first byte to its last.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::{Either, select};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Due, Protocol};
use super::opening::{Kind, Unopened, open};
use super::options::{ServeEvent, ServeOptions, Slow};
use super::service::{HttpService, Watched};
use super::stop::{Stage, Stop};
use super::stream::{Stream, Wire};
use super::tls::{Handshake, shake_hands};

/// What every connection of a server has in common.
#[derive(Clone, Debug)]
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) options: Arc<ServeOptions>,
    pub(super) stop: Stop,
}

impl<S: HttpService> Shared<S> {
    /// Serves what was accepted: after a handshake, if TLS is to be spoken.
    pub(super) async fn welcome(self, stream: TcpStream, peer: SocketAddr) {
        let Some(tls) = self.options.tls.clone() else { return self.serve(stream, peer).await };
        let handshake = {
            let stopping = pin!(self.stop.clone().reached(Stage::Finishing));
            let shaking = pin!(shake_hands(stream, &tls, &self.options));
            match select(stopping, shaking).await {
                Either::Left(_) => return,
                Either::Right((handshake, _)) => handshake,
            }
        };
        match handshake {
            Handshake::Done(stream) => self.serve(stream, peer).await,
            Handshake::Failed => {}
            Handshake::Slow => {
                (self.options.observer)(ServeEvent::Shed(peer, Slow::Handshake));
            }
            Handshake::NotTls(stream) => {
                (self.options.observer)(ServeEvent::Plain(peer));
                let activity =
                    Activity::new(Arc::clone(&self.options), Protocol::Http1, Instant::now());
                activity.leave_unread();
                let stream = Stream::new(stream, bytes::Bytes::new(), Arc::new(activity));
                refuse(stream, NOT_PLAIN).await;
            }
        }
    }

    /// Serves one connection until it ends, or the stop drops it.
    pub(super) async fn serve<W: Wire>(self, wire: W, peer: SocketAddr) {
        let options = Arc::clone(&self.options);
        let dropped = pin!(self.stop.clone().reached(Stage::Dropping));
        let served = pin!(self.serve_undisturbed(wire, peer));
        if let Either::Right((Some(slow), _)) = select(dropped, served).await {
            (options.observer)(ServeEvent::Shed(peer, slow));
        }
    }

    /// Serves one connection; returns what its peer was too slow at, if it was.
    async fn serve_undisturbed<W: Wire>(self, mut wire: W, peer: SocketAddr) -> Option<Slow> {
        let opening = {
            let stopping = pin!(self.stop.clone().reached(Stage::Finishing));
            let opening = pin!(open(&mut wire, &self.options));
            match select(stopping, opening).await {
                Either::Right((Ok(opening), _)) => opening,
                Either::Right((Err(Unopened::Slow(slow)), _)) => return Some(slow),
                Either::Right((Err(Unopened::Gone), _)) | Either::Left(_) => return None,
            }
        };
        let protocol = if opening.kind == Kind::Http2 { Protocol::Http2 } else { Protocol::Http1 };
        let activity = Activity::new(Arc::clone(&self.options), protocol, opening.since);
        let activity = Arc::new(activity);
        let is_encrypted = wire.is_encrypted();
        let stream = Stream::new(wire, opening.bytes, Arc::clone(&activity));
        let service = Watched::new(self.service, peer, is_encrypted, Arc::clone(&activity));
        // Boxed, as a connection of one kind need not have room for the other.
        match opening.kind {
            Kind::Tls => {
                (self.options.observer)(ServeEvent::Tls(peer));
                refuse(stream, NOT_TLS).await;
            }
            Kind::Http1 => {
                let http1 = http1(&self.options);
                let connection = http1.serve_connection(TokioIo::new(stream), service);
                Box::pin(drive(connection, &activity, self.stop)).await;
            }
            Kind::Http2 => {
                let http2 = http2(&self.options);
                let connection = http2.serve_connection(TokioIo::new(stream), service);
                Box::pin(drive(connection, &activity, self.stop)).await;
            }
        }
        activity.slow()
    }
}

/// Drives a connection until it ends or a deadline passes.
async fn drive<C: GracefulConnection>(connection: C, activity: &Activity, stop: Stop) {
    let mut connection = pin!(connection);
    let mut finishing = pin!(stop.reached(Stage::Finishing));
    let mut asked_to_end = false;
    let mut alarm = pin!(sleep_until(Instant::now()));
    poll_fn(|context| {
        loop {
            if !asked_to_end && finishing.as_mut().poll(context).is_ready() {
                asked_to_end = true;
                activity.close();
                connection.as_mut().graceful_shutdown();
            }
            // What went wrong on a connection concerns nobody but its peer.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            match ready!(poll_due(activity, alarm.as_mut(), context)) {
                Due::Idle => {
                    asked_to_end = true;
                    activity.close();
                    connection.as_mut().graceful_shutdown();
                }
                Due::Closing => return Poll::Ready(()),
                Due::Shed(slow) => {
                    activity.too_slow(slow);
                    return Poll::Ready(());
                }
            }
        }
    })
    .await;
}

/// Waits until something is due.
fn poll_due(
    activity: &Activity,
    mut alarm: Pin<&mut Sleep>,
    context: &mut Context<'_>,
) -> Poll<Due> {
    loop {
        let due = activity.due();
        let now = Instant::now();
        let at = match due {
            Some((at, due)) if at <= now => return Poll::Ready(due),
            Some((at, _)) => at,
            None => now + activity.options().keep_alive,
        };
        // An alarm that rings too early costs one more look; moving it each time costs more.
        if at < alarm.deadline() || alarm.is_elapsed() {
            alarm.as_mut().reset(at);
        }
        ready!(alarm.as_mut().poll(context));
    }
}

fn http1(options: &ServeOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The one deadline it has serves for idle connections, too; ours tell the two apart.
        .header_read_timeout(None)
        .max_header_size(options.max_head_size as usize)
        .max_buf_size(BUFFER);
    builder
}

fn http2(options: &ServeOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.max_streams)
        .max_header_list_size(options.max_head_size)
        .max_pending_accept_reset_streams(options.max_resets.pending)
        .max_local_error_reset_streams(options.max_resets.errors)
        .max_send_buf_size(BUFFER);
    builder
}

/// How much of a body is buffered on its way, in bytes: twice as many are hardly faster, and cost
/// each of many clients that push at once three times as much, in what is read, collected and
/// written.
const BUFFER: usize = 128 * 1024;

/// Tells a client that it speaks another protocol than we do.
///
/// In plain text, also to one that began TLS: clients know a server that answers so by its first
/// bytes.
async fn refuse<W: Wire>(mut stream: Stream<W>, answer: &[u8]) {
    // The connection ends here, whether this arrives or not.
    if stream.write_all(answer).await.is_ok() {
        drop(stream.shutdown().await);
    }
}

const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Connection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 58\r\n\
    \r\n\
    This port speaks plain HTTP, and the request came by TLS.\n";

const NOT_PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Connection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 58\r\n\
    \r\n\
    This port speaks TLS, and the request came in plain HTTP.\n";

#[cfg(test)]
mod tests;

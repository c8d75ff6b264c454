//! A proxy between client and registry that does to connections what bad lines and proxies do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_socket_send_buffer_size};

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: everything passes.
    None,
    /// After so many bytes in that direction both sides see an orderly end.
    Cut(Direction, u64),
    /// After so many bytes in that direction both sides see a reset.
    Reset(Direction, u64),
    /// After so many bytes in that direction nothing moves any more, but the connection stays.
    Halt(Direction, u64),
    /// After so many bytes in that direction there is a byte now and then.
    Drip(Direction, u64),
    /// The byte behind so many in that direction is another than was sent.
    Lie(Direction, u64),
    /// The first request is answered with this status, and goes nowhere.
    Status(u16),
}

impl Fault {
    /// Returns which way it strikes, and after how many bytes, if it is one of those.
    fn place(self) -> Option<(Direction, u64)> {
        match self {
            Self::None | Self::Status(_) => None,
            Self::Cut(way, after)
            | Self::Reset(way, after)
            | Self::Halt(way, after)
            | Self::Drip(way, after)
            | Self::Lie(way, after) => Some((way, after)),
        }
    }
}

/// How many bytes wait here for one side to take them, at most.
const SEND_BUFFER: usize = 128 * 1024;

/// How long it takes from one byte that drips to the next.
const DRIP: Duration = Duration::from_millis(20);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the registry.
    Up,
    /// From the registry to the client.
    Down,
}

/// A proxy on a loopback port of its own. It takes no new connections once dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    moved: Arc<Moved>,
}

/// How many bytes have passed in each direction.
#[derive(Debug, Default)]
struct Moved {
    up: AtomicU64,
    down: AtomicU64,
}

impl Moved {
    fn of(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

/// What to do when a fault strikes.
type OnFault = Arc<dyn Fn() + Send + Sync>;

impl Proxy {
    /// Starts a proxy to `upstream` that does `plan(n)` to the n-th connection, counted from 0.
    pub fn start(upstream: SocketAddr, plan: impl FnMut(usize) -> Fault + Send + 'static) -> Self {
        Self::start_with(upstream, plan, || {})
    }

    /// As [`start`](Self::start), and calls `on_fault` each time a fault has struck.
    pub fn start_with(
        upstream: SocketAddr,
        mut plan: impl FnMut(usize) -> Fault + Send + 'static,
        on_fault: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let address = listener.local_addr().expect("know the port");
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let on_fault: OnFault = Arc::new(on_fault);
        let moved = Arc::new(Moved::default());
        let counted = Arc::clone(&moved);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                let fault = plan(number);
                if let Fault::Status(status) = fault {
                    let on_fault = Arc::clone(&on_fault);
                    thread::spawn(move || refuse(&client, status).map(|()| on_fault()));
                    continue;
                }
                // A registry that is gone is what the client must cope with, too.
                let Ok(server) = TcpStream::connect(upstream) else { continue };
                join(&client, &server, fault, &on_fault, &counted);
            }
        });
        Self { address, closed, moved }
    }

    /// Returns how many bytes have passed in a direction, all connections together.
    pub fn moved(&self, direction: Direction) -> u64 {
        self.moved.of(direction).load(Ordering::SeqCst)
    }

    /// Returns `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is closed.
        drop(TcpStream::connect(self.address));
    }
}

/// Pumps bytes both ways, each on a thread of its own.
fn join(
    client: &TcpStream,
    server: &TcpStream,
    fault: Fault,
    on_fault: &OnFault,
    moved: &Arc<Moved>,
) {
    let is_reset = Arc::new(AtomicBool::new(false));
    for direction in [Direction::Up, Direction::Down] {
        let (from, to) = match direction {
            Direction::Up => (client, server),
            Direction::Down => (server, client),
        };
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        // What waits here has not gone over the line, and is not to be counted for long.
        set_socket_send_buffer_size(&to, SEND_BUFFER).unwrap_or_default();
        let strikes = fault.place().is_some_and(|(way, _)| way == direction);
        let fault = if strikes { fault } else { Fault::None };
        let (on_fault, is_reset) = (Arc::clone(on_fault), Arc::clone(&is_reset));
        let moved = Arc::clone(moved);
        thread::spawn(move || {
            let moved = moved.of(direction);
            if pump(&from, &to, fault, &is_reset, moved).unwrap_or(false) {
                on_fault();
            }
        });
    }
}

/// Copies bytes until the end or the fault; tells whether the fault struck.
fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    fault: Fault,
    is_reset: &AtomicBool,
    moved: &AtomicU64,
) -> io::Result<bool> {
    let place = fault.place().map_or(u64::MAX, |(_, after)| after);
    let limit = match fault {
        Fault::Cut(..) | Fault::Reset(..) | Fault::Halt(..) => place,
        _ => u64::MAX,
    };
    let mut passed = 0;
    let mut buffer = [0; 16 * 1024];
    while passed < limit {
        let drips = passed >= place && matches!(fault, Fault::Drip(..));
        let most = if drips { 1 } else { buffer.len() };
        let room = usize::try_from(limit - passed).unwrap_or(usize::MAX).min(most);
        let count = from.read(&mut buffer[..room])?;
        if count == 0 {
            if !is_reset.load(Ordering::SeqCst) {
                to.shutdown(Shutdown::Write)?;
            }
            return Ok(passed > place);
        }
        if drips {
            thread::sleep(DRIP);
        }
        let at = place.checked_sub(passed).and_then(|at| usize::try_from(at).ok());
        if let (Fault::Lie(..), Some(at)) = (fault, at.filter(|at| *at < count)) {
            buffer[at] ^= 1;
        }
        to.write_all(&buffer[..count])?;
        passed += count as u64;
        moved.fetch_add(count as u64, Ordering::SeqCst);
    }
    let end = |how| {
        // One that has ended already needs no further end.
        for stream in [from, to] {
            stream.shutdown(how).unwrap_or_default();
        }
    };
    match fault {
        Fault::Cut(..) => end(Shutdown::Both),
        Fault::Reset(..) => {
            // Closing with a linger time of zero sends a reset instead of an end, once the other
            // direction, woken by the shutdown, has let go as well.
            is_reset.store(true, Ordering::SeqCst);
            set_socket_linger(to, Some(Duration::ZERO))?;
            set_socket_linger(from, Some(Duration::ZERO))?;
            end(Shutdown::Read);
        }
        // The streams stay open for as long as the other direction lives.
        _ => {}
    }
    Ok(true)
}

/// Answers the first request of a connection itself, and ends it.
fn refuse(mut client: &TcpStream, status: u16) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let answer =
        format!("HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    client.write_all(answer.as_bytes())?;
    client.shutdown(Shutdown::Write)?;
    // Closed with bytes unread, the connection would be reset and the answer lost.
    io::copy(&mut client, &mut io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `0..100` up through a proxy with `fault` to a registry that sends all of it back.
    fn echo(fault: Fault) -> (io::Result<usize>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let (sender, struck) = std::sync::mpsc::channel();
        let upstream = listener.local_addr().expect("address");
        let on_fault = move || sender.send(()).unwrap_or_default();
        let proxy = Proxy::start_with(upstream, move |_| fault, on_fault);
        let echo = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut bytes = [0; 100];
            let mut seen = 0;
            while let Ok(count @ 1..) = stream.read(&mut bytes[seen..]) {
                seen += count;
            }
            // After a fault the answer may go nowhere.
            stream.write_all(&bytes[..seen]).unwrap_or_default();
        });
        let mut client = TcpStream::connect(proxy.address).expect("connect");
        client.write_all(&(0..100).collect::<Vec<u8>>()).expect("send");
        client.shutdown(Shutdown::Write).expect("end");
        let mut back = Vec::new();
        let read = client.read_to_end(&mut back).map(|_| back.len());
        echo.join().expect("echo");
        drop(proxy);
        // All threads that could tell of a fault have ended when this does.
        (read, struck.iter().count())
    }

    #[test]
    fn passes_everything_without_a_fault() {
        let (read, struck) = echo(Fault::None);
        assert_eq!(read.expect("an orderly end"), 100);
        assert_eq!(struck, 0);
    }

    #[test]
    fn cuts_after_the_bytes_it_was_told() {
        let (read, struck) = echo(Fault::Cut(Direction::Down, 17));
        assert_eq!(read.expect("an orderly end"), 17);
        assert_eq!(struck, 1);
    }

    #[test]
    fn drips_and_lies_lose_no_byte() {
        for fault in [Fault::Drip(Direction::Down, 90), Fault::Lie(Direction::Up, 17)] {
            let (read, struck) = echo(fault);
            assert_eq!(read.expect("an orderly end"), 100, "{fault:?}");
            assert_eq!(struck, 1, "{fault:?}");
        }
    }

    #[test]
    fn resets_after_the_bytes_it_was_told() {
        let (read, struck) = echo(Fault::Reset(Direction::Down, 17));
        assert_eq!(read.expect_err("no end").kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(struck, 1);
    }
}

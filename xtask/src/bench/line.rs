//! Lines that are slower than loopback: a proxy that limits each connection, or delays all bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::Failure;

/// How a line is worse than loopback.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// How many bytes a second one connection carries in each direction; 0 for any number.
    pub(crate) rate: u64,
    /// How long bytes are on their way in one direction.
    pub(crate) delay: Duration,
}

/// How many bytes are read at a time.
const PIECE: usize = 64 * 1024;

/// How many pieces are on their way in one direction of one connection, at most.
const UNDER_WAY: usize = 256;

/// Opens a line to a port on this machine; returns the port of its near end. It is there until the
/// process ends.
pub(crate) fn open(port: u16, manners: Manners) -> Result<u16, Failure> {
    let failed = |error: std::io::Error| format!("proxy: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let near = listener.local_addr().map_err(failed)?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who cannot be connected sees the connection end.
            drop(connect(stream, port, manners));
        }
    });
    Ok(near)
}

fn connect(near: TcpStream, port: u16, manners: Manners) -> std::io::Result<()> {
    let far = TcpStream::connect(("127.0.0.1", port))?;
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        to.set_nodelay(true)?;
        // A line that limits what it carries does not hold much more than that.
        let room = if manners.rate > 0 { 2 } else { UNDER_WAY };
        let (sender, receiver) = sync_channel(room);
        std::thread::spawn(move || read(from, &sender));
        std::thread::spawn(move || write(to, &receiver, manners));
    }
    Ok(())
}

fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || sender.send((Instant::now(), buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>, manners: Manners) {
    let mut free = Instant::now();
    while let Ok((read, bytes)) = receiver.recv() {
        let due = free.max(read + manners.delay);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
        if manners.rate > 0 {
            let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            free = due
                + Duration::from_secs(1) * count / u32::try_from(manners.rate).unwrap_or(u32::MAX);
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

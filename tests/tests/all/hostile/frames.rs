//! Hostile HTTP/2: floods that cost who sends them little, and windows that never open.
//!
//! After each the registry has not grown by much, and serves who is honest.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use oras_tests::{OrasServer, Sandbox, noise};

use super::{connect, get, resident};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const FLOW_CONTROL_ERROR: u32 = 3;

/// Makes the n-th piece of a flood.
type Next = fn(u32) -> Vec<u8>;

/// `GET /v2/` of `a`, in HPACK without tables.
const PING_REQUEST: &[u8] = b"\x82\x86\x04\x04/v2/\x01\x01a";

/// By how many bytes the registry may grow, whatever one peer does.
const GROWTH: usize = 48 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Begins HTTP/2 without TLS, with these settings.
fn begin(address: SocketAddr, settings: &[u8]) -> TcpStream {
    let mut stream = connect(address);
    stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
    stream.write_all(&frame(SETTINGS, 0, 0, settings)).expect("sent");
    stream
}

/// Sends what `next` makes, never listening, until there is enough of it; tells whether the server
/// has ended the connection before. One that no longer reads has not.
fn flood(stream: &mut TcpStream, pieces: usize, mut next: impl FnMut(u32) -> Vec<u8>) -> bool {
    for number in 0..u32::try_from(pieces).expect("few") {
        match stream.write_all(&next(number)) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            Err(_) => return true,
        }
    }
    false
}

/// Reads to the end; returns the codes with which the server ended the connection and streams, as
/// far as they arrived.
fn verdicts(stream: &mut TcpStream) -> Vec<(u8, u32)> {
    let mut bytes = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(3))).expect("a timeout");
    drop(stream.read_to_end(&mut bytes));
    let mut found = Vec::new();
    let mut rest = &bytes[..];
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let Some(payload) = rest.get(9..9 + length) else { break };
        match (rest[3], payload) {
            (GOAWAY, [_, _, _, _, a, b, c, d, ..]) | (RST_STREAM, [a, b, c, d]) => {
                found.push((rest[3], u32::from_be_bytes([*a, *b, *c, *d])));
            }
            _ => {}
        }
        rest = &rest[9 + length..];
    }
    found
}

/// Reads one frame; returns its kind and its flags, or nothing if the connection has ended.
fn next_frame(stream: &mut TcpStream) -> Option<[u8; 2]> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
    let read = std::io::copy(&mut stream.take(length), &mut std::io::sink());
    assert_eq!(read.expect("the rest of a frame"), length);
    Some([head[3], head[4]])
}

/// Reads answers until so many streams have ended, or the connection has; returns how many did.
fn ended_streams(stream: &mut TcpStream, wanted: usize) -> usize {
    let mut ended = 0;
    while ended < wanted
        && let Some([kind, flags]) = next_frame(stream)
    {
        ended += usize::from(kind == DATA && flags & END_STREAM != 0);
    }
    ended
}

/// A registry, and how large it was before anything happened.
struct Lab {
    server: OrasServer,
    before: usize,
}

impl Lab {
    fn new(sandbox: &Sandbox) -> Self {
        let server = OrasServer::start(sandbox);
        assert_eq!(get(server.address(), "/v2/").0, "200");
        let before = resident(server.id());
        Self { server, before }
    }

    /// Demands that the registry has not grown by much and serves others.
    #[track_caller]
    fn is_well(&self, after: &str) {
        let grown = resident(self.server.id()).saturating_sub(self.before);
        assert!(grown < GROWTH, "{grown} bytes more after {after}");
        assert_eq!(get(self.server.address(), "/v2/").0, "200", "after {after}");
    }
}

/// The n-th stream that a client opens.
fn nth(number: u32) -> u32 {
    2 * number + 1
}

#[test]
fn streams_that_are_opened_and_reset_end_the_connection() {
    let sandbox = Sandbox::new();
    let lab = Lab::new(&sandbox);
    let mut stream = begin(lab.server.address(), b"");
    let ended = flood(&mut stream, 200_000, |number| {
        let flags = END_HEADERS | END_STREAM;
        let mut both = frame(HEADERS, flags, nth(number), PING_REQUEST);
        both.extend(frame(RST_STREAM, 0, nth(number), &8_u32.to_be_bytes()));
        both
    });
    assert!(ended, "200,000 streams were taken");
    lab.is_well("rapid resets");
    lab.server.stop();
}

#[test]
fn headers_without_end_end_the_connection() {
    let sandbox = Sandbox::new();
    let lab = Lab::new(&sandbox);
    // A field of 16 KB in each frame, never ended; and frames with nothing in them.
    let mut field = b"\x00\x01x\x7f\x81\x7e".to_vec();
    field.resize(16_000, b'y');
    for (name, piece) in [("continuations", &field[..]), ("empty continuations", b"")] {
        let mut stream = begin(lab.server.address(), b"");
        stream.write_all(&frame(HEADERS, END_STREAM, 1, PING_REQUEST)).expect("sent");
        let ended = flood(&mut stream, 1_000_000, |_| frame(CONTINUATION, 0, 1, piece));
        assert!(ended, "all {name} were taken");
        lab.is_well(name);
    }
    lab.server.stop();
}

#[test]
fn a_small_head_that_unpacks_to_a_large_one_is_refused() {
    let sandbox = Sandbox::new();
    let lab = Lab::new(&sandbox);
    let mut stream = begin(lab.server.address(), b"");
    // An entry of 3,900 bytes for the table, then 12,000 times one byte that stands for it.
    let mut head = PING_REQUEST.to_vec();
    head.extend(b"\x40\x01x\x7f\xbd\x1d");
    head.resize(head.len() + 3_900, b'y');
    head.resize(16_000, 0xbe);
    for number in 0..50 {
        drop(stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, nth(number), &head)));
    }
    lab.is_well("heads that unpack");
    let answers = verdicts(&mut stream);
    assert!(!answers.is_empty(), "nothing was refused");
    lab.server.stop();
}

#[test]
fn floods_of_small_frames_cost_no_memory_and_stop_nobody() {
    let sandbox = Sandbox::new();
    let lab = Lab::new(&sandbox);
    let address = lab.server.address();
    // Each wants an answer that is never read, or makes work.
    let floods: [(&str, Next); 5] = [
        ("settings", |_| frame(SETTINGS, 0, 0, b"")),
        ("pings", |number| frame(PING, 0, 0, &u64::from(number).to_be_bytes())),
        ("priorities", |number| frame(PRIORITY, 0, nth(number), &[0, 0, 0, 0, 1])),
        ("windows", |_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
        ("unknown frames", |_| frame(0x42, 0xff, 0, &[7; 1_000])),
    ];
    let mut streams = Vec::new();
    for (name, next) in floods {
        let mut stream = begin(address, b"");
        flood(&mut stream, 300_000, next);
        lab.is_well(name);
        streams.push(stream);
    }
    // An upload of nothing, for ever.
    let mut stream = begin(address, b"");
    let mut head = b"\x83\x86\x04\x16".to_vec();
    head.extend(b"/v2/a/blobs/uploads/?x");
    head.extend(b"\x01\x01a");
    stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head)).expect("sent");
    flood(&mut stream, 300_000, |_| frame(DATA, 0, 1, b""));
    lab.is_well("empty data");
    drop(streams);
    lab.server.stop();
}

#[test]
fn windows_that_do_not_open_hold_no_memory() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(1, 1 << 20));
    let pushed = sandbox.oras(&format!("blob push {}/a large.bin", server.host())).succeeds();
    let digest = pushed.split("sha256:").nth(1).expect("a digest")[..64].to_owned();
    let path = format!("/v2/a/blobs/sha256:{digest}");
    let lab = Lab { before: resident(server.id()), server };
    let mut head = b"\x82\x86\x04".to_vec();
    head.push(u8::try_from(path.len()).expect("short"));
    head.extend(path.as_bytes());
    head.extend(b"\x01\x01a");
    let mut streams = Vec::new();
    for _ in 0..10 {
        // SETTINGS_INITIAL_WINDOW_SIZE of 0.
        let mut stream = begin(lab.server.address(), &[0, 4, 0, 0, 0, 0]);
        flood(&mut stream, 100, |number| {
            frame(HEADERS, END_HEADERS | END_STREAM, nth(number), &head)
        });
        streams.push(stream);
    }
    // The requests have been read once a ping behind them is answered.
    for stream in &mut streams {
        stream.write_all(&frame(PING, 0, 0, b"12345678")).expect("sent");
        // Frame by frame, so that whoever reads on begins with a whole one.
        while next_frame(stream).expect("an answer") != [PING, ACK] {}
    }
    lab.is_well("a thousand streams without a window");
    // Windows that open later are used, also those of streams that had to wait.
    let mut stream = streams.pop().expect("ten");
    let open = frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    stream.write_all(&open).expect("sent");
    stream.write_all(&frame(WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes())).expect("sent");
    assert_eq!(ended_streams(&mut stream, 100), 100);
    // A window that overflows is the peer's mistake.
    let mut stream = begin(lab.server.address(), b"");
    let most = 0x7fff_ffff_u32.to_be_bytes();
    flood(&mut stream, 3, |_| frame(WINDOW_UPDATE, 0, 0, &most));
    assert_eq!(verdicts(&mut stream), [(GOAWAY, FLOW_CONTROL_ERROR)]);
    drop(streams);
    lab.server.stop();
}

#[test]
fn frames_of_noise_harm_nobody_else() {
    let sandbox = Sandbox::new();
    let lab = Lab::new(&sandbox);
    for seed in 0..150 {
        let noise = noise(seed, 64 << 10);
        let mut stream = begin(lab.server.address(), b"");
        let mut rest = &noise[..];
        // Some in frames whose kind, flags and stream mean something, some as it comes.
        while rest.len() > 300 && seed % 3 != 0 {
            let (head, tail) = rest.split_at(4);
            let length = usize::from(head[0]);
            let next = frame(head[1] % 11, head[2], u32::from(head[3] % 9), &tail[..length]);
            if stream.write_all(&next).is_err() {
                break;
            }
            rest = &tail[length..];
        }
        drop(stream.write_all(rest));
    }
    lab.is_well("noise");
    lab.server.stop();
}

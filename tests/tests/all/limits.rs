//! The flags of `oras serve` that bound what one client may have.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use oras_tests::{OrasServer, Running, Sandbox, USERS, default_root, noise};

/// Starts a registry with flags of its own on a free port.
fn serve(sandbox: &Sandbox, flags: &[&str]) -> OrasServer {
    OrasServer::start_at(sandbox, &default_root(sandbox), "127.0.0.1:0", flags)
}

/// Asks on a connection, which stays open; nothing if no answer comes within `seconds`.
fn ask(stream: &mut TcpStream, line: &str, seconds: u64) -> Option<u16> {
    stream.set_read_timeout(Some(Duration::from_secs(seconds))).expect("a timeout");
    let login = "Authorization: Basic bWU6b3Blbi1zZXNhbWU=";
    write!(stream, "{line} HTTP/1.1\r\nHost: a\r\n{login}\r\nContent-Length: 0\r\n\r\n").ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("it listens")
}

#[test]
fn an_upload_more_than_one_user_may_have_is_refused() {
    let sandbox = Sandbox::new();
    let users = sandbox.write("users", USERS);
    let users = users.to_str().expect("the path is UTF-8");
    let server = serve(&sandbox, &["--htpasswd", users, "--max-uploads", "1"]);
    let open = || ask(&mut connect(server.address()), "POST /v2/a/blobs/uploads/", 30);
    assert_eq!((open(), open()), (Some(202), Some(429)));
}

/// Finds an address of this machine that is not loopback, whose connections are counted; sends
/// nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|own| own.ip()).filter(|own| !own.is_loopback())
}

#[test]
fn a_connection_more_than_one_address_may_have_is_closed() {
    // A machine without a network has nobody else to count.
    let Some(own) = own_address() else { return };
    let sandbox = Sandbox::new();
    let free = TcpListener::bind((own, 0)).and_then(|free| free.local_addr());
    let address = free.expect("a free port");
    let line = format!("serve --insecure --addr {address} --max-connections-per-address 2");
    let _server = Running::start(&mut sandbox.oras_command(&line));
    let listens = || ask(&mut TcpStream::connect(address).ok()?, "GET /v2/", 30);
    while listens().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let answered = || {
        let mut streams: Vec<TcpStream> = (0..3).map(|_| connect(address)).collect();
        streams.iter_mut().filter_map(|stream| ask(stream, "GET /v2/", 30)).count()
    };
    // Connections of the round before may not count as ended yet.
    assert_eq!((0..20).map(|_| answered()).max(), Some(2));
}

#[test]
fn a_connection_more_than_there_may_be_waits_for_one_that_ends() {
    let sandbox = Sandbox::new();
    let server = serve(&sandbox, &["--max-connections", "2"]);
    let mut streams: Vec<TcpStream> = (0..2).map(|_| connect(server.address())).collect();
    for stream in &mut streams {
        assert_eq!(ask(stream, "GET /v2/", 30), Some(200));
    }
    let mut late = connect(server.address());
    assert_eq!(ask(&mut late, "GET /v2/", 1), None);
    drop(streams);
    late.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut answer = [0; 12];
    late.read_exact(&mut answer).expect("an answer at last");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[test]
fn a_blob_that_is_larger_than_it_may_be_is_refused() {
    let sandbox = Sandbox::new();
    let server = serve(&sandbox, &["--max-blob", "10KB"]);
    sandbox.write("small.bin", noise(1, 9_000));
    sandbox.write("large.bin", noise(2, 20_000));
    sandbox.oras(&format!("push {}/a:small small.bin", server.host())).succeeds();
    let complaint = sandbox.oras(&format!("push {}/a:large large.bin", server.host())).fails();
    assert!(complaint.contains("the blob is too large"), "{complaint}");
}

#[test]
fn who_asks_more_often_than_he_may_is_told_to_wait() {
    let sandbox = Sandbox::new();
    // Who comes from this machine and has no name may ask as often as he likes.
    let users = sandbox.write("users", USERS);
    let users = users.to_str().expect("the path is UTF-8");
    let server = serve(&sandbox, &["--htpasswd", users, "--max-rate", "1"]);
    let mut stream = connect(server.address());
    let asked = (0..100).map(|_| ask(&mut connect(server.address()), "GET /v2/", 30));
    let answers: Vec<Option<u16>> = asked.collect();
    assert_eq!(answers[..10], [Some(200); 10]);
    assert!(answers.contains(&Some(429)), "{answers:?}");
    assert_eq!(ask(&mut stream, "GET /livez", 30), Some(200));
}

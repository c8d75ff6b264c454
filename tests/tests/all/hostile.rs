//! Hostile clients in numbers, and raw bytes that no client sends by mistake.

mod frames;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use oras_tests::{OrasServer, Sandbox};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process, and what it starts, have many sockets; returns how many.
fn many_sockets(wanted: u64) -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let most = limits.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let limits = Rlimit { current: Some(most), maximum: limits.maximum };
    setrlimit(Resource::Nofile, limits).expect("below the hard limit");
    most
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_mins(2))).expect("a timeout");
    stream
}

/// Sends bytes as they are; returns the status of the answer, and its body.
fn ask(address: SocketAddr, bytes: &[u8]) -> (String, String) {
    let mut stream = connect(address);
    // A server that has heard enough may close before it has heard all.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status, body.unwrap_or_default())
}

fn get(address: SocketAddr, target: &str) -> (String, String) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ask(address, request.as_bytes())
}

#[test]
fn nine_hundred_slow_clients_are_shed_while_honest_ones_work() {
    let sandbox = Sandbox::new();
    let most = many_sockets(4096);
    let server = OrasServer::start(&sandbox);
    let each = usize::try_from((most - 200).min(900) / 3).expect("few");
    let address = server.address();
    sandbox.write("hi.txt", "hi");
    let mut slow = Vec::new();
    for _ in 0..each {
        slow.push(connect(address));
        let mut head = connect(address);
        head.write_all(b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: ").expect("sent");
        slow.push(head);
        let mut body = connect(address);
        let head =
            "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        body.write_all(head.as_bytes()).expect("sent");
        slow.push(body);
    }
    // Meanwhile.
    let reference = format!("{}/honest/a:1", server.host());
    sandbox.oras(&format!("push {reference} hi.txt")).succeeds();
    sandbox.oras(&format!("pull {reference} -o out")).succeeds();
    assert_eq!(sandbox.text("out/hi.txt"), "hi");
    // Each of them hears the end, by the server's doing; a byte now and then does not put it off.
    for (index, stream) in slow.iter_mut().enumerate() {
        let mut rest = Vec::new();
        loop {
            let mut piece = [0; 1024];
            stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => rest.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if index % 3 != 0 && stream.write_all(b"x").is_err() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        assert!(rest.len() < 4096, "an answer to connection {index}");
    }
    sandbox.oras(&format!("resolve {reference}")).succeeds();
    let log = server.stop();
    for wanted in ["too slow: FirstByte", "too slow: Head"] {
        assert!(log.iter().any(|line| line.contains(wanted)), "{wanted} is not in the log");
    }
}

#[test]
fn ten_thousand_idle_connections_do_no_harm() {
    let sandbox = Sandbox::new();
    let most = many_sockets(20_500);
    let server = OrasServer::start(&sandbox);
    let count = usize::try_from((most - 500).min(10_000)).expect("few");
    let before = resident(server.id());
    let mut idle = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = connect(server.address());
        stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        idle.push(stream);
    }
    let mut answered = 0;
    for stream in &mut idle {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        answered += usize::from(&answer == b"HTTP/1.1 200");
    }
    assert_eq!(answered, count);
    let grown = resident(server.id()).saturating_sub(before);
    // The tests build without optimization, where futures are larger.
    assert!(grown / count < 48 * 1024, "{} bytes for each connection", grown / count);
    sandbox.write("hi.txt", "hi");
    let reference = format!("{}/honest/a:1", server.host());
    sandbox.oras(&format!("push {reference} hi.txt")).succeeds();
    sandbox.oras(&format!("pull {reference} -o out")).succeeds();
    drop(idle);
    server.stop();
}

/// How many bytes of memory a process has.
fn resident(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    let kilobytes: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("one");
    kilobytes * 1024
}

#[test]
fn paths_that_lead_elsewhere_are_refused_whatever_they_are_spelled_like() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("secret", "canary");
    for target in [
        "/v2/../secret",
        "/v2/%2e%2e/secret",
        "/v2/a/../../secret",
        "/v2/a/%2e%2e/%2e%2e/secret",
        "/v2/..%2f..%2fsecret/tags/list",
        "/v2/a%2fb/tags/list",
        "/v2//a/tags/list",
        "/v2/a//tags/list",
        "//v2/a/tags/list",
        "/v2/a/tags/list/",
        "/v2/a/tags//list",
        "/v2/a%00/tags/list",
        "/v2/a/manifests/%00",
        "/v2/a/manifests/v1%00.json",
        "/v2/a/manifests/..",
        "/v2/a/manifests/%2e%2e",
        "/v2/a/manifests/..%2f..%2fsecret",
        "/v2/a/manifests/sha256:../../../secret",
        "/v2/a/blobs/sha256:../../../secret",
        "/v2/a/blobs/..",
        "/v2/a/blobs/uploads/../../secret",
        "/v2/a/blobs/uploads/%2e%2e",
        "/v2/a;b/tags/list",
        "/v2/a/tags/list;x",
        "/v2/A/tags/list",
        "/v2/a%252e/tags/list",
        "/v2/_b/tags/list",
        "/v2/a/_b/sha256/00/manifests/v1",
        "/v2/./a/tags/list",
        "/v2/a/./tags/list",
        "/v2/CON/tags/list",
        "/v2/a./tags/list",
        "/v2/\\..\\secret",
        "/v2/a/blobs/uploads/\u{ff}",
        "/v2/a/manifests/\u{7f}",
        "/v2/-a/tags/list",
        "/etc/passwd",
        "/v2/a/referrers/..",
        "/v2/_catalog/..",
        "/v2/_catalog/",
        "/metrics/..",
        "/token/..",
    ] {
        let (status, body) = get(server.address(), target);
        assert!(["400", "404"].contains(&status.as_str()), "{target}: {status} {body}");
        assert!(!body.contains("canary"), "{target}: {body}");
    }
    let long = "a".repeat(64 << 10);
    for target in [format!("/v2/{long}/tags/list"), format!("/v2/a/manifests/{long}")] {
        let (status, _) = get(server.address(), &target);
        assert!(["414", "431"].contains(&status.as_str()), "{status}");
    }
    let name = "a".repeat(256);
    assert_eq!(get(server.address(), &format!("/v2/{name}/tags/list")).0, "400");
    server.stop();
}

#[test]
fn requests_that_two_readers_would_read_differently_end_their_connection() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let smuggled = "GET /v2/smuggled/tags/list HTTP/1.1\r\nHost: a\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "X: a\r\n folded: b\r\n",
        "X : a\r\n",
        "Host: b\r\n",
        "X: a\0b\r\n",
        ": a\r\n",
    ] {
        let head = format!("POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let (status, body) = ask(server.address(), format!("{head}{smuggled}").as_bytes());
        assert_eq!(status, "400", "{fields:?}: {body}");
        assert!(!body.contains("HTTP/1.1"), "a second answer to {fields:?}: {body}");
    }
    let (status, _) = ask(server.address(), b"GET http://other/v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(status, "400");
    let log = server.stop();
    assert!(!log.iter().any(|line| line.contains("smuggled")), "{log:#?}");
}

/// Pushes a manifest; returns the status.
fn put(address: SocketAddr, media_type: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "PUT /v2/bombs/manifests/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    ask(address, format!("{head}{body}").as_bytes()).0
}

#[test]
fn manifests_made_to_burst_are_refused_and_the_registry_goes_on() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let address = server.address();
    let index = "application/vnd.oci.image.index.v1+json";
    let deep = "[".repeat(100_000);
    let digest = format!("sha256:{}", "0".repeat(64));
    let one = format!(r#"{{"mediaType":"{index}","digest":"{digest}","size":1}}"#);
    let wide = vec![one.as_str(); 30_000].join(",");
    for (what, expected, body) in [
        ("depth", "400", format!(r#"{{"schemaVersion":2,"manifests":[],"x":{deep}"#)),
        ("objects", "400", r#"{"a":"#.repeat(50_000)),
        ("descriptors", "400", format!(r#"{{"schemaVersion":2,"manifests":[{wide}]}}"#)),
        (
            "two kinds",
            "400",
            r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#.into(),
        ),
        ("twice", "400", r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#.into()),
        ("not JSON", "400", "\u{feff}{}".into()),
        ("size", "413", " ".repeat((8 << 20) + 1)),
        ("numbers", "400", format!(r#"{{"schemaVersion":{}}}"#, "9".repeat(1 << 20))),
        (
            "negative",
            "400",
            format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, one.replace(":1}", ":-1}")),
        ),
    ] {
        if what == "descriptors" {
            assert!(body.len() < 8 << 20, "{}", body.len());
        }
        let status = put(address, index, &body);
        assert_eq!(status, expected, "{what}");
    }
    let fine = r#"{"schemaVersion":2,"manifests":[]}"#;
    assert_eq!(put(address, index, fine), "201");
    // What goes into headers later is looked at now.
    for bad in ["text/html", "a/b\u{1}", "application/vnd.oci.image.index.v1+json\u{1}x"] {
        assert_eq!(put(address, bad, fine), "400", "{bad:?}");
    }
    assert!(resident(server.id()) < 200 << 20, "{} bytes", resident(server.id()));
    server.stop();
}

#[test]
fn nothing_in_a_request_becomes_a_header_or_a_line_of_the_log() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    for target in [
        "/v2/a/referrers/sha256:00?artifactType=x%0d%0aSet-Cookie:%20a=b",
        "/v2/_catalog?n=1&last=%0d%0aX-Evil:%201",
        "/v2/a/tags/list?last=%0d%0aX-Evil:%201",
        "/token?scope=%0d%0aX-Evil:%201",
        "/v2/%0d%0aX-Evil:%201/tags/list",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut stream = connect(server.address());
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let head = answer.split("\r\n\r\n").next().expect("a head").to_ascii_lowercase();
        assert!(!head.contains("\r\nx-evil") && !head.contains("\r\nset-cookie"), "{head}");
    }
    // No proxy is believed: the log has the peer, not what a header says.
    let forwarded = "GET /v2/ HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-For: 192.0.2.66\r\n\
         X-Forwarded-Host: evil.example\r\nForwarded: for=192.0.2.66\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(server.address(), forwarded.as_bytes()).0, "200");
    let start = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\
         X-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n";
    let mut stream = connect(server.address());
    stream.write_all(start.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("location: /v2/a/blobs/uploads/"), "{answer}");
    let log = server.stop();
    for evil in ["192.0.2.66", "evil.example", "X-Evil"] {
        assert!(!log.iter().any(|line| line.contains(evil)), "{evil} in {log:#?}");
    }
}

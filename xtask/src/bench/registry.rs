//! Our registry beside others: pushes that are durable, requests a second, memory.
//!
//! Debian's `docker-registry` is measured in the same run where it is there. `ORAS_REGISTRY_PEERS`
//! names further ones, one on a line: a name, `=`, and a shell line in which `$PORT` and `$ROOT` stand
//! for where to listen on 127.0.0.1 and for an empty directory.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::bench::http::Connection;
use crate::bench::sample::{Sample, ratio};
use crate::bench::transfer::{Place, block};
use crate::bench::{Contender, mebibytes};
use crate::process::{ask, find, resident, signal, wait};

const BLOBS: usize = 1000;
const SIZE: usize = 64 << 10;
/// The empty config and its digest.
pub(super) const CONFIG: &[u8] = b"{}";
pub(super) const CONFIG_DIGEST: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A registry to measure: its name, and the shell line that runs it.
struct Registry {
    name: String,
    line: String,
}

/// Measures all registries, in turns.
pub(crate) fn compare(contenders: &[Contender]) -> Result<(), Failure> {
    let place = Place::make()?;
    let registries = registries(contenders, &place)?;
    let blobs = Blobs::make(&place)?;
    println!("\nregistries, on one machine, in turns:");
    let mut pushes: Vec<Sample> = registries.iter().map(|_| Sample::default()).collect();
    for _ in 0..3 {
        for (registry, sample) in registries.iter().zip(&mut pushes) {
            let running = Running::start(registry, &place)?;
            sample.add(push_all(running.port, &blobs)?);
            running.stop(&place)?;
        }
    }
    let ours = pushes[0].median();
    for (registry, sample) in registries.iter().zip(&pushes) {
        let seconds = sample.median();
        println!(
            "  {:<12} {BLOBS} x 64 KiB pushed by 8: {seconds:6.2} s{}",
            registry.name,
            ratio(seconds, ours)
        );
    }
    for registry in &registries {
        measure(registry, &place, &blobs)?;
    }
    Ok(())
}

fn registries(contenders: &[Contender], place: &Place) -> Result<Vec<Registry>, Failure> {
    let ours = contenders[0].path.display();
    let line = format!("exec {ours} serve --addr 127.0.0.1:$PORT --root \"$ROOT\"");
    let mut registries = vec![Registry { name: "oras".to_owned(), line }];
    if let Some(distribution) = find("docker-registry") {
        let file = place.file("distribution.yml");
        let config = "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n\
                      storage: {filesystem: {rootdirectory: /}}\nhttp: {addr: ':0'}\n";
        std::fs::write(&file, config).map_err(|error| error.to_string())?;
        let line = format!(
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=\"$ROOT\" \
             REGISTRY_HTTP_ADDR=127.0.0.1:$PORT exec {} serve {}",
            distribution.display(),
            file.display()
        );
        registries.push(Registry { name: "distribution".to_owned(), line });
    }
    for peer in std::env::var("ORAS_REGISTRY_PEERS").unwrap_or_default().lines() {
        let (name, line) = peer.split_once('=').ok_or("a peer is a name, =, and a line")?;
        registries.push(Registry { name: name.to_owned(), line: line.to_owned() });
    }
    Ok(registries)
}

/// What is pushed, and its digests.
struct Blobs(Vec<(Vec<u8>, String)>);

impl Blobs {
    /// Makes blobs that neither compress nor repeat; another program hashes them.
    fn make(place: &Place) -> Result<Self, Failure> {
        let contents: Vec<Vec<u8>> = (0..BLOBS as u64)
            .map(|number| block(number + (1 << 20)).into_iter().take(SIZE).collect())
            .collect();
        let digests = digests(place, &contents)?;
        Ok(Self(contents.into_iter().zip(digests).collect()))
    }
}

/// Hashes contents with `sha256sum`.
fn digests(place: &Place, contents: &[Vec<u8>]) -> Result<Vec<String>, Failure> {
    let mut command = Command::new("sha256sum");
    for (number, content) in contents.iter().enumerate() {
        let path = place.file("in").join(format!("{number:06}"));
        std::fs::write(&path, content).map_err(|error| error.to_string())?;
        command.arg(path);
    }
    let sums = ask(&mut command).ok_or("no sha256sum here")?;
    Ok(sums.lines().filter_map(|line| Some(format!("sha256:{}", line.get(..64)?))).collect())
}

/// A registry that runs; killed when dropped.
struct Running {
    child: Child,
    port: u16,
    seconds: f64,
}

impl Running {
    fn start(registry: &Registry, place: &Place) -> Result<Self, Failure> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.map_err(|error| error.to_string())?.port();
        let line = &registry.line;
        let begin = Instant::now();
        let child = Command::new("sh")
            .args(["-c", line])
            .env("PORT", port.to_string())
            .env("ROOT", place.file("registry"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{line}: {error}"))?;
        let mut running = Self { child, port, seconds: 0.0 };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begin.elapsed() > Duration::from_secs(20) {
                return Err(format!("nobody listens after {line}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running.seconds = begin.elapsed().as_secs_f64();
        Ok(running)
    }

    fn stop(mut self, place: &Place) -> Result<(), Failure> {
        signal("TERM", &self.child.id().to_string());
        wait(&mut self.child, Duration::from_secs(40)).ok_or("a registry does not stop")?;
        place.clear(&["registry"])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Pushes all blobs over eight connections; returns the seconds that took.
fn push_all(port: u16, blobs: &Blobs) -> Result<f64, Failure> {
    const CLIENTS: usize = 8;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let pushing: Vec<_> = blobs
            .0
            .chunks(BLOBS.div_ceil(CLIENTS))
            .map(|share| {
                scope.spawn(move || {
                    let mut connection = Connection::open(port)?;
                    let mut push = |(bytes, digest): &(Vec<u8>, String)| {
                        connection.push_blob("bench/blobs", digest, bytes)
                    };
                    share.iter().try_for_each(&mut push)
                })
            })
            .collect();
        pushing.into_iter().try_for_each(|pushing| pushing.join().expect("no panic"))
    })?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Measures one registry: start, memory, and requests a second.
fn measure(registry: &Registry, place: &Place, blobs: &Blobs) -> Result<(), Failure> {
    let running = Running::start(registry, place)?;
    let process = running.child.id();
    let idle = resident(process).unwrap_or(0);
    let mut connection = Connection::open(running.port)?;
    connection.push_blob("bench/blobs", CONFIG_DIGEST, CONFIG)?;
    let (bytes, digest) = &blobs.0[0];
    connection.push_blob("bench/blobs", digest, bytes)?;
    let manifest = manifest(digest, bytes.len());
    connection.push_manifest("bench/blobs", "small", &manifest)?;
    let large = vec![(0..400).flat_map(block).collect::<Vec<u8>>()];
    let large_digest = digests(place, &large)?.remove(0);
    connection.push_blob("bench/blobs", &large_digest, &large[0])?;
    println!(
        "  {:<12} listens after {:.0} ms, idle {:.1} MiB",
        registry.name,
        running.seconds * 1000.0,
        mebibytes(idle)
    );
    for (what, target) in [
        ("manifest by tag", "/v2/bench/blobs/manifests/small".to_owned()),
        ("blob of 64 KiB", format!("/v2/bench/blobs/blobs/{digest}")),
        ("blob of 100 MiB", format!("/v2/bench/blobs/blobs/{large_digest}")),
    ] {
        if let Some(figures) = requests(running.port, &target) {
            println!("  {:<12} GET {what}: {figures}", registry.name);
        }
    }
    idle_connections(registry, running.port, process)?;
    drop(connection);
    running.stop(place)
}

fn manifest(layer: &str, size: usize) -> Vec<u8> {
    let config = format!(
        r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{CONFIG_DIGEST}","size":2}}"#
    );
    let layer = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{size}}}"#
    );
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layer}]}}"#
    );
    manifest.into_bytes()
}

/// Asks for one thing for some seconds with `wrk`; returns what that says of requests and bytes.
fn requests(port: u16, target: &str) -> Option<String> {
    let url = format!("http://127.0.0.1:{port}{target}");
    let media_type = "Accept: application/vnd.oci.image.manifest.v1+json";
    let mut wrk = Command::new(find("wrk")?);
    let said = ask(wrk.args(["-t1", "-c16", "-d5s", "-H", media_type, &url]))?;
    let figure = |name: &str| {
        said.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or("?").trim()
    };
    let errors = said.lines().find(|line| line.contains("Non-2xx")).unwrap_or_default().trim();
    let (requests, bytes) = (figure("Requests/sec:"), figure("Transfer/sec:"));
    Some(format!("{requests} requests/s, {bytes}/s {errors}"))
}

/// Opens connections that ask once and are silent then; prints what one of them costs.
fn idle_connections(registry: &Registry, port: u16, process: u32) -> Result<(), Failure> {
    const COUNT: usize = 500;
    let before = resident(process).unwrap_or(0);
    let mut connections = Vec::new();
    for _ in 0..COUNT {
        let mut stream =
            TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
        let sent = stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
        sent.map_err(|error| error.to_string())?;
        connections.push(stream);
    }
    std::thread::sleep(Duration::from_secs(1));
    let after = resident(process).unwrap_or(0);
    println!(
        "  {:<12} {COUNT} idle connections: {} bytes each; {:.1} MiB in all",
        registry.name,
        after.saturating_sub(before) / COUNT as u64,
        mebibytes(after)
    );
    Ok(())
}

//! Many clients that push large blobs at once: what the registry holds in memory meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Failure;
use crate::bench::http::Connection;
use crate::bench::transfer::{Place, block};
use crate::bench::{Contender, mebibytes};
use crate::process::Server;

const CLIENTS: u64 = 64;

/// Has 64 clients push a blob each, all at once: 16 MiB, or as many bytes as `ORAS_BENCH_BYTES`
/// says. No two blobs are the same.
pub(crate) fn together(contenders: &[Contender]) -> Result<(), Failure> {
    let size = std::env::var("ORAS_BENCH_BYTES").ok().and_then(|text| text.parse().ok());
    let blocks: u64 = size.unwrap_or(16_u64 << 20).div_ceil(256 << 10);
    let place = Place::make()?;
    let digests =
        (0..CLIENTS).map(|client| digest(client, blocks)).collect::<Result<Vec<_>, _>>()?;
    let server = Server::start(&contenders[0].path, &place.file("registry"))?;
    let port = server.port();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let pushing: Vec<_> = (0..CLIENTS)
            .zip(&digests)
            .map(|(client, digest)| scope.spawn(move || push(port, client, blocks, digest)))
            .collect();
        pushing.into_iter().try_for_each(|pushing| pushing.join().expect("no panic"))
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let bytes = mebibytes(blocks * (256 << 10));
    println!("\n{CLIENTS} clients push {bytes:.0} MiB each at once:");
    println!("  {seconds:.1} s, the registry held {:.1} MiB at most", mebibytes(server.stop()?));
    Ok(())
}

/// Writes one client's blob: one block of its own, again and again, which is made fast.
fn write(client: u64, blocks: u64, into: &mut impl Write) -> std::io::Result<()> {
    let block = block(client);
    (0..blocks).try_for_each(|_| into.write_all(&block))
}

/// Hashes a client's blob with `sha256sum`.
fn digest(client: u64, blocks: u64) -> Result<String, Failure> {
    let mut command = Command::new("sha256sum");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut sum = command.spawn().map_err(|error| format!("sha256sum: {error}"))?;
    let mut input = sum.stdin.take().expect("the input is piped");
    write(client, blocks, &mut input).map_err(|error| error.to_string())?;
    drop(input);
    let output = sum.wait_with_output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(format!("sha256:{}", said.get(..64).ok_or("sha256sum says nothing")?))
}

/// Pushes a client's blob with a POST and a PUT whose body is made while it is sent.
fn push(port: u16, client: u64, blocks: u64, digest: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(port)?;
    let any = "application/octet-stream";
    let opened = connection.ask("POST", "/v2/bench/pushers/blobs/uploads/", any, b"")?;
    let location = opened.location.ok_or("an upload without a location")?;
    let target = format!("{}?digest={digest}", location.trim_end_matches('?'));
    let length = blocks * (256 << 10);
    let put =
        connection.send(&target, length, |stream: &mut TcpStream| write(client, blocks, stream));
    match put.map_err(|error| format!("PUT {target}: {error}"))?.status {
        201 => Ok(()),
        status => Err(format!("PUT {target}: {status}")),
    }
}

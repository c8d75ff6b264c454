//! A cold blob pulled through a mirror by many at once: what the upstream sent, and who waited.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Failure;
use crate::bench::sample::Sample;
use crate::bench::transfer::{Place, fill};
use crate::bench::{Contender, mebibytes};
use crate::process::{Server, find};

const CLIENTS: usize = 50;

/// Has 50 clients pull one blob of 1 GiB, or of as many bytes as `ORAS_BENCH_BYTES` says, that the
/// mirror does not have yet. The clients are `curl`, which checks no digest.
pub(crate) fn mirror(contenders: &[Contender]) -> Result<(), Failure> {
    let size = std::env::var("ORAS_BENCH_BYTES").ok().and_then(|text| text.parse().ok());
    let size: u64 = size.unwrap_or(1 << 30);
    find("curl").ok_or("no `curl` here")?;
    let ours = &contenders[0].path;
    let place = Place::make()?;
    place.clear(&["mirror"])?;
    fill(&place.file("in/blob"), size)?;
    println!("\none cold blob of {:.0} MiB, {CLIENTS} clients of a mirror:", mebibytes(size));

    let upstream = Server::start(ours, &place.file("registry"))?;
    let digest = push(&place, ours, upstream.port())?;
    let direct = format!("http://127.0.0.1:{}/v2/bench/blob/blobs/{digest}", upstream.port());
    let mut first_bytes = Sample::default();
    for _ in 0..5 {
        first_bytes.add(Got::of(start(&direct)?)?.first_byte);
    }
    let before = sent(&place)?;

    let flag = format!("up=http://127.0.0.1:{}", upstream.port());
    let mirror = Server::start_with(ours, &place.file("mirror"), &["--mirror", &flag])?;
    let through = format!("http://127.0.0.1:{}/v2/up/bench/blob/blobs/{digest}", mirror.port());
    let clients: Vec<Child> = (0..CLIENTS).map(|_| start(&through)).collect::<Result<_, _>>()?;
    let mut waits = Sample::default();
    for client in clients {
        let got = Got::of(client)?;
        if got.size != size {
            return Err(format!("a client got {} bytes of {size}", got.size));
        }
        waits.add(got.first_byte);
    }
    let peak = mirror.stop()?;
    upstream.stop()?;
    #[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
    let ratio = (sent(&place)? - before) as f64 / size as f64;
    println!("  the upstream sent {ratio:.4} × the blob");
    println!(
        "  first byte after {:.1} ms at best and {:.1} ms at worst, {:.1} ms from the upstream",
        waits.least() * 1000.0,
        waits.greatest() * 1000.0,
        first_bytes.median() * 1000.0,
    );
    println!("  the mirror held {:.1} MiB at most", mebibytes(peak));
    Ok(())
}

fn push(place: &Place, ours: &Path, port: u16) -> Result<String, Failure> {
    let mut push = place.command(ours, "in");
    push.args(["blob", "push", "--descriptor", &format!("localhost:{port}/bench/blob"), "blob"]);
    let output = push.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let digest = said.split('"').find(|word| word.starts_with("sha256:"));
    digest.map(str::to_owned).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Starts a client that throws away what it gets.
fn start(url: &str) -> Result<Child, Failure> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--noproxy", "*", "--output", "/dev/null"]);
    curl.args(["--write-out", "%{time_starttransfer} %{size_download}", url]);
    curl.stdin(Stdio::null()).stdout(Stdio::piped());
    curl.spawn().map_err(|error| format!("curl: {error}"))
}

/// What a client says when it is done.
struct Got {
    /// Seconds until the first byte came.
    first_byte: f64,
    size: u64,
}

impl Got {
    fn of(client: Child) -> Result<Self, Failure> {
        let output = client.wait_with_output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let read = said.split_once(' ').and_then(|(first_byte, size)| {
            Some(Self { first_byte: first_byte.parse().ok()?, size: size.parse().ok()? })
        });
        read.filter(|_| output.status.success()).ok_or(format!("a client failed: {said}"))
    }
}

/// Adds up the bytes of answers in the upstream's log.
fn sent(place: &Place) -> Result<u64, Failure> {
    let log = place.file("registry").with_extension("log");
    let log = std::fs::read_to_string(log).map_err(|error| error.to_string())?;
    let counts = log.split_whitespace();
    let counts = counts.filter_map(|word| word.strip_prefix("out=")?.parse::<u64>().ok());
    Ok(counts.sum())
}

//! Transfers over lines that are slow, of what is there already, and from registry to registry.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::bench::line::{self, Manners};
use crate::bench::sample::{Sample, ratio};
use crate::bench::transfer::{Place, block, fill};
use crate::bench::{Contender, mebibytes};
use crate::process::{Server, finish};

/// How long one transfer may take.
const LIMIT: Duration = Duration::from_mins(10);

/// How often each transfer is made, but for those that take minutes.
const RUNS: usize = 3;

/// Returns how many bytes files are to have: what `ORAS_BENCH_BYTES` says, or `otherwise`.
pub(super) fn bytes(otherwise: u64) -> u64 {
    let said = std::env::var("ORAS_BENCH_BYTES").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(otherwise)
}

/// Runs a command to its end and returns how many seconds it took.
pub(super) fn time(command: &mut Command) -> Result<f64, Failure> {
    let begin = Instant::now();
    let finished = finish(command.stderr(Stdio::null()), LIMIT)?;
    let seconds = begin.elapsed().as_secs_f64();
    if finished.success {
        Ok(seconds)
    } else {
        Err(format!("{command:?} failed:\n{}", finished.output))
    }
}

/// Prints one line for each contender.
pub(super) fn print(what: &str, contenders: &[Contender], samples: &[Sample]) {
    for (contender, sample) in contenders.iter().zip(samples) {
        let (name, seconds) = (&contender.name, sample.median());
        let ratio = ratio(seconds, samples[0].median());
        println!("  {name:<4} {what:<7} {seconds:7.3} s{ratio}");
    }
}

/// Pulls one file of 256 MiB over a line that carries 25 MB a second for each connection.
pub(crate) fn shaped(contenders: &[Contender]) -> Result<(), Failure> {
    const RATE: u64 = 25_000_000;
    let size = bytes(256 << 20);
    let place = Place::make()?;
    fill(&place.file("in/large.bin"), size)?;
    println!("\none file of {:.0} MiB, 25 MB/s for each connection:", mebibytes(size));
    let server = Server::start(&contenders[0].path, &place.file("registry"))?;
    let direct = format!("localhost:{}/bench/files:1", server.port());
    let mut push = place.command(&contenders[0].path, "in");
    time(push.args(["push", &direct, "large.bin"]))?;
    let near = line::open(server.port(), Manners { rate: RATE, ..Manners::default() })?;
    let mut samples = vec![Sample::default(); contenders.len()];
    for _ in 0..RUNS {
        for (contender, sample) in contenders.iter().zip(&mut samples) {
            let mut pull = place.command(&contender.path, "out");
            pull.args(["pull", &format!("localhost:{near}/bench/files:1")]);
            sample.add(time(&mut pull)?);
            place.clear(&["out"])?;
        }
    }
    print("pull", contenders, &samples);
    server.stop().map(drop)
}

/// Pushes and pulls 1,000 files of 4 KiB over a line with a round trip of 50 ms, once each.
pub(crate) fn latency(contenders: &[Contender]) -> Result<(), Failure> {
    const COUNT: u64 = 1000;
    let place = Place::make()?;
    let names: Vec<String> = (0..COUNT).map(|number| format!("f{number:04}.bin")).collect();
    for (number, name) in (0..).zip(&names) {
        let path = place.file("in").join(name);
        std::fs::write(path, &block(number)[..4096]).map_err(|error| error.to_string())?;
    }
    println!("\n{COUNT} files of 4 KiB, 50 ms there and back:");
    let mut samples =
        [vec![Sample::default(); contenders.len()], vec![Sample::default(); contenders.len()]];
    for (at, contender) in contenders.iter().enumerate() {
        let server = Server::start(&contenders[0].path, &place.file("registry"))?;
        let manners = Manners { delay: Duration::from_millis(25), ..Manners::default() };
        let reference = format!("localhost:{}/bench/files:1", line::open(server.port(), manners)?);
        let mut push = place.command(&contender.path, "in");
        samples[0][at].add(time(push.args(["push", &reference]).args(&names))?);
        let mut pull = place.command(&contender.path, "out");
        samples[1][at].add(time(pull.args(["pull", &reference]))?);
        server.stop()?;
        place.clear(&["registry", "out"])?;
    }
    print("push", contenders, &samples[0]);
    print("pull", contenders, &samples[1]);
    Ok(())
}

/// Pushes one file of 512 MiB a second time, and pulls it a second time, with what each contender
/// remembers.
pub(crate) fn again(contenders: &[Contender]) -> Result<(), Failure> {
    let size = bytes(512 << 20);
    let place = Place::make()?;
    place.clear(&["home"])?;
    fill(&place.file("in/large.bin"), size)?;
    println!("\none file of {:.0} MiB that is known already, {RUNS} runs each:", mebibytes(size));
    let [mut pushes, mut pulls] =
        [vec![Sample::default(); contenders.len()], vec![Sample::default(); contenders.len()]];
    for (at, contender) in contenders.iter().enumerate() {
        let server = Server::start(&contenders[0].path, &place.file("registry"))?;
        let reference = format!("localhost:{}/bench/files:1", server.port());
        for run in 0..=RUNS {
            let mut push = remembering(&place, contender, "in");
            let push_time = time(push.args(["push", &reference, "large.bin"]))?;
            let mut pull = remembering(&place, contender, "out");
            let pull_time = time(pull.args(["pull", &reference]))?;
            place.clear(&["out"])?;
            if run > 0 {
                pushes[at].add(push_time);
                pulls[at].add(pull_time);
            }
        }
        server.stop()?;
        place.clear(&["registry", "home"])?;
    }
    print("push", contenders, &pushes);
    print("pull", contenders, &pulls);
    Ok(())
}

/// Makes a command that may remember things: ours does by itself, others if they are told where.
fn remembering(place: &Place, contender: &Contender, directory: &str) -> Command {
    let mut command = place.command(&contender.path, directory);
    command.env("HOME", place.file("home"));
    if contender.name == "peer" {
        command.env("ORAS_CACHE", place.file("home"));
    } else {
        command.env_remove("ORAS_CACHE").env_remove("XDG_CACHE_HOME");
    }
    command
}

/// Copies one file of 512 MiB from one registry to another.
pub(crate) fn registries(contenders: &[Contender]) -> Result<(), Failure> {
    let size = bytes(512 << 20);
    let place = Place::make()?;
    fill(&place.file("in/large.bin"), size)?;
    println!(
        "\none file of {:.0} MiB from registry to registry, {RUNS} runs each:",
        mebibytes(size)
    );
    let program = &contenders[0].path;
    let source = Server::start(program, &place.file("registry"))?;
    let from = format!("localhost:{}/bench/files:1", source.port());
    time(place.command(program, "in").args(["push", &from, "large.bin"]))?;
    let mut samples = vec![Sample::default(); contenders.len()];
    for _ in 0..RUNS {
        for (contender, sample) in contenders.iter().zip(&mut samples) {
            place.clear(&["target"])?;
            let target = Server::start(program, &place.file("target"))?;
            let to = format!("localhost:{}/bench/files:1", target.port());
            let mut copy = place.command(&contender.path, "in");
            sample.add(time(copy.args(["cp", &from, &to]))?);
            target.stop()?;
        }
    }
    print("cp", contenders, &samples);
    source.stop().map(drop)
}

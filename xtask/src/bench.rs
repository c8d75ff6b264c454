//! `cargo xtask bench`: start-up, size, speed and memory, against the registry that we carry.
//!
//! Prints figures and judges nothing: what a machine does beside changes them. `ORAS_PEER` names
//! another program with the same commands, which is then measured in the same run, in turns.
//! `ORAS_BENCH_BINARY` names a binary of ours that is built already.

mod docker;
mod http;
mod layout;
mod line;
mod mirror;
mod pushers;
mod registry;
mod sample;
mod tags;
mod transfer;
mod ways;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Failure;
use crate::process::{build_release, find};
use sample::Sample;

/// One of the programs that are compared.
#[derive(Debug)]
pub(crate) struct Contender {
    name: String,
    path: PathBuf,
}

type Benchmark = fn(&[Contender]) -> Result<(), Failure>;

const BENCHMARKS: [(&str, Benchmark); 13] = [
    ("start", start),
    ("layout", layout::large),
    ("large", transfer::large),
    ("small", transfer::small),
    ("again", ways::again),
    ("cp", ways::registries),
    ("shaped", ways::shaped),
    ("latency", ways::latency),
    ("docker", docker::large),
    ("registry", registry::compare),
    ("mirror", mirror::mirror),
    ("pushers", pushers::together),
    ("tags", tags::many),
];

/// Runs the named benchmarks, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), Failure> {
    let known = BENCHMARKS.map(|(name, _)| name);
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("no benchmark is called {unknown:?}: {}", known.join(", ")));
    }
    let ours = match std::env::var_os("ORAS_BENCH_BINARY") {
        Some(path) => path.into(),
        None => build_release()?,
    };
    let size = std::fs::metadata(&ours).map_err(|error| error.to_string())?.len();
    println!("\nbinary: {:.2} MiB", mebibytes(size));

    let mut contenders = vec![Contender { name: "oras".to_owned(), path: ours }];
    if let Some(path) = std::env::var_os("ORAS_PEER") {
        contenders.push(Contender { name: "peer".to_owned(), path: path.into() });
    }
    for (name, benchmark) in BENCHMARKS {
        if names.is_empty() || names.contains(&name) {
            benchmark(&contenders)?;
        }
    }
    Ok(())
}

/// Measures how long a program takes to start and to say something; `true` shows the floor.
fn start(contenders: &[Contender]) -> Result<(), Failure> {
    const RUNS: usize = 200;
    println!("\nstart, {RUNS} runs each, in turns:");
    let floor = Contender { name: "true".to_owned(), path: find("true").ok_or("no `true` here")? };
    for word in ["version", "--help"] {
        let mut samples: Vec<(&Contender, Sample)> = contenders
            .iter()
            .chain([&floor])
            .map(|contender| (contender, Sample::default()))
            .collect();
        for _ in 0..RUNS {
            for (contender, sample) in &mut samples {
                let mut command = Command::new(&contender.path);
                command.arg(word).stdin(Stdio::null()).stdout(Stdio::null());
                let begin = Instant::now();
                let status = command.status().map_err(|error| error.to_string())?;
                sample.add(begin.elapsed().as_secs_f64());
                if !status.success() {
                    return Err(format!("{} {word}: {status}", contender.path.display()));
                }
            }
        }
        let ours = samples[0].1.median();
        for (contender, sample) in &samples {
            let milliseconds = |seconds: f64| seconds * 1000.0;
            println!(
                "  {:<4} {word:<7} median {:6.2} ms, least {:6.2} ms{}",
                contender.name,
                milliseconds(sample.median()),
                milliseconds(sample.least()),
                sample::ratio(sample.median(), ours),
            );
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

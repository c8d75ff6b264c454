//! Questions to a layout of 100,000 manifests, each asked by a program that has just started.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::Failure;
use crate::bench::Contender;
use crate::bench::sample::{Sample, ratio};
use crate::bench::transfer::Place;

const MANIFESTS: u64 = 100_000;

/// How often each question is asked.
const RUNS: usize = 20;

/// Asks for the last tag, and for all.
pub(crate) fn large(contenders: &[Contender]) -> Result<(), Failure> {
    let place = Place::make()?;
    let text = |name: &str, text: String| {
        std::fs::write(place.file("in").join(name), text).map_err(|error| error.to_string())
    };
    text("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}".to_owned())?;
    text("index.json", index())?;
    std::fs::create_dir_all(place.file("in/blobs/sha256")).map_err(|error| error.to_string())?;
    println!("\na layout of {MANIFESTS} tagged manifests, {RUNS} runs each, in turns:");
    let last = format!(".:v{}", MANIFESTS - 1);
    for (name, arguments) in [
        ("resolve", vec!["resolve", "--oci-layout", &last]),
        ("repo tags", vec!["repo", "tags", "--oci-layout", "."]),
    ] {
        let mut samples: Vec<Sample> = contenders.iter().map(|_| Sample::default()).collect();
        for _ in 0..RUNS {
            for (contender, sample) in contenders.iter().zip(&mut samples) {
                sample.add(ask(&place, &contender.path, &arguments)?);
            }
        }
        for (contender, sample) in contenders.iter().zip(&samples) {
            println!(
                "  {:<4} {name:<9} median {:7.2} ms, least {:7.2} ms{}",
                contender.name,
                sample.median() * 1000.0,
                sample.least() * 1000.0,
                ratio(sample.median(), samples[0].median()),
            );
        }
    }
    Ok(())
}

fn ask(place: &Place, program: &Path, arguments: &[&str]) -> Result<f64, Failure> {
    let mut command = place.command(program, "in");
    command.args(arguments);
    let begin = Instant::now();
    let output = command.output().map_err(|error| error.to_string())?;
    let seconds = begin.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(seconds);
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Writes the list. The manifests themselves need not be there: nobody is to read them.
fn index() -> String {
    let mut text = "{\"schemaVersion\":2,\"manifests\":[".to_owned();
    for number in 0..MANIFESTS {
        let comma = if number == 0 { "" } else { "," };
        let digest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        write!(
            text,
            "{comma}{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
             \"digest\":\"sha256:{digest:064x}\",\"size\":555,\"annotations\":{{\
             \"org.opencontainers.image.created\":\"2026-01-01T00:00:00Z\",\
             \"org.opencontainers.image.ref.name\":\"v{number}\"}},\
             \"artifactType\":\"application/vnd.unknown.artifact.v1\"}}"
        )
        .expect("a string takes all");
    }
    text.push_str("]}");
    text
}

//! Pushes and pulls against our own registry, with the peak memory of both sides.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Failure;
use crate::bench::sample::{Sample, ratio};
use crate::bench::{Contender, mebibytes};
use crate::process::{Finished, Server, peak_memory, target};

/// How often each transfer is made.
const RUNS: usize = 3;

/// Moves one file of 4 GiB, or of as many bytes as `ORAS_BENCH_BYTES` says.
pub(crate) fn large(contenders: &[Contender]) -> Result<(), Failure> {
    let size = std::env::var("ORAS_BENCH_BYTES").ok().and_then(|text| text.parse().ok());
    let size: u64 = size.unwrap_or(4 << 30);
    let place = Place::make()?;
    fill(&place.file("in/large.bin"), size)?;
    println!("\none file of {:.0} MiB, {RUNS} runs each, in turns:", mebibytes(size));
    compare(contenders, &place, &["large.bin".to_owned()], size)
}

/// Moves 1,000 files of 64 KiB in one artifact.
pub(crate) fn small(contenders: &[Contender]) -> Result<(), Failure> {
    const COUNT: u32 = 1000;
    const SIZE: u32 = 64 << 10;
    let place = Place::make()?;
    let names: Vec<String> = (0..COUNT).map(|number| format!("f{number:04}.bin")).collect();
    for (number, name) in (0..).zip(&names) {
        let bytes: Vec<u8> = block(number).into_iter().take(SIZE as usize).collect();
        std::fs::write(place.file("in").join(name), bytes).map_err(|error| error.to_string())?;
    }
    println!("\n{COUNT} files of {} KiB, {RUNS} runs each, in turns:", SIZE >> 10);
    compare(contenders, &place, &names, u64::from(COUNT) * u64::from(SIZE))
}

/// What was measured of one contender.
#[derive(Default)]
struct Figures {
    push: Measured,
    pull: Measured,
}

#[derive(Default)]
struct Measured {
    seconds: Sample,
    client: Sample,
    server: Sample,
}

/// Has each contender push and pull in turns, each time into a registry that is new.
fn compare(
    contenders: &[Contender],
    place: &Place,
    files: &[String],
    size: u64,
) -> Result<(), Failure> {
    let mut figures: Vec<Figures> = contenders.iter().map(|_| Figures::default()).collect();
    let registry = &contenders[0].path;
    for _ in 0..RUNS {
        for (contender, figures) in contenders.iter().zip(&mut figures) {
            let server = Server::start(registry, &place.file("registry"))?;
            let reference = format!("localhost:{}/bench/files:1", server.port());
            let mut push = place.command(&contender.path, "in");
            push.args(["push", &reference]).args(files);
            figures.push.measure(&mut push, server)?;
            // A second process, so that its peak is that of the pull.
            let server = Server::start(registry, &place.file("registry"))?;
            let reference = format!("localhost:{}/bench/files:1", server.port());
            let mut pull = place.command(&contender.path, "out");
            pull.args(["pull", &reference]);
            figures.pull.measure(&mut pull, server)?;
            place.clear(&["registry", "out"])?;
        }
    }
    for (contender, own) in contenders.iter().zip(&figures) {
        own.push.print(contender, "push", size, &figures[0].push);
        own.pull.print(contender, "pull", size, &figures[0].pull);
    }
    Ok(())
}

impl Measured {
    fn measure(&mut self, command: &mut Command, server: Server) -> Result<(), Failure> {
        let begin = Instant::now();
        let (finished, client) = peak_memory(command)?;
        self.seconds.add(begin.elapsed().as_secs_f64());
        let Finished { success: true, .. } = finished else {
            return Err(format!("{command:?} failed:\n{}", finished.output));
        };
        self.client.add(mebibytes(client));
        self.server.add(mebibytes(server.stop()?));
        Ok(())
    }

    fn print(&self, contender: &Contender, what: &str, size: u64, ours: &Self) {
        let seconds = self.seconds.median();
        println!(
            "  {:<4} {what} {seconds:7.2} s ({:5.0} MiB/s), client {:6.1} MiB, server {:6.1} MiB{}",
            contender.name,
            mebibytes(size) / seconds,
            self.client.greatest(),
            self.server.greatest(),
            ratio(seconds, ours.seconds.median()),
        );
    }
}

/// A directory below cargo's, on the same disk; removed when dropped.
#[derive(Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn make() -> Result<Self, Failure> {
        let place = Self(target().join("bench"));
        // What a run that was killed has left.
        drop(std::fs::remove_dir_all(&place.0));
        place.clear(&["in", "out", "registry"])?;
        Ok(place)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes directories anew.
    pub(crate) fn clear(&self, names: &[&str]) -> Result<(), Failure> {
        for name in names {
            let path = self.file(name);
            if path.exists() {
                std::fs::remove_dir_all(&path).map_err(|error| error.to_string())?;
            }
            std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Makes a command that runs in a directory and knows no logins.
    pub(crate) fn command(&self, program: &Path, directory: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.file(directory)).stdin(Stdio::null());
        // Without the cache, which would spare the second run what is measured.
        command.env("HOME", &self.0).env("DOCKER_CONFIG", &self.0).env("ORAS_CACHE", "");
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Writes a file of bytes that neither compress nor repeat.
pub(crate) fn fill(path: &Path, size: u64) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        let mut left = size;
        let mut number = 0;
        while left > 0 {
            let block = block(number);
            let count = left.min(block.len() as u64);
            file.write_all(&block[..usize::try_from(count).unwrap_or(block.len())])?;
            left -= count;
            number += 1;
        }
        file.sync_all()
    };
    write().map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns 256 KiB that follow from a number: a 64-bit linear congruential generator's output.
pub(crate) fn block(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(256 << 10);
    while bytes.len() < 256 << 10 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes
}

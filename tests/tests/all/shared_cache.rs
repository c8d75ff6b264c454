//! One cache, many processes: they fill it, use it, prune it and spoil it, and none of them ever sees a
//! wrong byte or an error. For some seconds here, for minutes with `cargo xtask soak cache`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use oras_tests::{Numbers, OrasServer, Sandbox, noise};

/// How many artifacts there are.
const ARTIFACTS: u64 = 6;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What is in an artifact: files that pass through the cache, and files that are taken from where
/// they were written.
fn files(artifact: u64) -> [(&'static str, Vec<u8>); 2] {
    [("small.bin", noise(artifact, 20_000)), ("large.bin", noise(artifact + 100, 5 << 20))]
}

struct Soak<'a> {
    sandbox: &'a Sandbox,
    host: String,
    done: AtomicU64,
}

impl Soak<'_> {
    fn oras(&self, line: &str) -> Command {
        let mut command = self.sandbox.oras_command(line);
        command.env_remove("ORAS_CACHE").env("XDG_CACHE_HOME", self.sandbox.path("caches"));
        command
    }

    fn run(&self, line: &str) {
        let outcome = self.sandbox.run(&mut self.oras(line));
        assert!(outcome.status.success(), "{outcome:?}");
    }

    /// Does one thing after the other until the time is over.
    fn work(&self, worker: u64, end: Instant) {
        let mut numbers = Numbers::new(worker);
        while Instant::now() < end {
            let artifact = numbers.below(ARTIFACTS);
            match numbers.below(12) {
                0 => self.run("cache prune --keep 6MB"),
                1 => self.run("cache verify"),
                2 => self.run("cache info"),
                3 => self.spoil(&mut numbers),
                4 if numbers.below(4) == 0 => self.run("cache clear"),
                _ => self.pull(worker, artifact),
            }
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn pull(&self, worker: u64, artifact: u64) {
        let output = self.sandbox.path(format!("out{worker}"));
        let line = format!("pull {}/a:{artifact} -o {}", self.host, output.display());
        self.run(&format!("{line} --cache-max 40MB"));
        for (name, bytes) in files(artifact) {
            let found = std::fs::read(output.join(name)).expect("it was pulled");
            assert!(found == bytes, "{name} of artifact {artifact} is wrong");
        }
        std::fs::remove_dir_all(output).expect("clear the output");
    }

    /// Changes or cuts a file of the cache.
    fn spoil(&self, numbers: &mut Numbers) {
        let Ok(entries) = self.sandbox.path("caches/oras/blobs/sha256").read_dir() else { return };
        let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let Ok(count) = u64::try_from(paths.len()) else { return };
        if count == 0 {
            return;
        }
        let path = &paths[usize::try_from(numbers.below(count)).expect("an index")];
        // Somebody else may have removed it, or be just putting it there.
        let Ok(mut bytes) = std::fs::read(path) else { return };
        match bytes.first_mut() {
            Some(first) if numbers.below(2) == 0 => *first ^= 1,
            _ => bytes.truncate(bytes.len() / 2),
        }
        // In place: who has it open sees it change.
        std::fs::write(path, bytes).unwrap_or_default();
    }
}

/// Lets so many processes use one cache for so long.
fn soak(workers: u64, seconds: u64) -> u64 {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    for artifact in 0..ARTIFACTS {
        for (name, bytes) in files(artifact) {
            sandbox.write(name, bytes);
        }
        let line = format!("push {}/a:{artifact} small.bin large.bin --no-cache", server.host());
        sandbox.oras(&line).succeeds();
    }
    let soak = Soak { sandbox: &sandbox, host: server.host(), done: AtomicU64::new(0) };
    let end = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let soak = &soak;
            scope.spawn(move || soak.work(worker, end));
        }
    });
    soak.done.into_inner()
}

#[test]
fn a_cache_that_many_use_prune_and_spoil_never_changes_a_result() {
    assert!(soak(8, 4) > 0);
}

#[test]
#[ignore = "takes long: `cargo xtask soak cache`"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn a_cache_that_many_use_for_long() {
    let workers = number("ORAS_SOAK_PROCESSES", 32);
    let seconds = number("ORAS_SOAK_SECONDS", 300);
    let done = soak(workers, seconds);
    println!("{workers} processes, {seconds} s: {done} commands, no wrong byte, no error");
}

//! Transfers over lines that break all the time, by processes that are killed: seeded, and as long as
//! one likes. `cargo xtask soak` runs it; variables say how often, how much, and against what.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use oras_tests::{
    Direction, Distribution, Emulated, Fault, Numbers, OrasServer, Proxy, Running, Sandbox, noise,
};
use rustix::process::{Pid, Signal, kill_process};

/// How it goes.
#[derive(Clone, Copy)]
struct Terms {
    size: usize,
    /// How many bytes pass between two cuts.
    cut: u64,
    kills: usize,
    /// How many percent of the file may be sent beyond what there is, at most.
    extra: f64,
}

impl Terms {
    /// Returns how many connections break for each process that is killed.
    fn cuts_per_kill(&self) -> usize {
        let cuts = usize::try_from(self.size as u64 / self.cut).unwrap_or(usize::MAX);
        (cuts / self.kills.max(1)).max(1)
    }
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What is pushed to and pulled from.
enum Server {
    Ours(OrasServer),
    Distribution(Distribution),
    Emulated(Box<Emulated>),
}

impl Server {
    /// Starts what is called `kind`: `oras`, `distribution`, or the name of an emulated registry.
    fn start(sandbox: &Sandbox, kind: &str) -> Self {
        match kind {
            "oras" => Self::Ours(OrasServer::start(sandbox)),
            "distribution" => {
                let found = Distribution::start(sandbox);
                Self::Distribution(found.expect("the registry is on this machine"))
            }
            profile => {
                let emulated = Emulated::start(sandbox, profile);
                emulated.login(sandbox);
                Self::Emulated(Box::new(emulated))
            }
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(server) => server.address(),
            Self::Distribution(server) => server.address(),
            Self::Emulated(server) => server.address(),
        }
    }

    /// Makes the command that `line` is, with the repository for `REPO`, through a proxy.
    fn command(&self, sandbox: &Sandbox, proxy: &Proxy, line: &str) -> Command {
        let (repository, flags) = match self {
            Self::Ours(_) | Self::Distribution(_) => (format!("{}/a", proxy.host()), Vec::new()),
            Self::Emulated(server) => (server.repository(), server.flags_through("", proxy.port())),
        };
        let mut command = sandbox.oras_command(&line.replace("REPO", &repository));
        command.args(flags);
        command
    }
}

/// Runs `line` through a proxy until it succeeds; returns how many bytes went which way.
fn until_done(
    sandbox: &Sandbox,
    server: &Server,
    terms: Terms,
    (seed, direction): (u64, Direction),
    line: &str,
) -> u64 {
    let victim: Arc<Mutex<Option<Pid>>> = Arc::default();
    let killed = Arc::clone(&victim);
    let (mut numbers, cut) = (Numbers::new(seed), terms.cut);
    let plan = move |_| match numbers.below(2) {
        0 => Fault::Cut(direction, cut),
        _ => Fault::Reset(direction, cut),
    };
    let (cuts, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let proxy = Proxy::start_with(server.address(), plan, move || {
        let count = cuts.fetch_add(1, Ordering::SeqCst) + 1;
        let is_due = count.is_multiple_of(terms.cuts_per_kill());
        if is_due && done.fetch_add(1, Ordering::SeqCst) < terms.kills {
            let process = *killed.lock().unwrap_or_else(PoisonError::into_inner);
            process.map_or(Ok(()), |id| kill_process(id, Signal::KILL)).unwrap_or_default();
        }
    });
    for _ in 0..=terms.kills {
        let running = Running::start(&mut server.command(sandbox, &proxy, line));
        *victim.lock().unwrap_or_else(PoisonError::into_inner) = Some(running.id());
        let outcome = running.finish();
        *victim.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if outcome.status.success() {
            return proxy.moved(direction);
        }
        assert!(outcome.status.code().is_none(), "not killed, and failed: {outcome:?}");
    }
    panic!("{} kills, and it is still not done", terms.kills)
}

#[expect(clippy::cast_precision_loss, reason = "printed with two digits")]
fn percent(moved: u64, size: usize) -> f64 {
    (moved as f64 / size as f64 - 1.0) * 100.0
}

/// Compares two files, of which none need fit into memory.
fn is_same(one: &Path, other: &Path) -> bool {
    let open = |path: &Path| std::fs::File::open(path).expect("open a file");
    let (mut one, mut other) = (open(one), open(other));
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = one.read(&mut left).expect("read");
        if count == 0 {
            return other.read(&mut right).expect("read") == 0;
        }
        if other.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return false;
        }
    }
}

fn one_run(terms: Terms, kind: &str, seed: u64, bytes: &[u8]) -> (f64, f64) {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, kind);
    let source = sandbox.write("large.bin", bytes);
    let line = "push REPO:1 large.bin --concurrency 1";
    let up = until_done(&sandbox, &server, terms, (seed, Direction::Up), line);
    let line = "pull REPO:1 -o out --concurrency 1";
    let down = until_done(&sandbox, &server, terms, (seed, Direction::Down), line);
    assert!(is_same(&source, &sandbox.path("out/large.bin")), "altered in run {seed}");
    assert_eq!(sandbox.list("out"), ["large.bin"]);
    (percent(up, terms.size), percent(down, terms.size))
}

#[test]
#[ignore = "takes long: `cargo xtask soak`"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn transfers_that_are_cut_and_killed_all_the_time_are_completed() {
    let terms = Terms {
        size: number("ORAS_SOAK_BYTES", 256 << 20),
        cut: number("ORAS_SOAK_CUT", 64 << 20) as u64,
        kills: number("ORAS_SOAK_KILLS", 10),
        extra: f64::from(u32::try_from(number("ORAS_SOAK_EXTRA", 1000)).unwrap_or(u32::MAX)),
    };
    let kind = std::env::var("ORAS_SOAK_SERVER").unwrap_or_else(|_| "oras".to_owned());
    let bytes = noise(4711, terms.size);
    let first = number("ORAS_SOAK_FIRST", 0) as u64;
    for seed in first..first + number("ORAS_SOAK_RUNS", 1) as u64 {
        let begin = Instant::now();
        let (up, down) = one_run(terms, &kind, seed, &bytes);
        println!(
            "{kind}, run {seed}: {up:.2} % more than the file was sent, {down:.2} % received, {} s",
            begin.elapsed().as_secs()
        );
        assert!(up <= terms.extra && down <= terms.extra, "more than {} %", terms.extra);
    }
}

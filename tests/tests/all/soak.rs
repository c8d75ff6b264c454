//! Transfers over lines that break all the time, by processes that are killed: seeded, and as long as
//! one likes. `cargo xtask soak` runs it; variables say how often and how much.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oras_tests::{Direction, Fault, Numbers, OrasServer, Proxy, Running, Sandbox, noise};
use rustix::process::{Pid, Signal, kill_process};

/// How many connections break for each process that is killed.
const CUTS_PER_KILL: usize = 3;

/// How it goes.
struct Terms {
    size: usize,
    /// How many bytes pass between two cuts.
    cut: u64,
    kills: usize,
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Runs `line` through a proxy until it succeeds; returns how many bytes went which way.
fn until_done(
    sandbox: &Sandbox,
    server: &OrasServer,
    terms: &Terms,
    (seed, direction): (u64, Direction),
    line: &str,
) -> u64 {
    let victim: Arc<Mutex<Option<Pid>>> = Arc::default();
    let (killed, kills) = (Arc::clone(&victim), terms.kills);
    let (mut numbers, cut) = (Numbers::new(seed), terms.cut);
    let plan = move |_| match numbers.below(2) {
        0 => Fault::Cut(direction, cut),
        _ => Fault::Reset(direction, cut),
    };
    let (cuts, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let proxy = Proxy::start_with(server.address(), plan, move || {
        let is_due = cuts.fetch_add(1, Ordering::SeqCst) % CUTS_PER_KILL == CUTS_PER_KILL - 1;
        if is_due && done.fetch_add(1, Ordering::SeqCst) < kills {
            let process = *killed.lock().unwrap_or_else(PoisonError::into_inner);
            process.map_or(Ok(()), |id| kill_process(id, Signal::KILL)).unwrap_or_default();
        }
    });
    let line = line.replace("HOST", &proxy.host());
    for _ in 0..=terms.kills {
        let running = Running::start(&mut sandbox.oras_command(&line));
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

#[test]
#[ignore = "takes long: `cargo xtask soak`"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn transfers_that_are_cut_and_killed_all_the_time_are_completed() {
    let terms = Terms {
        size: number("ORAS_SOAK_BYTES", 256 << 20),
        cut: number("ORAS_SOAK_CUT", 64 << 20) as u64,
        kills: number("ORAS_SOAK_KILLS", 10),
    };
    for seed in 0..number("ORAS_SOAK_RUNS", 1) as u64 {
        let sandbox = Sandbox::new();
        let server = OrasServer::start(&sandbox);
        let bytes = noise(seed, terms.size);
        sandbox.write("large.bin", &bytes);
        let line = "push HOST/a:1 large.bin --concurrency 1";
        let up = until_done(&sandbox, &server, &terms, (seed, Direction::Up), line);
        let line = "pull HOST/a:1 -o out --concurrency 1";
        let down = until_done(&sandbox, &server, &terms, (seed, Direction::Down), line);
        assert!(sandbox.read("out/large.bin") == bytes, "altered in run {seed}");
        assert_eq!(sandbox.list("out"), ["large.bin"]);
        println!(
            "run {seed}: {:.2} % more than the file was sent, {:.2} % received",
            percent(up, terms.size),
            percent(down, terms.size)
        );
    }
}

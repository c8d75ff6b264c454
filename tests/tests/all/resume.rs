//! Transfers that are killed, again and again: the next process goes on, and little is sent twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use oras_tests::{Direction, Fault, OrasServer, Proxy, Running, Sandbox, noise};
use rustix::process::{Pid, Signal, kill_process};

const SIZE: usize = 48 << 20;

/// How many bytes one connection brings.
const CUT: u64 = 12 << 20;

/// Kills the process that runs when the time has come.
#[derive(Clone, Default)]
struct Victim(Arc<OnceLock<Pid>>);

#[test]
fn a_pull_that_is_cut_and_killed_goes_on_in_the_next_process() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(77, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();

    // The first two connections end, the process that has the third is killed.
    let victim = Victim::default();
    let (killed, cuts) = (victim.clone(), AtomicUsize::new(0));
    let plan = |number| match number {
        0..=1 => Fault::Cut(Direction::Down, CUT),
        2 => Fault::Halt(Direction::Down, CUT),
        _ => Fault::None,
    };
    let proxy = Proxy::start_with(server.address(), plan, move || {
        if cuts.fetch_add(1, Ordering::SeqCst) == 2 {
            kill_process(*killed.0.wait(), Signal::KILL).unwrap_or_default();
        }
    });
    let line = format!("pull {}/a:1 -o out", proxy.host());
    let running = Running::start(&mut sandbox.oras_command(&line));
    victim.0.get_or_init(|| running.id());
    assert!(!running.finish().status.success(), "it was to be killed");
    assert!(!sandbox.path("out/large.bin").exists(), "a part under the final name");

    let before = proxy.moved(Direction::Down);
    sandbox.oras(&line).succeeds();
    assert!(sandbox.read("out/large.bin") == noise(77, SIZE), "altered");
    assert_eq!(sandbox.list("out"), ["large.bin"]);
    // What the socket held when the process was killed comes again.
    let moved = proxy.moved(Direction::Down) - before;
    assert!(moved < SIZE as u64 / 2, "{moved} bytes for the rest of {SIZE}");
}

#[test]
fn a_pull_that_is_interrupted_leaves_a_draft_that_the_next_one_completes() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(78, SIZE));
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    sandbox.write("out/large.bin", "old");
    let victim = Victim::default();
    let killed = victim.clone();
    let plan = |_| Fault::Halt(Direction::Down, 2 * CUT);
    let proxy = Proxy::start_with(server.address(), plan, move || {
        kill_process(*killed.0.wait(), Signal::TERM).unwrap_or_default();
    });
    let line = format!("pull {}/a:1 -o out", proxy.host());
    let running = Running::start(&mut sandbox.oras_command(&line));
    victim.0.get_or_init(|| running.id());
    assert!(!running.finish().status.success(), "it was to be interrupted");
    assert_eq!(sandbox.text("out/large.bin"), "old");
    let left = sandbox.list("out").into_iter().filter(|name| name.ends_with(".partial"));
    assert_eq!(left.count(), 1, "{:?}", sandbox.list("out"));
    sandbox.oras(&format!("pull {}/a:1 -o out", server.host())).succeeds();
    assert!(sandbox.read("out/large.bin") == noise(78, SIZE), "altered");
    assert_eq!(sandbox.list("out"), ["large.bin"]);
}

#[test]
fn a_push_that_is_cut_and_killed_goes_on_in_the_next_process() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("large.bin", noise(79, SIZE));
    let victim = Victim::default();
    let (killed, cuts) = (victim.clone(), AtomicUsize::new(0));
    // The second connection that ends takes the process with it, and those of the next one do not.
    let is_killed = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_killed);
    let plan = move |_| {
        let is_over = over.load(Ordering::SeqCst);
        if is_over { Fault::None } else { Fault::Cut(Direction::Up, CUT) }
    };
    let proxy = Proxy::start_with(server.address(), plan, move || {
        if cuts.fetch_add(1, Ordering::SeqCst) == 1 {
            is_killed.store(true, Ordering::SeqCst);
            kill_process(*killed.0.wait(), Signal::KILL).unwrap_or_default();
        }
    });
    let line = format!("push {}/a:1 large.bin --concurrency 1", proxy.host());
    let running = Running::start(&mut sandbox.oras_command(&line));
    victim.0.get_or_init(|| running.id());
    assert!(!running.finish().status.success(), "it was to be killed");
    sandbox.oras(&format!("resolve {}/a:1", server.host())).fails();

    let before = proxy.moved(Direction::Up);
    sandbox.oras(&line).succeeds();
    // Nearly all of what the first process had sent is there.
    let moved = proxy.moved(Direction::Up) - before;
    assert!(moved < SIZE as u64 * 3 / 4, "{moved} bytes for the rest of {SIZE}");
    sandbox.oras(&format!("pull {}/a:1 -o out", server.host())).succeeds();
    assert!(sandbox.read("out/large.bin") == noise(79, SIZE), "altered");
}

//! Killed at any moment: no incomplete file under a final name, no incomplete tag, nothing lost
//! that was acknowledged, and the next run succeeds without help.

use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use oras_tests::{
    Direction, Fault, Numbers, OrasServer, Outcome, Proxy, Running, Sandbox, default_root, noise,
};
use rustix::process::{Signal, kill_process};

/// How many moments of each transfer are tried.
const MOMENTS: u64 = 25;

const FILES: [(&str, usize); 3] =
    [("a.bin", 700_000), ("deep/er/b.bin", 300_000), ("c.bin", 1_200_000)];

const ALL_BYTES: u64 = 2_200_000;

fn write_files(sandbox: &Sandbox, directory: &str, seed: u64) {
    for (number, (name, size)) in (0..).zip(FILES) {
        sandbox.write(&format!("{directory}/{name}"), noise(seed + number, size));
    }
}

/// Demands that each of the files is absent or whole; with `all`, that they and no others are there.
#[track_caller]
fn assert_whole(sandbox: &Sandbox, directory: &str, seed: u64, all: bool) {
    for (number, (name, size)) in (0..).zip(FILES) {
        let path = sandbox.path(format!("{directory}/{name}"));
        if all || path.exists() {
            assert!(
                sandbox.read(&format!("{directory}/{name}")) == noise(seed + number, size),
                "{name}"
            );
        }
    }
    if all {
        let found = sandbox.list(directory);
        assert_eq!(found, ["a.bin", "c.bin", "deep/", "deep/er/", "deep/er/b.bin"]);
    }
}

/// Runs a line against a proxy that halts each connection after `limit` bytes, and sends the
/// program a signal there. Nothing comes of it if the program is done with less.
fn signal_at(
    sandbox: &Sandbox,
    server: &OrasServer,
    fault: Fault,
    signal: Signal,
    line: &str,
) -> Outcome {
    let process = Arc::new(OnceLock::new());
    let victim = Arc::clone(&process);
    let on_fault = move || {
        // It may have ended for another reason.
        kill_process(*victim.wait(), signal).unwrap_or_default();
    };
    let proxy = Proxy::start_with(server.address(), move |_| fault, on_fault);
    let line = line.replace("HOST", &proxy.host());
    let running = Running::start(&mut sandbox.oras_command(&line));
    process.get_or_init(|| running.id());
    running.finish()
}

#[test]
fn a_pull_killed_at_any_byte_leaves_only_whole_files() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    write_files(&sandbox, "in", 10);
    let files = FILES.map(|(name, _)| name).join(" ");
    let host = server.host();
    let mut push = sandbox.oras_command(&format!("push {host}/a:1 {files}"));
    sandbox.run(push.current_dir(sandbox.path("in"))).succeeds();

    let mut numbers = Numbers::new(1);
    for moment in 0..MOMENTS {
        // One transfer at a time, so that the bytes of one connection reach far.
        let limit = numbers.below(ALL_BYTES);
        let line = "pull HOST/a:1 -o out --concurrency 1";
        signal_at(&sandbox, &server, Fault::Halt(Direction::Down, limit), Signal::KILL, line);
        assert_whole(&sandbox, "out", 10, false);
        if moment % 5 == 4 {
            sandbox.oras(&format!("pull {host}/a:1 -o out")).succeeds();
            assert_whole(&sandbox, "out", 10, true);
            std::fs::remove_dir_all(sandbox.path("out")).expect("clear the output");
        }
    }
}

#[test]
fn a_pull_killed_over_good_old_files_leaves_old_or_new() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let files = FILES.map(|(name, _)| name).join(" ");
    write_files(&sandbox, "in", 10);
    let mut push = sandbox.oras_command(&format!("push {host}/a:new {files}"));
    sandbox.run(push.current_dir(sandbox.path("in"))).succeeds();
    let mut numbers = Numbers::new(2);
    for _ in 0..MOMENTS / 2 {
        write_files(&sandbox, "out", 20);
        let limit = numbers.below(ALL_BYTES);
        let line = "pull HOST/a:new -o out --concurrency 1";
        signal_at(&sandbox, &server, Fault::Halt(Direction::Down, limit), Signal::KILL, line);
        for (number, (name, size)) in (0..).zip(FILES) {
            let found = sandbox.read(&format!("out/{name}"));
            let is_old = found == noise(20 + number, size);
            assert!(is_old || found == noise(10 + number, size), "{name} is neither old nor new");
        }
    }
    sandbox.oras(&format!("pull {host}/a:new -o out")).succeeds();
    assert_whole(&sandbox, "out", 10, true);
}

#[test]
fn a_push_killed_at_any_byte_never_shows_an_incomplete_tag() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let files = FILES.map(|(name, _)| format!("in/{name}")).join(" ");
    let mut numbers = Numbers::new(3);
    for moment in 0..MOMENTS {
        // New content each time, so that nothing of it is there already.
        write_files(&sandbox, "in", 100 * (moment + 1));
        let limit = numbers.below(ALL_BYTES);
        let line = format!("push HOST/a{moment}:1 {files} --concurrency 1");
        signal_at(&sandbox, &server, Fault::Halt(Direction::Up, limit), Signal::KILL, &line);
        let outcome = sandbox.oras(&format!("pull {host}/a{moment}:1 -o out"));
        if !outcome.status.success() {
            assert!(outcome.stderr.contains("not found"), "{outcome:?}");
            sandbox.oras(&format!("push {host}/a{moment}:1 {files}")).succeeds();
            sandbox.oras(&format!("pull {host}/a{moment}:1 -o out")).succeeds();
        }
        assert_whole(&sandbox, "out/in", 100 * (moment + 1), true);
        std::fs::remove_dir_all(sandbox.path("out")).expect("clear the output");
    }
}

/// Pushes one small artifact after the other until the registry is gone; tells of each success.
fn push_until_gone(
    sandbox: &Sandbox,
    host: &str,
    writer: u64,
    acknowledged: &mpsc::Sender<String>,
) {
    for number in 0.. {
        let name = format!("w{writer}-{number}.bin");
        sandbox.write(&name, noise(1000 * writer + number, 40_000));
        let reference = format!("many/w{writer}:{number}");
        let outcome = sandbox.oras(&format!("push {host}/{reference} {name}"));
        if !outcome.status.success() || acknowledged.send(reference).is_err() {
            return;
        }
    }
}

#[test]
fn a_registry_killed_during_pushes_keeps_all_that_it_acknowledged() {
    let sandbox = Sandbox::new();
    let root = default_root(&sandbox);
    let mut acknowledged: Vec<String> = Vec::new();
    let mut numbers = Numbers::new(4);
    for round in 0..4 {
        let server = OrasServer::start(&sandbox);
        let host = server.host();
        let (sender, receiver) = mpsc::channel();
        let enough = usize::try_from(4 + numbers.below(12)).expect("a small number");
        thread::scope(|scope| {
            for writer in 0..3 {
                let (sandbox, host, sender) = (&sandbox, &host, sender.clone());
                scope.spawn(move || push_until_gone(sandbox, host, 10 * round + writer, &sender));
            }
            drop(sender);
            acknowledged.extend(receiver.iter().take(enough));
            server.kill();
            // What was acknowledged between the last look and the kill.
            acknowledged.extend(receiver.iter());
        });
    }
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    for reference in &acknowledged {
        sandbox.oras(&format!("pull {host}/{reference} -o out")).succeeds();
        let (writer, number) = reference
            .trim_start_matches("many/w")
            .split_once(':')
            .map(|(writer, number)| (writer.parse::<u64>(), number.parse::<u64>()))
            .expect("a reference of ours");
        let (writer, number) = (writer.expect("a number"), number.expect("a number"));
        let name = format!("out/w{writer}-{number}.bin");
        assert!(sandbox.read(&name) == noise(1000 * writer + number, 40_000), "{reference}");
    }
    server.stop();
    assert!(root.exists());
}

#[test]
fn a_registry_that_is_asked_to_stop_finishes_what_it_has_begun() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let (sender, receiver) = mpsc::channel();
    let mut acknowledged = Vec::new();
    thread::scope(|scope| {
        for writer in 0..2 {
            let (sandbox, host, sender) = (&sandbox, server.host(), sender.clone());
            scope.spawn(move || push_until_gone(sandbox, &host, writer, &sender));
        }
        drop(sender);
        acknowledged.extend(receiver.iter().take(6));
        server.stop();
        acknowledged.extend(receiver.iter());
    });
    let server = OrasServer::start(&sandbox);
    for reference in &acknowledged {
        sandbox.oras(&format!("pull {}/{reference} -o out", server.host())).succeeds();
    }
    server.stop();
}

#[test]
fn a_pull_that_is_interrupted_leaves_only_whole_files() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    write_files(&sandbox, "in", 30);
    let files = FILES.map(|(name, _)| name).join(" ");
    let mut push = sandbox.oras_command(&format!("push {host}/a:1 {files}"));
    sandbox.run(push.current_dir(sandbox.path("in"))).succeeds();
    for signal in [Signal::INT, Signal::TERM] {
        let fault = Fault::Halt(Direction::Down, 500_000);
        let line = "pull HOST/a:1 -o out --concurrency 1";
        let outcome = signal_at(&sandbox, &server, fault, signal, line);
        assert!(!outcome.status.success(), "{outcome:?}");
        assert_whole(&sandbox, "out", 30, false);
        let mut strangers = sandbox.list("out");
        strangers.retain(|name| !name.ends_with('/') && FILES.iter().all(|(file, _)| file != name));
        assert!(strangers.is_empty(), "left behind: {strangers:?}");
    }
    sandbox.oras(&format!("pull {host}/a:1 -o out")).succeeds();
    assert_whole(&sandbox, "out", 30, true);
}

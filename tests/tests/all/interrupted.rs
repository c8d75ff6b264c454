//! Transfers of all commands, interrupted amid a file: nothing has a final name, what was there stays,
//! and the same command completes it.

use std::sync::{Arc, OnceLock};

use oras_spec::Digest;
use oras_tests::{Direction, Fault, OrasServer, Proxy, Running, Sandbox, noise};
use rustix::process::{Pid, Signal, kill_process};

/// Large enough that what there is of it is kept.
const SIZE: usize = 12 << 20;

/// Runs a command until so much of the file has moved, and interrupts it then.
fn interrupt(sandbox: &Sandbox, server: &OrasServer, way: Direction, line: &str, signal: Signal) {
    let victim: Arc<OnceLock<Pid>> = Arc::default();
    let ended = Arc::clone(&victim);
    let plan = move |_| Fault::Halt(way, 6 << 20);
    let proxy = Proxy::start_with(server.address(), plan, move || {
        kill_process(*ended.wait(), signal).unwrap_or_default();
    });
    let line = line.replace("HOST", &proxy.host());
    let running = Running::start(&mut sandbox.oras_command(&line));
    victim.get_or_init(|| running.id());
    let outcome = running.finish();
    let code = if signal == Signal::TERM { 143 } else { 1 };
    assert_eq!(outcome.status.code(), Some(code), "{line}: {outcome:?}");
}

/// Returns the files of a directory that have the digest in their names: blobs, not drafts.
fn named(sandbox: &Sandbox, directory: &str, digest: &Digest) -> Vec<String> {
    let found = sandbox.list(directory).into_iter();
    found.filter(|name| name.ends_with(digest.encoded())).collect()
}

#[test]
fn a_pull_or_a_fetch_leaves_the_old_file_and_goes_on() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let bytes = noise(50, SIZE);
    sandbox.write("large.bin", &bytes);
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    let fetch = format!("blob fetch HOST/a@{} -o out/large.bin", Digest::of(&bytes));
    for line in ["pull HOST/a:1 -o out", &fetch] {
        for signal in [Signal::INT, Signal::TERM] {
            sandbox.write("out/large.bin", "old");
            interrupt(&sandbox, &server, Direction::Down, line, signal);
            assert_eq!(sandbox.text("out/large.bin"), "old", "{line}");
            sandbox.oras(&line.replace("HOST", &server.host())).succeeds();
            assert!(sandbox.read("out/large.bin") == bytes, "altered: {line}");
            assert_eq!(sandbox.list("out"), ["large.bin"], "{line}");
        }
    }
}

#[test]
fn a_copy_or_a_backup_lists_nothing_and_goes_on() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let bytes = noise(51, SIZE);
    let digest = Digest::of(&bytes);
    sandbox.write("large.bin", &bytes);
    sandbox.oras(&format!("push {}/a:1 large.bin", server.host())).succeeds();
    for (name, line) in [
        ("copied", "cp HOST/a:1 --to-oci-layout copied:1"),
        ("backed-up", "backup HOST/a:1 -o backed-up"),
    ] {
        for signal in [Signal::INT, Signal::TERM] {
            interrupt(&sandbox, &server, Direction::Down, line, signal);
            assert_eq!(named(&sandbox, name, &digest), [""; 0], "{line}");
            sandbox.oras(&format!("resolve --oci-layout {name}:1")).fails();
            sandbox.oras(&line.replace("HOST", &server.host())).succeeds();
            assert_eq!(named(&sandbox, name, &digest).len(), 1, "{line}");
            sandbox.oras(&format!("pull --oci-layout {name}:1 -o out")).succeeds();
            assert!(sandbox.read("out/large.bin") == bytes, "altered: {line}");
            std::fs::remove_dir_all(sandbox.path(name)).expect("clear it");
        }
    }
    let line = "backup HOST/a:1 -o archive.tar";
    interrupt(&sandbox, &server, Direction::Down, line, Signal::TERM);
    assert!(!sandbox.path("archive.tar").exists());
    sandbox.oras(&line.replace("HOST", &server.host())).succeeds();
    let left = sandbox.list("").into_iter().filter(|name| name.contains(".partial"));
    assert_eq!(left.count(), 0, "{:?}", sandbox.list(""));
}

#[test]
fn a_push_sets_no_tag_and_goes_on() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let bytes = noise(52, SIZE);
    sandbox.write("large.bin", &bytes);
    for (tag, signal) in [("1", Signal::INT), ("2", Signal::TERM)] {
        let line = format!("push HOST/a{tag}:1 large.bin --concurrency 1");
        interrupt(&sandbox, &server, Direction::Up, &line, signal);
        sandbox.oras(&format!("resolve {}/a{tag}:1", server.host())).fails();
        sandbox.oras(&line.replace("HOST", &server.host())).succeeds();
        sandbox.oras(&format!("pull {}/a{tag}:1 -o out", server.host())).succeeds();
        assert!(sandbox.read("out/large.bin") == bytes, "altered");
    }
}

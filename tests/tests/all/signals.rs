//! Asked to stop: soon, with the exit code that scripts know, whatever hangs.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use oras_tests::{Running, Sandbox};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Signal, kill_process};

/// A registry that takes connections and says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    let host = format!("localhost:{}", listener.local_addr().expect("know the port").port());
    (listener, host)
}

/// Starts a push that waits for its annotations, which cannot be canceled. It waits for as long as
/// the pipe is open.
fn hang(sandbox: &Sandbox) -> (Running, OwnedFd) {
    let path = sandbox.path("notes.json");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let line = "push --oci-layout out:1 --annotation-file notes.json";
    let running = Running::start(&mut sandbox.oras_command(line));
    // There is nothing to open until the program is at the other end.
    loop {
        match rustix::fs::open(&path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()) {
            Ok(pipe) => return (running, pipe),
            Err(error) => assert_eq!(error, Errno::NXIO, "it did not begin"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_exit_code_says_what_ended_the_program() {
    let sandbox = Sandbox::new();
    for (signal, code) in [(Signal::INT, 1), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (registry, host) = silent();
        // These tests may themselves have been started to outlive their terminal.
        let mut program = sandbox.command("env");
        program.arg("--default-signal=HUP").arg(oras_tests::sandbox::binary());
        let running = Running::start(program.args(["resolve", &format!("{host}/a:1")]));
        let _connection = registry.accept().expect("it connects");
        kill_process(running.id(), signal).expect("it is there");
        let outcome = running.finish();
        assert_eq!(outcome.status.code(), Some(code), "{outcome:?}");
        assert_eq!(outcome.stderr, "Error: context canceled\n");
    }
}

#[test]
fn a_program_that_is_to_outlive_its_terminal_does() {
    let sandbox = Sandbox::new();
    let (registry, host) = silent();
    let mut shell = sandbox.command("sh");
    shell.arg("-c").arg(format!("trap '' HUP; exec \"$0\" resolve {host}/a:1"));
    let running = Running::start(shell.arg(oras_tests::sandbox::binary()));
    let _connection = registry.accept().expect("it connects");
    for signal in [Signal::HUP, Signal::TERM] {
        kill_process(running.id(), signal).expect("it is there");
    }
    assert_eq!(running.finish().status.code(), Some(143));
}

#[test]
fn what_hangs_is_ended_after_an_interrupt() {
    let sandbox = Sandbox::new();
    let (running, _pipe) = hang(&sandbox);
    kill_process(running.id(), Signal::INT).expect("it is there");
    let outcome = running.finish();
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert_eq!(outcome.stderr, "Error: context canceled\n");
}

#[test]
fn a_second_interrupt_ends_at_once_what_hangs() {
    let sandbox = Sandbox::new();
    let (running, _pipe) = hang(&sandbox);
    let id = running.id();
    // Signals that come together count as one.
    let pressing = std::thread::spawn(move || {
        while kill_process(id, Signal::INT).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let outcome = running.finish();
    pressing.join().expect("it ended");
    assert_eq!(outcome.status.code(), Some(130), "{outcome:?}");
    assert_eq!(outcome.status.signal(), None);
    assert_eq!(outcome.stderr, "Error: context canceled\n");
}

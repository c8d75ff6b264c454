//! A login at a real terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::sandbox::{PASSWORD, Sandbox};

/// A terminal: where a person types and reads, and where a program does.
struct Terminal {
    person: File,
    program: OwnedFd,
}

impl Terminal {
    fn open() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("it is ours");
        let name = ptsname(&person, Vec::new()).expect("it has a name");
        let name = name.into_string().expect("UTF-8");
        let program = File::options().read(true).write(true).open(name).expect("its other end");
        Self { person: person.into(), program: program.into() }
    }

    fn shows_what_is_typed(&self) -> bool {
        let modes = tcgetattr(&self.program).expect("it is a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }
}

/// Starts `oras login HOST -u me` at the terminal and waits until it asks for the password.
fn login(sandbox: &Sandbox, terminal: &Terminal) -> (Child, ChildStdout) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
        .args(["login", &sandbox.host(), "-u", "me"])
        .env_clear()
        .env("HOME", sandbox.home(""))
        .stdin(terminal.program.try_clone().expect("one more handle"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdout = child.stdout.take().expect("piped");
    let mut prompt = [0; 10];
    stdout.read_exact(&mut prompt).expect("a prompt");
    assert_eq!(&prompt, b"Password: ");
    (child, stdout)
}

#[test]
fn a_password_does_not_show() {
    let sandbox = Sandbox::closed();
    let mut terminal = Terminal::open();
    assert!(terminal.shows_what_is_typed());
    let (mut child, mut stdout) = login(&sandbox, &terminal);
    assert!(!terminal.shows_what_is_typed());
    writeln!(terminal.person, "{PASSWORD}").expect("somebody types");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "\nLogin Succeeded\n");
    assert!(child.wait().expect("it ends").success());
    assert!(terminal.shows_what_is_typed());
    // What the terminal showed is read only up to a mark of our own, as it has no end.
    terminal.person.write_all(b"mark\n").expect("somebody types");
    let mut shown = Vec::new();
    let mut byte = [0];
    while !shown.ends_with(b"mark") {
        assert_eq!(terminal.person.read(&mut byte).expect("what was shown"), 1);
        shown.push(byte[0]);
    }
    assert_eq!(String::from_utf8_lossy(&shown), "mark");
}

#[test]
fn an_interrupted_prompt_gives_the_terminal_back() {
    let sandbox = Sandbox::closed();
    let terminal = Terminal::open();
    let (mut child, _stdout) = login(&sandbox, &terminal);
    assert!(!terminal.shows_what_is_typed());
    kill_process(Pid::from_child(&child), Signal::INT).expect("it is there");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(terminal.shows_what_is_typed());
}

//! Outputs that take no more.

use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

fn oras(sandbox: &Sandbox, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oras"));
    command.args(line.replace("HOST", &sandbox.host()).split_whitespace());
    command.env_clear().env("HOME", sandbox.home("")).current_dir(sandbox.path(""));
    command
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_the_work_is_done() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    for line in ["version", "--help", "push HOST/a:v1 hi.txt", "repo tags HOST/a", "repo ls HOST"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = oras(&sandbox, line).stdout(writer).stderr(Stdio::piped()).output();
        let output = output.expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
    assert!(sandbox.digest("a", "v1").is_some());
}

#[test]
fn a_full_disk_is_said_at_once_and_as_the_error() {
    let sandbox = Sandbox::new();
    sandbox.seed("a", "v1", "");
    for line in ["version", "resolve HOST/a:v1", "repo tags HOST/a"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = oras(&sandbox, line).stdout(full).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let text = "display output error: write /dev/stdout: no space left on device";
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, format!("{text}Error: {text}\n"), "{line}");
    }
}

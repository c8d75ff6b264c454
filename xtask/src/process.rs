//! Runs other programs: cargo, shell lines, and whatever must not outlive us.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// What a finished program said.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Whether it exited with 0.
    pub(crate) success: bool,
    /// Its output, standard error included.
    pub(crate) output: String,
}

/// Returns the root directory of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Returns the directory that cargo builds into.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// Returns a cargo command in the workspace, of the toolchain that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs `command` with our own streams and demands that it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(command))) }
}

/// Runs `command` and returns its trimmed standard output, or nothing if it cannot or will not.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Finds a program on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Builds the release binary and returns where it is.
pub(crate) fn build_release() -> Result<PathBuf, Failure> {
    run(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "oras-cli",
        "--bin",
        "oras",
    ]))?;
    Ok(target().join("release").join("oras"))
}

/// Runs a program to its end, or kills it and all that it started when `limit` is over.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> Result<Finished, Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    let mut pipe = child.stdout.take().expect("the output is piped");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned())
    });
    let Some(success) = wait(&mut child, limit) else {
        signal("KILL", &format!("-{}", child.id()));
        return Err(format!("still running after {} s", limit.as_secs()));
    };
    let output = reader.join().expect("the reader does not panic");
    Ok(Finished { success, output: output.map_err(|error| error.to_string())? })
}

/// Waits for a child; tells whether it succeeded, nothing if it runs longer than `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<bool> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => return None,
            Err(_) => return Some(false),
        }
    }
}

/// Sends a signal to one process, or to a group of ours if `process` begins with a minus sign.
pub(crate) fn signal(name: &str, process: &str) {
    let line = format!("kill -{name} -- {process}");
    drop(Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status());
}

/// Prints a command as it would be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

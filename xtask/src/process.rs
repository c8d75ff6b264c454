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

/// A registry of ours on a free port, for benchmarks; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts `program serve` on a directory and waits until it listens.
    pub(crate) fn start(program: &Path, root: &Path) -> Result<Self, Failure> {
        Self::start_with(program, root, &[])
    }

    /// As [`start`](Self::start), with further flags.
    pub(crate) fn start_with(program: &Path, root: &Path, flags: &[&str]) -> Result<Self, Failure> {
        let log = root.with_extension("log");
        let failed = |error: std::io::Error| format!("{}: {error}", program.display());
        let file = std::fs::File::create(&log).map_err(failed)?;
        let child = Command::new(program)
            .args(["serve", "--addr", "127.0.0.1:0", "--root"])
            .arg(root)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        let mut server = Self { child, port: 0 };
        server.port = port_said(&log, &mut server.child)?;
        Ok(server)
    }

    /// Returns the port on the loopback address.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server and returns the most memory that it held, in bytes.
    pub(crate) fn stop(mut self) -> Result<u64, Failure> {
        let peak = high_water_mark(self.child.id()).ok_or("the registry is gone")?;
        signal("TERM", &self.child.id().to_string());
        match wait(&mut self.child, Duration::from_mins(1)) {
            Some(true) => Ok(peak),
            _ => Err("the registry did not stop as it should".to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a server has written to its log where it listens; returns the port.
pub(crate) fn port_said(log: &Path, server: &mut Child) -> Result<u16, Failure> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(port) = port_in(&said) {
            return Ok(port);
        }
        if Instant::now() > end || !matches!(server.try_wait(), Ok(None)) {
            return Err(format!("the registry does not say where it listens:\n{said}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Finds the port in a line that names a loopback address.
fn port_in(said: &str) -> Option<u16> {
    let (_before, rest) = said.split_once("127.0.0.1:")?;
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    // Without something behind it the number may still be on its way.
    (rest.len() > digits.len()).then(|| digits.parse().ok())?
}

/// Runs a program and returns the most memory that it held as well, in bytes: as of some
/// milliseconds before its end, since the kernel forgets it then.
pub(crate) fn peak_memory(command: &mut Command) -> Result<(Finished, u64), Failure> {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| format!("{}: {error}", shown(command)))?;
    let mut peak = 0;
    let status = loop {
        peak = high_water_mark(child.id()).unwrap_or(0).max(peak);
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let mut output = String::new();
    let errors = child.stderr.as_mut().expect("the error output is piped");
    errors.read_to_string(&mut output).map_err(|error| error.to_string())?;
    Ok((Finished { success: status.success(), output }, peak))
}

/// Reads the most memory that a process has held so far, in bytes.
fn high_water_mark(process: u32) -> Option<u64> {
    memory(process, "VmHWM:")
}

/// Reads the memory that a process holds now, in bytes.
pub(crate) fn resident(process: u32) -> Option<u64> {
    memory(process, "VmRSS:")
}

fn memory(process: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

/// Sends a signal to one process, or to a group of ours if `process` begins with a minus sign.
pub(crate) fn signal(name: &str, process: &str) {
    let line = format!("kill -s {name} -- {process}");
    drop(Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status());
}

/// Prints a command as it would be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

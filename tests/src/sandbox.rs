//! A directory in which the real program runs, knowing nothing of the machine around it.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;
use tempfile::TempDir;

/// How long one run of the program may take before the test fails.
const LIMIT: Duration = Duration::from_mins(2);

/// A temporary directory with a home, a docker configuration and a working directory of its own.
#[derive(Debug)]
pub struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    /// Makes an empty sandbox.
    #[expect(clippy::new_without_default, reason = "makes directories")]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("oras-test-").tempdir();
        let directory = directory.expect("make a temporary directory");
        for name in ["home", "docker", "tmp", "work"] {
            std::fs::create_dir(directory.path().join(name)).expect("make a directory");
        }
        Self { directory }
    }

    /// Returns the directory that holds all others.
    pub fn root(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Returns a path below the working directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    /// Returns the path of docker's `config.json`.
    pub fn docker_config(&self) -> PathBuf {
        self.directory.path().join("docker").join("config.json")
    }

    /// Returns the directory for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// Writes a file below the working directory, with its parents.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let parent = path.parent().expect("a file has a parent");
        std::fs::create_dir_all(parent).expect("make the parent directory");
        std::fs::write(&path, bytes).expect("write a file");
        path
    }

    /// Reads a file below the working directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("read {name}: {error}"))
    }

    /// Reads a text file below the working directory.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("text is UTF-8")
    }

    /// Lists all that is below a directory of the working directory, sorted; directories end in a
    /// slash. A directory that is not there is empty.
    pub fn list(&self, name: &str) -> Vec<String> {
        let root = self.path(name);
        let mut found = Vec::new();
        list_below(&root, &root, &mut found);
        found.sort();
        found
    }

    /// Makes a command that runs in this sandbox and nowhere else.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("")).env_clear().stdin(Stdio::null());
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.directory.path().join("home"));
        command.env("DOCKER_CONFIG", self.directory.path().join("docker"));
        command.env("TMPDIR", self.temporary());
        // Faults must be met each time, not only by the first of several pulls.
        command.env("ORAS_CACHE", "");
        command
    }

    /// Makes a command for the program under test, with the words of `line` as its arguments.
    pub fn oras_command(&self, line: &str) -> Command {
        let mut command = self.command(binary());
        command.args(line.split_whitespace());
        command
    }

    /// Runs the program under test with the words of `line` as its arguments.
    pub fn oras(&self, line: &str) -> Outcome {
        self.run(&mut self.oras_command(line))
    }

    /// Runs the program under test with arguments that may hold blanks.
    pub fn oras_with(&self, arguments: &[&str]) -> Outcome {
        self.run(self.command(binary()).args(arguments))
    }

    /// Runs a command to its end.
    pub fn run(&self, command: &mut Command) -> Outcome {
        Running::start(command).finish()
    }
}

/// Finds the program under test: beside the test program, where cargo has put both.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ORAS_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("know the test program");
    let directory = test.ancestors().nth(2).expect("a test program lies in target/*/deps");
    directory.join(format!("oras-under-test{}", std::env::consts::EXE_SUFFIX))
}

fn list_below(root: &Path, directory: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let entry = entry.expect("read a directory");
        let path = entry.path();
        let name = path.strip_prefix(root).expect("it lies below").display().to_string();
        if entry.file_type().expect("know the type of a file").is_dir() {
            found.push(format!("{name}/"));
            list_below(root, &path, found);
        } else {
            found.push(name);
        }
    }
}

/// A program on its way; killed when dropped.
#[derive(Debug)]
pub struct Running {
    shown: String,
    child: Child,
    stdout: mpsc::Receiver<Vec<u8>>,
    stderr: mpsc::Receiver<Vec<u8>>,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("start {shown}: {error}"));
        let stdout = read_all(child.stdout.take().expect("the output is piped"));
        let stderr = read_all(child.stderr.take().expect("the error output is piped"));
        Self { shown, child, stdout, stderr }
    }

    /// Starts a command with an error output of its own, which is read from `stderr`.
    pub(crate) fn start_with(command: &mut Command, stderr: impl Read + Send + 'static) -> Self {
        let shown = format!("{command:?}");
        let started = command.stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("start {shown}: {error}"));
        // What `command` holds open would never end.
        command.stderr(Stdio::null());
        let stdout = read_all(child.stdout.take().expect("the output is piped"));
        Self { shown, child, stdout, stderr: read_all(stderr) }
    }

    /// Returns the id of the process.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for the end; kills the program and fails the test if that takes too long.
    pub fn finish(mut self) -> Outcome {
        // The pipes close when the program ends, also when it is killed.
        let stdout = self.stdout.recv_timeout(LIMIT);
        let stderr = self.stderr.recv_timeout(LIMIT);
        let (Ok(stdout), Ok(stderr)) = (stdout, stderr) else {
            panic!("{} still runs after {} s", self.shown, LIMIT.as_secs())
        };
        let status = self.child.wait().expect("wait for the program");
        Outcome {
            shown: std::mem::take(&mut self.shown),
            status,
            stdout: String::from_utf8(stdout).expect("the output is UTF-8"),
            stderr: String::from_utf8(stderr).expect("the error output is UTF-8"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let end = pipe.by_ref().read_to_end(&mut bytes);
        // A terminal ends with this error when the last program has left it.
        let has_ended = |error: std::io::Error| Errno::from_io_error(&error) == Some(Errno::IO);
        if end.is_ok() || end.is_err_and(has_ended) {
            drop(sender.send(bytes));
        }
    });
    receiver
}

/// What a program that has ended said.
pub struct Outcome {
    shown: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Outcome {
    /// Demands that the program exited with 0, and returns its output.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.status.success(), "it failed: {self:?}");
        self.stdout
    }

    /// Demands that the program exited with 1, and returns its complaint.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_eq!(self.status.code(), Some(1), "it did not exit with 1: {self:?}");
        self.stderr
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown, status, stdout, stderr } = self;
        write!(f, "{shown}\n{status}\n--- output\n{stdout}\n--- errors\n{stderr}")
    }
}

//! Where the tour takes place: a temporary directory, two registries, and the one who tidies up.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::process::{Finished, finish, port_said, wait};
use crate::tour::story::HTPASSWD;

/// A temporary directory with an open registry and one that wants a password.
#[derive(Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    path: OsString,
    keeper: Child,
    open_host: String,
    closed_host: String,
}

/// Starts both servers; when its input ends, stops them and removes the directory. A program of its
/// own in a process group of its own, so that it does so even if we are interrupted or killed.
const KEEPER: &str = r#"
trap '' INT HUP
cd "$1" || exit 1
oras serve --addr 127.0.0.1:0 --root ./open >open.log 2>&1 </dev/null & open=$!
oras serve --addr 127.0.0.1:0 --root ./closed --htpasswd ./htpasswd >closed.log 2>&1 </dev/null & closed=$!
cat >/dev/null
failed=0
kill -TERM $open; wait $open || failed=1
kill -TERM $closed; wait $closed || failed=1
cd / && rm -rf "$1" || failed=1
exit $failed
"#;

/// How long a single command of the tour may take.
const STEP_LIMIT: Duration = Duration::from_mins(1);

impl Place {
    /// Makes the directory and starts the registries with `binary`.
    pub(crate) fn open(binary: &Path) -> Result<Self, Failure> {
        let directory = std::env::temp_dir().join(format!("oras-tour-{}", std::process::id()));
        std::fs::create_dir(&directory)
            .and_then(|()| std::fs::write(directory.join("htpasswd"), HTPASSWD))
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let path = with_binary_first(binary);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&directory)
            .env("PATH", &path)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let (open_host, closed_host) = (String::new(), String::new());
        let mut place = Self { directory, path, keeper, open_host, closed_host };
        println!("\n# Two registries, in {}", place.directory.display());
        place.open_host = place.host_of("open", "--root ./open")?;
        place.closed_host = place.host_of("closed", "--root ./closed --htpasswd ./htpasswd")?;
        Ok(place)
    }

    /// The registry that is open to all, as `localhost:PORT`.
    pub(crate) fn open_host(&self) -> &str {
        &self.open_host
    }

    /// The registry that wants a password, as `localhost:PORT`.
    pub(crate) fn closed_host(&self) -> &str {
        &self.closed_host
    }

    /// Runs a line in a shell that knows `oras`, sees the directory only and no login of ours.
    pub(crate) fn shell(&self, line: &str) -> Result<Finished, Failure> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec 2>&1\n{line}")).current_dir(&self.directory);
        command.env("PATH", &self.path).env("HOME", self.directory.join("home"));
        command.env("DOCKER_CONFIG", self.directory.join("docker")).env_remove("ORAS_CACHE");
        finish(&mut command, STEP_LIMIT)
    }

    /// Reads a file in the directory.
    pub(crate) fn read(&self, name: &str) -> Result<String, Failure> {
        std::fs::read_to_string(self.directory.join(name))
            .map_err(|error| format!("{name}: {error}"))
    }

    /// Prints what the servers logged.
    pub(crate) fn show_logs(&self) {
        for name in ["open.log", "closed.log"] {
            println!("\n# {name}\n{}", self.read(name).unwrap_or_else(|failure| failure));
        }
    }

    /// Stops the servers and removes the directory; the servers must end well.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        drop(self.keeper.stdin.take());
        match wait(&mut self.keeper, STEP_LIMIT) {
            Some(true) if !self.directory.exists() => Ok(()),
            Some(_) => Err("the servers did not stop as they should".to_owned()),
            None => Err("the servers did not stop in time".to_owned()),
        }
    }

    /// Waits until a server says where it listens.
    fn host_of(&mut self, name: &str, flags: &str) -> Result<String, Failure> {
        let log = self.directory.join(format!("{name}.log"));
        let port = port_said(&log, &mut self.keeper)?;
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        println!("$ oras serve --addr 127.0.0.1:0 {flags} &\n{}", said.trim_end());
        Ok(format!("localhost:{port}"))
    }
}

/// Returns the search path with the directory of `binary` in front.
fn with_binary_first(binary: &Path) -> OsString {
    let mut path = binary.parent().expect("a binary lies in a directory").as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

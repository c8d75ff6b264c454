//! `oras serve`, as a process that can be stopped, killed and started again.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, binary};

/// How long a server may take to say where it listens, and to stop.
const LIMIT: Duration = Duration::from_secs(30);

/// The user `me` with the password `open-sesame`, hashed with bcrypt at cost 5.
pub const USERS: &str = "me:$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y\n";

/// A running `oras serve`; killed when dropped.
#[derive(Debug)]
pub struct OrasServer(Listener);

impl OrasServer {
    /// Starts an open registry in the sandbox, on a free port.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_at(sandbox, &sandbox.path("registry"), "127.0.0.1:0", &[])
    }

    /// Starts a registry that knows the user `me` with the password `open-sesame`, and asks for
    /// that, never for a token.
    pub fn start_closed(sandbox: &Sandbox) -> Self {
        Self::start_for_users(sandbox, "registry", &["--passwords-only"])
    }

    /// Starts a registry that knows the user `me` with the password `open-sesame`, and hands out
    /// the tokens that it asks for.
    pub fn start_with_tokens(sandbox: &Sandbox) -> Self {
        Self::start_for_users(sandbox, "registry-with-tokens", &[])
    }

    fn start_for_users(sandbox: &Sandbox, root: &str, flags: &[&str]) -> Self {
        let users = sandbox.write("users", USERS);
        let users = users.to_str().expect("the path is UTF-8");
        let flags = [&["--htpasswd", users], flags].concat();
        Self::start_at(sandbox, &sandbox.path(root), "127.0.0.1:0", &flags)
    }

    /// Starts a registry on a directory and an address, with further flags.
    pub fn start_at(sandbox: &Sandbox, root: &Path, address: &str, flags: &[&str]) -> Self {
        let mut command = sandbox.command(binary());
        command.args(["serve", "--addr", address, "--root"]).arg(root).args(flags);
        Self(Listener::start(&mut command).expect("the server listens"))
    }

    /// Starts a command that runs `oras serve`; nothing if that ends before it listens.
    pub fn try_start(mut command: Command) -> Option<Self> {
        Listener::start(&mut command).ok().map(Self)
    }

    /// Returns `localhost:PORT`, for which no client asks for TLS.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.0.address.port())
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.0.child.id()
    }

    /// Asks the server to stop, demands that it does so with 0, and returns the rest of its log.
    pub fn stop(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.0.child), Signal::TERM).expect("send a signal");
        let log = self.0.rest_of_log();
        let status = self.0.child.wait().expect("wait for the server");
        assert!(status.success(), "the server stopped with {status}: {log:#?}");
        log
    }

    /// Kills the server at once and returns the rest of its log.
    pub fn kill(mut self) -> Vec<String> {
        self.0.child.kill().expect("kill the server");
        self.0.child.wait().expect("wait for the server");
        self.0.rest_of_log()
    }
}

/// A server that has said where it listens; killed when dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Listener {
    /// Starts a server and waits until it names the loopback address that it listens on.
    ///
    /// # Errors
    ///
    /// What it said, if it ends without that.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Vec<String>> {
        let (reader, writer) = std::io::pipe().expect("make a pipe");
        command.stdout(writer.try_clone().expect("clone a pipe")).stderr(writer);
        let started = command.stdin(Stdio::null()).spawn();
        let child = started.unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        // The writers that `command` holds would keep the pipe open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, log) = mpsc::channel();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listener = Self { address, child, log };
        thread::spawn(move || {
            let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
            // Reads on when nobody listens, so that the server can go on logging.
            lines.by_ref().for_each(|line| sender.send(line).unwrap_or_default());
        });
        let mut said = Vec::new();
        while listener.address.port() == 0 {
            let line = match listener.log.recv_timeout(LIMIT) {
                Ok(line) => line,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(said),
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not listen: {said:#?}"),
            };
            if let Some(port) = port_in(&line) {
                listener.address.set_port(port);
            }
            said.push(line);
        }
        Ok(listener)
    }

    fn rest_of_log(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.log.recv_timeout(LIMIT) {
                Ok(line) => lines.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return lines,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not stop: {lines:#?}"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Finds the port in a line that names a loopback address.
fn port_in(line: &str) -> Option<u16> {
    let (_before, rest) = line.split_once("127.0.0.1:")?;
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|port| *port != 0)
}

/// Returns the directory of a registry in the sandbox started by [`OrasServer::start`].
pub fn default_root(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("registry")
}

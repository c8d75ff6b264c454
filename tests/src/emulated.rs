//! An emulated registry on a thread of its own, and how the program reaches it by its real name.

use std::path::PathBuf;
use std::thread::JoinHandle;

use oras_emulator::{Account, Emulator, Exchange, Listening, Profile, Quirk};

use crate::sandbox::{Outcome, Sandbox};

/// A registry that behaves as another, behind TLS; stopped when dropped.
#[derive(Debug)]
pub struct Emulated {
    /// The registry.
    pub emulator: Emulator,
    port: u16,
    /// The certificate to trust; nothing without TLS.
    authority: Option<PathBuf>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulated {
    /// Starts a registry of this kind; the certificate to trust lies in the sandbox.
    pub fn start(sandbox: &Sandbox, profile: &str) -> Self {
        Self::with(sandbox, profile, &[])
    }

    /// As [`start`](Self::start), with further quirks.
    pub fn with(sandbox: &Sandbox, profile: &str, quirks: &[Quirk]) -> Self {
        Self::listen(sandbox, profile, quirks, true)
    }

    /// As [`with`](Self::with), without TLS, and so with HTTP/1.1 alone.
    pub fn plain(sandbox: &Sandbox, profile: &str, quirks: &[Quirk]) -> Self {
        Self::listen(sandbox, profile, quirks, false)
    }

    fn listen(sandbox: &Sandbox, profile: &str, quirks: &[Quirk], is_tls: bool) -> Self {
        let profile = Profile::named(profile).unwrap_or_else(|| panic!("no profile {profile}"));
        let emulator = Emulator::with(profile, quirks);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let served = emulator.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listening: Listening = served.listen(is_tls).await.expect("a free port");
                let authority = listening.authority().map(str::to_owned);
                sender.send((listening.registry().port(), authority)).expect("the test waits");
                listening.run(async { stopped.await.unwrap_or_default() }).await;
            });
        });
        let (port, pem) = receiver.recv().expect("the registry starts");
        let authority = pem.map(|pem| {
            let path = sandbox.root().join(format!("authority-{port}.pem"));
            std::fs::write(&path, pem).expect("write the certificate");
            path
        });
        Self { emulator, port, authority, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the name people know the registry by.
    pub fn host(&self) -> &'static str {
        let hosts = self.emulator.profile().hosts;
        if hosts.contains(&"docker.io") { "docker.io" } else { hosts[0] }
    }

    /// Returns where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Returns the repository to push to, with the name of the registry.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host(), self.emulator.profile().repository)
    }

    /// Returns the account that may do most.
    pub fn account(&self) -> &'static Account {
        &self.emulator.profile().accounts[0]
    }

    /// Returns the flags that lead every name of the registry here and trust its certificate.
    /// `side` is empty, `from-` or `to-`.
    pub fn flags(&self, side: &str) -> Vec<String> {
        self.flags_through(side, self.port)
    }

    /// As [`flags`](Self::flags), to a proxy on a port of this machine.
    pub fn flags_through(&self, side: &str, port: u16) -> Vec<String> {
        let (mut flags, from) = match &self.authority {
            Some(path) => (vec![format!("--{side}ca-file"), path.display().to_string()], 443),
            None => (vec![format!("--{side}plain-http")], 80),
        };
        for name in self.emulator.profile().host_names() {
            flags.push(format!("--{side}resolve"));
            flags.push(format!("{name}:{from}:127.0.0.1:{port}"));
        }
        flags
    }

    /// Runs a command of the program against this registry; `HOST` and `REPO` stand for the
    /// registry and the repository in it.
    pub fn oras(&self, sandbox: &Sandbox, line: &str) -> Outcome {
        let line = line.replace("HOST", self.host()).replace("REPO", &self.repository());
        let mut command = sandbox.oras_command(&line);
        let side = match line.split_whitespace().next() {
            Some("cp") if line.contains("--to-oci-layout") => "from-",
            Some("cp") if line.contains("--from-oci-layout") => "to-",
            Some("cp") => {
                command.args(self.flags("to-"));
                "from-"
            }
            _ => "",
        };
        sandbox.run(command.args(self.flags(side)))
    }

    /// As [`oras`](Self::oras), with the flags of `line` last, so that they count more.
    pub fn oras_last(&self, sandbox: &Sandbox, line: &str) -> Outcome {
        let line = line.replace("HOST", self.host()).replace("REPO", &self.repository());
        let (name, rest) = line.split_once(' ').expect("a command and more");
        let mut command = sandbox.oras_command(name);
        command.args(self.flags("")).args(rest.split_whitespace());
        sandbox.run(&mut command)
    }

    /// Logs in as the account that may do most.
    pub fn login(&self, sandbox: &Sandbox) {
        let account = self.account();
        self.login_as(sandbox, account.username, &account.password()).succeeds();
    }

    /// Logs in.
    pub fn login_as(&self, sandbox: &Sandbox, username: &str, password: &str) -> Outcome {
        let mut command = sandbox.oras_command("login --password-stdin");
        command.args(["-u", username, self.host()]).args(self.flags(""));
        let input = sandbox.root().join("password");
        std::fs::write(&input, password).expect("write the password");
        command.stdin(std::fs::File::open(input).expect("read the password"));
        sandbox.run(&mut command)
    }

    /// Returns what was asked since this was last called.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.emulator.take_exchanges()
    }

    /// Returns those of the requests that got this answer.
    pub fn answered(&self, status: u16) -> Vec<Exchange> {
        let exchanges = self.emulator.exchanges();
        exchanges.into_iter().filter(|exchange| exchange.status == Some(status)).collect()
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the registry failed");
        }
    }
}

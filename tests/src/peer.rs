//! Registries and clients of other makers, found on the machine.

use std::path::PathBuf;
use std::process::Command;

use crate::Part;
use crate::sandbox::{Outcome, Sandbox};
use crate::serve::{Listener, USERS};

/// The CNCF distribution registry, on a directory in the sandbox; killed when dropped.
#[derive(Debug)]
pub struct Distribution(Listener);

impl Distribution {
    /// Starts the registry on a free port; nothing if it is missing on this machine.
    pub fn start(sandbox: &Sandbox) -> Option<Self> {
        Self::start_with(sandbox, "")
    }

    /// Starts the registry for the user `me` with the password `open-sesame` alone, which it asks
    /// for by itself: no service hands out tokens.
    pub fn start_closed(sandbox: &Sandbox) -> Option<Self> {
        let users = sandbox.write("users", USERS);
        let access =
            format!("auth:\n  htpasswd:\n    realm: house\n    path: {}\n", users.display());
        Self::start_with(sandbox, &access)
    }

    fn start_with(sandbox: &Sandbox, access: &str) -> Option<Self> {
        let program = Part::Distribution.find()?;
        let root = sandbox.path("distribution");
        let config = format!(
            "version: 0.1\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:0\n{access}",
            root.display()
        );
        let config = sandbox.write("distribution.yml", config);
        let mut command = sandbox.command(program);
        command.arg("serve").arg(config);
        Some(Self(Listener::start(&mut command).expect("the registry listens")))
    }

    /// Returns `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.0.address.port())
    }

    /// Returns where the registry listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.0.address
    }
}

/// `skopeo`.
#[derive(Debug)]
pub struct Skopeo<'a> {
    program: PathBuf,
    sandbox: &'a Sandbox,
}

impl<'a> Skopeo<'a> {
    /// Finds the program; nothing if it is missing on this machine.
    pub fn find(sandbox: &'a Sandbox) -> Option<Self> {
        Part::Skopeo.find().map(|program| Self { program, sandbox })
    }

    /// Runs `skopeo` with the words of `line` behind the flags that keep it in the sandbox.
    pub fn run(&self, line: &str) -> Outcome {
        let mut command = self.sandbox.command(&self.program);
        command.args(["--insecure-policy", "--tmpdir"]).arg(self.sandbox.temporary());
        command.args(line.split_whitespace());
        self.sandbox.run(&mut command)
    }

    /// Copies between registries without TLS and layouts, keeping digests.
    pub fn copy(&self, from: &str, to: &str) {
        self.run(&format!(
            "copy --preserve-digests --src-tls-verify=false --dest-tls-verify=false {from} {to}"
        ))
        .succeeds();
    }
}

/// `oras` for Python.
#[derive(Debug)]
pub struct OrasPython<'a> {
    python: PathBuf,
    sandbox: &'a Sandbox,
}

impl<'a> OrasPython<'a> {
    /// Finds a Python that has the package; nothing if it is missing on this machine.
    pub fn find(sandbox: &'a Sandbox) -> Option<Self> {
        Part::OrasPython.find().map(|python| Self { python, sandbox })
    }

    /// Runs a program that finds a `client` for registries without TLS, and `arguments` in
    /// `sys.argv`.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        let program = format!(
            "import sys, oras.client\nclient = oras.client.OrasClient(insecure=True)\n{program}"
        );
        let mut command: Command = self.sandbox.command(&self.python);
        command.arg("-c").arg(program).args(arguments);
        self.sandbox.run(&mut command)
    }
}

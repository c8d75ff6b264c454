//! Native helpers: programs called `docker-credential-…` that keep credentials.
//!
//! See the [protocol](https://github.com/docker/docker-credential-helpers#development).

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Credential;
use crate::error::system_text;
use crate::{Error, ErrorKind, Result};

/// The most a helper may print, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How much of what a failing helper prints is passed on, in characters.
const MAX_MESSAGE: usize = 512;
/// The user's name that stands for “the secret is an identity token”.
const TOKEN_USER: &str = "<token>";
const NOT_FOUND: &str = "credentials not found in native keychain";

/// One helper program.
pub(super) struct Helper {
    program: String,
    directory: Option<PathBuf>,
    timeout: Duration,
}

/// What a helper reads and prints.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// How a helper ended that did not crash.
enum Outcome {
    Good(Vec<u8>),
    /// It says that it has no such credential.
    NotFound,
}

impl Helper {
    pub(super) fn new(name: &str, directory: Option<&Path>, timeout: Duration) -> Self {
        let program = format!("docker-credential-{name}");
        Self { program, directory: directory.map(Path::to_owned), timeout }
    }

    /// Asks for the credential of `server`.
    pub(super) async fn get(&self, server: &str) -> Result<Option<Credential>> {
        let output = match self.run("get", server.as_bytes()).await? {
            Outcome::Good(output) => output,
            Outcome::NotFound => return Ok(None),
        };
        // The words of the decoder would quote the secret.
        let record: Record = serde_json::from_slice(&output)
            .map_err(|_| self.failed("its answer is not the JSON of a credential"))?;
        if !record.server_url.is_empty() && host(&record.server_url) != host(server) {
            return Err(self.failed("it answered for another server"));
        }
        Ok(Some(if record.username == TOKEN_USER {
            Credential::identity_token(record.secret)
        } else {
            Credential::password(record.username, record.secret)
        }))
    }

    /// Has the credential of `server` kept.
    pub(super) async fn store(&self, server: &str, credential: &Credential) -> Result<()> {
        let (username, secret) = if credential.identity_token.is_empty() {
            (credential.username.clone(), credential.password.clone())
        } else {
            (TOKEN_USER.to_owned(), credential.identity_token.clone())
        };
        let record = Record { server_url: server.to_owned(), username, secret };
        let input = serde_json::to_vec(&record).expect("texts are JSON");
        self.run("store", &input).await.map(drop)
    }

    /// Has the credential of `server` forgotten.
    pub(super) async fn erase(&self, server: &str) -> Result<()> {
        self.run("erase", server.as_bytes()).await.map(drop)
    }

    async fn run(&self, action: &str, input: &[u8]) -> Result<Outcome> {
        if self.program.contains('/') {
            return Err(self.failed("its name has a slash"));
        }
        match tokio::time::timeout(self.timeout, self.converse(action, input)).await {
            Ok(result) => result,
            // The program is killed when its handle goes.
            Err(_) => Err(self.failed(&format!("no answer within {} s", self.timeout.as_secs()))),
        }
    }

    async fn converse(&self, action: &str, input: &[u8]) -> Result<Outcome> {
        let io_failed = |error: io::Error| self.failed(&system_text(&error));
        let program = match &self.directory {
            Some(directory) => directory.join(&self.program),
            None => PathBuf::from(&self.program),
        };
        let spawned = Command::new(program)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message =
                    format!("exec: \"{}\": executable file not found in $PATH", self.program);
                return Err(Error::new(ErrorKind::Io, message));
            }
            Err(error) => return Err(io_failed(error)),
        };
        let mut stdin = child.stdin.take().expect("it was piped");
        let stdout = child.stdout.take().expect("it was piped");
        let mut output = Vec::new();
        let write = async {
            // A helper that does not read what it is told will say so in its own way.
            drop(stdin.write_all(input).await);
            drop(stdin);
        };
        let mut limited = stdout.take(MAX_OUTPUT + 1);
        let (read, ()) = futures_util::join!(limited.read_to_end(&mut output), write);
        read.map_err(io_failed)?;
        if output.len() as u64 > MAX_OUTPUT {
            return Err(self.failed("it prints more than 1 MiB"));
        }
        let status = child.wait().await.map_err(io_failed)?;
        if status.success() {
            return Ok(Outcome::Good(output));
        }
        let text = String::from_utf8_lossy(&output);
        let text = text.trim();
        if text == NOT_FOUND {
            return Ok(Outcome::NotFound);
        }
        if text.is_empty() {
            return Err(self.failed(&status.to_string()));
        }
        let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        Err(Error::new(ErrorKind::Io, visible.take(MAX_MESSAGE).collect::<String>()))
    }

    fn failed(&self, why: &str) -> Error {
        Error::new(ErrorKind::Io, format!("credential helper {}: {why}", self.program))
    }
}

/// The host of a URL, or of what is one already.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

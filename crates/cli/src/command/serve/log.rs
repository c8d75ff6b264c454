//! A line on standard error for every request, and for connections that went wrong; a file for
//! every write.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use oras_server::serve::ServeEvent;
use oras_server::{Access, AccessObserver};
use serde::Serialize;

use crate::command::Invocation;
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CliError, Result, system_text};
use crate::flag::{Choice, Flag};
use crate::output::{Printer, human};

static FORMAT: Choice = Choice { noun: "log format", words: &["text", "json"] };

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::choice("log-format", &FORMAT, "how to log requests: text or json").default("text"),
        Flag::text("audit-log", "file to add a line of JSON to for every write, allowed or not")
            .word("path"),
    ]
}

/// Writes the lines.
pub(crate) struct AccessLog {
    printer: Arc<Printer>,
    environment: Environment,
    is_json: bool,
    audit: Option<Mutex<Audit>>,
}

/// The file of writes, and whether a line is known to be missing.
struct Audit {
    file: File,
    is_broken: bool,
}

impl AccessLog {
    /// Reads the flags and opens the file.
    pub(super) fn open(invocation: &Invocation, context: &Context) -> Result<Self> {
        let parsed = &invocation.parsed;
        let audit = parsed.some_text("audit-log").map(|path| {
            append(&context.environment.path(path)).map_err(|error| {
                CliError::new(format!("failed to open {path}: {}", system_text(&error)))
            })
        });
        let audit = audit.transpose()?.map(|file| Mutex::new(Audit { file, is_broken: false }));
        Ok(Self {
            printer: Arc::clone(&context.printer),
            environment: context.environment.clone(),
            is_json: parsed.text("log-format") == "json",
            audit,
        })
    }

    /// Tells what befell a connection.
    pub(crate) fn connection(&self, event: &ServeEvent) {
        let what = match event {
            ServeEvent::Paused(error) => {
                format!("no connection can be accepted for a while: {error}")
            }
            ServeEvent::Refused(peer) => format!("{peer} has too many connections"),
            ServeEvent::Shed(peer, slow) => format!("{peer} was too slow: {slow:?}"),
            ServeEvent::Tls(peer) => format!("{peer} speaks TLS, this is plain HTTP"),
            ServeEvent::Plain(peer) => format!("{peer} speaks plain HTTP, this is TLS"),
            ServeEvent::Cut(count) => format!("stopped with {count} connections in use"),
            _ => return,
        };
        self.note(&what);
    }

    /// Tells something that no request is to blame for.
    pub(super) fn note(&self, what: &str) {
        let time = self.time();
        if self.is_json {
            let note = Note { time: &time, message: what };
            self.printer.note(&json(&note));
        } else {
            self.printer.note(&format!("{time} {what}"));
        }
    }

    fn time(&self) -> String {
        let now = jiff::Timestamp::try_from(self.environment.now()).unwrap_or_default();
        format!("{now:.3}")
    }

    /// Adds a line to the file of writes. A disk that is full stops no pushes, and is told once.
    fn audit(&self, entry: &Entry<'_>) {
        let Some(audit) = &self.audit else { return };
        let mut audit = audit.lock().unwrap_or_else(PoisonError::into_inner);
        let written = audit.file.write_all(format!("{}\n", json(entry)).as_bytes());
        if let Err(error) = &written
            && !audit.is_broken
        {
            self.note(&format!("writes are no longer in the audit log: {}", system_text(error)));
        }
        audit.is_broken = written.is_err();
    }
}

/// Opens a file to add to; only its owner can read one that is made here.
fn append(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl AccessObserver for AccessLog {
    fn observe(&self, access: &Access) {
        let time = self.time();
        let entry = Entry::of(&time, access);
        self.printer.note(&if self.is_json { json(&entry) } else { line(&time, access) });
        let is_write = access.operation.is_some()
            && !matches!(access.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_write {
            self.audit(&entry);
        }
    }
}

/// Something that is no request.
#[derive(Serialize)]
struct Note<'a> {
    time: &'a str,
    message: &'a str,
}

/// A request, as JSON. What there is none of is left out.
#[derive(Serialize)]
struct Entry<'a> {
    time: &'a str,
    id: &'a str,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<std::net::IpAddr>,
    received: u64,
    sent: u64,
    /// In seconds.
    duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(time: &'a str, access: &'a Access) -> Self {
        Self {
            time,
            id: &access.request_id,
            method: access.method.as_str(),
            operation: access.operation,
            repository: access.repository.as_ref().map(oras_spec::RepositoryName::as_str),
            reference: access.reference.as_deref(),
            status: access.status.map(|status| status.as_u16()),
            user: access.user.as_deref(),
            peer: access.peer,
            received: access.received,
            sent: access.sent,
            duration: access.duration.as_secs_f64(),
            failure: access.failure.as_deref(),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    String::from_utf8(oras_spec::json::to_vec(value)).expect("JSON is text")
}

/// `<time> <method> <repository> <status> in=<bytes> out=<bytes> <duration> user=<user> id=<id>`;
/// a dash stands for what there is none of.
fn line(time: &str, access: &Access) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut line = format!(
        "{time} {} {} {} in={} out={} {} user={} id={} {}",
        access.method,
        or_dash(access.repository.as_ref().map(ToString::to_string)),
        or_dash(access.status.map(|status| status.as_u16().to_string())),
        access.received,
        access.sent,
        human::duration(access.duration),
        or_dash(access.user.clone()),
        access.request_id,
        or_dash(access.operation.map(str::to_owned)),
    );
    if let Some(failure) = &access.failure {
        line.push_str(": ");
        line.push_str(failure);
    }
    line
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog")
    }
}

//! A line on standard error for every request, and for connections that went wrong.

use std::fmt;
use std::sync::Arc;

use oras_server::serve::ServeEvent;
use oras_server::{Access, AccessObserver};

use crate::env::Environment;
use crate::output::{Printer, human};

/// Writes the lines.
pub(crate) struct AccessLog {
    printer: Arc<Printer>,
    environment: Environment,
}

impl AccessLog {
    pub(crate) fn new(printer: Arc<Printer>, environment: Environment) -> Self {
        Self { printer, environment }
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
            ServeEvent::Cut(count) => format!("stopped with {count} connections in use"),
            _ => return,
        };
        self.printer.note(&format!("{} {what}", self.time()));
    }

    fn time(&self) -> String {
        let now = jiff::Timestamp::try_from(self.environment.now()).unwrap_or_default();
        format!("{now:.3}")
    }
}

impl AccessObserver for AccessLog {
    fn observe(&self, access: &Access) {
        self.printer.note(&line(&self.time(), access));
    }
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

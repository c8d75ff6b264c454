//! The log on standard error: requests and responses with `--debug`, warnings always.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use super::Printer;
use crate::env::Environment;

/// How much a log entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// For those who look for a mistake.
    Debug,
    /// For everybody.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// Writes log entries. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    printer: Arc<Printer>,
    environment: Environment,
    is_debug: bool,
}

impl Log {
    /// Makes a log; of debug entries only if `is_debug`.
    pub(crate) fn new(printer: Arc<Printer>, environment: Environment, is_debug: bool) -> Self {
        Self { printer, environment, is_debug }
    }

    /// Tells whether debug entries are written.
    pub(crate) fn is_debug(&self) -> bool {
        self.is_debug
    }

    /// Writes an entry; `data` are names with values.
    pub(crate) fn entry(&self, level: Level, message: &str, data: &[(&str, &str)]) {
        if level == Level::Debug && !self.is_debug {
            return;
        }
        let time = timestamp(self.environment.now());
        let mut entry = format!("[{time}][{}]: {message}\n", level.name());
        if !data.is_empty() {
            entry.push_str("[Data]:\n");
            for (name, value) in data {
                writeln!(entry, "  {name}={value}").expect("a string takes all");
            }
        }
        // The printer ends it with one more: two empty lines.
        entry.push('\n');
        self.printer.note(&entry);
    }
}

/// Shows a time as RFC 3339 in UTC, with as much of a fraction as there is.
pub(crate) fn timestamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Shows a time as RFC 3339 in UTC, in whole seconds.
pub(crate) fn timestamp_seconds(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_have_no_zeros_at_the_end_of_their_fraction() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_120);
        assert_eq!(timestamp(time), "2023-11-14T22:13:20.12Z");
        assert_eq!(timestamp_seconds(time), "2023-11-14T22:13:20Z");
    }
}

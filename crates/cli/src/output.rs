//! `Printer`, the only writer to standard output and standard error.

pub(crate) mod human;
pub(crate) mod log;
pub(crate) mod notices;
pub(crate) mod progress;
pub(crate) mod render;
pub(crate) mod status;
pub(crate) mod yaml;

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::progress::screen::{Live, Row};
use crate::error::{CliError, Result, system_text};
use crate::visible::visible_lines;

/// Writes what users and scripts read. Safe to use from many tasks: what is printed at once stays
/// together.
pub(crate) struct Printer {
    streams: Mutex<Outputs>,
}

struct Outputs {
    output: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    /// Whoever read the output has gone; nothing more is written there.
    closed: bool,
    /// The rows of a terminal behind standard error that are drawn anew all the time.
    live: Live,
}

impl Printer {
    /// Makes a printer of the two streams.
    pub(crate) fn new(output: Box<dyn Write + Send>, errors: Box<dyn Write + Send>) -> Self {
        Self {
            streams: Mutex::new(Outputs { output, errors, closed: false, live: Live::default() }),
        }
    }

    /// Writes `bytes` to standard output as they are.
    ///
    /// A reader that has gone is no error: what follows is dropped and the work goes on.
    ///
    /// # Errors
    ///
    /// If the stream takes no more, such as on a full disk. That is said on standard error at
    /// once, as whoever gets the error may have others to report.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut streams = self.lock();
        if streams.closed {
            return Ok(());
        }
        let done = streams.output.write_all(bytes).and_then(|()| streams.output.flush());
        match done {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                streams.closed = true;
                Ok(())
            }
            Err(error) => {
                let text =
                    format!("display output error: write /dev/stdout: {}", system_text(&error));
                streams.error(&text);
                Err(CliError::new(text))
            }
        }
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub(crate) fn line(&self, line: &str) -> Result<()> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Tells whether whoever read standard output has gone, so that no more need be found out.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Writes a line about something unusual to standard error.
    pub(crate) fn note(&self, text: &str) {
        self.lock().error(&format!("{text}\n"));
    }

    /// Draws rows on standard error over those that were drawn before; `columns` is how wide the
    /// terminal there is. What else is printed there stands above them.
    pub(crate) fn redraw(&self, rows: &[Row], columns: usize) {
        let mut streams = self.lock();
        let frame = streams.live.draw(rows, columns);
        streams.raw_error(&frame);
    }

    /// Leaves the rows that were drawn where they are; what follows stands below.
    pub(crate) fn settle(&self) {
        self.lock().live.settle();
    }

    /// Writes a control code to standard error.
    pub(crate) fn control(&self, code: &str) {
        self.lock().raw_error(code);
    }

    /// Writes what the command failed with to standard error.
    pub(crate) fn failure(&self, error: &CliError) {
        self.note(&error.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, Outputs> {
        // A panic between two writes leaves nothing half-done that matters.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outputs {
    fn error(&mut self, text: &str) {
        let text = self.live.clear() + &visible_lines(text);
        self.raw_error(&text);
    }

    fn raw_error(&mut self, text: &str) {
        // There is nobody left to tell if even this fails.
        drop(self.errors.write_all(text.as_bytes()).and_then(|()| self.errors.flush()));
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Printer")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// A stream that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().expect("no panic while writing").clone();
            String::from_utf8(bytes).expect("UTF-8")
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while writing").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A printer, what it prints, and what it says is wrong.
    pub(crate) fn captured() -> (Arc<Printer>, Captured, Captured) {
        let (output, errors) = (Captured::default(), Captured::default());
        let printer = Printer::new(Box::new(output.clone()), Box::new(errors.clone()));
        (Arc::new(printer), output, errors)
    }
}

//! What every command works with: surroundings, printer, input.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use oras_client::ErrorKind;
use oras_client::transport::Pauses;
use tokio::sync::mpsc::Sender;

use crate::env::Environment;
use crate::error::{CliError, Result, system_text};
use crate::output::Printer;
use crate::output::log::Log;
use crate::output::notices::Notices;
use crate::streams::{Size, Streams};
use crate::tally::Tally;

/// The one thing that is passed to all commands.
pub(crate) struct Context {
    /// Variables, working directory, clock.
    pub(crate) environment: Environment,
    /// Where everything is printed.
    pub(crate) printer: Arc<Printer>,
    /// How large the terminal behind standard error is now; nothing if it is none.
    pub(crate) terminal: Option<fn() -> Size>,
    /// Whether standard output is shown on a terminal.
    pub(crate) output_is_terminal: bool,
    /// Whether secrets typed into standard input would show.
    pub(crate) input_is_terminal: bool,
    /// How many requests were sent, to all registries; the debug log numbers them.
    pub(crate) requests: Arc<AtomicU64>,
    /// Which registries want to be left alone for a while.
    pub(crate) pauses: Pauses,
    /// Which files with secrets the user has been told that others can read.
    pub(crate) exposed_files: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// What was moved and what was not.
    pub(crate) tally: Arc<Tally>,
    /// What befalls transfers.
    pub(crate) notices: Arc<Notices>,
    input: Arc<Mutex<Box<dyn Read + Send>>>,
}

impl Context {
    /// Puts a context together.
    pub(crate) fn new(environment: Environment, streams: Streams) -> Self {
        Self {
            environment,
            printer: Arc::new(Printer::new(streams.output, streams.errors)),
            terminal: streams.terminal,
            output_is_terminal: streams.output_is_terminal,
            input_is_terminal: streams.input_is_terminal,
            requests: Arc::default(),
            pauses: Pauses::default(),
            exposed_files: Arc::default(),
            tally: Arc::default(),
            notices: Arc::default(),
            input: Arc::new(Mutex::new(streams.input)),
        }
    }

    /// Returns the log, with debug entries if `is_debug`.
    pub(crate) fn log(&self, is_debug: bool) -> Log {
        Log::new(Arc::clone(&self.printer), self.environment.clone(), is_debug)
    }

    /// Reads standard input to its end.
    ///
    /// # Errors
    ///
    /// If reading fails, or there is more than `limit` bytes.
    pub(crate) async fn input(&self, limit: u64) -> Result<Vec<u8>> {
        let read = move |input: &mut dyn Read| {
            let mut bytes = Vec::new();
            input.take(limit + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = self.with_input(read).await?;
        if bytes.len() as u64 > limit {
            return Err(CliError::new(format!("standard input has more than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Returns standard input as a stream of bytes, to its end.
    pub(crate) fn input_stream(
        &self,
    ) -> impl Stream<Item = oras_client::Result<Bytes>> + Send + 'static {
        let input = Arc::clone(&self.input);
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut reading = Some(move || pour(&input, &sender));
        futures_util::stream::poll_fn(move |cx| {
            // The handle is not kept: a thread that nobody listens to ends by itself.
            if let Some(reading) = reading.take() {
                drop(tokio::task::spawn_blocking(reading));
            }
            receiver.poll_recv(cx)
        })
    }

    /// Reads a line of standard input, without its end.
    ///
    /// # Errors
    ///
    /// As [`input`](Self::input), with a limit of 64 KiB.
    pub(crate) async fn input_line(&self) -> Result<String> {
        // Byte by byte: what follows is for whoever reads next.
        let read = |input: &mut dyn Read| {
            let mut line = Vec::new();
            let mut byte = [0];
            while line.len() < 64 * 1024 && input.read(&mut byte)? > 0 && byte[0] != b'\n' {
                line.push(byte[0]);
            }
            Ok(line)
        };
        let line = self.with_input(read).await?;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        String::from_utf8(line.to_vec())
            .map_err(|_| CliError::new("standard input is not UTF-8 text"))
    }

    /// Reads on a thread that may wait, so that a signal can end the wait.
    async fn with_input<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let input = Arc::clone(&self.input);
        let reading = tokio::task::spawn_blocking(move || {
            read(&mut *input.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let done = reading.await.expect("reading does not panic");
        done.map_err(|error| CliError::new(format!("read /dev/stdin: {}", system_text(&error))))
    }
}

/// How many bytes of standard input are handed over at a time, at most.
const CHUNK: usize = 256 * 1024;

/// Hands standard input over, chunk by chunk, until its end or until nobody listens.
fn pour(input: &Mutex<Box<dyn Read + Send>>, sender: &Sender<oras_client::Result<Bytes>>) {
    let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut *input).take(CHUNK as u64).read_to_end(&mut chunk);
        let (message, is_last) = match read {
            Ok(0) => return,
            Ok(_) => (Ok(Bytes::from(chunk)), false),
            Err(error) => {
                let text = format!("read /dev/stdin: {}", system_text(&error));
                (Err(oras_client::Error::new(ErrorKind::Io, text)), true)
            }
        };
        if sender.blocking_send(message).is_err() || is_last {
            return;
        }
    }
}

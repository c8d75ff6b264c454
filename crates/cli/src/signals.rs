//! Requests to stop, heard on a thread of their own: whatever hangs cannot keep the program.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select, select_all};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::error::CliError;
use crate::output::Printer;

/// How long tidying up may take after the first request; the second ends it at once.
const PATIENCE: Duration = Duration::from_millis(900);

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The user pressed Ctrl-C.
    Interrupt,
    /// Somebody wants the program to end.
    Terminate,
    /// The terminal is gone.
    HangUp,
}

impl Stop {
    /// The error that what was under way ends with.
    ///
    /// After an interrupt scripts know the exit code 1; after the others they know that of a
    /// program that the signal has ended.
    pub(crate) fn error(self) -> CliError {
        let code = if self == Self::Interrupt { 1 } else { self.code() };
        CliError::new("context canceled").with_code(code)
    }

    /// The exit code that shells show for a program that the signal has ended.
    fn code(self) -> u8 {
        match self {
            Self::HangUp => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Hears signals for as long as it lives.
#[derive(Debug)]
pub(crate) struct Listener {
    first: oneshot::Receiver<Stop>,
    _alive: oneshot::Sender<()>,
}

impl Listener {
    /// Waits for the first request; forever if none can be heard.
    pub(crate) async fn stopped(&mut self) -> Stop {
        match (&mut self.first).await {
            Ok(stop) => stop,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Begins to hear signals. Once one has come, the program ends if the listener lives for too long
/// or another one comes.
pub(crate) fn listen(printer: Arc<Printer>) -> Listener {
    let (sender, first) = oneshot::channel();
    let (alive, over) = oneshot::channel::<()>();
    let (ready, begun) = std::sync::mpsc::channel::<()>();
    let hear = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let heard = async {
            let mut signals = Signals::begin()?;
            drop(ready);
            let first = signals.next().await;
            // The run may be over.
            let _unheard = sender.send(first);
            let again = tokio::time::timeout(PATIENCE, signals.next()).await;
            Some(
                again.map_or_else(|_| first.error(), |again| again.error().with_code(again.code())),
            )
        };
        // Nobody listens anymore when the run is over.
        if let Either::Left((Some(error), _)) = runtime.block_on(select(pin!(heard), over)) {
            end(&printer, &error);
        }
    };
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(hear));
    // Until the thread listens or is gone; a signal that comes earlier ends the program as ever.
    let _nothing = begun.recv();
    Listener { first, _alive: alive }
}

/// Ends the program in the middle of what it does.
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "what should return an exit code does not return"
)]
fn end(printer: &Printer, error: &CliError) {
    printer.failure(error);
    std::process::exit(error.code().into());
}

/// The signals that are heard.
struct Signals(Vec<(Stop, Signal)>);

impl Signals {
    /// Takes the signals over from the system; nothing if it does not give them.
    fn begin() -> Option<Self> {
        let mut heard = vec![
            (Stop::Interrupt, signal(SignalKind::interrupt()).ok()?),
            (Stop::Terminate, signal(SignalKind::terminate()).ok()?),
        ];
        // What `nohup` started goes on without its terminal.
        if !is_ignored(SignalKind::hangup()) {
            heard.push((Stop::HangUp, signal(SignalKind::hangup()).ok()?));
        }
        Some(Self(heard))
    }

    async fn next(&mut self) -> Stop {
        let each = self.0.iter_mut().map(|(stop, signal)| {
            Box::pin(async {
                signal.recv().await;
                *stop
            })
        });
        select_all(each).await.0
    }
}

/// Tells whether the program was started with the signal ignored, where the system says so.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

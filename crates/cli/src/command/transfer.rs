//! What commands that move content show while they do: bars on a terminal, lines elsewhere, and
//! nothing at all where another form than text was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use oras_client::{Content, Event, Observer};

use super::Invocation;
use crate::args::format::Format;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::output::Printer;
use crate::output::progress::Progress;
use crate::output::status::{Prompts, Status};
use crate::streams::Size;
use crate::tally::Tally;

/// Shows what happens.
#[derive(Debug)]
pub(crate) struct Watcher {
    shown: Arc<Shown>,
    printer: Arc<Printer>,
    verbose: bool,
    tally: Arc<Tally>,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Lines(Status),
    Bars(Mutex<Progress>),
}

impl Watcher {
    /// Watches with the words of `prompts`.
    pub(crate) fn new(
        invocation: &Invocation,
        context: &Context,
        prompts: &'static Prompts,
        format: &Format,
        terminal: Option<fn() -> Size>,
    ) -> Self {
        // Commands without the flag say all there is to say.
        let parsed = &invocation.parsed;
        let verbose = !parsed.declares("verbose") || parsed.switch("verbose");
        let printer = Arc::clone(&context.printer);
        let shown = match terminal {
            Some(size) => {
                let colors = context.environment.variable("NO_COLOR").is_none();
                let progress = Progress::start(prompts, colors, Arc::clone(&printer), size);
                Shown::Bars(Mutex::new(progress))
            }
            None if format.is_text() => {
                Shown::Lines(Status::new(prompts, verbose, Arc::clone(&printer)))
            }
            None => Shown::Nothing,
        };
        let shown = Arc::new(shown);
        let watched = Arc::downgrade(&shown);
        if matches!(*shown, Shown::Bars(_)) {
            context.notices.send_to(move |notice| {
                if let Some(Shown::Bars(progress)) = watched.upgrade().as_deref() {
                    progress.lock().unwrap_or_else(PoisonError::into_inner).notice(notice);
                }
            });
        }
        Self { shown, printer, verbose, tally: Arc::clone(&context.tally) }
    }

    /// Watches a transfer that is spoken of on a terminal alone.
    pub(crate) fn of_terminal(
        invocation: &Invocation,
        context: &Context,
        prompts: &'static Prompts,
        terminal: Option<fn() -> Size>,
    ) -> Self {
        Self::new(invocation, context, prompts, &Format::Json, terminal)
    }

    /// Returns what hears the events.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        let (shown, tally) = (Arc::clone(&self.shown), Arc::clone(&self.tally));
        Arc::new(move |event: Event<'_>| {
            tally.hear(event);
            shown.event(event);
        })
    }

    /// Prints a line among the status lines, where there are any and all of them are wanted.
    pub(crate) fn say(&self, line: &str) -> Result<()> {
        if self.verbose { self.say_always(line) } else { Ok(()) }
    }

    /// Prints a line among the status lines, where there are any.
    pub(crate) fn say_always(&self, line: &str) -> Result<()> {
        match *self.shown {
            Shown::Lines(_) => self.printer.line(line),
            Shown::Nothing | Shown::Bars(_) => Ok(()),
        }
    }

    /// Ends the watch, before anything else is printed.
    ///
    /// # Errors
    ///
    /// If a line could not be printed.
    pub(crate) fn finish(&self) -> Result<()> {
        self.end(Progress::finish)
    }

    fn end(&self, end_bars: impl FnOnce(&mut Progress)) -> Result<()> {
        match &*self.shown {
            Shown::Nothing => Ok(()),
            Shown::Lines(status) => status.finish(),
            Shown::Bars(progress) => {
                end_bars(&mut progress.lock().unwrap_or_else(PoisonError::into_inner));
                Ok(())
            }
        }
    }
}

/// Errors end a watch, too: the terminal is given back before they are printed.
impl Drop for Watcher {
    fn drop(&mut self) {
        let _unheard: Result<(), CliError> = self.end(Progress::give_up);
    }
}

impl Observer for Shown {
    fn event(&self, event: Event<'_>) {
        match self {
            Self::Nothing => {}
            Self::Lines(status) => status.event(event),
            Self::Bars(progress) => {
                progress.lock().unwrap_or_else(PoisonError::into_inner).event(event);
            }
        }
    }
}

/// Tells `observer` of the transfer of `content` that `transfer` carries out.
pub(super) async fn observed<T, E>(
    observer: &Arc<dyn Observer>,
    content: Content,
    transfer: impl AsyncFnOnce(Content) -> Result<T, E>,
) -> Result<T, E> {
    let descriptor = content.descriptor().clone();
    observer.event(Event::Started(&descriptor));
    if content.is_cached() {
        observer.event(Event::Cached(&descriptor));
    }
    let (hearing, moving) = (Arc::clone(observer), descriptor.clone());
    let content = content.on_chunk(move |count| hearing.event(Event::Moved(&moving, count)));
    let done = transfer(content).await;
    let ended = if done.is_ok() { Event::Copied } else { Event::Failed };
    observer.event(ended(&descriptor));
    done
}

/// Returns what prints `Tagged <tag>` for each tag that is set, where text was asked for.
pub(crate) fn tagged_lines(context: &Context, format: &Format) -> Arc<dyn Observer> {
    if !format.is_text() {
        return Arc::new(());
    }
    let printer = Arc::clone(&context.printer);
    Arc::new(move |event: Event<'_>| {
        if let Event::Tagged(_, tag) = event {
            // What cannot be printed here cannot be printed below either, where it is an error.
            drop(printer.line(&format!("Tagged {tag}")));
        }
    })
}

//! The three standard streams, or what a test puts in their place.

use std::io::{self, IsTerminal as _, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Columns and rows of a terminal.
pub type Size = (u16, u16);

/// Where the program reads from and writes to.
pub struct Streams {
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Standard output.
    pub output: Box<dyn Write + Send>,
    /// Standard error.
    pub errors: Box<dyn Write + Send>,
    /// Whether secrets typed into standard input would show.
    pub input_is_terminal: bool,
    /// Whether standard output is shown on a terminal.
    pub output_is_terminal: bool,
    /// How large the terminal behind standard error is now; nothing if it is none.
    pub terminal: Option<fn() -> Size>,
}

impl Streams {
    /// Takes the streams of this process.
    pub fn of_process() -> Self {
        Self {
            input: Box::new(io::stdin()),
            output: Box::new(io::stdout()),
            errors: Box::new(io::stderr()),
            input_is_terminal: io::stdin().is_terminal(),
            output_is_terminal: io::stdout().is_terminal(),
            terminal: io::stderr().is_terminal().then_some(terminal_size as fn() -> Size),
        }
    }
}

/// Keeps what is typed from showing, for as long as it lives.
pub(crate) struct Silence(Option<Termios>);

impl Silence {
    /// Stops the terminal behind standard input from showing what is typed.
    pub(crate) fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            // A terminal that cannot be silenced is no reason not to log in.
            let _still_shown = tcsetattr(io::stdin(), OptionalActions::Now, &silent);
        }
        Self(before)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _gone = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// What is taken for the size of a terminal that does not tell it, or says less.
const LEAST: Size = (80, 10);

fn terminal_size() -> Size {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => LEAST,
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

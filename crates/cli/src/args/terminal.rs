//! `--no-tty`: whether transfers are drawn on the terminal.

use crate::command::Invocation;
use crate::context::Context;
use crate::flag::Flag;
use crate::streams::Size;

/// Declares `--no-tty`.
pub(crate) fn flag() -> Flag {
    Flag::switch("no-tty", "[Preview] disable progress bars")
}

/// Returns the terminal to draw transfers on: that of standard error, unless the flags say no or
/// debug logs go there.
pub(crate) fn read(invocation: &Invocation, context: &Context) -> Option<fn() -> Size> {
    let is_wanted = !invocation.parsed.switch("no-tty") && !invocation.parsed.switch("debug");
    context.terminal.filter(|_| is_wanted)
}

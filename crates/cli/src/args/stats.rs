//! `--stats`: how many bytes went over the network, and how many need not.

use crate::command::Invocation;
use crate::context::Context;
use crate::flag::Flag;
use crate::report::WithStats;

/// Declares the flag.
pub(crate) fn flag() -> Flag {
    Flag::switch("stats", "say how many bytes were moved and how many were saved")
}

/// Adds the statistics to a report, if they were asked for.
pub(crate) fn with<T>(invocation: &Invocation, context: &Context, report: T) -> WithStats<T> {
    let stats = invocation.parsed.switch("stats").then(|| context.tally.report());
    WithStats { report, stats }
}

/// Says on standard error how much was moved: to those who watch, and to those who asked and got no
/// report that says it.
pub(crate) fn tell(invocation: &Invocation, context: &Context) {
    let parsed = &invocation.parsed;
    if !parsed.declares("stats") {
        return;
    }
    let is_reported = parsed.declares("format") && parsed.text("format") != "text";
    let is_asked_for = parsed.switch("stats") && !is_reported;
    if is_asked_for || context.notices.are_drawn() {
        context.printer.note(&context.tally.report().to_string());
    }
}

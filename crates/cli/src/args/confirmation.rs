//! `--force` of commands that delete: whether to ask before.

use super::target::Target;
use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Declares `--force`.
pub(crate) fn flag(help: &'static str) -> Flag {
    Flag::switch("force", help).short('f')
}

/// Checks that nobody needs to be asked if all there may be on standard output is a descriptor.
///
/// # Errors
///
/// If somebody does.
pub(crate) fn check(invocation: &Invocation) -> Result<()> {
    let parsed = &invocation.parsed;
    if !parsed.switch("descriptor") || parsed.switch("force") {
        return Ok(());
    }
    Err(CliError::new("must apply --force to confirm the deletion if the descriptor is outputted"))
}

/// Asks `question`, unless told not to, and tells whether the answer is yes. If it is not, that is
/// the last word of the command, and is said.
///
/// # Errors
///
/// If the question cannot be printed or the answer not be read. No answer at all means no.
pub(crate) async fn ask(
    invocation: &Invocation,
    context: &Context,
    question: &str,
) -> Result<bool> {
    if invocation.parsed.switch("force") {
        return Ok(true);
    }
    context.printer.bytes(format!("{question} [y/N] ").as_bytes())?;
    let answer = context.input_line().await?.trim().to_lowercase();
    if matches!(answer.as_str(), "y" | "yes") {
        return Ok(true);
    }
    context.printer.line("Operation cancelled.")?;
    Ok(false)
}

/// Says that there is no such `thing` to delete: no failure for those who said that it may be so.
///
/// # Errors
///
/// For all others, and for those who want its descriptor.
pub(crate) fn absent(
    invocation: &Invocation,
    context: &Context,
    target: &Target,
    thing: &str,
) -> Result<()> {
    let raw = &target.raw;
    if invocation.parsed.switch("force") && !invocation.parsed.switch("descriptor") {
        return context.printer.line(&format!("Missing {raw}"));
    }
    Err(CliError::new(format!("{raw}: the specified {thing} does not exist")))
}

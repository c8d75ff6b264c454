//! `oras cache info`: show where the cache is and how much it holds.

use super::super::{Arguments, Body, Command, Invocation};
use super::{failed, open};
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::human;

/// Show where the cache is and how much it holds.
pub(crate) static COMMAND: Command = Command {
    name: "info",
    aliases: &[],
    synopsis: "info [flags]",
    summary: "Show where the cache is and how much it holds",
    description: "Show where the cache is and how much it holds

Example - Show where the cache is and how much it holds:
  oras cache info",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![args::debug()]
}

async fn run(_: &Invocation, context: &Context) -> Result<()> {
    let cache = open(context)?;
    let entries = cache.entries().await.map_err(|error| failed(&error))?;
    let bytes = entries.iter().map(|entry| entry.size).sum();
    let printer = &context.printer;
    printer.line(&format!("Directory: {}", cache.root().display()))?;
    printer.line(&format!("Blobs: {}", entries.len()))?;
    printer.line(&format!("Size: {} ({bytes} bytes)", human::bytes(bytes)))
}

//! `oras cache ls`: list what the cache holds.

use super::super::{Arguments, Body, Command, Invocation};
use super::{failed, open};
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;

/// List what the cache holds.
pub(crate) static COMMAND: Command = Command {
    name: "ls",
    aliases: &[],
    synopsis: "ls [flags]",
    summary: "List what the cache holds",
    description: "List what the cache holds

Example - List digests with their sizes in bytes, those used longest ago first:
  oras cache ls",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![args::debug()]
}

async fn run(_: &Invocation, context: &Context) -> Result<()> {
    let entries = open(context)?.entries().await.map_err(|error| failed(&error))?;
    for entry in entries {
        context.printer.line(&format!("{} {}", entry.digest, entry.size))?;
    }
    Ok(())
}

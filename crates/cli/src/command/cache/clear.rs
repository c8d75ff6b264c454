//! `oras cache clear`: remove all that the cache holds.

use super::super::{Arguments, Body, Command, Invocation};
use super::{failed, open};
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::human;

/// Remove all that the cache holds.
pub(crate) static COMMAND: Command = Command {
    name: "clear",
    aliases: &[],
    synopsis: "clear [flags]",
    summary: "Remove all that the cache holds",
    description: "Remove all that the cache holds

Example - Remove everything, and forget which files were hashed:
  oras cache clear",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![args::debug()]
}

async fn run(_: &Invocation, context: &Context) -> Result<()> {
    let gone = open(context)?.clear().await.map_err(|error| failed(&error))?;
    let size = human::bytes(gone.bytes);
    context.printer.line(&format!("Removed {} blobs, {size}", gone.blobs))
}

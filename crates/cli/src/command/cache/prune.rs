//! `oras cache prune`: remove what was not used for longest.

use super::super::{Arguments, Body, Command, Invocation};
use super::{failed, open, size_of};
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::human;

/// Remove what was not used for longest.
pub(crate) static COMMAND: Command = Command {
    name: "prune",
    aliases: &[],
    synopsis: "prune [flags]",
    summary: "Remove what was not used for longest",
    description: "Remove what was not used for longest

Example - Keep at most 500 MB:
  oras cache prune --keep 500MB",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![Flag::text("keep", "how much to keep").word("size").default("1GB"), args::debug()]
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let keep = size_of(invocation, "keep")?;
    let gone = open(context)?.prune(keep).await.map_err(|error| failed(&error))?;
    let size = human::bytes(gone.bytes);
    context.printer.line(&format!("Removed {} blobs, {size}", gone.blobs))
}

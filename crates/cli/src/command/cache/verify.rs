//! `oras cache verify`: hash all that the cache holds and remove what is wrong.

use super::super::{Arguments, Body, Command, Invocation};
use super::{failed, open};
use crate::args;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::human;

/// Hash all that the cache holds and remove what is wrong.
pub(crate) static COMMAND: Command = Command {
    name: "verify",
    aliases: &[],
    synopsis: "verify [flags]",
    summary: "Hash all that the cache holds and remove what is wrong",
    description: "Hash all that the cache holds and remove what is wrong

Example - Check everything:
  oras cache verify",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![args::debug()]
}

async fn run(_: &Invocation, context: &Context) -> Result<()> {
    let check = open(context)?.verify().await.map_err(|error| failed(&error))?;
    for digest in &check.wrong {
        context.printer.line(&format!("Removed {digest}"))?;
    }
    let size = human::bytes(check.right.bytes);
    context.printer.line(&format!("Verified {} blobs, {size}", check.right.blobs))
}

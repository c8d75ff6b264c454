//! `oras resolve`: the digest behind a tag.

use super::{Arguments, Body, Command, Invocation};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, platform};
use crate::connect::Access;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;

/// Shows digests.
pub(crate) static COMMAND: Command = Command {
    name: "resolve",
    aliases: &["digest"],
    synopsis: "resolve [flags] <name>{:<tag>|@<digest>}",
    summary: "[Preview] Resolves digest of the target artifact",
    description: "[Preview] Resolves digest of the target artifact

** This command is in preview and under development. **

Example - Resolve digest of the target artifact:
  oras resolve localhost:5000/hello-world:v1",
    flags,
    arguments: Arguments::Exactly(1, "the target artifact reference to resolve"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("false"),
        platform::platform("request platform"),
        Flag::switch("full-reference", "print the full artifact reference with digest").short('l'),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let platform = platform::read(invocation, "platform")?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let opened = target.open(invocation, Access::Read, context).await?;
    let reference = target.required_reference(invocation)?;
    let found = opened.resolve(reference, platform.as_ref()).await;
    let descriptor =
        found.map_err(|error| opened.explain(&error.context("failed to resolve digest")))?;
    context.printer.line(&if invocation.parsed.switch("full-reference") {
        target.with_digest(&descriptor.digest)
    } else {
        descriptor.digest.to_string()
    })
}

//! `oras registry gc`: removes what nothing leads to.

use std::sync::Arc;

use super::super::{Arguments, Body, Command, Invocation};
use super::{open_existing, root, root_flag};
use crate::args::garbage::{self, Collector};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;
use crate::output::human;

/// Collects garbage.
pub(crate) static COMMAND: Command = Command {
    name: "gc",
    aliases: &[],
    synopsis: "gc [flags]",
    summary: "Remove what nothing refers to from the directory of a registry",
    description: "Remove what nothing refers to from the directory of a registry

A registry that is serving does this by itself, see the flags of 'oras serve' that begin with '--gc'. This is for one that is stopped; with --dry-run also for one that is serving.

Example - Show what would be removed, and why:
  oras registry gc --dry-run

Example - Remove it, and all manifests without a tag:
  oras registry gc --untagged-after 0s

Example - Remove all tags but the 10 newest and releases, and then what nothing leads to:
  oras registry gc --keep-newest 10 --keep-matching 'v*' --untagged-after 0s",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags =
        vec![Flag::switch("dry-run", "only show what would be removed, and why"), root_flag()];
    flags.extend(garbage::flags(Collector::Alone));
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let mut options = garbage::read(parsed, Collector::Alone)?;
    options.dry_run = parsed.switch("dry-run");
    let root = root(parsed.some_text("root"), context)?;
    let registry = open_existing(root, !options.dry_run).await?;
    let printer = Arc::clone(&context.printer);
    let say = if options.dry_run { "Would remove" } else { "Removed" };
    let observer = move |found: &oras_server::Garbage| {
        // A reader that is gone, or a full disk, is no reason to stop half-way.
        drop(printer.line(&format!("{say} {found}: {}", found.reason())));
    };
    let collected = registry.collect(&options, observer).await;
    let collected = collected.map_err(|error| CliError::new(chain(&error)))?;
    let say = if options.dry_run { "Would free" } else { "Freed" };
    context.printer.line(&format!("{say} {}", human::bytes(collected.bytes)))
}

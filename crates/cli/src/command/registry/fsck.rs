//! `oras registry fsck`: reads everything a registry has, and says what is not as it should be.

use std::sync::Arc;

use oras_server::{CheckOptions, Fault};

use super::super::{Arguments, Body, Command, Invocation};
use super::{open_existing, root, root_flag};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;
use crate::output::human;

/// Checks a registry.
pub(crate) static COMMAND: Command = Command {
    name: "fsck",
    aliases: &[],
    synopsis: "fsck [flags]",
    summary: "Check that what a registry has is whole",
    description: "Check that what a registry has is whole

Reads every blob and every manifest. Fails if something is not as it should be. A registry may be serving meanwhile, unless it is to be repaired.

Example - Check everything:
  oras registry fsck

Example - Also remove what is broken, so that the next push of it mends it:
  oras registry fsck --repair",
    flags,
    arguments: Arguments::None,
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![
        Flag::switch(
            "repair",
            "remove what is broken, so that it can be pushed again, and write what is missing",
        ),
        root_flag(),
    ]
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let mut options = CheckOptions::default();
    options.repair = parsed.switch("repair");
    let root = root(parsed.some_text("root"), context)?;
    let registry = open_existing(root, options.repair).await?;
    let printer = Arc::clone(&context.printer);
    let observer = move |fault: &Fault| drop(printer.line(&fault.to_string()));
    let checked = registry.check(&options, observer).await;
    let checked = checked.map_err(|error| CliError::new(chain(&error)))?;
    context.printer.line(&format!(
        "Checked {} blobs ({}), {} manifests and {} tags",
        checked.blobs,
        human::bytes(checked.bytes),
        checked.manifests,
        checked.tags
    ))?;
    let left = checked.faults - checked.mended;
    if options.repair && checked.mended > 0 {
        context
            .printer
            .line(&format!("Repaired {} of {} faults", checked.mended, checked.faults))?;
    }
    if left == 0 {
        return Ok(());
    }
    let advice = if options.repair {
        "Push again what is missing"
    } else {
        "Stop the registry, run again with --repair, and push again what is missing then"
    };
    Err(CliError::new(format!("{left} faults")).with_recommendation(advice))
}

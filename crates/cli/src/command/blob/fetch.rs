//! `oras blob fetch`: a blob, or its descriptor.

use oras_spec::TagOrDigest;
use oras_spec::image::Descriptor;

use super::super::transfer::{Watcher, observed};
use super::super::{Arguments, Body, Command, Invocation, save};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::{render, status};

/// Fetches blobs.
pub(crate) static COMMAND: Command = Command {
    name: "fetch",
    aliases: &["get"],
    synopsis: "fetch [flags] {--output <file> | --descriptor} <name>@<digest>",
    summary: "Fetch a blob from a remote registry or an OCI image layout",
    description: "Fetch a blob from a remote registry or an OCI image layout

Example - Fetch a blob from registry and save it to a local file:
  oras blob fetch --output blob.tar.gz localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Fetch a blob from registry and print the raw blob content:
  oras blob fetch --output - localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Fetch and print the descriptor of a blob:
  oras blob fetch --descriptor localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Fetch a blob from registry, save it to a local file and print the descriptor:
  oras blob fetch --output blob.tar.gz --descriptor localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Fetch and print a blob from an OCI image layout folder 'layout-dir':
  oras blob fetch --oci-layout --output - layout-dir@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Fetch and print a blob from an OCI image layout archive file 'layout.tar':
  oras blob fetch --oci-layout --output - layout.tar@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    flags,
    arguments: Arguments::Exactly(1, "the target blob to fetch"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("false"),
        args::descriptor("output the descriptor of the blob"),
        args::pretty(),
        terminal::flag(),
        stats::flag(),
        Flag::text("output", "output file path, use - for stdout").short('o').word("path"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let (output, is_described) = (parsed.text("output"), parsed.switch("descriptor"));
    if output.is_empty() && !is_described {
        return Err(CliError::new("either `--output` or `--descriptor` must be provided"));
    }
    if output == "-" && is_described {
        let message = "`--output -` cannot be used with `--descriptor` at the same time";
        return Err(CliError::new(message));
    }
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let opened = target.open(invocation, Access::Read, context).await?.blobs();
    let reference = target.required_digest(invocation)?;
    let blob = if output.is_empty() {
        opened.source().resolve(reference).await.map_err(|error| opened.explain(&error))?
    } else {
        fetch(invocation, context, &opened, reference).await?
    };
    if is_described {
        return render::descriptor(&context.printer, &blob, parsed.switch("pretty"));
    }
    Ok(())
}

/// Fetches a blob to where it is wanted.
async fn fetch(
    invocation: &Invocation,
    context: &Context,
    opened: &Opened<'_>,
    reference: &TagOrDigest,
) -> Result<Descriptor> {
    let parsed = &invocation.parsed;
    let output = parsed.text("output");
    // Where both streams end on one terminal, bars among the bytes are only for those who insist.
    let terminal =
        terminal::read(invocation, context).filter(|_| output != "-" || parsed.given("no-tty"));
    let found = opened.source().fetch_reference(reference).await;
    let (blob, incoming) = found.map_err(|error| opened.explain(&error))?;
    let watcher = Watcher::of_terminal(invocation, context, &status::PULL, terminal);
    let observer = watcher.observer();
    let saved = observed(&observer, incoming, async |incoming| {
        if output == "-" {
            save::to_output(context, opened, incoming).await
        } else {
            save::to_file(context, opened, output, incoming).await
        }
    });
    saved.await?;
    watcher.finish()?;
    Ok(blob)
}

//! `oras blob delete`: a blob less.

use oras_client::ErrorKind;
use oras_spec::Quoted;

use super::super::{Arguments, Body, Command, Invocation};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, confirmation};
use crate::connect::Access;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::render;

/// Deletes blobs.
pub(crate) static COMMAND: Command = Command {
    name: "delete",
    aliases: &["remove", "rm"],
    synopsis: "delete [flags] <name>@<digest>",
    summary: "Delete a blob from a remote registry or an OCI image layout",
    description: "Delete a blob from a remote registry or an OCI image layout

Example - Delete a blob:
  oras blob delete localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Delete a blob without prompting confirmation:
  oras blob delete --force localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Delete a blob and print its descriptor:
  oras blob delete --descriptor --force localhost:5000/hello@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

Example - Delete a blob from an OCI image layout folder 'layout-dir':
  oras blob delete --oci-layout layout-dir@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    flags,
    arguments: Arguments::Exactly(1, "the target blob to delete"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("false"),
        args::descriptor("output the descriptor of the deleted blob"),
        args::pretty(),
        confirmation::flag("ignore nonexistent blobs and delete without asking"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    confirmation::check(invocation)?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let reference = target.required_digest(invocation)?;
    let opened = target.open(invocation, Access::Delete, context).await?.blobs();
    let blob = match opened.source().resolve(reference).await {
        Ok(blob) => blob,
        Err(error) if error.kind() == ErrorKind::NotFound && error.response().is_none() => {
            return confirmation::absent(invocation, context, &target, "blob");
        }
        Err(error) => return Err(opened.explain(&error)),
    };
    let digest = Quoted(blob.digest.as_str());
    let question = format!("Are you sure you want to delete the blob {digest}?");
    if !confirmation::ask(invocation, context, &question).await? {
        return Ok(());
    }
    let deleted = opened.target().delete(&blob).await;
    deleted.map_err(|error| {
        opened.explain(&error.context(format!("failed to delete {}", target.raw)))
    })?;
    if parsed.switch("descriptor") {
        return render::descriptor(&context.printer, &blob, parsed.switch("pretty"));
    }
    context.printer.line(&format!("Deleted {}", target.shown()))
}

//! `oras manifest delete`: a manifest less, and all tags of it.

use oras_client::ErrorKind;
use oras_spec::Quoted;

use super::super::{Arguments, Body, Command, Invocation};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, confirmation, distribution};
use crate::connect::Access;
use crate::context::Context;
use crate::error::Result;
use crate::flag::Flag;
use crate::output::render;

/// Deletes manifests.
pub(crate) static COMMAND: Command = Command {
    name: "delete",
    aliases: &["remove", "rm"],
    synopsis: "delete [flags] <name>{:<tag>|@<digest>}",
    summary: "Delete a manifest from a remote registry or an OCI image layout",
    description: "Delete a manifest from a remote registry or an OCI image layout

Example - Delete a manifest tagged with 'v1' from repository 'localhost:5000/hello':
  oras manifest delete localhost:5000/hello:v1

Example - Delete a manifest without prompting confirmation:
  oras manifest delete --force localhost:5000/hello:v1

Example - Delete a manifest and print its descriptor:
  oras manifest delete --descriptor --force localhost:5000/hello:v1

Example - Delete a manifest by digest 'sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9' from repository 'localhost:5000/hello':
  oras manifest delete localhost:5000/hello@sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9

Example - Delete a manifest from an OCI image layout folder 'layout-dir':
  oras manifest delete --oci-layout layout-dir:v1",
    flags,
    arguments: Arguments::Exactly(1, "the manifest to delete"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("false"),
        args::descriptor("output the descriptor of the deleted manifest"),
        args::pretty(),
        distribution::flag(Side::Only),
        confirmation::flag("ignore nonexistent manifests and delete without asking"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    confirmation::check(invocation)?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let reference = target.required_reference(invocation)?;
    let opened = target.open(invocation, Access::Delete, context).await?;
    let manifest = match opened.source().resolve(reference).await {
        Ok(manifest) => manifest,
        Err(error) if error.kind() == ErrorKind::NotFound && error.response().is_none() => {
            return confirmation::absent(invocation, context, &target, "manifest");
        }
        Err(error) => return Err(opened.explain(&error)),
    };
    let digest = Quoted(manifest.digest.as_str());
    let question = format!(
        "Are you sure you want to delete the manifest {digest} and all tags associated with it?"
    );
    if !confirmation::ask(invocation, context, &question).await? {
        return Ok(());
    }
    let opened = opened.with_manifests_of(&manifest.media_type);
    let deleted = opened.target().delete(&manifest).await;
    deleted.map_err(|error| {
        opened.explain(&error.context(format!("failed to delete {}", target.raw)))
    })?;
    if parsed.switch("descriptor") {
        return render::descriptor(&context.printer, &manifest, parsed.switch("pretty"));
    }
    context.printer.line(&format!("Deleted {}", target.shown()))
}

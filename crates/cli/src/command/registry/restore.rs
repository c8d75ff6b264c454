//! `oras registry restore`: undoes the deletion of a manifest.

use oras_spec::{Digest, RepositoryName};

use super::super::{Arguments, Body, Command, Invocation};
use super::{open_existing, root, root_flag};
use crate::context::Context;
use crate::error::{CliError, Result, chain};

/// Restores a deleted manifest.
pub(crate) static COMMAND: Command = Command {
    name: "restore",
    aliases: &[],
    synopsis: "restore [flags] <repository>@<digest>",
    summary: "Restore a deleted manifest, with its tags",
    description: "Restore a deleted manifest, with its tags

A registry keeps a deleted manifest until its garbage has been collected and the grace time is over. The registry must not be serving meanwhile. Tags that are in use again stay where they are.

Example - Restore a manifest:
  oras registry restore hello@sha256:9d16f5505246424aed7116cb21216704ba8c919997d0f1f37e154c11d509e1d2",
    flags: || vec![root_flag()],
    arguments: Arguments::Exactly(1, "the deleted manifest, as <repository>@<digest>"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let text = invocation.argument(0);
    let (repository, digest) = read(text).ok_or_else(|| {
        CliError::new(format!("invalid argument \"{text}\": expected <repository>@<digest>"))
    })?;
    let root = root(invocation.parsed.some_text("root"), context)?;
    let registry = open_existing(root, true).await?;
    let restored = registry.restore(&repository, &digest).await;
    if restored.map_err(|error| CliError::new(chain(&error)))? {
        context.printer.line(&format!("Restored {repository}@{digest}"))
    } else {
        Err(CliError::new(format!("{repository}@{digest}: no such deleted manifest")))
    }
}

fn read(text: &str) -> Option<(RepositoryName, Digest)> {
    let (repository, digest) = text.split_once('@')?;
    Some((repository.parse().ok()?, digest.parse().ok()?))
}

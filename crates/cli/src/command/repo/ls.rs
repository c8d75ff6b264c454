//! `oras repo ls`: the repositories of a registry.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use oras_spec::{Quoted, Reference, RegistryName, Tag};

use super::super::{Arguments, Body, Command, Invocation};
use crate::advice::Advisor;
use crate::args;
use crate::args::format::{self, Format};
use crate::args::remote::{Remote, Side};
use crate::args::target::{self, Place, Target};
use crate::connect::{self, Access};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::render::render;
use crate::report::RepositoriesReport;
use crate::visible::visible;

/// Lists repositories.
pub(crate) static COMMAND: Command = Command {
    name: "ls",
    aliases: &["list"],
    synopsis: "ls [flags] <registry>",
    summary: "List the repositories under the registry",
    description: "List the repositories under the registry

Example - List the repositories under the registry:
  oras repo ls localhost:5000

Example - List the repositories under a namespace in the registry:
  oras repo ls localhost:5000/example-namespace

Example - List the repositories under the registry that include values lexically after last:
  oras repo ls --last \"last_repo\" localhost:5000

Example - List the repositories whose tags are in an OCI image layout:
  oras repo ls --oci-layout layout-dir

Example - List the repositories of one registry whose tags are in an OCI image layout:
  oras repo ls --oci-layout-path layout-dir localhost:5000

Example - List the repositories under the registry in JSON format:
  oras repo ls localhost:5000 --format json

Example - List the repositories under the registry using the given Go template:
  oras repo ls localhost:5000 --format go-template --template \"{{.repositories}}\"",
    flags,
    arguments: Arguments::Exactly(1, "the target registry to list repositories from"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend(format::flags());
    flags.extend([
        args::debug(),
        args::verbose("false"),
        Flag::text("last", "start after the repository specified by last").word("last"),
    ]);
    flags
}

/// What is to be listed.
struct Scope {
    registry: RegistryName,
    /// With a slash at its end; empty for all.
    namespace: String,
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    if parsed.switch("oci-layout") || parsed.some_text("oci-layout-path").is_some() {
        return of_layout(invocation, context).await;
    }
    let scope = Scope::parse(invocation.argument(0))
        .map_err(|error| error.context("could not parse repository path"))?;
    let remote = Remote::read(invocation, Side::Only, context).await?;
    let format = format::read(invocation, context)?;
    let registry = connect::registry(invocation, &remote, &scope.registry, context)?;
    let credentials = connect::credentials_file(&remote, context);
    let advisor = Advisor::of_registry(invocation, &scope.registry, credentials);
    let last = invocation.parsed.some_text("last");
    let mut pages = registry.repositories(last).ready_chunks(1000);
    let mut repositories = Vec::new();
    while let Some(page) = pages.next().await {
        let page: Vec<String> = page
            .into_iter()
            .filter(|name| name.as_ref().map_or(true, |name| name.starts_with(&scope.namespace)))
            .collect::<oras_client::Result<_>>()
            .map_err(|error| advisor.explain_below(&scope.complaint(), &error))?;
        if matches!(format, Format::Text) {
            let line = |name: &String| format!("{}\n", visible(&name[scope.namespace.len()..]));
            context.printer.bytes(page.iter().map(line).collect::<String>().as_bytes())?;
            if context.printer.is_closed() {
                break;
            }
        } else {
            repositories.extend(page);
        }
    }
    let report = RepositoriesReport { registry: scope.registry.to_string(), repositories };
    render(&context.printer, &format, &report, || Ok(()))
}

/// Lists the repositories in whose names the tags of a layout are spelled in full.
async fn of_layout(invocation: &Invocation, context: &Context) -> Result<()> {
    let raw = invocation.argument(0);
    let target = Target::read(invocation, Side::Only, raw, context).await?;
    let scope = match target.place {
        Place::Layout { by_flag: true, .. } => Some(Scope::parse(raw)?),
        _ if target.reference.is_some() => {
            return Err(CliError::new("tags or digests should not be provided"));
        }
        _ => None,
    };
    let format = format::read(invocation, context)?;
    let opened = target.open(invocation, Access::Read, context).await?;
    let tags: oras_client::Result<Vec<Tag>> = opened.source().tags(None).try_collect().await;
    let tags = tags.map_err(|error| opened.explain(&error))?;
    let last = invocation.parsed.some_text("last");
    let names: BTreeSet<String> = tags
        .iter()
        .filter_map(|tag| match &scope {
            None => Some(tag.as_str().parse::<Reference>().ok()?.path()),
            Some(scope) => scope.repository_of(tag),
        })
        .filter(|name| last.is_none_or(|last| name.as_str() > last))
        .collect();
    let skipped = scope.as_ref().map_or(0, |scope| scope.namespace.len());
    let report = RepositoriesReport {
        registry: scope.map_or_else(|| target.path(), |scope| scope.registry.to_string()),
        repositories: names.into_iter().collect(),
    };
    render(&context.printer, &format, &report, || {
        let line = |name: &String| format!("{}\n", visible(&name[skipped..]));
        context.printer.bytes(report.repositories.iter().map(line).collect::<String>().as_bytes())
    })
}

impl Scope {
    /// Returns the repository of a tag that is spelled in full, if it is one of these.
    fn repository_of(&self, tag: &Tag) -> Option<String> {
        let reference: Reference = tag.as_str().parse().ok()?;
        let name = reference.repository().as_str();
        let is_inside = *reference.registry() == self.registry && name.starts_with(&self.namespace);
        is_inside.then(|| name.to_owned())
    }

    /// Reads `<registry>[/<namespace>]`.
    fn parse(text: &str) -> Result<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let wrong = |error: &dyn std::fmt::Display| CliError::new(error.to_string());
        if !text.contains('/') {
            let registry = text.parse().map_err(|error: oras_spec::NameError| {
                CliError::new(format!("invalid reference: {error}"))
            })?;
            return Ok(Self { registry, namespace: String::new() });
        }
        let reference: Reference =
            text.parse().map_err(|error: oras_spec::ReferenceError| wrong(&error))?;
        if reference.tag_or_digest().is_some() {
            return Err(CliError::new("tags or digests should not be provided"));
        }
        Ok(Self {
            registry: reference.registry().clone(),
            namespace: format!("{}/", reference.repository()),
        })
    }

    fn complaint(&self) -> String {
        let registry = Quoted(self.registry.as_str());
        if self.namespace.is_empty() {
            format!("could not list repositories for {registry}")
        } else {
            let namespace = Quoted(&self.namespace);
            format!("could not list repositories for {registry} with prefix {namespace}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_registry_and_maybe_a_namespace() {
        for (text, registry, namespace) in [
            ("localhost:5000", "localhost:5000", ""),
            ("localhost:5000/", "localhost:5000", ""),
            ("localhost:5000/a/b", "localhost:5000", "a/b/"),
            ("localhost:5000/a/", "localhost:5000", "a/"),
        ] {
            let scope = Scope::parse(text).expect("good");
            assert_eq!((scope.registry.as_str(), scope.namespace.as_str()), (registry, namespace));
        }
        for text in ["localhost:5000/a:v1", "http://localhost", "", "localhost:5000/A"] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
    }
}

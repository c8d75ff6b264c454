//! `oras doctor`: what works at a registry, what does not, and what to do about it.

mod access;
mod connection;
mod patient;
mod report;
mod witness;
mod write;

use oras_spec::{Reference, RegistryName};

use self::patient::Patient;
use self::report::{Outcome, Report};
use super::{Arguments, Body, Command, Invocation};
use crate::args;
use crate::args::remote::{self, Remote, Side};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::{Choice, Flag};

/// Examines registries.
pub(crate) static COMMAND: Command = Command {
    name: "doctor",
    aliases: &[],
    synopsis: "doctor [flags] <registry>[/<repository>]",
    summary: "Find out what works at a registry, and what to do about what does not",
    description: "Find out what works at a registry, and what to do about what does not

Looks at the name, the connection, the challenge, the credential and what it allows. With --write it also pushes a tiny artifact, reads it back and takes it away again.

Example - can we reach a registry, and are we logged in:
  oras doctor localhost:5000

Example - may we read this repository:
  oras doctor localhost:5000/hello

Example - can we push to it, with media types of our own:
  oras doctor --write --config-type application/vnd.me.config.v1+json --layer-type text/plain localhost:5000/hello",
    flags,
    arguments: Arguments::Exactly(1, "the registry or repository to examine"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

static FORMAT: Choice = Choice { noun: "format", words: &["json", "text"] };

fn flags() -> Vec<Flag> {
    let mut flags = remote::flags(Side::Only);
    flags.extend([
        args::debug(),
        Flag::switch("write", "also push a tiny artifact, and take it away again"),
        Flag::text("config-type", "media type of the config to push").word("type"),
        Flag::text("layer-type", "media type of the layer to push")
            .word("type")
            .default("application/vnd.oci.image.layer.v1.tar"),
        Flag::text("artifact-type", "artifact type to push").word("type"),
        Flag::choice("format", &FORMAT, "how to report: json or text").default("text"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let raw = invocation.argument(0);
    let remote = Remote::read(invocation, Side::Only, context).await?;
    let invalid = |error: &dyn std::fmt::Display| {
        CliError::new(format!("{}: {error}", oras_spec::Quoted(raw)))
            .with_recommendation("Name a registry, or a repository as <registry>/<repository>")
    };
    let (name, reference) = if raw.contains('/') {
        let reference: Reference = raw.parse().map_err(|error| invalid(&error))?;
        (reference.registry().clone(), Some(reference))
    } else {
        (raw.parse::<RegistryName>().map_err(|error| invalid(&error))?, None)
    };
    let is_write = invocation.parsed.switch("write");
    if is_write && reference.is_none() {
        return Err(CliError::new("--write needs a repository")
            .with_recommendation("Name one as <registry>/<repository>"));
    }
    let patient = Patient::new(invocation, context, remote, name, reference)?;
    let mut report = Report::new(raw);
    connection::examine(&patient, &mut report).await;
    access::examine(&patient, is_write, &mut report).await;
    if is_write {
        write::examine(&patient, &mut report).await;
    }
    if invocation.parsed.text("format") == "json" {
        crate::output::render::json_line(&context.printer, &report.json())?;
    } else {
        context.printer.bytes(report.table().as_bytes())?;
    }
    match report.first_refusal() {
        None => Ok(()),
        Some(check) => Err(CliError::new(format!("{raw} does not work: {}", check.name))
            .with_recommendation("See above for what to do")),
    }
}

/// Tells of what could not be looked at because something before was refused.
fn skip(report: &mut Report, names: &[&'static str], why: &str) {
    for name in names {
        report.add(name, Outcome::Skipped, why);
    }
}

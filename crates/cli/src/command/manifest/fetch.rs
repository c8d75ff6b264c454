//! `oras manifest fetch`: a manifest, or its descriptor.

use bytes::Bytes;
use oras_client::store::FileSink;
use oras_spec::Quoted;
use oras_spec::image::{Descriptor, Platform};

use super::super::save::as_typed;
use super::super::{Arguments, Body, Command, Invocation};
use crate::args;
use crate::args::cache;
use crate::args::format::{self, Format};
use crate::args::platform;
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::render;
use crate::report::ManifestReport;

/// Fetches manifests.
pub(crate) static COMMAND: Command = Command {
    name: "fetch",
    aliases: &["get", "show"],
    synopsis: "fetch [flags] <name>{:<tag>|@<digest>}",
    summary: "Fetch manifest of the target artifact",
    description: "Fetch manifest of the target artifact

Example - Fetch raw manifest:
  oras manifest fetch localhost:5000/hello:v1

Example - Fetch the descriptor of a manifest:
  oras manifest fetch --descriptor localhost:5000/hello:v1

Example - [Experimental] Fetch the descriptor of a manifest and output in JSON format:
  oras manifest fetch localhost:5000/hello:v1 --format json

Example - [Experimental] Fetch a manifest and print its config media type using the given Go template:
  oras manifest fetch localhost:5000/hello:v1 --format go-template --template '{{ .content.config.mediaType }}'

Example - Fetch manifest from a registry with specified media type:
  oras manifest fetch --media-type 'application/vnd.oci.image.manifest.v1+json' localhost:5000/hello:v1

Example - Fetch manifest from a registry with certain platform:
  oras manifest fetch --platform 'linux/arm/v5' localhost:5000/hello:v1

Example - Fetch manifest from a registry with prettified json result:
  oras manifest fetch --pretty localhost:5000/hello:v1

Example - Fetch raw manifest from an OCI image layout folder 'layout-dir':
  oras manifest fetch --oci-layout layout-dir:v1

Example - Fetch raw manifest from an OCI layout archive file 'layout.tar':
  oras manifest fetch --oci-layout layout.tar:v1",
    flags,
    arguments: Arguments::Exactly(1, "the manifest to fetch"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend(format::flags());
    flags.extend([
        args::debug(),
        args::verbose("false"),
        args::descriptor("output the descriptor of the manifest"),
        args::pretty(),
        platform::platform("request platform"),
        Flag::comma_list("media-type", "accepted media types"),
        Flag::text("output", "file path to write the fetched manifest to, use - for stdout")
            .short('o')
            .word("path"),
    ]);
    flags.extend(cache::flags());
    flags
}

/// What is asked for besides the manifest itself.
struct Wishes<'a> {
    platform: Option<Platform>,
    format: Format,
    /// The file; nothing for standard output.
    file: Option<&'a str>,
    descriptor: bool,
    pretty: bool,
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    refuse_conflicts(invocation)?;
    let platform = platform::read(invocation, "platform")?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let wishes = Wishes {
        platform,
        format: format::read(invocation, context)?,
        file: parsed.some_text("output").filter(|file| *file != "-"),
        descriptor: parsed.switch("descriptor"),
        pretty: parsed.switch("pretty"),
    };
    let opened = target.open(invocation, Access::Read, context).await?;
    target.required_reference(invocation)?;
    let opened = opened.with_media_types(parsed.list("media-type"))?;
    if wishes.descriptor && parsed.text("output").is_empty() {
        let found = resolve(invocation, &target, &opened, &wishes).await?;
        return render::descriptor(&context.printer, &found, wishes.pretty);
    }
    let (found, bytes) = fetch(invocation, &target, &opened, &wishes).await?;
    if let Some(file) = wishes.file {
        let sink = FileSink::new(context.environment.path(file));
        let written = sink.write_bytes(bytes.clone()).await;
        written.map_err(|error| {
            CliError::new(format!(
                "failed to open {}: {}",
                Quoted(file),
                as_typed(context, file, &error)
            ))
        })?;
    }
    show(&target, &found, &bytes, &wishes, context)
}

fn show(
    target: &Target,
    found: &Descriptor,
    bytes: &Bytes,
    wishes: &Wishes<'_>,
    context: &Context,
) -> Result<()> {
    let printer = &context.printer;
    let report = ManifestReport::new(&target.path(), found, bytes);
    render::render(printer, &wishes.format, &report, || match (wishes.file, wishes.descriptor) {
        (_, true) => render::descriptor(printer, found, wishes.pretty),
        (None, false) => render::document(printer, bytes, wishes.pretty),
        (Some(_), false) => Ok(()),
    })
}

fn refuse_conflicts(invocation: &Invocation) -> Result<()> {
    let parsed = &invocation.parsed;
    if parsed.text("output") == "-" {
        if parsed.text("format") != "text" {
            let template = parsed.text("template");
            return Err(CliError::new(format!(
                "`--output -` cannot be used with `--format {template}` at the same time"
            )));
        }
        if parsed.switch("descriptor") {
            let message = "`--descriptor` cannot be used with `--output -` at the same time";
            return Err(CliError::new(message));
        }
    }
    invocation.exclude(&["format", "pretty"])?;
    invocation.exclude(&["format", "descriptor"])
}

async fn resolve(
    invocation: &Invocation,
    target: &Target,
    opened: &Opened<'_>,
    wishes: &Wishes<'_>,
) -> Result<Descriptor> {
    let reference = target.required_reference(invocation)?;
    let found = opened.resolve(reference, wishes.platform.as_ref()).await;
    found.map_err(|error| {
        let context = format!("failed to find {}", Quoted(&target.raw));
        opened.explain(&error.context(context))
    })
}

/// Returns the manifest with its descriptor, at most 4 MiB of it.
async fn fetch(
    invocation: &Invocation,
    target: &Target,
    opened: &Opened<'_>,
    wishes: &Wishes<'_>,
) -> Result<(Descriptor, Bytes)> {
    let reference = target.required_reference(invocation)?;
    let fetched = opened.fetch_manifest(reference, wishes.platform.as_ref()).await;
    fetched.map_err(|error| {
        let context = format!("failed to fetch the content of {}", Quoted(&target.raw));
        opened.explain(&error.context(context))
    })
}

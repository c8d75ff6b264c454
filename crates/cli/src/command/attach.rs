//! `oras attach`: files into a manifest about another manifest.

use std::sync::Arc;

use oras_client::copy::{CopyOptions, Successors, copy_graph};
use oras_client::pack::ImageSpec;
use oras_client::store::Files;
use oras_spec::TagOrDigest;
use oras_spec::image::{Descriptor, Document, Platform};

use super::packing::{Packing, Plan, export, packed_files, read_document};
use super::transfer::Watcher;
use super::{Arguments, Body, Command, Invocation};
use crate::args::file_reference::FileReference;
use crate::args::packer::{self, Packer};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, distribution, format, platform, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::{render, status};
use crate::report::DescriptorReport;

/// Attaches files.
pub(crate) static COMMAND: Command = Command {
    name: "attach",
    aliases: &[],
    synopsis: "attach [flags] --artifact-type=<type> <name>{:<tag>|@<digest>} \
               {<file>[:<layer_media_type>]|--annotation <key>=<value>} [...]",
    summary: "Attach files to an existing artifact",
    description: "Attach files to an existing artifact

Example - Attach file 'hi.txt' with artifact type 'doc/example' to manifest 'hello:v1' in registry 'localhost:5000':
  oras attach --artifact-type doc/example localhost:5000/hello:v1 hi.txt

Example - Attach file 'hi.txt' with a specific media type when building the manifest:
  oras attach --artifact-type doc/example localhost:5000/hello:v1 hi.txt:application/vnd.me.hi

Example - Attach an artifact using a specific method for the Referrers API:
  oras attach --artifact-type doc/example --distribution-spec v1.1-referrers-api localhost:5000/hello:v1 hi.txt

Example - Attach an artifact using a specific method for the Referrers tag:
  oras attach --artifact-type doc/example --distribution-spec v1.1-referrers-tag localhost:5000/hello:v1 hi.txt

Example - Attach file 'hi.txt' and add annotations from file 'annotation.json':
  oras attach --artifact-type doc/example --annotation-file annotation.json localhost:5000/hello:v1 hi.txt

Example - Attach an artifact with manifest annotations:
  oras attach --artifact-type doc/example --annotation \"key1=val1\" --annotation \"key2=val2\" localhost:5000/hello:v1

Example - Attach file 'hi.txt' and add manifest annotations:
  oras attach --artifact-type doc/example --annotation \"key=val\" localhost:5000/hello:v1 hi.txt

Example - Attach file 'hi.txt' and export the pushed manifest to 'manifest.json':
  oras attach --artifact-type doc/example --export-manifest manifest.json localhost:5000/hello:v1 hi.txt

Example - Attach file 'hi.txt' to the manifest for one platform of an index:
  oras attach --artifact-type doc/example --platform linux/amd64 localhost:5000/hello:v1 hi.txt

Example - Attach file 'hi.txt' with the custom manifest config 'config.json':
  oras attach --artifact-type doc/example --config config.json:application/vnd.me.config localhost:5000/hello:v1 hi.txt

Example - Attach file to the manifest tagged 'v1' in an OCI image layout folder 'layout-dir':
  oras attach --oci-layout --artifact-type doc/example layout-dir:v1 hi.txt

Example - Attach file 'hi.txt' and format output in JSON:
  oras attach --artifact-type doc/example localhost:5000/hello:v1 hi.txt --format json",
    flags,
    arguments: Arguments::AtLeast(1, "the destination artifact for attaching."),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend(packer::flags());
    flags.extend(format::flags());
    flags.extend([
        args::debug(),
        args::verbose("true"),
        args::concurrency("5"),
        distribution::flag(Side::Only),
        platform::platform("attach to an arch-specific subject"),
        terminal::flag(),
        stats::flag(),
        Flag::text("artifact-type", "artifact type").required(),
        Flag::text("config", "`path` of image config file").word("path"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let packer = Packer::read(invocation, context, &parsed.arguments[1..])?;
    let raw = invocation.argument(0);
    let target = Target::read(invocation, Side::Only, raw, context).await;
    let target = target.map_err(|error| with_hint(error, &packer))?;
    let format = format::read(invocation, context)?;
    let platform = platform::read(invocation, "platform")?;
    let terminal = terminal::read(invocation, context);
    invocation.exclude(&["config", "platform"])?;
    let reference = target.required_reference(invocation);
    let reference = reference.map_err(|error| with_hint(error.about_reference(), &packer))?;
    invocation.require_flags()?;
    if packer.files.is_empty() && !packer.annotations.are_of_manifest() {
        return Err(nothing_to_attach(invocation));
    }
    let config = parsed.some_text("config").map(FileReference::parse).transpose()?;

    let watcher = Watcher::new(invocation, context, &status::PUSH, &format, terminal);
    let opened = target.open(invocation, Access::Write, context).await?;
    let subject = subject(&target, &opened, reference, platform.as_ref()).await?;
    // What is attached is made for it as a rule, so it is not there yet.
    let ahead = opened.ahead(None, args::concurrency_of(parsed.number("concurrency"), 3));
    let files = packed_files(invocation, context, packer.dating, ahead)?;
    let packing = Packing { context, watcher: &watcher, files: &files };
    let plan = Plan {
        image_spec: ImageSpec::V1_1,
        artifact_type: parsed.text("artifact-type").into(),
        config,
        platform: None,
        subject: Some(subject.clone()),
    };
    let manifest = packing.pack(packer, plan).await?;
    transfer(invocation, &files, &manifest, &opened, &watcher).await?;
    watcher.finish()?;

    let bytes = read_document(&files, &manifest).await?;
    let report = DescriptorReport::new(&target.path(), &manifest);
    let report = stats::with(invocation, context, report);
    render::render(&context.printer, &format, &report, || {
        context.printer.line(&format!("Attached to {}", shown_subject(&target, &subject)))?;
        context.printer.line(&format!("Digest: {}", manifest.digest))
    })?;
    export(invocation, context, &bytes).await
}

/// Without files, the one argument there is may have been meant for a file.
fn with_hint(error: CliError, packer: &Packer) -> CliError {
    if packer.files.is_empty() && error.is_about_reference() {
        error.with_recommendation_behind("Are you missing an artifact reference to attach to? ")
    } else {
        error
    }
}

fn nothing_to_attach(invocation: &Invocation) -> CliError {
    CliError::new("neither file nor annotation provided in the command")
        .with_usage(invocation.usage())
        .with_recommendation(format!(
            "To attach to an existing artifact, please provide files via argument or annotations \
             via flag \"--annotation\". Run \"{} -h\" for more options and examples",
            invocation.path()
        ))
}

/// Finds what to attach to.
async fn subject(
    target: &Target,
    opened: &Opened<'_>,
    reference: &TagOrDigest,
    platform: Option<&Platform>,
) -> Result<Descriptor> {
    let found = opened.resolve(reference, platform).await.map_err(|error| {
        opened.explain(&error.context(format!("failed to resolve {reference}")))
    })?;
    // A layout says more of a tag than a registry does, such as the tag itself, which is nobody's
    // business: attached to the same manifest, the same files have the same digest everywhere.
    let is_tag_of_layout = target.registry().is_none() && platform.is_none();
    Ok(if is_tag_of_layout { found.plain() } else { found })
}

fn shown_subject(target: &Target, subject: &Descriptor) -> String {
    if target.raw.ends_with(subject.digest.as_str()) {
        target.shown()
    } else {
        target.labeled(&target.with_digest(&subject.digest))
    }
}

async fn transfer(
    invocation: &Invocation,
    files: &Files,
    manifest: &Descriptor,
    opened: &Opened<'_>,
    watcher: &Watcher,
) -> Result<()> {
    // The subject is where the manifest goes; it is not ours to send.
    let successors: Successors = Arc::new(|document: &Document| {
        let subject = document.subject();
        let mut successors = document.successors();
        successors.retain(|successor| Some(successor) != subject);
        Ok(successors)
    });
    let options = CopyOptions {
        concurrency: args::concurrency_of(invocation.parsed.number("concurrency"), 3),
        further_small: args::further_small(invocation),
        observer: watcher.observer(),
        successors: Some(successors),
        ..CopyOptions::default()
    };
    let copied = copy_graph(files, manifest, opened.target(), &options).await;
    copied.map_err(|error| opened.explain(&error))
}

//! `oras push`: files into a manifest, and both to a registry or a layout.

mod plan;

use oras_client::copy::{CopyOptions, Existing, copy};
use oras_client::store::Files;
use oras_client::tag::{TagOptions, tag};
use oras_spec::image::Descriptor;
use oras_spec::{Tag, TagOrDigest};

use super::packing::{Packing, Plan, export, packed_files, read_document};
use super::transfer::Watcher;
use super::{Arguments, Body, Command, Invocation};
use crate::args::packer::{self, Packer};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, format, platform, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::{render, status};
use crate::report::PushReport;

/// Pushes files.
pub(crate) static COMMAND: Command = Command {
    name: "push",
    aliases: &[],
    synopsis: "push [flags] <name>[:<tag>[,<tag>][...]] <file>[:<type>] [...]",
    summary: "Push files to a registry or an OCI image layout",
    description: "Push files to a registry or an OCI image layout

Example - Push file \"hi.txt\" with media type \"application/vnd.oci.image.layer.v1.tar\" (default):
  oras push localhost:5000/hello:v1 hi.txt

Example - Push file \"hi.txt\" and export the pushed manifest to a specified path:
  oras push --export-manifest manifest.json localhost:5000/hello:v1 hi.txt

Example - Push file \"hi.txt\" with the custom media type \"application/vnd.me.hi\":
  oras push localhost:5000/hello:v1 hi.txt:application/vnd.me.hi

Example - Push multiple files with different media types:
  oras push localhost:5000/hello:v1 hi.txt:application/vnd.me.hi bye.txt:application/vnd.me.bye

Example - Push file \"hi.txt\" with artifact type \"application/vnd.example+type\":
  oras push --artifact-type application/vnd.example+type localhost:5000/hello:v1 hi.txt

Example - Push file \"hi.txt\" with config type \"application/vnd.me.config\":
  oras push --image-spec v1.0 --artifact-type application/vnd.me.config localhost:5000/hello:v1 hi.txt

Example - Push file \"hi.txt\" with the custom manifest config \"config.json\" of the custom media type \"application/vnd.me.config\":
  oras push --config config.json:application/vnd.me.config localhost:5000/hello:v1 hi.txt

Example - Push file to the insecure registry:
  oras push --insecure localhost:5000/hello:v1 hi.txt

Example - Push file to the HTTP registry:
  oras push --plain-http localhost:5000/hello:v1 hi.txt

Example - Push repository with manifest annotations:
  oras push --annotation \"key=val\" localhost:5000/hello:v1

Example - Push repository with manifest annotation file:
  oras push --annotation-file annotation.json localhost:5000/hello:v1

Example - Push artifact to repository with platform:
  oras push --artifact-platform linux/arm/v5 localhost:5000/hello:v1

Example - Push file \"hi.txt\" with multiple tags:
  oras push localhost:5000/hello:tag1,tag2,tag3 hi.txt

Example - Push file \"hi.txt\" with multiple tags and concurrency level tuned:
  oras push --concurrency 6 localhost:5000/hello:tag1,tag2,tag3 hi.txt

Example - Push file \"hi.txt\" into an OCI image layout folder 'layout-dir' with tag 'test':
  oras push --oci-layout layout-dir:test hi.txt

Example - Push what another program prints, as file \"dump.sql\":
  mydump | oras push --stdin-filename dump.sql localhost:5000/dump:v1 -

Example - Push directory \"site\" to the same digest from every checkout of it:
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) oras push --reproducible localhost:5000/site:v1 site

Example - Push file \"hi.txt\" and format output in JSON:
  oras push localhost:5000/hello:v1 hi.txt --format json",
    flags,
    arguments: Arguments::AtLeast(1, "the destination for pushing"),
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
        platform::artifact_platform(),
        plan::image_spec(),
        terminal::flag(),
        stats::flag(),
        Flag::text("artifact-type", "artifact type"),
        Flag::text("config", "`path` of image config file").word("path"),
        Flag::switch("force", "push manifests although the destination has them already"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let mut names = invocation.argument(0).split(',');
    let packer = Packer::read(invocation, context, &parsed.arguments[1..])?;
    let platform = platform::read(invocation, "artifact-platform")?;
    let raw = names.next().unwrap_or_default();
    let target = Target::read(invocation, Side::Only, raw, context).await?;
    let format = format::read(invocation, context)?;
    let terminal = terminal::read(invocation, context);
    let plan = Plan::read(invocation, platform)?;
    let further = further_tags(names, &target)?;
    let watcher = Watcher::new(invocation, context, &status::PUSH, &format, terminal);

    let opened = target.open(invocation, Access::Write, context).await?;
    let files = {
        let limit = args::concurrency_of(parsed.number("concurrency"), 3);
        // Without a tag nothing says what is likely there.
        let tag = target.reference.as_ref().and_then(TagOrDigest::tag);
        let ahead = tag.and_then(|tag| opened.ahead(Some(tag), limit));
        packed_files(invocation, context, packer.dating, ahead)?
    };
    let packing = Packing { context, watcher: &watcher, files: &files };
    let manifest = packing.pack(packer, plan).await?;
    if let Some(TagOrDigest::Digest(given)) = &target.reference
        && *given != manifest.digest
    {
        let message =
            format!("the pushed manifest has the digest {}, not {given}", manifest.digest);
        return Err(CliError::new(message)
            .with_recommendation("Push by a tag, or without tag and digest, to push it as it is"));
    }
    transfer(invocation, &files, &manifest, &target, &opened, &watcher).await?;
    watcher.finish()?;

    let bytes = read_document(&files, &manifest).await?;
    if format.is_text() {
        context.printer.line(&format!("Pushed {}", target.shown()))?;
    }
    let tagging = TagOptions {
        concurrency: args::concurrency_of(parsed.number("concurrency"), 5),
        observer: super::transfer::tagged_lines(context, &format),
        bytes: Some(bytes.clone()),
    };
    let tagged = tag(opened.target(), &manifest.plain(), &further, &tagging).await;
    tagged.map_err(|error| opened.explain(&error))?;
    let report = PushReport::new(&target.path(), &manifest, all_tags(&target, &further));
    let report = stats::with(invocation, context, report);
    render::render(&context.printer, &format, &report, || {
        context.printer.line(&format!("ArtifactType: {}", manifest.artifact_type))?;
        context.printer.line(&format!("Digest: {}", manifest.digest))
    })?;
    export(invocation, context, &bytes).await
}

/// Reads the tags behind the first; all of them are looked at before anything is sent.
pub(super) fn further_tags<'a>(
    names: impl Iterator<Item = &'a str>,
    target: &Target,
) -> Result<Vec<Tag>> {
    let read = |name: &str| {
        let tag = if target.registry().is_some() { name.parse() } else { Tag::free_form(name) };
        tag.map_err(|error| {
            let why = if name.is_empty() { String::new() } else { format!(": {error}") };
            CliError::new(format!("failed to tag {name}: invalid reference{why}"))
        })
    };
    names.map(read).collect()
}

/// Lists all tags for the report. A manifest pushed without tag and digest has an empty one, as
/// `oras` has it.
fn all_tags(target: &Target, further: &[Tag]) -> Option<Vec<String>> {
    let first = match &target.reference {
        None => Some(String::new()),
        Some(TagOrDigest::Tag(tag)) => Some(tag.to_string()),
        Some(TagOrDigest::Digest(_)) => None,
    };
    let tags: Vec<String> = first.into_iter().chain(further.iter().map(Tag::to_string)).collect();
    (!tags.is_empty()).then_some(tags)
}

async fn transfer(
    invocation: &Invocation,
    files: &Files,
    manifest: &Descriptor,
    target: &Target,
    opened: &Opened<'_>,
    watcher: &Watcher,
) -> Result<()> {
    let parsed = &invocation.parsed;
    let options = CopyOptions {
        concurrency: args::concurrency_of(parsed.number("concurrency"), 3),
        further_small: args::further_small(invocation),
        observer: watcher.observer(),
        existing: if parsed.switch("force") { Existing::Descend } else { Existing::Skip },
        ..CopyOptions::default()
    };
    let to = target.reference.as_ref().and_then(TagOrDigest::tag);
    let from = TagOrDigest::Digest(manifest.digest.clone());
    let copied = copy(files, &from, opened.target(), to, &options).await;
    copied.map(drop).map_err(|error| opened.explain(&error))
}

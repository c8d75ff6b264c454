//! `oras tag`: further tags for a manifest.

use oras_client::tag::TagOptions;
use oras_spec::image::Descriptor;
use oras_spec::{Tag, TagOrDigest};

use super::transfer::tagged_lines;
use super::{Arguments, Body, Command, Invocation};
use crate::args;
use crate::args::format::Format;
use crate::args::remote::Side;
use crate::args::target::{self, Place, Target};
use crate::connect::Access;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Tags.
pub(crate) static COMMAND: Command = Command {
    name: "tag",
    aliases: &[],
    synopsis: "tag [flags] <name>{:<tag>|@<digest>} <new_tag> [...]",
    summary: "Tag a manifest in a registry or an OCI image layout",
    description: "Tag a manifest in a registry or an OCI image layout

Example - Tag the manifest 'v1.0.1' in 'localhost:5000/hello' to 'v1.0.2':
  oras tag localhost:5000/hello:v1.0.1 v1.0.2

Example - Tag the manifest with digest sha256:9463e0d192846bc994e9f6f8ef9ff0f6ff4ff8b2a5ee6b8a5c7e4e1a2a4f3e1f to 'v1.0.2':
  oras tag localhost:5000/hello@sha256:9463e0d192846bc994e9f6f8ef9ff0f6ff4ff8b2a5ee6b8a5c7e4e1a2a4f3e1f v1.0.2

Example - Tag the manifest 'v1.0.1' in 'localhost:5000/hello' to 'v1.0.1', 'v1.0.2' and 'latest':
  oras tag localhost:5000/hello:v1.0.1 v1.0.1 v1.0.2 latest

Example - Tag the manifest 'v1.0.1' in 'localhost:5000/hello' to 'v1.0.2' with concurrency level tuned:
  oras tag --concurrency 1 localhost:5000/hello:v1.0.1 v1.0.2

Example - Tag the manifest 'v1.0.1' to 'v1.0.2' in an OCI image layout folder 'layout-dir':
  oras tag --oci-layout layout-dir:v1.0.1 v1.0.2",
    flags,
    arguments: Arguments::AtLeast(1, "the artifact to be retagged and the tags to be added"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([args::debug(), args::verbose("false"), args::concurrency("5")]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let (raw, tags) = invocation.parsed.arguments.split_first().expect("there is one");
    if matches!(raw.as_str(), "list" | "ls") {
        return Err(no_listing(invocation, raw));
    }
    let target = Target::read(invocation, Side::Only, raw, context).await;
    let target = target.map_err(|error| {
        if error.is_about_reference() {
            error.context(format!("unable to add tag for '{raw}'"))
        } else {
            error
        }
    })?;
    let source = target.required_reference(invocation)?;
    let opened = target.open(invocation, Access::Write, context).await?;
    if tags.is_empty() {
        return Err(CliError::new("dstReferences cannot be empty: missing reference"));
    }
    let concurrency = args::concurrency_of(invocation.parsed.number("concurrency"), 5);
    let found = if opened.target().tags_by_push() {
        let fetched = opened.fetch_manifest(source, None).await;
        fetched.map(|(manifest, bytes)| (manifest, Some(bytes)))
    } else {
        opened.source().resolve(source).await.map(|manifest| (manifest, None))
    };
    let (manifest, bytes) = found.map_err(|error| opened.explain(&error))?;
    let shown = target.labeled(&target.with_digest(&manifest.digest));
    context.printer.line(&format!("Tagging {shown}"))?;
    let tags: Vec<Tag> = tags
        .iter()
        .map(|tag| new_tag(&target, tag, &manifest))
        .collect::<Result<_, String>>()
        .map_err(CliError::new)?;
    let observer = tagged_lines(context, &Format::Text);
    let options = TagOptions { concurrency, observer, bytes };
    let set = oras_client::tag::tag(opened.target(), &manifest, &tags, &options).await;
    set.map_err(|error| opened.explain(&error))
}

fn no_listing(invocation: &Invocation, word: &str) -> CliError {
    let is_layout = invocation.parsed.switch("oci-layout");
    let place = if is_layout { "an OCI image layout" } else { "a repository" };
    CliError::new(format!("there is no \"{word}\" sub-command for \"oras tag\" command"))
        .with_usage(invocation.usage())
        .with_recommendation(format!(
            "If you want to list available tags in {place}, use \"oras repo tags\""
        ))
}

/// Reads a tag. With a repository before it, that must be the one that the manifest is in.
fn new_tag(target: &Target, text: &str, manifest: &Descriptor) -> Result<Tag, String> {
    if let Place::Layout { .. } = target.place {
        let missing = |_| "invalid reference: missing reference".to_owned();
        return Tag::free_form(text).map_err(missing);
    }
    match target.reference_within(text)? {
        TagOrDigest::Tag(tag) => Ok(tag),
        TagOrDigest::Digest(digest) => Err(format!(
            "invalid reference: {digest} is no tag; the manifest has the digest {}",
            manifest.digest
        )),
    }
}

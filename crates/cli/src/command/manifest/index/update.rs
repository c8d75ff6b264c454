//! `oras manifest index update`: an index with further manifests, or with fewer.

use oras_spec::image::{Descriptor, Index};
use oras_spec::{Digest, TagOrDigest};

use super::super::super::push::further_tags;
use super::super::super::{Arguments, Body, Command, Invocation};
use super::{Made, Making, Output, artifact_type};
use crate::args;
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Changes indexes.
pub(crate) static COMMAND: Command = Command {
    name: "update",
    aliases: &[],
    synopsis: "update <index>{:<tag>|@<digest>} [{--add|--merge|--remove} <manifest>{<tag>|<digest>}] [...]",
    summary: "[Experimental] Update and push an image index",
    description: "[Experimental] Update and push an image index. All manifests should be in the same repository

Example - Remove a manifest and add two manifests from an index tagged 'v1'. The tag will point to the updated index:
  oras manifest index update localhost:5000/hello:v1 --add linux-amd64 --add linux-arm64 --remove sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9

Example - Create a new index by updating an existing index specified by its digest:
  oras manifest index update localhost:5000/hello@sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9 --add linux-amd64 --remove sha256:fd6ed2f36b5465244d5dc86cb4e7df0ab8a9d24adc57825099f522fe009a22bb

Example - Merge manifests from the index 'v2-windows' to the index 'v2':
  oras manifest index update localhost:5000/hello:v2 --merge v2-windows

Example - Update an index and tag the updated index as 'v2.1.0' and 'v2':
  oras manifest index update localhost:5000/hello@sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9 --add linux-amd64 --tag \"v2.1.0\" --tag \"v2\"

Example - Update an index and save it locally to index.json, auto push will be disabled:
  oras manifest index update --output index.json localhost:5000/hello:v2 --add v2-linux-amd64

Example - Update an index and output the index to stdout, auto push will be disabled:
  oras manifest index update --output - --pretty localhost:5000/hello:v2 --remove sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9",
    flags,
    arguments: Arguments::Exactly(1, "the target index to update"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::pretty(),
        Flag::text("artifact-type", "artifact type"),
        Flag::list("add", "manifests to add to the index"),
        Flag::list("merge", "indexes to be merged into the index"),
        Flag::list("remove", "manifests to remove from the index, must be digests"),
        Flag::list("tag", "extra tags for the updated index"),
        Flag::text("output", "file `path` to write the updated index to, use - for stdout")
            .short('o')
            .word("path"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    invocation.exclude(&["tag", "output"])?;
    let removed = digests(parsed.list("remove"))?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    if !["add", "merge", "remove", "artifact-type"].iter().any(|flag| parsed.given(flag)) {
        return context.printer.line("Nothing to update as no change is requested");
    }
    let reference = target.required_reference(invocation)?;
    let artifact_type = artifact_type(invocation)?;
    let tags = further_tags(parsed.list("tag").iter().map(String::as_str), &target)?;
    let output = Output::read(invocation);

    let opened = target.open(invocation, output.access(), context).await?;
    let making = Making { invocation, context, target: &target, opened: &opened, output };
    let (found, document) = making.fetch_index(reference.as_str()).await?;
    let mut index = document.as_index().expect("it was fetched as one").clone();
    if let Some(artifact_type) = artifact_type {
        index.artifact_type = artifact_type;
    }
    for digest in &removed {
        remove(&mut index, digest, reference)?;
        making.say("Removed  ", digest, digest.as_str())?;
    }
    for name in parsed.list("add") {
        let entry = making.entry(name).await?;
        making.say("Added    ", &entry.digest, name)?;
        index.manifests.push(entry);
    }
    for name in parsed.list("merge") {
        let (merged, document) = making.fetch_index(name).await?;
        index.manifests.extend(entries(document.as_index()));
        making.say("Merged   ", &merged.digest, name)?;
    }
    let shown = match reference {
        TagOrDigest::Tag(_) => target.raw.clone(),
        TagOrDigest::Digest(_) => target.path(),
    };
    let made = Made::of(&index, &found.media_type, shown);
    making.line(&format!("Updated   {}", made.descriptor.digest))?;
    making.finish(made, &tags).await
}

fn digests(texts: &[String]) -> Result<Vec<Digest>> {
    let read = |text: &String| {
        text.parse().map_err(|_| CliError::new(format!("remove: {text} is not a digest")))
    };
    texts.iter().map(read).collect()
}

/// Takes every entry of a digest out.
fn remove(index: &mut Index, digest: &Digest, name: &TagOrDigest) -> Result<()> {
    let before = index.manifests.len();
    index.manifests.retain(|entry| entry.digest != *digest);
    if index.manifests.len() < before {
        return Ok(());
    }
    Err(CliError::new(format!("{digest} does not exist in the index {name}")))
}

fn entries(index: Option<&Index>) -> Vec<Descriptor> {
    index.map(|index| index.manifests.clone()).unwrap_or_default()
}

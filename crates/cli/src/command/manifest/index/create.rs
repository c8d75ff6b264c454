//! `oras manifest index create`: an index of manifests that are in the same place.

use oras_spec::TagOrDigest;
use oras_spec::image::{Index, MediaType};

use super::super::super::push::further_tags;
use super::super::super::{Arguments, Body, Command, Invocation};
use super::{Made, Making, Output, artifact_type};
use crate::args;
use crate::args::packer;
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Makes indexes.
pub(crate) static COMMAND: Command = Command {
    name: "create",
    aliases: &["pack"],
    synopsis: "create [flags] <target>[:<tag[,<tag>][...]] <sources>[{<tag>|<digest>}...]",
    summary: "[Experimental] Create and push an index from provided manifests",
    description: "[Experimental] Create and push an index from provided manifests. All manifests should be in the same repository

Example - Create an index from source manifests tagged 'linux-amd64' and 'linux-arm64', and push without tagging:
  oras manifest index create localhost:5000/hello linux-amd64 linux-arm64

Example - Create an index from source manifests tagged 'linux-amd64' and 'linux-arm64', and push with the tag 'v1':
  oras manifest index create localhost:5000/hello:v1 linux-amd64 linux-arm64

Example - Create an index from source manifests using both tags and digests, and push with tag 'v1':
  oras manifest index create localhost:5000/hello:v1 linux-amd64 sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9

Example - Create an index and push it with multiple tags:
  oras manifest index create localhost:5000/hello:tag1,tag2,tag3 linux-amd64 linux-arm64 sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9

Example - Create and push an index with annotations:
  oras manifest index create localhost:5000/hello:v1 linux-amd64 --annotation \"key=val\"

Example - Create an index and push to an OCI image layout folder 'layout-dir' and tag with 'v1':
  oras manifest index create layout-dir:v1 linux-amd64 sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9 --oci-layout

Example - Create an index and save it locally to index.json, auto push will be disabled:
  oras manifest index create --output index.json localhost:5000/hello linux-amd64 linux-arm64

Example - Create an index and output the index to stdout, auto push will be disabled:
  oras manifest index create localhost:5000/hello linux-arm64 --output - --pretty",
    flags,
    arguments: Arguments::AtLeast(1, "the destination index to create."),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::pretty(),
        packer::annotation(),
        Flag::text("artifact-type", "artifact type"),
        Flag::text("output", "file `path` to write the created index to, use - for stdout")
            .short('o')
            .word("path"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let mut names = invocation.argument(0).split(',');
    let raw = names.next().unwrap_or_default();
    let target = Target::read(invocation, Side::Only, raw, context).await?;
    let mut index = Index::new(Vec::new());
    index.annotations = packer::of_pairs(parsed.list("annotation"))?;
    index.artifact_type = artifact_type(invocation)?.unwrap_or_default();
    let output = Output::read(invocation);
    let tags = if output == Output::Pushed { further_tags(names, &target)? } else { Vec::new() };

    let opened = target.open(invocation, output.access(), context).await?;
    let making = Making { invocation, context, target: &target, opened: &opened, output };
    for source in &parsed.arguments[1..] {
        index.manifests.push(making.entry(source).await?);
    }
    let made = Made::of(&index, &MediaType::IMAGE_INDEX, target.raw.clone());
    making.line(&made.line())?;
    if let Some(TagOrDigest::Digest(given)) = &target.reference
        && output == Output::Pushed
        && *given != made.descriptor.digest
    {
        let digest = &made.descriptor.digest;
        return Err(CliError::new(format!(
            "the created index has the digest {digest}, not {given}"
        ))
        .with_recommendation("Push by a tag, or without tag and digest, to push it as it is"));
    }
    making.finish(made, &tags).await
}

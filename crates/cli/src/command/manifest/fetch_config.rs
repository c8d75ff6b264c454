//! `oras manifest fetch-config`: the config of an image manifest, or its descriptor.

use oras_spec::Quoted;
use oras_spec::image::{Descriptor, Manifest, Platform};

use super::super::{Arguments, Body, Command, Invocation, save};
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, platform};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::render;

/// Fetches configs.
pub(crate) static COMMAND: Command = Command {
    name: "fetch-config",
    aliases: &["get-config"],
    synopsis: "fetch-config [flags] <name>{:<tag>|@<digest>}",
    summary: "Fetch the config of a manifest from a remote registry or an OCI image layout",
    description: "Fetch the config of a manifest from a remote registry or an OCI image layout

Example - Fetch the config:
  oras manifest fetch-config localhost:5000/hello:v1

Example - Fetch the config of certain platform:
  oras manifest fetch-config --platform 'linux/arm/v5' localhost:5000/hello:v1

Example - Fetch and print the prettified config:
  oras manifest fetch-config --pretty localhost:5000/hello:v1

Example - Fetch the config and save it to a local file:
  oras manifest fetch-config --output config.json localhost:5000/hello:v1

Example - Fetch the descriptor of the config:
  oras manifest fetch-config --descriptor localhost:5000/hello:v1

Example - Fetch and print the prettified descriptor of the config:
  oras manifest fetch-config --descriptor --pretty localhost:5000/hello:v1

Example - Fetch and print the config from an OCI image layout folder 'layout-dir':
  oras manifest fetch-config --oci-layout layout-dir:v1

Example - Fetch and print the config from an OCI image layout archive file 'layout.tar':
  oras manifest fetch-config --oci-layout layout.tar:v1",
    flags,
    arguments: Arguments::Exactly(1, "the manifest config to fetch"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("false"),
        args::descriptor("output the descriptor of the config"),
        args::pretty(),
        platform::platform("request platform"),
        Flag::text("output", "file path to write the fetched config to, use - for stdout")
            .short('o')
            .word("path"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let (output, is_described) = (parsed.text("output"), parsed.switch("descriptor"));
    if output == "-" && is_described {
        let message = "`--output -` cannot be used with `--descriptor` at the same time";
        return Err(CliError::new(message));
    }
    let platform = platform::read(invocation, "platform")?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let opened = target.open(invocation, Access::Read, context).await?;
    target.required_reference(invocation)?;
    let config = find(invocation, &target, &opened, platform.as_ref()).await?;
    let is_pretty = parsed.switch("pretty");
    if !is_described || !output.is_empty() {
        let incoming = opened.source().fetch(&config).await;
        let incoming = incoming.map_err(|error| opened.explain(&error))?;
        match output {
            "" | "-" if is_pretty => {
                let bytes = incoming.read_all().await.map_err(|error| opened.explain(&error))?;
                render::document(&context.printer, &bytes, true)?;
            }
            "" | "-" => save::to_output(context, &opened, incoming).await?,
            file => save::to_file(context, &opened, file, incoming).await?,
        }
    }
    if is_described {
        return render::descriptor(&context.printer, &config, is_pretty);
    }
    Ok(())
}

/// Finds the config of the manifest.
async fn find(
    invocation: &Invocation,
    target: &Target,
    opened: &Opened<'_>,
    platform: Option<&Platform>,
) -> Result<Descriptor> {
    let reference = target.required_reference(invocation)?;
    let found = opened.fetch_manifest(reference, platform).await;
    let (manifest, bytes) = found.map_err(|error| opened.explain(&error))?;
    let digest = Quoted(manifest.digest.as_str());
    if !manifest.media_type.is_manifest() {
        let message = format!("{digest} is not an image manifest and does not have a config");
        return Err(CliError::new(message));
    }
    let decoded: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| CliError::new(format!("failed to decode {digest}: {error}")))?;
    Ok(decoded.config)
}

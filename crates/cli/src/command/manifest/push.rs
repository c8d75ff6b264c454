//! `oras manifest push`: one manifest, from a file or from standard input, under any number of tags.

use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use oras_client::content::MAX_DOCUMENT_SIZE;
use oras_client::tag::{TagOptions, tag};
use oras_client::{Content, ErrorKind, Event};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Algorithm, Digest, Quoted, TagOrDigest};
use serde_json::{Map, Value};

use super::super::push::further_tags;
use super::super::transfer::{Watcher, observed, tagged_lines};
use super::super::{Arguments, Body, Command, Invocation};
use crate::args::format::Format;
use crate::args::remote::{self, Side};
use crate::args::target::{self, Target};
use crate::args::{self, distribution};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result, system_text};
use crate::flag::Flag;
use crate::output::{render, status};

/// Pushes manifests.
pub(crate) static COMMAND: Command = Command {
    name: "push",
    aliases: &[],
    synopsis: "push [flags] <name>[:<tag>[,<tag>][...]|@<digest>] <file>",
    summary: "Push a manifest to a remote registry or an OCI image layout",
    description: "Push a manifest to a remote registry or an OCI image layout

Example - Push a manifest to repository 'localhost:5000/hello' and tag with 'v1':
  oras manifest push localhost:5000/hello:v1 manifest.json

Example - Push a manifest with content read from stdin:
  oras manifest push localhost:5000/hello:v1 -

Example - Push a manifest and output its descriptor:
  oras manifest push --descriptor localhost:5000/hello:v1 manifest.json

Example - Push a manifest and output its prettified descriptor:
  oras manifest push --descriptor --pretty localhost:5000/hello:v1 manifest.json

Example - Push a manifest with a media type that it does not state:
  oras manifest push --media-type application/vnd.cncf.oras.config.v1+json localhost:5000/hello:v1 oras_manifest.json

Example - Push a manifest to repository 'localhost:5000/hello' and tag with 'tag1', 'tag2', 'tag3':
  oras manifest push localhost:5000/hello:tag1,tag2,tag3 manifest.json

Example - Push a manifest with several tags and concurrency level tuned:
  oras manifest push --concurrency 6 localhost:5000/hello:tag1,tag2,tag3 manifest.json

Example - Push a manifest to an OCI image layout folder 'layout-dir' and tag with 'v1':
  oras manifest push --oci-layout layout-dir:v1 manifest.json",
    flags,
    arguments: Arguments::Exactly(
        2,
        "the destination to push to and the file to read manifest content from",
    ),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("true"),
        args::descriptor("output the descriptor of the manifest"),
        args::pretty(),
        args::concurrency("5"),
        distribution::flag(Side::Only),
        Flag::text("media-type", "media type of the manifest"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let (file, is_described) = (invocation.argument(1), parsed.switch("descriptor"));
    let mut names = invocation.argument(0).split(',');
    let raw = names.next().unwrap_or_default();
    remote::check_input(invocation, file)?;
    let target = Target::read(invocation, Side::Only, raw, context).await?;
    let further = further_tags(names, &target)?;
    let bytes = read(context, file).await?;
    let media_type = media_type(invocation, &bytes)?;
    let manifest = describe(&target, media_type, &bytes)?;

    let opened = target.open(invocation, Access::Write, context).await?;
    let opened = opened.with_manifests_of(&manifest.media_type);
    let format = if is_described { Format::Json } else { Format::Text };
    let watcher = Watcher::new(invocation, context, &status::PUSH, &format, None);
    let outgoing = Content::from_bytes(&manifest, bytes.clone());
    push(&opened, &target, outgoing, &watcher).await?;
    watcher.finish()?;
    if !is_described {
        context.printer.line(&format!("Pushed: {}", target.shown()))?;
    }
    let tagging = TagOptions {
        concurrency: args::concurrency_of(parsed.number("concurrency"), 5),
        observer: tagged_lines(context, &format),
        bytes: Some(bytes),
    };
    let tagged = tag(opened.target(), &manifest, &further, &tagging).await;
    tagged.map_err(|error| opened.explain(&error))?;
    if is_described {
        return render::descriptor(&context.printer, &manifest, parsed.switch("pretty"));
    }
    context.printer.line(&format!("Digest: {}", manifest.digest))
}

/// Reads the manifest, at most as much as a registry has to take.
async fn read(context: &Context, file: &str) -> Result<Bytes> {
    if file.is_empty() {
        return Err(CliError::new("missing file name"));
    }
    if file == "-" {
        return context.input(MAX_DOCUMENT_SIZE).await.map(Bytes::from);
    }
    let path = context.environment.path(file);
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let opened = File::open(path).map_err(|error| ("open", error))?;
        opened
            .take(MAX_DOCUMENT_SIZE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ("read", error))?;
        Ok(bytes)
    });
    let bytes = read.await.expect("reading does not panic").map_err(|(verb, error)| {
        let why = system_text(&error);
        CliError::new(format!("failed to read {file}: {verb} {file}: {why}"))
    })?;
    if bytes.len() as u64 > MAX_DOCUMENT_SIZE {
        let message = format!("failed to read {file}: more than {MAX_DOCUMENT_SIZE} bytes");
        return Err(CliError::new(message));
    }
    Ok(bytes.into())
}

/// Returns the media type: that of the flag, else the one that the manifest states.
fn media_type(invocation: &Invocation, bytes: &[u8]) -> Result<MediaType> {
    if let Some(stated) = invocation.parsed.some_text("media-type") {
        return Ok(stated.into());
    }
    let invalid = || CliError::new("not a valid json file");
    let fields: Option<Map<String, Value>> =
        serde_json::from_slice(bytes).map_err(|_| invalid())?;
    match fields.unwrap_or_default().get("mediaType") {
        Some(Value::String(stated)) if !stated.is_empty() => Ok(stated.as_str().into()),
        None | Some(Value::Null | Value::String(_)) => {
            let file = Quoted(invocation.argument(1));
            Err(CliError::new(format!(
                "media type is not specified via the flag \"--media-type\" nor in {file}"
            ))
            .with_usage(invocation.usage())
            .with_recommendation(
                "Please specify a valid media type in the manifest JSON or via the \
                 \"--media-type\" flag",
            ))
        }
        Some(_) => Err(invalid()),
    }
}

/// Describes the manifest, which must be what the target is called after if that is a digest.
fn describe(target: &Target, media_type: MediaType, bytes: &Bytes) -> Result<Descriptor> {
    let wanted = target.reference.as_ref().and_then(TagOrDigest::digest);
    let algorithm = wanted.map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = algorithm.digest(bytes);
    match wanted {
        Some(wanted) if *wanted != digest => {
            Err(CliError::new(format!("the manifest has the digest {digest}, not {wanted}"))
                .with_recommendation(
                    "Push by a tag, or without tag and digest, to push it as it is",
                ))
        }
        _ => Ok(Descriptor::new(media_type, digest, bytes.len() as u64)),
    }
}

/// Pushes the manifest, unless the reference names it already.
async fn push(
    opened: &Opened<'_>,
    target: &Target,
    content: Content,
    watcher: &Watcher,
) -> Result<()> {
    let (place, manifest) = (opened.target(), content.descriptor().clone());
    let by_digest = TagOrDigest::Digest(manifest.digest.clone());
    let observer = watcher.observer();
    let pushed = async {
        match place.resolve(target.reference.as_ref().unwrap_or(&by_digest)).await {
            Ok(found) if found.digest == manifest.digest => {
                observer.event(Event::Exists(&manifest));
                return Ok(());
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let tag = target.reference.as_ref().and_then(TagOrDigest::tag);
        observed(&observer, content, async |content| match tag {
            Some(tag) => place.push_tagged(&manifest, content, tag).await,
            None => place.push(&manifest, content).await,
        })
        .await
    };
    pushed.await.map_err(|error| opened.explain(&error))
}

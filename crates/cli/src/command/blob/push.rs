//! `oras blob push`: one blob, from a file or from standard input.

use oras_client::store::FileSource;
use oras_client::{Content, Event};
use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Algorithm, Digest, TagOrDigest};

use super::super::transfer::{Watcher, observed};
use super::super::{Arguments, Body, Command, Invocation, save};
use crate::args::format::Format;
use crate::args::remote::{self, Side};
use crate::args::target::{self, Target};
use crate::args::{self, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::{render, status};

/// Pushes blobs.
pub(crate) static COMMAND: Command = Command {
    name: "push",
    aliases: &[],
    synopsis: "push [flags] <name>[@digest] <file>",
    summary: "Push a blob to a remote registry or an OCI image layout",
    description: "Push a blob to a remote registry or an OCI image layout

Example - Push blob 'hi.txt' to a registry:
  oras blob push localhost:5000/hello hi.txt

Example - Push blob 'hi.txt' with the specific digest:
  oras blob push localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5 hi.txt

Example - Push blob from stdin with blob size and digest:
  oras blob push --size 12 localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5 -

Example - Push blob 'hi.txt' and output its descriptor:
  oras blob push --descriptor localhost:5000/hello hi.txt

Example - Push blob 'hi.txt' with the specific media type and output its descriptor:
  oras blob push --media-type application/vnd.oci.image.config.v1+json --descriptor localhost:5000/hello hi.txt

Example - Push blob 'hi.txt' and output its prettified descriptor:
  oras blob push --descriptor --pretty localhost:5000/hello hi.txt

Example - Push blob without TLS:
  oras blob push --plain-http localhost:5000/hello hi.txt

Example - Push blob 'hi.txt' into an OCI image layout folder 'layout-dir':
  oras blob push --oci-layout layout-dir hi.txt",
    flags,
    arguments: Arguments::Exactly(
        2,
        "the destination to push to and the file to read blob content from",
    ),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::verbose("true"),
        args::descriptor("output the descriptor of the blob"),
        args::pretty(),
        terminal::flag(),
        stats::flag(),
        Flag::number("size", "-1", "provide the blob size"),
        Flag::text("media-type", "specify the returned media type in the descriptor")
            .default("application/vnd.oci.image.layer.v1.tar"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let (file, is_described) = (invocation.argument(1), parsed.switch("descriptor"));
    let claim = Claim::read(invocation)?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let digest = digest_of(&target)?;
    let outgoing = claim.open(context, file, digest).await?;
    let blob = outgoing.descriptor().clone();

    let opened = target.open(invocation, Access::Write, context).await?.blobs();
    let format = if is_described { Format::Json } else { Format::Text };
    let terminal = terminal::read(invocation, context).filter(|_| !is_described);
    let watcher = Watcher::new(invocation, context, &status::PUSH, &format, terminal);
    push(&opened, outgoing, &watcher).await?;
    watcher.finish()?;
    if is_described {
        return render::descriptor(&context.printer, &blob, parsed.switch("pretty"));
    }
    context.printer.line(&format!("Pushed: {}", target.shown()))?;
    context.printer.line(&format!("Digest: {}", blob.digest))
}

/// What is said of the blob, to be held against what it is.
struct Claim {
    media_type: MediaType,
    size: Option<u64>,
}

impl Claim {
    /// Reads the flags.
    fn read(invocation: &Invocation) -> Result<Self> {
        let parsed = &invocation.parsed;
        let file = invocation.argument(1);
        remote::check_input(invocation, file)?;
        let size = u64::try_from(parsed.number("size")).ok();
        if file == "-" && size.is_none() {
            let message = "`--size` must be provided if the blob is read from stdin";
            return Err(CliError::new(message));
        }
        Ok(Self { media_type: parsed.text("media-type").into(), size })
    }

    /// Opens what the blob is read from. A file is held against the claim at once, standard input
    /// while it is read.
    async fn open(self, context: &Context, file: &str, digest: Option<Digest>) -> Result<Content> {
        match (file, digest, self.size) {
            ("", ..) => Err(CliError::new("missing file name")),
            ("-", Some(digest), Some(size)) => {
                let descriptor = Descriptor::new(self.media_type, digest, size);
                Ok(Content::new(&descriptor, context.input_stream()))
            }
            ("-", ..) => {
                let message = "content digest must be provided if it is read from stdin";
                Err(CliError::new(message))
            }
            (file, digest, _) => self.open_file(context, file, digest).await,
        }
    }

    async fn open_file(
        self,
        context: &Context,
        file: &str,
        claimed: Option<Digest>,
    ) -> Result<Content> {
        let failed = |error: oras_client::Error| {
            let text = save::as_typed(context, file, &error);
            let is_unopened = text.starts_with("open ");
            let error = CliError::new(text);
            if is_unopened { error.context(format!("failed to open {file}")) } else { error }
        };
        let mut source = FileSource::open(context.environment.path(file)).await.map_err(failed)?;
        if let Some(size) = self.size.filter(|&size| size != source.size()) {
            let found = source.size();
            return Err(CliError::new(format!(
                "input size {size} does not match the actual content size {found}"
            )));
        }
        let algorithm = claimed.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = source.digest(algorithm).await.map_err(failed)?;
        if let Some(claimed) = claimed.filter(|claimed| *claimed != digest) {
            return Err(CliError::new(format!("{file} has the digest {digest}, not {claimed}")));
        }
        let descriptor = Descriptor::new(self.media_type, digest, source.size());
        Ok(source.content(&descriptor))
    }
}

/// Returns the digest that the blob is to have; nothing if any will do.
fn digest_of(target: &Target) -> Result<Option<Digest>> {
    match &target.reference {
        None => Ok(None),
        Some(TagOrDigest::Digest(digest)) => Ok(Some(digest.clone())),
        Some(TagOrDigest::Tag(tag)) => {
            Err(CliError::new(format!("invalid digest {tag}: invalid checksum digest format")))
        }
    }
}

/// Pushes the blob unless it is there.
async fn push(opened: &Opened<'_>, content: Content, watcher: &Watcher) -> Result<()> {
    let (target, blob) = (opened.target(), content.descriptor().clone());
    let observer = watcher.observer();
    let pushed = async {
        if target.exists(&blob).await? {
            observer.event(Event::Exists(&blob));
            return Ok(());
        }
        observed(&observer, content, async |content| target.push(&blob, content).await).await
    };
    pushed.await.map_err(|error| opened.explain(&error))
}

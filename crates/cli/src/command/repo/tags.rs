//! `oras repo tags`: the tags of a repository.

use futures_util::{StreamExt as _, TryStreamExt as _};
use oras_client::{Error, ErrorKind};
use oras_spec::{Digest, Reference, Tag, TagOrDigest};

use super::super::{Arguments, Body, Command, Invocation};
use crate::args;
use crate::args::format::{self, Format};
use crate::args::remote::Side;
use crate::args::target::{self, Place, Target};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::log::Level;
use crate::output::render::render;
use crate::report::TagsReport;
use crate::visible::visible;

/// Lists tags.
pub(crate) static COMMAND: Command = Command {
    name: "tags",
    aliases: &["show-tags"],
    synopsis: "tags [flags] <name>",
    summary: "Show tags of the target repository",
    description: "Show tags of the target repository

Example - Show tags of the target repository:
  oras repo tags localhost:5000/hello

Example - Show tags in the target repository with digest-like tags hidden:
  oras repo tags --exclude-digest-tags localhost:5000/hello

Example - Show tags of the target repository that include values lexically after last:
  oras repo tags --last \"last_tag\" localhost:5000/hello

Example - Show tags of the target OCI image layout:
  oras repo tags --oci-layout layout-dir

Example - Show tags of the target OCI layout archive:
  oras repo tags --oci-layout layout.tar

Example - [Experimental] Show tags associated with a particular tagged resource:
  oras repo tags localhost:5000/hello:latest

Example - [Experimental] Show tags associated with a digest:
  oras repo tags localhost:5000/hello@sha256:c551125a624189cece9135981621f3f3144564ddabe14b523507bf74c2281d9b

Example - Show tags of the target repository in JSON format:
  oras repo tags localhost:5000/hello --format json

Example - Show tags of the target repository using the given Go template:
  oras repo tags localhost:5000/hello --format go-template --template \"{{.tags}}\"",
    flags,
    arguments: Arguments::Exactly(1, "the target repository to list tags from"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend(format::flags());
    flags.extend([
        args::debug(),
        args::verbose("false"),
        Flag::text("last", "start after the tag specified by `last`").word("last"),
        Flag::switch(
            "exclude-digest-tags",
            "[Preview] exclude all digest-like tags such as 'sha256-aaaa...'",
        ),
    ]);
    flags
}

/// How many tags are asked for their digests at the same time.
const LOOKUPS: usize = 8;

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let raw = invocation.argument(0);
    let target = Target::read(invocation, Side::Only, raw, context).await?;
    let format = format::read(invocation, context)?;
    let opened = target.open(invocation, Access::Read, context).await?;
    let explain = |error: Error| opened.explain(&error);
    let last = match invocation.parsed.some_text("last") {
        Some(last) => Some(Tag::free_form(last).map_err(|error| CliError::new(error.to_string()))?),
        None => None,
    };
    let prefix = prefix(&target);
    let wanted = match &target.reference {
        Some(_) if prefix.is_some() => None,
        None => None,
        Some(reference) => Some(wanted(&opened, reference, context).await.map_err(explain)?),
    };
    let skips_digests = invocation.parsed.switch("exclude-digest-tags");
    let is_wanted = |tag: &Tag| {
        !(skips_digests && tag.is_digest_like())
            && prefix.as_ref().is_none_or(|prefix| tag.as_str().starts_with(prefix))
    };
    let listed = opened.source().tags(last.as_ref());
    let listed = listed.try_filter(|tag| std::future::ready(is_wanted(tag)));
    let listed = match &wanted {
        // Nothing is to be asked about a tag.
        None => listed.left_stream(),
        Some(wanted) => listed
            .map_ok(|tag| matching(&opened, tag, wanted))
            .try_buffered(LOOKUPS)
            .try_filter_map(|tag| std::future::ready(Ok(tag)))
            .right_stream(),
    };
    let mut chunks = listed.ready_chunks(1000);
    let mut tags = Vec::new();
    let skipped = prefix.as_ref().map_or(0, String::len);
    while let Some(chunk) = chunks.next().await {
        let mut failed = Ok(());
        let mut lines = String::new();
        for tag in chunk {
            match tag {
                Ok(tag) if matches!(format, Format::Text) => {
                    lines.extend([&*visible(&tag.as_str()[skipped..]), "\n"]);
                }
                Ok(tag) => tags.push(tag.as_str()[skipped..].to_owned()),
                Err(error) => failed = Err(explain(error)),
            }
        }
        context.printer.bytes(lines.as_bytes())?;
        failed?;
        if context.printer.is_closed() {
            break;
        }
    }
    render(&context.printer, &format, &TagsReport { tags }, || Ok(()))
}

/// What tags must point at to be listed.
struct Wanted {
    digest: Digest,
    /// A tag that is known to.
    known: Option<Tag>,
}

/// Finds out what the tags of a reference must point at.
async fn wanted(
    opened: &Opened<'_>,
    reference: &TagOrDigest,
    context: &Context,
) -> oras_client::Result<Wanted> {
    let digest = match reference {
        TagOrDigest::Digest(digest) => digest.clone(),
        TagOrDigest::Tag(_) => opened.source().resolve(reference).await?.digest,
    };
    context.log(false).entry(
        Level::Warning,
        &format!("[Experimental] querying tags associated to {digest}, it may take a while...\n"),
        &[],
    );
    Ok(Wanted { digest, known: reference.tag().cloned() })
}

/// Returns the tag if it points at what is wanted.
async fn matching(
    opened: &Opened<'_>,
    tag: Tag,
    wanted: &Wanted,
) -> oras_client::Result<Option<Tag>> {
    if wanted.known.as_ref() == Some(&tag) {
        return Ok(Some(tag));
    }
    match opened.source().resolve(&TagOrDigest::Tag(tag.clone())).await {
        Ok(found) if found.digest == wanted.digest => Ok(Some(tag)),
        Ok(_) => Ok(None),
        // It was removed since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// In a layout named by a flag, the argument may be a repository whose tags are spelled in full.
fn prefix(target: &Target) -> Option<String> {
    let Place::Layout { by_flag: true, .. } = target.place else { return None };
    let reference: Reference = target.raw.parse().ok()?;
    reference.tag_or_digest().is_none().then(|| format!("{}:", reference.path()))
}

//! `oras cp`: artifacts from one place to another.

use std::sync::Arc;

use oras_client::copy::{CopyOptions, Existing, copy, copy_graph, copy_with_referrers};
use oras_client::tag::{TagOptions, tag};
use oras_client::{Event, Observer, Origin};
use oras_spec::image::{Descriptor, Platform};
use oras_spec::{RepositoryName, Tag, TagOrDigest};

use super::transfer::{Watcher, tagged_lines};
use super::{Arguments, Body, Command, Invocation};
use crate::args::format::Format;
use crate::args::remote::{self, Remote, Side};
use crate::args::target::{self, Place, Target};
use crate::args::{self, cache, distribution, platform, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::status;

/// Copies.
pub(crate) static COMMAND: Command = Command {
    name: "cp",
    aliases: &["copy"],
    synopsis: "cp [flags] <from>{:<tag>|@<digest>} <to>[:<tag>[,<tag>][...]]",
    summary: "Copy artifacts from one target to another",
    description: "Copy artifacts from one target to another. When copying an image index, all of its manifests will be copied

Example - Copy an artifact between registries:
  oras cp localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1

Example - Download an artifact into an OCI image layout folder:
  oras cp --to-oci-layout localhost:5000/net-monitor:v1 ./downloaded:v1

Example - Upload an artifact from an OCI image layout folder:
  oras cp --from-oci-layout ./to-upload:v1 localhost:5000/net-monitor:v1

Example - Upload an artifact from an OCI layout tar archive:
  oras cp --from-oci-layout ./to-upload.tar:v1 localhost:5000/net-monitor:v1

Example - Copy an artifact and its referrers:
  oras cp -r localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1

Example - Copy an artifact and referrers using specific methods for the Referrers API:
  oras cp -r --from-distribution-spec v1.1-referrers-api --to-distribution-spec v1.1-referrers-tag \\
    localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1

Example - Copy certain platform of an artifact:
  oras cp --platform linux/arm/v5 localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1

Example - Copy an artifact with multiple tags:
  oras cp localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:tag1,tag2,tag3

Example - Copy an artifact with multiple tags with concurrency tuned:
  oras cp --concurrency 10 localhost:5000/net-monitor:v1 localhost:5000/net-monitor-copy:tag1,tag2,tag3",
    flags,
    arguments: Arguments::Exactly(2, "the source and destination for copying"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = Vec::new();
    for side in [Side::From, Side::To] {
        flags.extend(target::flags(side));
        flags.push(distribution::flag(side));
    }
    flags.extend([
        args::debug(),
        args::verbose("true"),
        args::concurrency("3"),
        platform::platform("request platform"),
        remote::resolve(Side::Only),
        terminal::flag(),
        stats::flag(),
        Flag::switch("recursive", "[Preview] recursively copy the artifact and its referrers")
            .short('r'),
        Flag::switch(
            "include-digest-tags",
            "with --recursive, also copy what is tagged as being about the artifact, such as \
             'sha256-aaaa....sig'",
        ),
        Flag::switch("force", "copy manifests although the destination has them already"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    if invocation.parsed.switch("include-digest-tags") && !invocation.parsed.switch("recursive") {
        let message = "--include-digest-tags must be used in conjunction with --recursive";
        return Err(CliError::new(message));
    }
    let platform = platform::read(invocation, "platform")?;
    let from = Target::read(invocation, Side::From, invocation.argument(0), context).await?;
    let mut names = invocation.argument(1).split(',');
    let raw = names.next().unwrap_or_default();
    let to = Target::read(invocation, Side::To, raw, context).await?;
    let terminal = terminal::read(invocation, context);
    let reference = from.required_reference(invocation)?;
    let further = further_tags(names, &to)?;

    let watcher = Watcher::new(invocation, context, &status::COPY, &Format::Text, terminal);
    let source = from.open(invocation, Access::Read, context).await?;
    let target = to.open(invocation, Access::Write, context).await?;
    let copying = Copying { reference, source: &source, target: &target, to: &to };
    let mut options = options(invocation, &watcher, platform, mount_from(&from, &to));
    options.observer = both(options.observer, tagged_lines(context, &Format::Text));
    let root = copying.copy(invocation.parsed.switch("recursive"), &options).await?;
    watcher.finish()?;

    let shown = match reference {
        // A platform may have led elsewhere.
        TagOrDigest::Digest(digest) if *digest != root.digest => {
            from.labeled(&from.with_digest(&root.digest))
        }
        _ => from.shown(),
    };
    context.printer.line(&format!("Copied {shown} => {}", to.shown()))?;
    let tagging = TagOptions {
        concurrency: args::concurrency_of(invocation.parsed.number("concurrency"), 5),
        observer: tagged_lines(context, &Format::Text),
        bytes: None,
    };
    let tagged = tag(target.target(), &root.plain(), &further, &tagging).await;
    tagged.map_err(|error| target.explain(&error))?;
    context.printer.line(&format!("Digest: {}", root.digest))
}

/// Reads the tags behind the first; all of them are looked at before anything is copied.
fn further_tags<'a>(names: impl Iterator<Item = &'a str>, to: &Target) -> Result<Vec<Tag>> {
    let read = |name: &str| {
        let tag = if to.registry().is_some() { name.parse() } else { Tag::free_form(name) };
        tag.map_err(|error| {
            let why = if name.is_empty() { String::new() } else { format!(": {error}") };
            CliError::new(format!("invalid reference{why}"))
        })
    };
    let tags: Vec<Tag> = names.map(read).collect::<Result<_>>()?;
    if !tags.is_empty() && to.reference.is_none() {
        return Err(CliError::new("invalid reference"));
    }
    Ok(tags)
}

fn options(
    invocation: &Invocation,
    watcher: &Watcher,
    platform: Option<Platform>,
    mount_from: Option<RepositoryName>,
) -> CopyOptions {
    let parsed = &invocation.parsed;
    CopyOptions {
        concurrency: args::concurrency_of(parsed.number("concurrency"), 3),
        further_small: args::further_small(invocation),
        observer: watcher.observer(),
        platform,
        mount_from,
        existing: if parsed.switch("force") {
            Existing::Descend
        } else if parsed.switch("recursive") {
            Existing::Complete
        } else {
            Existing::Skip
        },
        digest_tags: parsed.switch("include-digest-tags"),
        ..CopyOptions::default()
    }
}

/// Tells two of everything.
fn both(one: Arc<dyn Observer>, other: Arc<dyn Observer>) -> Arc<dyn Observer> {
    Arc::new(move |event: Event<'_>| {
        one.event(event);
        other.event(event);
    })
}

/// Returns the repository to take blobs from without moving them: that of the source, if both sides
/// are the same user in the same registry.
fn mount_from(from: &Target, to: &Target) -> Option<RepositoryName> {
    let (Place::Registry(one), Place::Registry(other)) = (&from.place, &to.place) else {
        return None;
    };
    let user = |remote: &Remote| (remote.username.clone(), remote.secret.clone());
    let is_same = one.registry() == other.registry()
        && one.repository() != other.repository()
        && user(&from.remote) == user(&to.remote);
    is_same.then(|| one.repository().clone())
}

/// A copy from one open place to another.
struct Copying<'a> {
    reference: &'a TagOrDigest,
    source: &'a Opened<'a>,
    target: &'a Opened<'a>,
    to: &'a Target,
}

impl Copying<'_> {
    async fn copy(&self, recursive: bool, options: &CopyOptions) -> Result<Descriptor> {
        let (source, target) = (self.source.source(), self.target.target());
        let tag = self.to.reference.as_ref().and_then(TagOrDigest::tag);
        if !recursive && tag.is_some() {
            let copied = copy(source, self.reference, target, tag, options).await;
            return copied.map_err(|error| self.explain(&error));
        }
        // What comes of the reference is known before anything is copied.
        let root = self.source.resolve(self.reference, options.platform.as_ref()).await;
        let root = root.map_err(|error| {
            let context = format!("failed to resolve {}", self.reference);
            self.source.explain(&error.context(context))
        })?;
        if let Some(TagOrDigest::Digest(wanted)) = &self.to.reference
            && *wanted != root.digest
        {
            let message =
                format!("the copied artifact has the digest {}, not {wanted}", root.digest);
            return Err(CliError::new(message).with_recommendation(
                "Copy to a tag, or without tag and digest, to copy it as it is",
            ));
        }
        let copied = if recursive {
            let exactly = CopyOptions { platform: None, ..options.clone() };
            let from = TagOrDigest::Digest(root.digest.clone());
            copy_with_referrers(source, &from, target, tag, &exactly).await.map(drop)
        } else {
            copy_graph(source, &root, target, options).await
        };
        copied.map_err(|error| self.explain(&error))?;
        Ok(root)
    }

    /// Blames the side that failed.
    fn explain(&self, error: &oras_client::Error) -> CliError {
        match error.origin() {
            Some(Origin::Source) => self.source.explain_side(error),
            _ => self.target.explain_side(error),
        }
    }
}

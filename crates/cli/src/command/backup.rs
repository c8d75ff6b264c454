//! `oras backup`: artifacts of a repository into a layout, or into an archive of one.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oras_client::copy::{CopyOptions, Existing, copy, copy_with_referrers};
use oras_client::remote::Repository;
use oras_client::store::{ArchiveSink, Cached, Layout};
use oras_client::{Error, Source};
use oras_spec::image::Descriptor;
use oras_spec::{Quoted, Tag, TagOrDigest};

use super::transfer::Watcher;
use super::{Arguments, Body, Command, Invocation};
use crate::advice::{Advisor, chain};
use crate::args::format::Format;
use crate::args::remote::{self, Remote, Side};
use crate::args::selection::{self, Selection};
use crate::args::{self, cache, dating, distribution, stats, terminal};
use crate::connect;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::{human, status};

/// Backs up.
pub(crate) static COMMAND: Command = Command {
    name: "backup",
    aliases: &[],
    synopsis: "backup [flags] --output <path> <registry>/<repository>[:<ref1>[,<ref2>...]]",
    summary: "[Experimental] Back up artifacts from a registry into an OCI image layout",
    description: "[Experimental] Back up artifacts from a registry into an OCI image layout, saved either as a directory or a tar archive.
The output format is determined by the file extension of the specified output path: if it ends with \".tar\", the output will be a tar archive; otherwise, it will be a directory.

Example - Back up an artifact with referrers from a registry to an OCI image layout directory:
  oras backup --output hello --include-referrers localhost:5000/hello:v1

Example - Back up an artifact with referrers from a registry to a tar archive:
  oras backup --output hello.tar --include-referrers localhost:5000/hello:v1

Example - Back up multiple artifacts with their referrers:
  oras backup --output hello --include-referrers localhost:5000/hello:v1,v2,v3

Example - Back up all tagged artifacts and their referrers in a repository:
  oras backup --output hello --include-referrers localhost:5000/hello

Example - Back up an artifact from an insecure registry:
  oras backup --output hello --insecure localhost:5000/hello:v1

Example - Back up an artifact from the HTTP registry:
  oras backup --output hello --plain-http localhost:5000/hello:v1

Example - Back up with concurrency tuned:
  oras backup --output hello --concurrency 6 localhost:5000/hello:v1",
    flags,
    arguments: Arguments::Exactly(1, "the artifacts to back up"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = remote::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::concurrency("3"),
        distribution::flag(Side::Only),
        terminal::flag(),
        stats::flag(),
        Flag::text(
            "output",
            "path to the target output, either a tar archive (*.tar) or a directory",
        )
        .short('o')
        .required(),
        Flag::switch("include-referrers", "back up the artifact with its referrers"),
    ]);
    flags.extend(cache::flags());
    flags
}

/// Where a backup is written to.
enum Sink {
    Directory(Layout),
    Archive(Box<ArchiveSink>),
}

impl Sink {
    fn layout(&self) -> &Layout {
        match self {
            Self::Directory(layout) => layout,
            Self::Archive(archive) => archive.layout(),
        }
    }
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let begin = context.environment.now();
    let remote = Remote::read(invocation, Side::Only, context).await?;
    let selection = Selection::parse(invocation.argument(0))?;
    invocation.require_flags()?;
    let output = invocation.parsed.text("output");
    let modified = dating::created(&context.environment)?;
    let archive = prepare(output, context).await?;

    let registry_name = selection.repository.registry();
    let registry = connect::registry(invocation, &remote, registry_name, context)?;
    let repository = registry.repository(selection.repository.repository().clone());
    let credentials = connect::credentials_file(&remote, context);
    let backup = Backup {
        invocation,
        context,
        advisor: Advisor::of_registry(invocation, registry_name, credentials),
        source: cached(invocation, context, repository)?,
        name: selection.repository.path(),
        output,
    };
    let roots = backup.roots(&selection).await?;
    let tags: Vec<Tag> = roots.iter().map(|(tag, _)| tag.clone()).collect();
    context.printer.line(&selection::found(&backup.name, &tags))?;
    let sink = if let Some(archive) = archive {
        Sink::Archive(Box::new(archive))
    } else {
        let mut layout = open(output, context).await?;
        layout.note_in(cache::read(invocation, context)?);
        Sink::Directory(layout)
    };
    for (tag, root) in &roots {
        backup.pull(tag, root, sink.layout()).await?;
    }
    if let Sink::Archive(archive) = sink {
        context.printer.line(&format!("Exporting to {output}"))?;
        let size = archive.finish(seconds(modified)).await;
        let size = size.map_err(|error| uncreatable(output, &error, context))?;
        context.printer.line(&format!("Exported to {output} ({})", human::bytes(size)))?;
    }
    let taken = context.environment.now().duration_since(begin).unwrap_or_default();
    context.printer.line(&format!(
        "Successfully backed up {} tag(s) from {} to {} in {}.",
        tags.len(),
        Quoted(&backup.name),
        Quoted(output),
        human::duration(taken)
    ))
}

/// Looks at where the backup goes before anything is asked for. Nothing shows there yet.
async fn prepare(output: &str, context: &Context) -> Result<Option<ArchiveSink>> {
    if output.is_empty() {
        return Err(CliError::new("the output path cannot be empty"));
    }
    let path = context.environment.path(output);
    let is_archive =
        Path::new(output).extension().is_some_and(|found| found.eq_ignore_ascii_case("tar"));
    if !is_archive {
        // What is there must be a layout already, or nothing; it is opened again when need be.
        if path.exists() && std::fs::read_dir(&path).is_ok_and(|mut found| found.next().is_none()) {
            return Ok(None);
        }
        if path.exists() {
            open(output, context).await?;
        }
        return Ok(None);
    }
    if path.is_dir() {
        let message =
            format!("the output path {} already exists and is a directory", Quoted(output));
        return Err(CliError::new(message).with_recommendation(
            "To back up to a tar archive, please specify a different output file name or remove \
             the existing directory.",
        ));
    }
    let sink = ArchiveSink::create(&path).await;
    sink.map(Some).map_err(|error| uncreatable(output, &error, context))
}

/// Puts the cache before a repository, if there is one.
fn cached(
    invocation: &Invocation,
    context: &Context,
    repository: Repository,
) -> Result<Arc<dyn Source>> {
    Ok(match cache::read(invocation, context)? {
        Some(cache) => Arc::new(Cached::new(Arc::new(repository), cache)),
        None => Arc::new(repository),
    })
}

async fn open(output: &str, context: &Context) -> Result<Layout> {
    let opened = Layout::open(&context.environment.path(output)).await;
    opened.map_err(|error| {
        CliError::new(format!("failed to prepare OCI store for backup: {}", chain(&error)))
    })
}

fn uncreatable(output: &str, error: &Error, context: &Context) -> CliError {
    let why = super::save::as_typed(context, output, error);
    CliError::new(format!("unable to create output file {output}: {why}"))
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// How many tags are resolved at the same time.
const LOOKUPS: usize = 8;

struct Backup<'a> {
    invocation: &'a Invocation,
    context: &'a Context,
    advisor: Advisor<'a>,
    source: Arc<dyn Source>,
    /// `registry/repository`.
    name: String,
    output: &'a str,
}

impl Backup<'_> {
    /// Finds what all wanted tags point at, before anything is copied.
    async fn roots(&self, selection: &Selection) -> Result<Vec<(Tag, Descriptor)>> {
        let mut tags = selection.tags.clone();
        if tags.is_empty() {
            let listed: Result<Vec<Tag>, Error> = self.source.tags(None).try_collect().await;
            tags = listed
                .map_err(|error| self.advisor.explain(&error.context("failed to find tags")))?;
        }
        if tags.is_empty() {
            let name = Quoted(&self.name);
            return Err(CliError::new(format!("no tags found in repository {name}"))
                .with_recommendation(format!(
                    "If you want to list available tags in {name}, use \"oras repo tags\""
                )));
        }
        let resolve = |tag: Tag| async move {
            let found = self.source.resolve(&TagOrDigest::Tag(tag.clone())).await;
            let context = || format!("failed to resolve tag {}", Quoted(tag.as_str()));
            let found = found.map_err(|error| self.advisor.explain(&error.context(context())))?;
            Ok((tag, found.plain()))
        };
        stream::iter(tags).map(resolve).buffered(LOOKUPS).try_collect().await
    }

    /// Copies what one tag points at.
    async fn pull(&self, tag: &Tag, root: &Descriptor, layout: &Layout) -> Result<()> {
        let (invocation, context) = (self.invocation, self.context);
        let terminal = terminal::read(invocation, context);
        let watcher = Watcher::new(invocation, context, &status::BACKUP, &Format::Text, terminal);
        let options = CopyOptions {
            concurrency: args::concurrency_of(invocation.parsed.number("concurrency"), 3),
            observer: watcher.observer(),
            existing: Existing::Complete,
            ..CopyOptions::default()
        };
        let from = TagOrDigest::Digest(root.digest.clone());
        let copied = if invocation.parsed.switch("include-referrers") {
            let copied =
                copy_with_referrers(&*self.source, &from, layout, Some(tag), &options).await;
            copied.map(|copied| copied.referrers)
        } else {
            copy(&*self.source, &from, layout, Some(tag), &options).await.map(|_| 0)
        };
        watcher.finish()?;
        let referrers = copied.map_err(|error| {
            let (tag, name, output) =
                (Quoted(tag.as_str()), Quoted(&self.name), Quoted(self.output));
            let context = format!("failed to back up tag {tag} from {name} to {output}");
            self.advisor.explain(&error.context(context))
        })?;
        context.printer.line(&format!("Pulled tag {tag} with {referrers} referrer(s)"))
    }
}

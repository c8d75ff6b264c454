//! `oras restore`: artifacts of a layout, or of an archive of one, into a repository.

use std::io::Read as _;
use std::path::Path;

use futures_util::TryStreamExt as _;
use oras_client::copy::{CopyOptions, Existing, copy, copy_with_referrers, count_referrers};
use oras_client::remote::Repository;
use oras_client::store::{Archive, Layout};
use oras_client::{Error, Source};
use oras_spec::{Quoted, Tag, TagOrDigest};

use super::transfer::Watcher;
use super::{Arguments, Body, Command, Invocation};
use crate::advice::{Advisor, chain};
use crate::args::format::Format;
use crate::args::remote::{self, Remote, Side};
use crate::args::selection::{self, Selection};
use crate::args::{self, distribution, stats, terminal};
use crate::connect;
use crate::context::Context;
use crate::error::{CliError, Result, system_text};
use crate::flag::Flag;
use crate::output::{human, status};

/// Restores.
pub(crate) static COMMAND: Command = Command {
    name: "restore",
    aliases: &[],
    synopsis: "restore [flags] --input <path> <registry>/<repository>[:<ref1>[,<ref2>...]]",
    summary: "[Experimental] Restore artifacts to a registry from an OCI image layout",
    description: "[Experimental] Restore artifacts to a registry from an OCI image layout, which can be either a directory or a tar archive.

Example - Restore an artifact and its referrers from an OCI image layout directory to a registry:
  oras restore --input hello localhost:5000/hello:v1

Example - Restore an artifact and its referrers from a tar archive to a registry:
  oras restore --input hello.tar localhost:5000/hello:v1

Example - Restore multiple artifacts and their referrers:
  oras restore --input hello localhost:5000/hello:v1,v2,v3

Example - Restore all tagged artifacts and their referrers:
  oras restore --input hello localhost:5000/hello

Example - Restore an artifact without its referrers:
  oras restore --input hello --exclude-referrers localhost:5000/hello:v1

Example - Show what would be restored, without pushing anything:
  oras restore --input hello.tar --dry-run localhost:5000/hello

Example - Restore an artifact to an insecure registry:
  oras restore --input hello --insecure localhost:5000/hello:v1

Example - Restore an artifact to the HTTP registry:
  oras restore --input hello --plain-http localhost:5000/hello:v1

Example - Restore with concurrency tuned:
  oras restore --input hello --concurrency 6 localhost:5000/hello:v1",
    flags,
    arguments: Arguments::Exactly(1, "the targets to restore to"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = remote::flags(Side::Only);
    flags.extend([
        args::debug(),
        args::concurrency("5"),
        distribution::flag(Side::Only),
        terminal::flag(),
        stats::flag(),
        Flag::text("input", "restore from a folder or archive file to registry").required(),
        Flag::switch("exclude-referrers", "restore the artifact without its referrers"),
        Flag::switch("dry-run", "simulate the restore process without pushing anything"),
    ]);
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let begin = context.environment.now();
    let remote = Remote::read(invocation, Side::Only, context).await?;
    let selection = Selection::parse(invocation.argument(0))?;
    invocation.require_flags()?;
    let input = invocation.parsed.text("input");
    let source = open(input, context).await?;
    let tags = tags(&*source, &selection, input).await?;
    context.printer.line(&selection::found("the backup", &tags))?;

    let registry_name = selection.repository.registry();
    let registry = connect::registry(invocation, &remote, registry_name, context)?;
    let credentials = connect::credentials_file(&remote, context);
    let restore = Restore {
        invocation,
        context,
        advisor: Advisor::of_registry(invocation, registry_name, credentials),
        source: &*source,
        target: registry.repository(selection.repository.repository().clone()),
        name: selection.repository.path(),
        input,
    };
    let is_dry = invocation.parsed.switch("dry-run");
    for tag in &tags {
        if is_dry { restore.count(tag).await? } else { restore.push(tag).await? }
    }
    let (count, name) = (tags.len(), Quoted(&restore.name));
    if is_dry {
        return context.printer.line(&format!(
            "Dry run complete: {count} tag(s) would be restored to {name} (no data pushed)"
        ));
    }
    let taken = context.environment.now().duration_since(begin).unwrap_or_default();
    let taken = human::duration(taken);
    context.printer.line(&format!("Successfully restored {count} tag(s) to {name} in {taken}"))
}

/// Opens the backup; nothing is ever written to it.
async fn open(input: &str, context: &Context) -> Result<Box<dyn Source>> {
    if input.is_empty() {
        return Err(CliError::new("the input path cannot be empty"));
    }
    let (path, shown) = (context.environment.path(input), Quoted(input));
    let metadata = std::fs::metadata(&path).map_err(|error| {
        let why = system_text(&error);
        CliError::new(format!("failed to access input path {shown}: stat {input}: {why}"))
    })?;
    let unprepared = |kind: &str, error: &Error| {
        let why = super::save::as_typed(context, input, error);
        CliError::new(format!("failed to prepare OCI store from {kind} {shown}: {why}"))
    };
    if metadata.is_dir() {
        let opened = Layout::open_read_only(&path).await;
        let layout = opened.map_err(|error| unprepared("directory", &error))?;
        return Ok(Box::new(layout));
    }
    if !metadata.is_file() {
        let message = format!("input path {shown} must be a directory or a tar archive");
        return Err(CliError::new(message));
    }
    if !is_archive(&path) {
        return Err(CliError::new(format!("input path {shown} is not a tar archive")));
    }
    let opened = Archive::open(&path).await;
    let archive = opened.map_err(|error| unprepared("tar archive", &error))?;
    let size = human::bytes(archive.size());
    context.printer.line(&format!("Loaded backup archive: {input} ({size})"))?;
    Ok(Box::new(archive))
}

/// Tells whether a file is called a tar file or begins as one.
fn is_archive(path: &Path) -> bool {
    if path.extension().is_some_and(|found| found.eq_ignore_ascii_case("tar")) {
        return true;
    }
    let mut block = [0; 262];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut block));
    read.is_ok() && block[257..] == *b"ustar"
}

/// Lists the tags to restore: those that are asked for, or all.
async fn tags(source: &dyn Source, selection: &Selection, input: &str) -> Result<Vec<Tag>> {
    let shown = Quoted(input);
    if !selection.tags.is_empty() {
        return Ok(selection.tags.clone());
    }
    let listed: Result<Vec<Tag>, Error> = source.tags(None).try_collect().await;
    let tags = listed.map_err(|error| CliError::new(chain(&error)))?;
    if tags.is_empty() {
        return Err(CliError::new(format!("no tags found in OCI layout {shown}"))
            .with_recommendation(format!(
                "If you want to list available tags in {shown}, use \"oras repo tags --oci-layout\""
            )));
    }
    if let Some(tag) = tags.iter().find(|tag| !tag.is_conformant()) {
        let tag = Quoted(tag.as_str());
        return Err(CliError::new(format!("no registry takes the tag {tag} of {shown}"))
            .with_recommendation("Name the tags to restore behind the repository"));
    }
    Ok(tags)
}

struct Restore<'a> {
    invocation: &'a Invocation,
    context: &'a Context,
    advisor: Advisor<'a>,
    source: &'a dyn Source,
    target: Repository,
    /// `registry/repository`.
    name: String,
    input: &'a str,
}

impl Restore<'_> {
    fn takes_referrers(&self) -> bool {
        !self.invocation.parsed.switch("exclude-referrers")
    }

    fn concurrency(&self) -> usize {
        args::concurrency_of(self.invocation.parsed.number("concurrency"), 3)
    }

    /// Says what would be pushed. The registry is not asked.
    async fn count(&self, tag: &Tag) -> Result<()> {
        let counted = async {
            let root = self.source.resolve(&TagOrDigest::Tag(tag.clone())).await?;
            if !self.takes_referrers() {
                return Ok(0);
            }
            count_referrers(self.source, &root, self.concurrency()).await
        };
        let count = counted.await.map_err(|error| self.explain(tag, error))?;
        self.context
            .printer
            .line(&format!("Dry run: would push tag {tag} with {count} referrer(s)"))
    }

    /// Copies what one tag points at.
    async fn push(&self, tag: &Tag) -> Result<()> {
        let terminal = terminal::read(self.invocation, self.context);
        let prompts = &status::RESTORE;
        let watcher = Watcher::new(self.invocation, self.context, prompts, &Format::Text, terminal);
        let options = CopyOptions {
            concurrency: self.concurrency(),
            observer: watcher.observer(),
            existing: Existing::Complete,
            ..CopyOptions::default()
        };
        let from = TagOrDigest::Tag(tag.clone());
        let copied = if self.takes_referrers() {
            let copied =
                copy_with_referrers(self.source, &from, &self.target, Some(tag), &options).await;
            copied.map(|copied| copied.referrers)
        } else {
            copy(self.source, &from, &self.target, Some(tag), &options).await.map(|_| 0)
        };
        watcher.finish()?;
        let referrers = copied.map_err(|error| self.explain(tag, error))?;
        self.context.printer.line(&format!("Pushed tag {tag} with {referrers} referrer(s)"))
    }

    fn explain(&self, tag: &Tag, error: Error) -> CliError {
        let (tag, input, name) = (Quoted(tag.as_str()), Quoted(self.input), Quoted(&self.name));
        let context = format!("failed to restore tag {tag} from {input} to {name}");
        self.advisor.explain(&error.context(context))
    }
}

//! `oras pull`: the files of an artifact, into a directory.

mod choice;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oras_client::copy::{CopyOptions, copy};
use oras_client::store::{Files, PATH_TRAVERSAL_DISALLOWED};
use oras_client::{Error, Event, Origin};

use self::choice::Choice;
use super::packing::files_options;
use super::transfer::Watcher;
use super::{Arguments, Body, Command, Invocation};
use crate::args::file_reference::FileReference;
use crate::args::remote::Side;
use crate::args::target::{self, Target};
use crate::args::{self, cache, format, platform, stats, terminal};
use crate::connect::{Access, Opened};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;
use crate::output::{render, status};
use crate::report::{FileReport, PullReport};

/// Pulls files.
pub(crate) static COMMAND: Command = Command {
    name: "pull",
    aliases: &[],
    synopsis: "pull [flags] <name>{:<tag>|@<digest>}",
    summary: "Pull files from a registry or an OCI image layout",
    description: "Pull files from a registry or an OCI image layout

Example - Pull artifact files from a registry:
  oras pull localhost:5000/hello:v1

Example - Recursively pulling all files from a registry, including subjects of hello:v1:
  oras pull --include-subject localhost:5000/hello:v1

Example - Pull files from an insecure registry:
  oras pull --insecure localhost:5000/hello:v1

Example - Pull files from the HTTP registry:
  oras pull --plain-http localhost:5000/hello:v1

Example - Pull files from a registry with local cache:
  export ORAS_CACHE=~/.oras/cache
  oras pull localhost:5000/hello:v1

Example - Pull files from a registry with certain platform:
  oras pull --platform linux/arm/v5 localhost:5000/hello:v1

Example - Pull all files with concurrency level tuned:
  oras pull --concurrency 6 localhost:5000/hello:v1

Example - Pull artifact files from an OCI image layout folder 'layout-dir':
  oras pull --oci-layout layout-dir:v1

Example - Pull artifact files from an OCI layout archive 'layout.tar':
  oras pull --oci-layout layout.tar:v1

Example - Pull artifact files and format output in JSON:
  oras pull localhost:5000/hello:v1 --format json",
    flags,
    arguments: Arguments::Exactly(1, "the artifact reference you want to pull"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = target::flags(Side::Only);
    flags.extend(format::flags());
    flags.extend([
        args::debug(),
        args::verbose("true"),
        args::concurrency("3"),
        platform::platform("request platform"),
        terminal::flag(),
        stats::flag(),
        Flag::switch(
            "keep-old-files",
            "do not replace existing files when pulling, treat them as errors",
        )
        .short('k'),
        Flag::switch("allow-path-traversal", "allow storing files out of the output directory")
            .short('T'),
        Flag::switch("include-subject", "recursively pull the subject of artifacts"),
        Flag::text("output", "output directory").short('o').default("."),
        Flag::text("config", "output manifest config file"),
    ]);
    flags.extend(cache::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let platform = platform::read(invocation, "platform")?;
    let target = Target::read(invocation, Side::Only, invocation.argument(0), context).await?;
    let format = format::read(invocation, context)?;
    let terminal = terminal::read(invocation, context);
    let config = parsed.some_text("config").map(FileReference::parse).transpose()?;
    let opened = target.open(invocation, Access::Read, context).await?;
    let from = target.required_reference(invocation)?;

    let root = context.environment.path(parsed.text("output"));
    let mut options = files_options(invocation, context)?;
    options.allow_path_traversal = parsed.switch("allow-path-traversal");
    options.keep_old_files = parsed.switch("keep-old-files");
    let files = Files::new(&root, options);
    let watcher = Watcher::new(invocation, context, &status::PULL, &format, terminal);
    let choice =
        Arc::new(Choice::new(config, parsed.switch("include-subject"), watcher.observer()));
    let options = CopyOptions {
        concurrency: args::concurrency_of(parsed.number("concurrency"), 3),
        further_small: args::further_small(invocation),
        observer: heard_by(&watcher, &choice),
        platform,
        successors: Some(Arc::new({
            let choice = Arc::clone(&choice);
            move |document| Ok(choice.successors(document))
        })),
        ..CopyOptions::default()
    };
    let copied = copy(opened.source(), from, &files, None, &options).await;
    let pulled = copied.map_err(|error| explain(&opened, &error))?;
    watcher.finish()?;

    let path = target.path();
    let written = choice.layers().into_iter().map(|layer| {
        let file =
            written_path(&root, layer.title().unwrap_or_default(), choice::is_directory(&layer));
        FileReport::new(file, &path, &layer)
    });
    let report = PullReport::new(&path, &pulled.digest, written.collect());
    let report = stats::with(invocation, context, report);
    render::render(&context.printer, &format, &report, || {
        if choice.left_out() {
            return left_out(&target, context);
        }
        context.printer.line(&format!("Pulled {}", target.shown()))?;
        context.printer.line(&format!("Digest: {}", pulled.digest))
    })
}

fn heard_by(watcher: &Watcher, choice: &Arc<Choice>) -> Arc<dyn oras_client::Observer> {
    let (shown, choice) = (watcher.observer(), Arc::clone(choice));
    Arc::new(move |event: Event<'_>| {
        choice.hear(event);
        shown.event(event);
    })
}

/// Says that there is more than what has a name to be pulled to.
fn left_out(target: &Target, context: &Context) -> Result<()> {
    let raw = &target.raw;
    context
        .printer
        .line("Skipped pulling layers without file name in \"org.opencontainers.image.title\"")?;
    context
        .printer
        .line(&format!("Use 'oras copy {raw} --to-oci-layout <layout-dir>' to pull all layers."))
}

fn explain(opened: &Opened<'_>, error: &Error) -> CliError {
    if error.origin() == Some(Origin::Target) {
        let text = chain(error);
        let told = CliError::new(text.as_str());
        return if text.contains(PATH_TRAVERSAL_DISALLOWED) {
            told.with_recommendation(
                "Pulling files outside of working directory is insecure and blocked by default. \
                 If you trust the content producer, use --allow-path-traversal to bypass this check.",
            )
        } else {
            told
        };
    }
    opened.explain(error)
}

/// The absolute path of a file that was written, without detours; that of a directory ends with a
/// separator.
fn written_path(root: &Path, title: &str, is_directory: bool) -> String {
    let mut path = PathBuf::new();
    for component in root.join(title).components() {
        match component {
            std::path::Component::ParentDir => drop(path.pop()),
            std::path::Component::CurDir => {}
            other => path.push(other),
        }
    }
    let mut text = path.to_string_lossy().into_owned();
    if is_directory {
        text.push(std::path::MAIN_SEPARATOR);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_written_files_are_absolute_and_clean() {
        let root = Path::new("/out/./a");
        assert_eq!(written_path(root, "b/../hi.txt", false), "/out/a/hi.txt");
        assert_eq!(written_path(root, "../x", false), "/out/x");
        assert_eq!(written_path(root, "/abs/x", false), "/abs/x");
        assert_eq!(written_path(root, "dir", true), "/out/a/dir/");
    }
}

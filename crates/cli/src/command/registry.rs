//! `oras registry`: commands about the directory that `oras serve` keeps its content in.

pub(crate) mod fsck;
pub(crate) mod gc;
pub(crate) mod restore;

use std::path::PathBuf;

use oras_server::{BuildError, Registry, RegistryBuilder};

use super::{Arguments, Body, Command};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "registry",
    aliases: &[],
    synopsis: "registry [command]",
    summary: "Operations on the directory of a registry of 'oras serve'",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[&fsck::COMMAND, &gc::COMMAND, &restore::COMMAND]),
};

/// Declares where the directory is.
pub(crate) fn root_flag() -> Flag {
    Flag::text("root", "directory to keep the content in (default: in your data directory)")
        .word("path")
}

/// Returns the directory that was typed, or the default one.
///
/// # Errors
///
/// If there is no default.
pub(crate) fn root(typed: Option<&str>, context: &Context) -> Result<PathBuf> {
    match typed {
        Some(path) => Ok(context.environment.path(path)),
        None => context.environment.registry_root().ok_or_else(|| {
            CliError::new("there is no home directory to keep the content in")
                .with_recommendation("Use --root to say where")
        }),
    }
}

/// Opens the registry.
///
/// # Errors
///
/// If another one has the directory, or it is none.
pub(crate) async fn open(builder: RegistryBuilder) -> Result<Registry> {
    let registry = tokio::task::spawn_blocking(move || builder.build()).await;
    registry.expect("opening does not panic").map_err(|error| unopened(&error))
}

/// Opens a directory that is there already, to change it, or only to look.
async fn open_existing(root: PathBuf, writing: bool) -> Result<Registry> {
    if !root.join("layout.json").is_file() {
        return Err(CliError::new(format!("{} is no registry of 'oras serve'", root.display()))
            .with_recommendation("Use --root to choose another directory"));
    }
    let builder = Registry::builder();
    open(if writing { builder.directory(root) } else { builder.read_only(root) }).await
}

fn unopened(error: &BuildError) -> CliError {
    let advice = match error {
        BuildError::Locked { .. } => {
            "Stop the other registry, or use --root to choose another directory"
        }
        _ => "Use --root to choose another directory",
    };
    CliError::new(chain(error)).with_recommendation(advice)
}

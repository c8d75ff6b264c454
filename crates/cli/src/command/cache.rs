//! `oras cache`: commands about the cache of fetched content.

mod clear;
mod info;
mod ls;
mod prune;
mod verify;

use oras_client::store::Cache;

use super::{Arguments, Body, Command, Invocation};
use crate::args::cache;
use crate::context::Context;
use crate::error::{CliError, Result};

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "cache",
    aliases: &[],
    synopsis: "cache [command]",
    summary: "Operations on the cache of fetched content",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[
        &clear::COMMAND,
        &info::COMMAND,
        &ls::COMMAND,
        &prune::COMMAND,
        &verify::COMMAND,
    ]),
};

/// Opens the cache.
fn open(context: &Context) -> Result<Cache> {
    cache::open(context, u64::MAX).ok_or_else(|| {
        CliError::new("there is no cache")
            .with_recommendation("Please set HOME, XDG_CACHE_HOME or ORAS_CACHE to a directory")
    })
}

/// Says what went wrong.
fn failed(error: &oras_client::Error) -> CliError {
    CliError::new(crate::advice::chain(error))
}

/// Reads the size that a flag states.
fn size_of(invocation: &Invocation, flag: &str) -> Result<u64> {
    cache::size(invocation.parsed.text(flag))
}

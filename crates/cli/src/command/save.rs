//! Puts content where `--output` says: into a file, or on standard output.

use futures_util::StreamExt as _;
use oras_client::Content;
use oras_client::store::FileSink;

use crate::advice::chain;
use crate::connect::Opened;
use crate::context::Context;
use crate::error::{CliError, Result};

/// Writes content to the file that was typed as `file`: all of it, verified, or nothing.
///
/// # Errors
///
/// If the file cannot be written, or the content not be had or is wrong.
pub(super) async fn to_file(
    context: &Context,
    opened: &Opened<'_>,
    file: &str,
    incoming: Content,
) -> Result<()> {
    let written = FileSink::new(context.environment.path(file))
        .with_cache(opened.cache())
        .write(incoming)
        .await;
    written.map_err(|error| match error.response() {
        Some(_) => opened.explain(&error),
        None => CliError::new(as_typed(context, file, &error)),
    })
}

/// Prints content as it comes. That it is wrong is known only at its end, and an error then.
///
/// # Errors
///
/// If the content cannot be had or is wrong, or printing fails.
pub(super) async fn to_output(
    context: &Context,
    opened: &Opened<'_>,
    incoming: Content,
) -> Result<()> {
    let mut stream = incoming.into_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| opened.explain(&error))?;
        context.printer.bytes(&chunk)?;
        if context.printer.is_closed() {
            break;
        }
    }
    Ok(())
}

/// Says what is wrong with a file, calling it as it was typed.
pub(super) fn as_typed(context: &Context, file: &str, error: &oras_client::Error) -> String {
    chain(error).replace(&context.environment.path(file).display().to_string(), file)
}

//! `--platform` and `--artifact-platform`.

use oras_spec::image::Platform;

use crate::command::Invocation;
use crate::command::version::architecture;
use crate::error::{CliError, Result};
use crate::flag::Flag;

const WORD: &str = "os[/arch][/variant][:os_version]";

/// Declares `--platform`.
pub(crate) fn platform(help: &'static str) -> Flag {
    Flag::text("platform", help).word(WORD)
}

/// Declares `--artifact-platform`.
pub(crate) fn artifact_platform() -> Flag {
    Flag::text("artifact-platform", "[Experimental] set artifact platform").word(WORD)
}

/// Reads the platform of the flag `name`; nothing if it was not given or is empty. Without an
/// architecture it is that of this machine.
///
/// # Errors
///
/// If it is none.
pub(crate) fn read(invocation: &Invocation, name: &str) -> Result<Option<Platform>> {
    let Some(text) = invocation.parsed.some_text(name) else { return Ok(None) };
    let platform = Platform::parse(text, architecture());
    platform.map(Some).map_err(|error| CliError::new(error.to_string()))
}

//! What the registry is willing to take, where it is not what suits most.

use std::time::Duration;

use oras_server::Limits;

use crate::args::cache::size;
use crate::command::Invocation;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::number(
            "max-rate",
            "0",
            "how many requests a second one user, or one address without a name, may make, and ten times as many\nat once; 0 for any number",
        ),
        Flag::number("max-uploads", "1000", "how many uploads one user may have open"),
        Flag::text("max-blob", "how large a blob may be, such as 500MB or 10GB").word("size"),
        Flag::number("max-connections", "10240", "how many connections are open at once"),
        Flag::number("max-connections-per-address", "512", "how many of them one address may have"),
    ]
}

/// How long somebody may go without asking and make up for it later.
const BURST: Duration = Duration::from_secs(10);

/// Reads the group.
///
/// # Errors
///
/// If a number allows nothing, or a size is none.
pub(super) fn read(invocation: &Invocation) -> Result<Limits> {
    let parsed = &invocation.parsed;
    let number = |name: &str| {
        let number = usize::try_from(parsed.number(name)).ok().filter(|number| *number > 0);
        number.ok_or_else(|| CliError::new(format!("--{name} must be at least 1")))
    };
    let mut limits = Limits::default();
    limits.uploads_per_user = number("max-uploads")?;
    limits.connections = number("max-connections")?;
    limits.connections_per_address = number("max-connections-per-address")?;
    limits.blob_size = parsed.some_text("max-blob").map(size).transpose()?;
    limits.request_rate = match u32::try_from(parsed.number("max-rate")) {
        Ok(0) => None,
        Ok(rate) => Some(rate),
        Err(_) => return Err(CliError::new("--max-rate must be a number of requests, or 0")),
    };
    limits.request_burst = BURST;
    Ok(limits)
}

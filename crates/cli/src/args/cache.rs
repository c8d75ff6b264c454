//! `--no-cache` and `--cache-max`: whether content is kept that was fetched before, and how much.

use std::path::Path;
use std::sync::Arc;

use oras_client::store::{Cache, CacheOptions};
use oras_spec::Quoted;

use crate::advice::chain;
use crate::command::Invocation;
use crate::context::Context;
use crate::env::CachePlace;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::output::log::Level;

/// Declares the group.
pub(crate) fn flags() -> [Flag; 2] {
    [
        Flag::switch("no-cache", "neither use nor fill the cache of fetched content"),
        Flag::text("cache-max", "how much the cache may hold, such as 500MB or 10GB")
            .word("size")
            .default("2GB"),
    ]
}

/// Returns the cache that a command is to use; nothing if it has none, or the user wants none.
///
/// # Errors
///
/// If a size is none.
pub(crate) fn read(invocation: &Invocation, context: &Context) -> Result<Option<Cache>> {
    let parsed = &invocation.parsed;
    if !parsed.declares("no-cache") {
        return Ok(None);
    }
    let limit = size(parsed.text("cache-max"))?;
    if parsed.switch("no-cache") {
        return Ok(None);
    }
    Ok(open(context, limit))
}

/// Opens the cache of these surroundings; nothing if there is none.
pub(crate) fn open(context: &Context, limit: u64) -> Option<Cache> {
    let environment = &context.environment;
    let log = context.log(false);
    let trouble = move |error: &oras_client::Error| {
        let message = format!("nothing is added to the cache: {}", chain(error));
        log.entry(Level::Warning, &message, &[]);
    };
    let options = CacheOptions { trouble: Arc::new(trouble), ..CacheOptions::default() };
    let notes = environment.own_cache();
    let notes = notes.as_deref();
    let cache = |root: &Path, options| Cache::new(root, notes, options);
    match environment.cache() {
        CachePlace::Nowhere => None,
        CachePlace::Own(root) => Some(cache(&root, CacheOptions { limit: Some(limit), ..options })),
        // What others may look for there is there, however large, and stays.
        CachePlace::Layout(root) => {
            let options =
                CacheOptions { limit: None, largest_copy: u64::MAX, is_layout: true, ..options };
            Some(cache(&root, options))
        }
    }
}

/// Reads a number of bytes: `123`, `500MB`, `1.5G`; to base 1024, as sizes are shown.
///
/// # Errors
///
/// If it is none.
pub(crate) fn size(text: &str) -> Result<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.to_ascii_uppercase();
    let power = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" if !unit.contains('I') => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let number = number.trim().parse::<f64>().ok().filter(|number| *number >= 0.0);
    match (number, power) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        (Some(number), Some(power)) => Ok((number * f64::from(2_u32).powi(power)) as u64),
        _ => Err(CliError::new(format!("invalid size {}", Quoted(text)))
            .with_recommendation("Please specify a size such as 500MB or 10GB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("123B", 123),
            ("2k", 2048),
            ("500MB", 500 << 20),
            ("1.5GiB", 3 << 29),
            ("10 GB", 10 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(size(text).expect(text), bytes);
        }
        for text in ["", "x", "MB", "-1", "1.2.3", "5X", "5iB", "5 5"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

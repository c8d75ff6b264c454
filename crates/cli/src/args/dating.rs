//! `--reproducible` and `SOURCE_DATE_EPOCH`: which times and permissions go into what is packed.

use std::time::{Duration, SystemTime};

use oras_client::store::EntryMetadata;
use oras_spec::Quoted;

use crate::command::Invocation;
use crate::env::Environment;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// The [variable](https://reproducible-builds.org/specs/source-date-epoch/) that says when what is
/// packed was last changed.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The last second of the year 9999, the last that annotations can name.
const LAST: u64 = 253_402_300_799;

/// The times of what is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dating {
    /// When the manifest was created.
    pub(crate) created: SystemTime,
    /// What archives of directories keep of their entries.
    pub(crate) entries: EntryMetadata,
}

/// Declares `--reproducible`.
pub(crate) fn flag() -> Flag {
    Flag::switch(
        "reproducible",
        "pack the same files to the same digest everywhere, whatever their times and permissions \
         (created at SOURCE_DATE_EPOCH, or 1970)",
    )
}

/// Reads the flag and the variable.
///
/// # Errors
///
/// If the variable is no number of seconds since 1970.
pub(crate) fn read(invocation: &Invocation, environment: &Environment) -> Result<Dating> {
    of(invocation.parsed.switch("reproducible"), environment)
}

/// Reads the variable alone: when what is written was last changed, which is now if it is not set.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn created(environment: &Environment) -> Result<SystemTime> {
    of(false, environment).map(|dating| dating.created)
}

fn of(is_reproducible: bool, environment: &Environment) -> Result<Dating> {
    let epoch = epoch(environment)?;
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let seconds = epoch.unwrap_or_default();
    let entry_time = i64::try_from(seconds).unwrap_or(i64::MAX);
    Ok(match epoch {
        _ if is_reproducible => {
            Dating { created: at(seconds), entries: EntryMetadata::Uniform(entry_time) }
        }
        Some(_) => Dating { created: at(seconds), entries: EntryMetadata::NoLaterThan(entry_time) },
        None => Dating { created: environment.now(), entries: EntryMetadata::AsFound },
    })
}

fn epoch(environment: &Environment) -> Result<Option<u64>> {
    let Some(value) = environment.variable(VARIABLE) else { return Ok(None) };
    let text = value.to_string_lossy();
    match text.parse() {
        Ok(seconds) if seconds <= LAST => Ok(Some(seconds)),
        Ok(_) | Err(_) => Err(CliError::new(format!("invalid {VARIABLE}: {}", Quoted(&text)))
            .with_recommendation("It is a number of seconds since 1970, such as 1700000000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Environment {
        Environment::new("/work")
            .with_clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(9))
            .with(VARIABLE, value)
    }

    #[test]
    fn the_variable_sets_the_clock_and_the_flag_makes_all_the_same() {
        let dated = |is_reproducible, value: &str| {
            let dating = of(is_reproducible, &with(value)).expect("good");
            let created = dating.created.duration_since(SystemTime::UNIX_EPOCH);
            (created.expect("since 1970").as_secs(), dating.entries)
        };
        assert_eq!(dated(false, ""), (9, EntryMetadata::AsFound));
        assert_eq!(dated(false, "7"), (7, EntryMetadata::NoLaterThan(7)));
        assert_eq!(dated(true, "7"), (7, EntryMetadata::Uniform(7)));
        assert_eq!(dated(true, ""), (0, EntryMetadata::Uniform(0)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for value in ["x", "1.5", "-1", " 1", "253402300800", "99999999999999999999"] {
            let error = of(false, &with(value)).expect_err(value).to_string();
            assert!(error.starts_with(&format!("Error: invalid {VARIABLE}: ")), "{error}");
        }
        of(false, &with("253402300799")).expect("the last second");
    }
}

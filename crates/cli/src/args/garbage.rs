//! Flags that say what in a registry's directory is garbage, and when.

use std::time::Duration;

use oras_server::{CollectOptions, TagRules};

use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::flag::parse::Parsed;

/// Who takes the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collector {
    /// A registry that serves meanwhile: the flags' names begin with `gc-`.
    Serving,
    /// A command that has the directory for itself.
    Alone,
}

impl Collector {
    fn name(self, name: &str) -> String {
        match self {
            Self::Serving => format!("gc-{name}"),
            Self::Alone => name.to_owned(),
        }
    }
}

/// Declares the group.
pub(crate) fn flags(collector: Collector) -> Vec<Flag> {
    let grace = match collector {
        Collector::Serving => "24h",
        Collector::Alone => "0s",
    };
    vec![
        Flag::text(
            collector.name("grace"),
            "how long garbage stays after it is found and was last asked for",
        )
        .word("duration")
        .default(grace),
        Flag::text(
            collector.name("untagged-after"),
            "remove manifests that no tag, index or subject has led to for so long",
        )
        .word("duration"),
        Flag::text(
            collector.name("keep-newest"),
            "remove tags, except as many that were set last in their repository",
        )
        .word("int"),
        Flag::text(
            collector.name("keep-younger"),
            "remove tags, except those set within this time",
        )
        .word("duration"),
        Flag::list(
            collector.name("keep-matching"),
            "never remove tags that match the pattern, in which * is any text",
        )
        .word("pattern"),
    ]
}

/// Reads the group.
///
/// # Errors
///
/// If a value is no duration or no number, or the flags would remove all tags.
pub(crate) fn read(parsed: &Parsed, collector: Collector) -> Result<CollectOptions> {
    let text = |name: &str| parsed.some_text(&collector.name(name));
    let time =
        |name: &str| text(name).map(|text| duration(&collector.name(name), text)).transpose();
    let mut options = CollectOptions::default();
    options.grace = time("grace")?.unwrap_or_default();
    options.untagged = time("untagged-after")?;
    let mut rules = TagRules::default();
    rules.newest = match text("keep-newest") {
        Some(text) => Some(text.parse().map_err(|_| {
            invalid(&collector.name("keep-newest"), text, "expected a number of tags")
        })?),
        None => None,
    };
    rules.younger_than = time("keep-younger")?;
    rules.matching = parsed.list(&collector.name("keep-matching")).to_vec();
    if rules.newest.is_some() || rules.younger_than.is_some() {
        options.tags = Some(rules);
    } else if !rules.matching.is_empty() {
        let matching = collector.name("keep-matching");
        return Err(CliError::new(format!("--{matching} keeps nothing that another flag removes"))
            .with_recommendation(format!(
                "Add --{} or --{} to say which other tags stay",
                collector.name("keep-newest"),
                collector.name("keep-younger"),
            )));
    }
    Ok(options)
}

/// Reads a duration such as `90s`, `30m`, `24h` or `7d`.
///
/// # Errors
///
/// If it is none.
pub(crate) fn duration(flag: &str, text: &str) -> Result<Duration> {
    let wrong = || invalid(flag, text, "expected a duration such as 90s, 30m, 24h or 7d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

fn invalid(flag: &str, text: &str, expected: &str) -> CliError {
    CliError::new(format!("invalid argument \"{text}\" for \"--{flag}\" flag: {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_with_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604_800)]
        {
            assert_eq!(duration("x", text).expect(text), Duration::from_secs(seconds));
        }
        for bad in [
            "",
            "s",
            "1",
            "-1s",
            "1w",
            "1.5h",
            "99999999999999999999d",
            "18446744073709551615d",
            "1µ",
        ] {
            let error = duration("x", bad).expect_err(bad).to_string();
            assert!(error.contains("for \"--x\" flag"), "{error}");
        }
    }
}

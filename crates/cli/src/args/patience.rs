//! `--timeout` and `--retry`: how long a registry may be silent, and how often it gets another chance.

use std::time::Duration;

use oras_client::transport::{DEFAULT_RETRIES, NetworkOptions};
use oras_spec::Quoted;

use crate::command::Invocation;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// How much a user puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// How long nothing may come; nothing if that was not said.
    timeout: Option<Duration>,
    /// How often what fails is tried again without progress.
    pub(crate) retries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: None, retries: DEFAULT_RETRIES }
    }
}

impl Patience {
    /// Sets the limits of `options`.
    pub(crate) fn limit(self, options: &mut NetworkOptions) {
        let Some(timeout) = self.timeout else { return };
        options.connect_timeout = timeout;
        options.handshake_timeout = timeout;
        options.idle_timeout = timeout;
        // What was uploaded has to be checked and moved, however much hurry we are in.
        options.answer_timeout = options.answer_timeout.max(timeout);
    }
}

/// What is as good as for ever, and can still be added to the present.
const FOR_EVER: Duration = Duration::from_hours(10 * 365 * 24);

/// Declares the group.
pub(crate) fn flags() -> [Flag; 2] {
    [
        Flag::text(
            "timeout",
            "how long the registry may be silent, such as 10s or 5m; 0 for as long as it likes",
        )
        .word("duration")
        .default("30s"),
        Flag::number(
            "retry",
            "5",
            "how often to try again, without any progress in between, what may succeed later",
        ),
    ]
}

/// Reads the group.
///
/// # Errors
///
/// If a value is no duration or less than nothing.
pub(crate) fn read(invocation: &Invocation) -> Result<Patience> {
    let parsed = &invocation.parsed;
    if !parsed.declares("retry") {
        return Ok(Patience::default());
    }
    let timeout = parsed.given("timeout").then(|| duration(parsed.text("timeout"))).transpose()?;
    let number = parsed.number("retry");
    let retries = u32::try_from(number).map_err(|_| {
        let message = format!("invalid number of retries {number}");
        CliError::new(message).with_recommendation("Please specify 0 or more")
    })?;
    Ok(Patience { timeout, retries })
}

/// Reads a duration: `500ms`, `1.5s`, `5m`, `1h30m`, as Go writes them. `0` is for ever.
fn duration(text: &str) -> Result<Duration> {
    let wrong = || {
        CliError::new(format!("invalid timeout {}", Quoted(text)))
            .with_recommendation("Please specify a duration such as 10s, 500ms or 5m")
    };
    if text == "0" {
        return Ok(FOR_EVER);
    }
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, behind) = rest.split_at(rest.find(|c| !is_number(c)).ok_or_else(wrong)?);
        let (unit, next) = behind.split_at(behind.find(is_number).unwrap_or(behind.len()));
        let length = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * length;
        rest = next;
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(Duration::ZERO) if text.is_empty() => Err(wrong()),
        Ok(Duration::ZERO) => Ok(FOR_EVER),
        Ok(duration) => Ok(duration.min(FOR_EVER)),
        Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_as_go_writes_them() {
        for (text, milliseconds) in
            [("500ms", 500), ("1.5s", 1500), ("10s", 10_000), ("5m", 300_000), ("1h30m", 5_400_000)]
        {
            assert_eq!(duration(text).expect(text), Duration::from_millis(milliseconds));
        }
        assert_eq!((duration("0").ok(), duration("0s").ok()), (Some(FOR_EVER), Some(FOR_EVER)));
        for text in ["", "s", "5", "-5s", "5 s", "5x", "1.2.3s", "s5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hurry_does_not_shorten_what_a_registry_needs_for_an_upload() {
        let limits = |timeout| {
            let mut options = NetworkOptions::default();
            Patience { timeout, retries: 0 }.limit(&mut options);
            [options.connect_timeout, options.idle_timeout, options.answer_timeout]
                .map(|limit| limit.as_secs())
        };
        assert_eq!(limits(None), [30, 30, 300]);
        assert_eq!(limits(Some(Duration::from_secs(5))), [5, 5, 300]);
        assert_eq!(limits(Some(Duration::from_mins(10))), [600, 600, 600]);
    }
}

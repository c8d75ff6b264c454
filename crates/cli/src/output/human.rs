//! Numbers for people: sizes and times, spelled as `oras` spells them.

use std::time::Duration;

/// Spells a number of bytes to base 1024: `2  B`, `12 KB`, `1.5 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let (number, unit) = scaled(count);
    format!("{number} {unit:>2}")
}

/// The unit a number of bytes is spelled in, and how many bytes it has.
pub(crate) fn unit(count: u64) -> (&'static str, f64) {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut factor = 1.0;
    let mut index = 0;
    while as_float(count) / factor >= 1024.0 && index + 1 < UNITS.len() {
        factor *= 1024.0;
        index += 1;
    }
    (UNITS[index], factor)
}

fn scaled(count: u64) -> (String, &'static str) {
    let (unit, factor) = unit(count);
    (significant(as_float(count) / factor), unit)
}

/// Three digits: none behind the point from 100 on, one from 10 on, else two; no trailing zeros.
fn significant(number: f64) -> String {
    let text = if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A number of bytes as a fraction can be taken of it; exact up to 8 PiB.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

/// Spells a time as Go does, rounded to seconds above one, else to milliseconds above one, else
/// to microseconds: `1m5s`, `26ms`, `680µs`, `0s`.
pub(crate) fn duration(time: Duration) -> String {
    if time > Duration::from_secs(1) {
        let seconds = (time + Duration::from_millis(500)).as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        match (hours, minutes) {
            (0, 0) => format!("{seconds}s"),
            (0, _) => format!("{minutes}m{seconds}s"),
            _ => format!("{hours}h{minutes}m{seconds}s"),
        }
    } else if time > Duration::from_millis(1) {
        match (time + Duration::from_micros(500)).as_millis() {
            1000 => "1s".to_owned(),
            milliseconds => format!("{milliseconds}ms"),
        }
    } else {
        match (time + Duration::from_nanos(500)).as_micros() {
            0 => "0s".to_owned(),
            1000 => "1ms".to_owned(),
            microseconds => format!("{microseconds}µs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_sizes() {
        for (count, text) in [
            (0, "0  B"),
            (2, "2  B"),
            (1023, "1023  B"),
            (1024, "1 KB"),
            (1536, "1.5 KB"),
            (12 * 1024, "12 KB"),
            (12_700, "12.4 KB"),
            (150 * 1024 * 1024, "150 MB"),
            (1_650_000_000, "1.54 GB"),
            (u64::MAX, "16777216 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn spells_times() {
        for (time, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_micros(680), "680µs"),
            (Duration::from_micros(25_600), "26ms"),
            (Duration::from_millis(1), "1ms"),
            (Duration::from_secs(1), "1s"),
            (Duration::from_millis(1_600), "2s"),
            (Duration::from_secs(65), "1m5s"),
            (Duration::from_secs(3_605), "1h0m5s"),
        ] {
            assert_eq!(duration(time), text);
        }
    }
}

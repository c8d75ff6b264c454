//! Durations in nanoseconds, as Go's `time.Duration`.

use super::parse::quote;

pub(crate) const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Reads `1h30m`, `-1.5s` and so on.
///
/// Fails with the message that Go has.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let error = |what: &str| format!("time: {what} {}", quote(text));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(error("invalid duration"));
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let whole = take_digits(&mut rest);
        let fraction = match rest.strip_prefix('.') {
            Some(behind) => {
                rest = behind;
                take_digits(&mut rest)
            }
            None => "",
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(error("invalid duration"));
        }
        let length = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        rest = behind;
        if name.is_empty() {
            return Err(error("missing unit in duration"));
        }
        let Some(unit) = unit(name) else {
            return Err(error(&format!("unknown unit {} in duration", quote(name))));
        };
        let parsed = amount(whole, fraction, unit).map(|amount| total + amount);
        let limit = i128::from(i64::MAX) + i128::from(negative);
        total = parsed.filter(|&sum| sum <= limit).ok_or_else(|| error("invalid duration"))?;
    }
    let signed = if negative { -total } else { total };
    Ok(i64::try_from(signed).unwrap_or(i64::MIN))
}

fn take_digits<'t>(rest: &mut &'t str) -> &'t str {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = rest.split_at(length);
    *rest = behind;
    digits
}

fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, unit: i64) -> Option<i128> {
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits behind the eighteenth are less than a nanosecond of the largest unit.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(i128::from(unit))?.checked_add(part * i128::from(unit) / scale)
}

/// Writes `1h30m0s`; less than a second in smaller units.
pub(crate) fn to_text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    let (unit, name) = match magnitude {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => return format!("{sign}{}", long_text(magnitude)),
    };
    format!("{sign}{}{name}", with_fraction(magnitude, unit))
}

fn long_text(magnitude: u64) -> String {
    let second = SECOND.unsigned_abs();
    let (minutes, rest) = (magnitude / (60 * second), magnitude % (60 * second));
    let seconds = with_fraction(rest, second);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn with_fraction(amount: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", amount % unit);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() || digits == 0 { "" } else { "." };
    let fraction = if digits == 0 { "" } else { fraction };
    format!("{}{point}{fraction}", amount / unit)
}

/// Rounds to seconds, halves away from zero.
pub(crate) fn rounded_to_seconds(nanoseconds: i64) -> i64 {
    let rest = nanoseconds % SECOND;
    let cut = nanoseconds - rest;
    if rest.abs() * 2 < SECOND { cut } else { cut.saturating_add(SECOND * rest.signum()) }
}

/// Writes the largest unit that fits more than once: `3h`, `2mo`; never the second.
pub(crate) fn rough_text(nanoseconds: i64) -> String {
    let day = 24 * HOUR;
    let units =
        [(365 * day, "y"), (30 * day, "mo"), (day, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let magnitude = nanoseconds.unsigned_abs();
    let unit = units.iter().find(|(unit, _)| magnitude > unit.unsigned_abs());
    unit.map_or_else(
        || "0s".to_owned(),
        |(unit, name)| format!("{}{name}", magnitude / unit.unsigned_abs()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_their_text() {
        for nanoseconds in
            [0, 1, 1_500, 2_000_000, 1_500_000_000, 5_025_000_000_001, -90 * MINUTE, i64::MAX]
        {
            assert_eq!(parse(&to_text(nanoseconds)), Ok(nanoseconds));
        }
        assert_eq!(to_text(1_500), "1.5µs");
        assert_eq!(to_text(5_025 * SECOND), "1h23m45s");
    }

    #[test]
    fn refuses_what_is_too_long() {
        assert_eq!(parse("9999999h"), Err("time: invalid duration \"9999999h\"".to_owned()));
        assert!(parse("99999999999999999999999999999999999999999h").is_err());
        assert_eq!(parse("0.333333333333333333333333333h"), Ok(1_200_000_000_000 - 1));
    }

    #[test]
    fn rounds_halves_away_from_zero() {
        assert_eq!(rounded_to_seconds(1_500_000_000), 2 * SECOND);
        assert_eq!(rounded_to_seconds(-1_500_000_000), -2 * SECOND);
        assert_eq!(rounded_to_seconds(1_499_999_999), SECOND);
    }
}

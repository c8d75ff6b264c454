//! Checks a creation time as Go's `time.Parse(time.RFC3339, …)` does, and complains in its words.

use std::fmt::Write as _;

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// Checks that `text` is an RFC 3339 date and time.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut reader = Reader { text, rest: text };
    let year = reader.year()?;
    reader.literal("-")?;
    let month = reader.number("01", 2)?;
    reader.within((1..=12).contains(&month), "month")?;
    reader.literal("-")?;
    let day = reader.number("02", 2)?;
    reader.literal("T")?;
    let hour = reader.number("15", 1)?;
    reader.within(hour < 24, "hour")?;
    reader.literal(":")?;
    let minute = reader.number("04", 2)?;
    reader.within(minute < 60, "minute")?;
    reader.literal(":")?;
    let second = reader.number("05", 2)?;
    reader.within(second < 60, "second")?;
    reader.fraction();
    reader.offset()?;
    if !reader.rest.is_empty() {
        return Err(reader.complaint(&format!("extra text: {}", quoted(reader.rest))));
    }
    reader.within((1..=days(year, month)).contains(&day), "day")
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn year(&mut self) -> Result<u32, String> {
        if self.digits() < 4 {
            return Err(self.mismatch("2006"));
        }
        Ok(self.take(4))
    }

    /// Reads two digits or, if `at_least` is one, maybe one.
    fn number(&mut self, element: &str, at_least: usize) -> Result<u32, String> {
        let count = self.digits().min(2);
        if count < at_least {
            return Err(self.mismatch(element));
        }
        Ok(self.take(count))
    }

    fn literal(&mut self, literal: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(literal).ok_or_else(|| self.mismatch(literal))?;
        Ok(())
    }

    fn fraction(&mut self) {
        if let Some(behind) = self.rest.strip_prefix(['.', ',']) {
            let digits =
                behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits > 0 {
                self.rest = &behind[digits..];
            }
        }
    }

    fn offset(&mut self) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(());
        }
        let [b'+' | b'-', h1, h2, b':', m1, m2, ..] = self.rest.as_bytes() else {
            return Err(self.mismatch("Z07:00"));
        };
        if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
            return Err(self.mismatch("Z07:00"));
        }
        let two = |high: &u8, low: &u8| u32::from(high - b'0') * 10 + u32::from(low - b'0');
        let (hour, minute) = (two(h1, h2), two(m1, m2));
        self.rest = &self.rest["+00:00".len()..];
        // Go lets 24 hours and 60 minutes pass here: some people write them.
        self.within(minute <= 60, "time zone offset minute")?;
        self.within(hour <= 24, "time zone offset hour")
    }

    fn digits(&self) -> usize {
        self.rest.bytes().take_while(u8::is_ascii_digit).count()
    }

    fn take(&mut self, count: usize) -> u32 {
        let (number, rest) = self.rest.split_at(count);
        self.rest = rest;
        number.bytes().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    }

    fn within(&self, is_within: bool, what: &str) -> Result<(), String> {
        if is_within { Ok(()) } else { Err(self.complaint(&format!("{what} out of range"))) }
    }

    fn complaint(&self, what: &str) -> String {
        format!("parsing time {}: {what}", quoted(self.text))
    }

    fn mismatch(&self, element: &str) -> String {
        format!(
            "parsing time {} as \"{LAYOUT}\": cannot parse {} as \"{element}\"",
            quoted(self.text),
            quoted(self.rest)
        )
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'\x7f' => out.push(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}").expect("a String takes everything"),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_go_accepts() {
        for good in [
            "2026-11-23T18:29:10Z",
            "2024-02-29T00:00:00Z",
            "2024-01-01T7:30:00Z",
            "2024-01-01T00:00:00.5Z",
            "2024-01-01T00:00:00,5Z",
            "2024-01-01T00:00:00.1234567891234Z",
            "2024-01-01T00:00:00+01:00",
            "2024-01-01T00:00:00-00:00",
            "2024-01-01T00:00:00+24:60",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    /// The right-hand sides were printed by Go 1.26.
    #[test]
    fn complains_in_the_words_of_go() {
        for (bad, cannot) in [
            ("", r#""" as "2006""#),
            ("x", r#""x" as "2006""#),
            ("-001-01-01T00:00:00Z", r#""-001-01-01T00:00:00Z" as "2006""#),
            ("2024", r#""" as "-""#),
            ("2024-", r#""" as "01""#),
            ("2024-1-01T00:00:00Z", r#""1-01T00:00:00Z" as "01""#),
            ("2024-01-1T00:00:00Z", r#""1T00:00:00Z" as "02""#),
            ("2024-01-01", r#""" as "T""#),
            ("2024-01-01 00:00:00Z", r#"" 00:00:00Z" as "T""#),
            ("2024-01-01T", r#""" as "15""#),
            ("2024-01-01T0x:00:00Z", r#""x:00:00Z" as ":""#),
            ("2024-01-01T0:0:0Z", r#""0:0Z" as "04""#),
            ("2024-01-01T00:00:5Z", r#""5Z" as "05""#),
            ("2024-01-01T00:00:00", r#""" as "Z07:00""#),
            ("2024-01-01T00:00:00z", r#""z" as "Z07:00""#),
            ("2024-01-01T00:00:00.Z", r#"".Z" as "Z07:00""#),
            ("2024-01-01T00:00:00+0100", r#""+0100" as "Z07:00""#),
            ("2024-01-01T00:00:00+aa:bb", r#""+aa:bb" as "Z07:00""#),
        ] {
            let expected = format!("parsing time \"{bad}\" as \"{LAYOUT}\": cannot parse {cannot}");
            assert_eq!(check(bad), Err(expected));
        }
        for (bad, complaint) in [
            ("2024-13-01T00:00:00Z", "month out of range"),
            ("2024-00-01T00:00:00Z", "month out of range"),
            ("2024-02-30T00:00:00Z", "day out of range"),
            ("2023-02-29T00:00:00Z", "day out of range"),
            ("2024-01-00T00:00:00Z", "day out of range"),
            ("2024-01-01T24:00:00Z", "hour out of range"),
            ("2024-01-01T00:60:00Z", "minute out of range"),
            ("2024-01-01T00:00:60Z", "second out of range"),
            ("2024-01-01T00:00:00+25:00", "time zone offset hour out of range"),
            ("2024-01-01T00:00:00Zx", r#"extra text: "x""#),
        ] {
            assert_eq!(check(bad), Err(format!("parsing time \"{bad}\": {complaint}")));
        }
        assert_eq!(
            check("now \"\u{e9}\"\n"),
            Err(format!(
                r#"parsing time "now \"\xc3\xa9\"\x0a" as "{LAYOUT}": cannot parse "now \"\xc3\xa9\"\x0a" as "2006""#
            ))
        );
    }
}

//! Reads dates by Go's layouts.

use super::layout::{MONTHS, Offset, Part, WEEKDAYS, next_part};
use super::{Civil, Date, Zone, days_in};
use crate::buffer::append;

impl Date {
    /// Reads a date by a layout. What names no zone is meant in `local`.
    ///
    /// Fails with the message that Go has.
    pub(crate) fn parse(layout: &str, value: &str, local: &Zone) -> Result<Self, String> {
        let mut reader = Reader { layout, value, rest: value, found: Found::default() };
        reader.run()?;
        reader.date(local)
    }
}

/// What the parts of a date said.
#[derive(Default)]
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    /// `AM` is false, `PM` is true.
    afternoon: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

/// Why a part cannot be read.
enum Bad {
    /// It does not look like the part.
    Form,
    /// It does, but there is no such hour, month and so on.
    Range(&'static str),
}

struct Reader<'r> {
    layout: &'r str,
    value: &'r str,
    /// What of the value is still to come.
    rest: &'r str,
    found: Found,
}

impl<'r> Reader<'r> {
    fn run(&mut self) -> Result<(), String> {
        let mut layout = self.layout;
        loop {
            let part = next_part(layout);
            let before = &layout[..part.map_or(layout.len(), |(before, ..)| before)];
            self.skip(before)?;
            let Some((_, part, length)) = part else { break };
            let text = &layout[before.len()..before.len() + length];
            layout = &layout[before.len() + length..];
            let held = self.rest;
            match self.part(part, layout) {
                Ok(()) => {}
                Err(Bad::Range(what)) => return Err(self.error(&format!(": {what} out of range"))),
                Err(Bad::Form) => return Err(self.cannot_parse(held, text)),
            }
        }
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.error(&format!(": extra text: {}", quote(self.rest))))
    }

    fn error(&self, message: &str) -> String {
        format!("parsing time {}{message}", quote(self.value))
    }

    fn cannot_parse(&self, rest: &str, part: &str) -> String {
        let (value, layout) = (quote(self.value), quote(self.layout));
        format!("parsing time {value} as {layout}: cannot parse {} as {}", quote(rest), quote(part))
    }

    /// Goes over text that stands in the layout as well; any number of blanks equals any other.
    fn skip(&mut self, text: &str) -> Result<(), String> {
        let mut wanted = text;
        while !wanted.is_empty() {
            if wanted.starts_with(' ') {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return Err(self.cannot_parse(self.rest, text));
                }
                wanted = wanted.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
                continue;
            }
            let mut characters = wanted.chars();
            match characters.next().and_then(|c| self.rest.strip_prefix(c)) {
                Some(rest) => self.rest = rest,
                None => return Err(self.cannot_parse(self.rest, text)),
            }
            wanted = characters.as_str();
        }
        Ok(())
    }

    fn part(&mut self, part: Part, following: &str) -> Result<(), Bad> {
        match part {
            Part::Year => self.found.year = self.digits(4)?,
            Part::YearShort => {
                // Go reads a sign here as well.
                let year: i64 = self.take(2)?.parse().map_err(|_| Bad::Form)?;
                self.found.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Part::Month => self.found.month = Some(self.name(&MONTHS, usize::MAX)? + 1),
            Part::MonthShort => self.found.month = Some(self.name(&MONTHS, 3)? + 1),
            Part::MonthNumber | Part::MonthZero => {
                let month = self.number(part == Part::MonthZero)?;
                self.found.month = Some(in_range(month, 1..=12, "month")?);
            }
            Part::Weekday => drop(self.name(&WEEKDAYS, usize::MAX)?),
            Part::WeekdayShort => drop(self.name(&WEEKDAYS, 3)?),
            Part::Day | Part::DayBlank | Part::DayZero => {
                if part == Part::DayBlank {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.found.day = Some(self.number(part == Part::DayZero)?);
            }
            Part::YearDayBlank | Part::YearDayZero => self.year_day(part == Part::YearDayZero)?,
            Part::Hour => self.found.hour = in_range(self.number(false)?, 0..=23, "hour")?,
            Part::Hour12 | Part::Hour12Zero => {
                let hour = self.number(part == Part::Hour12Zero)?;
                self.found.hour = in_range(hour, 0..=12, "hour")?;
            }
            Part::Minute | Part::MinuteZero => {
                let minute = self.number(part == Part::MinuteZero)?;
                self.found.minute = in_range(minute, 0..=59, "minute")?;
            }
            Part::Second | Part::SecondZero => self.second(part == Part::SecondZero, following)?,
            Part::AmPm => self.found.afternoon = Some(self.either("AM", "PM")?),
            Part::AmPmLower => self.found.afternoon = Some(self.either("am", "pm")?),
            Part::Offset(shape) => self.offset(shape)?,
            Part::ZoneName => self.zone_name()?,
            Part::Fraction { digits, trims: false, .. } => self.fraction(digits)?,
            Part::Fraction { .. } => self.any_fraction()?,
        }
        Ok(())
    }

    /// Takes the first `length` bytes.
    fn take(&mut self, length: usize) -> Result<&'r str, Bad> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Bad::Form)?;
        self.rest = rest;
        Ok(head)
    }

    /// Takes exactly so many digits.
    fn digits(&mut self, count: usize) -> Result<i64, Bad> {
        let digits = self.take(count)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| all).ok_or(Bad::Form)
    }

    /// How many digits come next, at most `limit`.
    fn count_digits(&self, limit: usize) -> usize {
        self.rest.bytes().take(limit).take_while(u8::is_ascii_digit).count()
    }

    /// Takes one or two digits, or exactly two.
    fn number(&mut self, exactly_two: bool) -> Result<i64, Bad> {
        let count = self.count_digits(2);
        if count == 0 || (exactly_two && count < 2) {
            return Err(Bad::Form);
        }
        self.digits(count)
    }

    /// Takes a name, in any case; returns its place in the list.
    fn name(&mut self, names: &[&str], length: usize) -> Result<i64, Bad> {
        for (name, index) in names.iter().zip(0_i64..) {
            let name = &name[..length.min(name.len())];
            let head = self.rest.get(..name.len());
            if head.is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Ok(index);
            }
        }
        Err(Bad::Form)
    }

    fn either(&mut self, no: &str, yes: &str) -> Result<bool, Bad> {
        match self.take(2)? {
            text if text == yes => Ok(true),
            text if text == no => Ok(false),
            _ => Err(Bad::Form),
        }
    }

    fn year_day(&mut self, exactly_three: bool) -> Result<(), Bad> {
        if !exactly_three {
            let blanks = self.rest.bytes().take(2).take_while(|&byte| byte == b' ').count();
            self.rest = &self.rest[blanks..];
        }
        let count = self.count_digits(3);
        if count == 0 || (exactly_three && count < 3) {
            return Err(Bad::Form);
        }
        self.found.year_day = Some(self.digits(count)?);
        Ok(())
    }

    /// Takes a second, and its fraction even if the layout has none.
    fn second(&mut self, exactly_two: bool, following: &str) -> Result<(), Bad> {
        self.found.second = in_range(self.number(exactly_two)?, 0..=59, "second")?;
        // Wherever in the rest of the layout the next part is, as in Go.
        let next = next_part(following).map(|(_, part, _)| part);
        if matches!(next, Some(Part::Fraction { .. })) {
            return Ok(());
        }
        self.any_fraction()
    }

    /// Takes a fraction of any length, if there is one.
    fn any_fraction(&mut self) -> Result<(), Bad> {
        let behind = self.rest.get(1..).unwrap_or_default();
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !self.rest.starts_with(['.', ',']) {
            return Ok(());
        }
        self.fraction(digits)
    }

    fn fraction(&mut self, digits: usize) -> Result<(), Bad> {
        let text = self.take(digits + 1)?;
        let digits = text.strip_prefix(['.', ',']).ok_or(Bad::Form)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Bad::Form);
        }
        let nine = format!("{:0<9}", &digits[..digits.len().min(9)]);
        self.found.nanoseconds = nine.parse().map_err(|_| Bad::Form)?;
        Ok(())
    }

    fn offset(&mut self, shape: Offset) -> Result<(), Bad> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| shape.z) {
            self.rest = rest;
            self.found.is_utc = true;
            return Ok(());
        }
        let sign = match self.take(1)? {
            "+" => 1,
            "-" => -1,
            _ => return Err(Bad::Form),
        };
        let mut field = |used: bool, first: bool| match (used, shape.colons && !first) {
            (false, _) => Ok(0),
            (true, true) if self.take(1)? != ":" => Err(Bad::Form),
            (true, _) => self.digits(2),
        };
        let (hours, minutes) = (field(true, true)?, field(shape.fields > 1, false)?);
        let seconds = field(shape.fields > 2, false)?;
        in_range(hours, 0..=24, "time zone offset hour")?;
        in_range(minutes, 0..=60, "time zone offset minute")?;
        in_range(seconds, 0..=60, "time zone offset second")?;
        self.found.offset = Some(sign * ((hours * 60 + minutes) * 60 + seconds));
        Ok(())
    }

    fn zone_name(&mut self) -> Result<(), Bad> {
        if let Some(rest) = self.rest.strip_prefix("UTC") {
            self.rest = rest;
            self.found.is_utc = true;
            return Ok(());
        }
        let length = zone_name_length(self.rest).ok_or(Bad::Form)?;
        self.take(length)?.clone_into(&mut self.found.zone_name);
        Ok(())
    }

    /// Puts the parts together.
    fn date(self, local: &Zone) -> Result<Date, String> {
        let (month, day) = self.month_and_day()?;
        let found = &self.found;
        let hour = match found.afternoon {
            Some(true) if found.hour < 12 => found.hour + 12,
            Some(false) if found.hour == 12 => 0,
            _ => found.hour,
        };
        let second = (hour * 60 + found.minute) * 60 + found.second;
        let nanoseconds = found.nanoseconds;
        let civil = Civil { year: found.year, month, day, second, nanoseconds };
        if found.is_utc {
            return Ok(Date::from_civil(civil, Zone::Utc));
        }
        let name = found.zone_name.clone();
        if let Some(offset) = found.offset {
            let date = Date::from_civil(civil, Zone::Fixed { name: name.clone(), offset });
            let is_local = local.offset_at(date.unix()) == offset
                && (name.is_empty() || local.name_at(date.unix()) == name);
            return Ok(if is_local { date.in_zone(local.clone()) } else { date });
        }
        if name.is_empty() {
            return Ok(Date::from_civil(civil, local.clone()));
        }
        let shown = Date::from_civil(civil, Zone::Utc);
        if let Some(offset) = local.offset_called(&name, shown.unix()) {
            let date = Date::from_civil(civil, Zone::Fixed { name, offset });
            return Ok(date.in_zone(local.clone()));
        }
        let hours: i64 = name.strip_prefix("GMT").and_then(|h| h.parse().ok()).unwrap_or(0);
        Ok(Date::from_civil(civil, Zone::Fixed { name, offset: hours * 3600 }))
    }

    fn month_and_day(&self) -> Result<(i64, i64), String> {
        let Found { year, month, day, year_day, .. } = self.found;
        if let Some(year_day) = year_day {
            let leap = days_in(year, 2) == 29;
            if year_day < 1 || year_day > 365 + i64::from(leap) {
                return Err(self.error(": day-of-year out of range"));
            }
            let date = Date::from_civil(
                Civil { year, month: 1, day: year_day, second: 0, nanoseconds: 0 },
                Zone::Utc,
            );
            let civil = date.civil();
            if month.is_some_and(|month| month != civil.month) {
                return Err(self.error(": day-of-year does not match month"));
            }
            if day.is_some_and(|day| day != civil.day) {
                return Err(self.error(": day-of-year does not match day"));
            }
            return Ok((civil.month, civil.day));
        }
        let (month, day) = (month.unwrap_or(1), day.unwrap_or(1));
        if day < 1 || day > days_in(year, month) {
            return Err(self.error(": day out of range"));
        }
        Ok((month, day))
    }
}

fn in_range(
    number: i64,
    range: std::ops::RangeInclusive<i64>,
    what: &'static str,
) -> Result<i64, Bad> {
    if range.contains(&number) { Ok(number) } else { Err(Bad::Range(what)) }
}

/// How long the name of a zone is that the text starts with: three letters, or four or five with a
/// T at the end, or a signed number of hours.
fn zone_name_length(text: &str) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix("GMT") {
        return Some(3 + signed_hours_length(rest));
    }
    if text.starts_with(['+', '-']) {
        return Some(signed_hours_length(text)).filter(|&length| length > 0);
    }
    let letters = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match (letters, &text[..letters]) {
        (3, _) | (4, "WITA") => Some(letters),
        (4 | 5, name) if name.ends_with('T') => Some(letters),
        _ => None,
    }
}

fn signed_hours_length(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(['+', '-']) else { return 0 };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let small = digits[..count].parse::<u64>().is_ok_and(|hours| hours <= 23);
    if small { count + 1 } else { 0 }
}

/// Quotes as Go's `time` does: only ASCII stays as it is.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=0x7f => out.push(char::from(byte)),
            _ => append(&mut out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

//! Go's layouts: a date is formatted as the reference date, Mon Jan 2 15:04:05 MST 2006, is written.

use super::Date;
use crate::buffer::append;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A part of a layout that stands for a part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    AmPm,
    AmPmLower,
    Day,
    DayBlank,
    DayZero,
    /// Digits of a second behind a separator; `trims` leaves zeros at the end out.
    Fraction {
        digits: usize,
        separator: char,
        trims: bool,
    },
    Hour,
    Hour12,
    Hour12Zero,
    Minute,
    MinuteZero,
    Month,
    MonthNumber,
    MonthShort,
    MonthZero,
    Offset(Offset),
    Second,
    SecondZero,
    Weekday,
    WeekdayShort,
    Year,
    YearDayBlank,
    YearDayZero,
    YearShort,
    ZoneName,
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// UTC itself is `Z`.
    pub(super) z: bool,
    pub(super) colons: bool,
    /// How many of hours, minutes and seconds.
    pub(super) fields: u8,
}

impl Date {
    /// Formats by a layout.
    pub(crate) fn format(&self, layout: &str) -> String {
        let mut out = String::with_capacity(layout.len() + 10);
        let mut rest = layout;
        while let Some((before, part, length)) = next_part(rest) {
            out.push_str(&rest[..before]);
            self.format_part(&mut out, part);
            rest = &rest[before + length..];
        }
        out.push_str(rest);
        out
    }

    fn format_part(&self, out: &mut String, part: Part) {
        let civil = self.civil();
        let (hour, minute, second) =
            (civil.second / 3600, civil.second / 60 % 60, civil.second % 60);
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let month = usize::try_from(civil.month - 1).map_or("", |index| MONTHS[index]);
        let text = match part {
            Part::AmPm => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
            Part::AmPmLower => if hour >= 12 { "pm" } else { "am" }.to_owned(),
            Part::Day => civil.day.to_string(),
            Part::DayBlank => format!("{:2}", civil.day),
            Part::DayZero => padded(civil.day, 2),
            Part::Fraction { digits, separator, trims } => {
                fraction(civil.nanoseconds, digits, separator, trims)
            }
            Part::Hour => padded(hour, 2),
            Part::Hour12 => hour12.to_string(),
            Part::Hour12Zero => padded(hour12, 2),
            Part::Minute => minute.to_string(),
            Part::MinuteZero => padded(minute, 2),
            Part::Month => month.to_owned(),
            Part::MonthNumber => civil.month.to_string(),
            Part::MonthShort => month[..3].to_owned(),
            Part::MonthZero => padded(civil.month, 2),
            Part::Offset(offset) => self.format_offset(offset),
            Part::Second => second.to_string(),
            Part::SecondZero => padded(second, 2),
            Part::Weekday => WEEKDAYS[self.weekday()].to_owned(),
            Part::WeekdayShort => WEEKDAYS[self.weekday()][..3].to_owned(),
            Part::Year => padded(civil.year, 4),
            Part::YearDayBlank => format!("{:3}", self.year_day()),
            Part::YearDayZero => padded(self.year_day(), 3),
            Part::YearShort => padded(civil.year.abs() % 100, 2),
            Part::ZoneName => {
                let name = self.zone.name_at(self.seconds);
                let shape = Offset { z: false, colons: false, fields: 2 };
                if name.is_empty() { self.format_offset(shape) } else { name }
            }
        };
        out.push_str(&text);
    }

    fn format_offset(&self, shape: Offset) -> String {
        let offset = self.zone.offset_at(self.seconds);
        if shape.z && offset == 0 {
            return "Z".to_owned();
        }
        let sign = if offset / 60 < 0 { '-' } else { '+' };
        let colon = if shape.colons { ":" } else { "" };
        let (minutes, seconds) = ((offset / 60).abs(), offset.abs() % 60);
        let mut text = format!("{sign}{:02}", minutes / 60);
        if shape.fields > 1 {
            append(&mut text, format_args!("{colon}{:02}", minutes % 60));
        }
        if shape.fields > 2 {
            append(&mut text, format_args!("{colon}{seconds:02}"));
        }
        text
    }
}

/// Writes a number with zeros in front; a minus sign does not count.
fn padded(number: i64, width: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{:0width$}", number.unsigned_abs())
}

fn fraction(nanoseconds: u32, digits: usize, separator: char, trims: bool) -> String {
    let all = format!("{nanoseconds:09}");
    // Go pads nothing behind the ninth digit.
    let kept = &all[..digits.min(9)];
    let kept = if trims { kept.trim_end_matches('0') } else { kept };
    if kept.is_empty() { String::new() } else { format!("{separator}{kept}") }
}

/// Finds the first part of a layout: where it starts, what it is and how long.
pub(super) fn next_part(layout: &str) -> Option<(usize, Part, usize)> {
    layout.char_indices().find_map(|(index, _)| {
        let rest = &layout[index..];
        // The underscore of `_2006` is text.
        if rest.starts_with("_2006") {
            return Some((index + 1, Part::Year, 4));
        }
        part_at(rest).map(|(part, length)| (index, part, length))
    })
}

/// The part that a layout starts with. Those that start alike stand longest first.
fn part_at(layout: &str) -> Option<(Part, usize)> {
    let offset = |z, colons, fields| Part::Offset(Offset { z, colons, fields });
    let parts = [
        ("January", Part::Month),
        ("Jan", Part::MonthShort),
        ("Monday", Part::Weekday),
        ("Mon", Part::WeekdayShort),
        ("MST", Part::ZoneName),
        ("01", Part::MonthZero),
        ("02", Part::DayZero),
        ("03", Part::Hour12Zero),
        ("04", Part::MinuteZero),
        ("05", Part::SecondZero),
        ("06", Part::YearShort),
        ("002", Part::YearDayZero),
        ("15", Part::Hour),
        ("1", Part::MonthNumber),
        ("2006", Part::Year),
        ("2", Part::Day),
        ("_2", Part::DayBlank),
        ("__2", Part::YearDayBlank),
        ("3", Part::Hour12),
        ("4", Part::Minute),
        ("5", Part::Second),
        ("PM", Part::AmPm),
        ("pm", Part::AmPmLower),
        ("-070000", offset(false, false, 3)),
        ("-07:00:00", offset(false, true, 3)),
        ("-0700", offset(false, false, 2)),
        ("-07:00", offset(false, true, 2)),
        ("-07", offset(false, false, 1)),
        ("Z070000", offset(true, false, 3)),
        ("Z07:00:00", offset(true, true, 3)),
        ("Z0700", offset(true, false, 2)),
        ("Z07:00", offset(true, true, 2)),
        ("Z07", offset(true, false, 1)),
    ];
    let found = parts.into_iter().find(|(text, part)| {
        // "Month" and "Jane" are words of their own.
        let word = matches!(part, Part::MonthShort | Part::WeekdayShort);
        layout
            .strip_prefix(text)
            .is_some_and(|rest| !(word && rest.starts_with(|c: char| c.is_ascii_lowercase())))
    });
    found.map(|(text, part)| (part, text.len())).or_else(|| fraction_at(layout))
}

/// `.000`, `,999` and so on, unless other digits follow.
fn fraction_at(layout: &str) -> Option<(Part, usize)> {
    let separator = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let rest = &layout[1..];
    let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let behind = rest.trim_start_matches(digit);
    let digits = rest.len() - behind.len();
    let ends = !behind.starts_with(|c: char| c.is_ascii_digit());
    ends.then_some((Part::Fraction { digits, separator, trims: digit == '9' }, digits + 1))
}

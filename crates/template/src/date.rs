//! Moments with a time zone, as Go's `time.Time`, in the proleptic Gregorian calendar.

pub(crate) mod duration;
mod layout;
mod parse;
mod zone;

use std::fmt;

pub(crate) use zone::Zone;

/// A moment, and the zone to show it in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Date {
    /// Since 1970-01-01 00:00 UTC.
    seconds: i64,
    nanoseconds: u32,
    zone: Zone,
}

/// A date and a time of day, in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1; larger months and days flow over into the next year or month.
    pub(crate) month: i64,
    pub(crate) day: i64,
    /// Since midnight.
    pub(crate) second: i64,
    pub(crate) nanoseconds: u32,
}

const DAY: i64 = 24 * 60 * 60;
const NANOSECONDS: i64 = 1_000_000_000;

impl Date {
    /// Go's zero time: the first moment of the year 1.
    pub(crate) const ZERO: Self =
        Self { seconds: -62_135_596_800, nanoseconds: 0, zone: Zone::Utc };

    /// Makes the moment so many seconds after 1970-01-01 00:00 UTC.
    pub(crate) fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        Self { seconds, nanoseconds, zone: Zone::Utc }
    }

    /// Makes the moment at which clocks in `zone` show `civil`.
    pub(crate) fn from_civil(civil: Civil, zone: Zone) -> Self {
        let Civil { year, month, day, second, nanoseconds } = civil;
        let shown = days_before(year, month, day).saturating_mul(DAY).saturating_add(second);
        let guess = shown.saturating_sub(zone.offset_at(shown));
        let seconds = shown.saturating_sub(zone.offset_at(guess));
        Self { seconds, nanoseconds, zone }
    }

    /// Shows the same moment in another zone.
    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..*self }
    }

    /// Moves by nanoseconds.
    pub(crate) fn plus(&self, nanoseconds: i64) -> Self {
        let sum = i64::from(self.nanoseconds) + nanoseconds.rem_euclid(NANOSECONDS);
        let carried = nanoseconds.div_euclid(NANOSECONDS) + sum / NANOSECONDS;
        Self {
            seconds: self.seconds.saturating_add(carried),
            nanoseconds: u32::try_from(sum % NANOSECONDS).unwrap_or(0),
            zone: self.zone.clone(),
        }
    }

    /// Returns the nanoseconds since `earlier`, or the nearest that there are.
    pub(crate) fn since(&self, earlier: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanoseconds = i128::from(self.nanoseconds) - i128::from(earlier.nanoseconds);
        let total = seconds * i128::from(NANOSECONDS) + nanoseconds;
        i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX })
    }

    /// Moves by calendar years, months and days; what overflows goes to the next unit.
    pub(crate) fn plus_calendar(&self, years: i64, months: i64, days: i64) -> Self {
        let civil = self.civil();
        let moved = Civil {
            year: civil.year.saturating_add(years),
            month: civil.month.saturating_add(months),
            day: civil.day.saturating_add(days),
            ..civil
        };
        Self::from_civil(moved, self.zone.clone())
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    pub(crate) fn unix(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds since the last full second.
    pub(crate) fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// What clocks in its zone show.
    pub(crate) fn civil(&self) -> Civil {
        let shown = self.seconds.saturating_add(self.zone.offset_at(self.seconds));
        let (year, month, day) = date_of(shown.div_euclid(DAY));
        let nanoseconds = self.nanoseconds;
        Civil { year, month, day, second: shown.rem_euclid(DAY), nanoseconds }
    }

    /// The day of the year, from 1.
    pub(crate) fn year_day(&self) -> i64 {
        let Civil { year, month, day, .. } = self.civil();
        days_before(year, month, day) - days_before(year, 1, 1) + 1
    }

    /// The day of the week, from 0 for Sunday.
    fn weekday(&self) -> usize {
        let Civil { year, month, day, .. } = self.civil();
        usize::try_from((days_before(year, month, day) + 4).rem_euclid(7)).unwrap_or(0)
    }

    /// Tells whether both are the same moment, whatever their zones.
    pub(crate) fn is_same_moment(&self, other: &Self) -> bool {
        self.instant() == other.instant()
    }

    /// What moments are ordered by.
    pub(crate) fn instant(&self) -> (i64, u32) {
        (self.seconds, self.nanoseconds)
    }
}

/// Prints as Go's `String`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// Days from 1970-01-01 to a date. Months and days outside their range count on.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years far beyond what a clock can show would overflow below, and print as garbage anyway.
    let year = year.clamp(-300_000_000_000, 300_000_000_000);
    let month = month.clamp(-300_000_000_000, 300_000_000_000) - 1;
    let year = year + month.div_euclid(12);
    // Years that start in March have their leap day at the end.
    let month = month.rem_euclid(12);
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468).saturating_add(day.saturating_sub(1))
}

/// The year, month and day, so many days from 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How many days a month of a year has.
fn days_in(year: i64, month: i64) -> i64 {
    days_before(year, month + 1, 1) - days_before(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for days in (-1_000_000..1_000_000).step_by(997) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_before(year, month, day), days);
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(11_016), (2000, 2, 29));
        assert_eq!((days_in(2000, 2), days_in(1900, 2), days_in(2026, 12)), (29, 28, 31));
        assert_eq!(days_before(2026, 14, 0), days_before(2027, 1, 31));
    }

    #[test]
    fn survives_any_number() {
        for seconds in [i64::MIN, i64::MAX] {
            let date = Date::from_unix(seconds, 999_999_999);
            assert!(!date.to_string().is_empty());
            assert!(
                !date
                    .plus(i64::MAX)
                    .plus_calendar(i64::MAX, i64::MAX, i64::MAX)
                    .to_string()
                    .is_empty()
            );
            assert!(
                !date
                    .plus(i64::MIN)
                    .plus_calendar(i64::MIN, i64::MIN, i64::MIN)
                    .to_string()
                    .is_empty()
            );
        }
    }
}

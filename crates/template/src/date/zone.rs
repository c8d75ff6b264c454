//! Time zones: what clocks show, and what the zone is called then.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time zone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Zone {
    Utc,
    /// Always so many seconds east of UTC. Without a name it is called by its offset.
    Fixed {
        name: String,
        offset: i64,
    },
    /// With rules for when it changes.
    Rules(TimeZone),
}

impl Zone {
    /// Reads a zone in the format of the [time zone database](https://www.rfc-editor.org/rfc/rfc9636).
    pub(crate) fn from_tzif(name: &str, bytes: &[u8]) -> Option<Self> {
        TimeZone::tzif(name, bytes).ok().map(Self::Rules)
    }

    /// Seconds east of UTC at a moment.
    pub(super) fn offset_at(&self, seconds: i64) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Fixed { offset, .. } => *offset,
            Self::Rules(rules) => i64::from(rules.to_offset(nearest(seconds)).seconds()),
        }
    }

    /// What the zone is called at a moment; empty if it has no name but its offset.
    pub(super) fn name_at(&self, seconds: i64) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Fixed { name, .. } => name.clone(),
            Self::Rules(rules) => rules.to_offset_info(nearest(seconds)).abbreviation().to_owned(),
        }
    }

    /// The offset that the zone has when it is called `name`, near a moment.
    pub(super) fn offset_called(&self, name: &str, seconds: i64) -> Option<i64> {
        // Half a year around covers summer and winter.
        let half_year = 182 * super::DAY;
        [seconds, seconds.saturating_add(half_year), seconds.saturating_sub(half_year)]
            .into_iter()
            .find(|&seconds| self.name_at(seconds) == name)
            .map(|seconds| self.offset_at(seconds))
    }
}

/// The moment, or the nearest that the rules know.
fn nearest(seconds: i64) -> Timestamp {
    let bounded = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
}

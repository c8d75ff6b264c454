//! What `--stats` says.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::output::human;
use crate::tally::Saved;

/// What a command moved over the network, and what it need not.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsReport {
    bytes_sent: u64,
    bytes_received: u64,
    bytes_saved: SavedReport,
    retries: u64,
    milliseconds: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct SavedReport {
    total: u64,
    cache: u64,
    present: u64,
    mounted: u64,
    resumed: u64,
}

/// A report with the statistics under a key of their own, where they were asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WithStats<T> {
    #[serde(flatten)]
    pub(crate) report: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<StatsReport>,
}

impl StatsReport {
    /// Reports so many bytes sent and received, saved, and so on.
    pub(crate) fn new(
        (bytes_sent, bytes_received): (u64, u64),
        saved: Saved,
        retries: u64,
        time: Duration,
    ) -> Self {
        let Saved { cache, present, mounted, resumed } = saved;
        let total = cache + present + mounted + resumed;
        let bytes_saved = SavedReport { total, cache, present, mounted, resumed };
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self { bytes_sent, bytes_received, bytes_saved, retries, milliseconds }
    }
}

/// `Sent 12 MB, received 2 KB, saved 30 MB (from the cache 20 MB, there already 10 MB) in 3s`.
impl fmt::Display for StatsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |count| human::bytes(count).replace("  ", " ");
        write!(f, "Sent {}, received {}", bytes(self.bytes_sent), bytes(self.bytes_received))?;
        let saved = self.bytes_saved;
        if saved.total > 0 {
            let reasons = [
                ("from the cache", saved.cache),
                ("there already", saved.present),
                ("mounted", saved.mounted),
                ("moved before", saved.resumed),
            ];
            let reasons = reasons.into_iter().filter(|(_, count)| *count > 0);
            let reasons: Vec<String> =
                reasons.map(|(reason, count)| format!("{reason} {}", bytes(count))).collect();
            write!(f, ", saved {} ({})", bytes(saved.total), reasons.join(", "))?;
        }
        match self.retries {
            0 => {}
            1 => write!(f, ", tried again once")?,
            times => write!(f, ", tried again {times} times")?,
        }
        let time = Duration::from_millis(self.milliseconds);
        write!(f, ", in {}", human::duration(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_not_nothing() {
        let second = Duration::from_secs(1);
        let none = StatsReport::new((2048, 1), Saved::default(), 0, second);
        assert_eq!(none.to_string(), "Sent 2 KB, received 1 B, in 1s");
        let saved = Saved { cache: 3 << 20, present: 0, mounted: 0, resumed: 1 << 20 };
        let some = StatsReport::new((0, 0), saved, 2, second);
        assert_eq!(
            some.to_string(),
            "Sent 0 B, received 0 B, saved 4 MB (from the cache 3 MB, moved before 1 MB), \
             tried again 2 times, in 1s"
        );
    }

    #[test]
    fn has_a_key_of_its_own_in_a_report_and_only_when_asked_for() {
        #[derive(Serialize)]
        struct Report {
            a: u64,
        }
        let stats = StatsReport::new((1, 2), Saved::default(), 3, Duration::from_millis(4));
        let with = WithStats { report: Report { a: 5 }, stats: Some(stats) };
        assert_eq!(
            serde_json::to_string(&with).expect("JSON"),
            r#"{"a":5,"stats":{"bytesSent":1,"bytesReceived":2,"bytesSaved":{"total":0,"cache":0,"present":0,"mounted":0,"resumed":0},"retries":3,"milliseconds":4}}"#
        );
        let without = WithStats { report: Report { a: 5 }, stats: None };
        assert_eq!(serde_json::to_string(&without).expect("JSON"), r#"{"a":5}"#);
    }
}

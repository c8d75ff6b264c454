//! Numbers of what the registry has done, for Prometheus.
//!
//! Every label has few values, all known beforehand: no client can add a series.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::access::Access;
use crate::serve::{ServeEvent, Slow};

/// The numbers of one registry, and of the listener in front of it.
///
/// Make a listener's [`observer`](crate::serve::ServeOptions::observer) tell them what befalls
/// connections; requests are counted by the registry itself.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [[AtomicU64; CLASSES.len()]; ROUTES.len()],
    durations: [Histogram; GROUPS.len()],
    received: AtomicU64,
    sent: AtomicU64,
    in_flight: AtomicI64,
    failures: AtomicU64,
    connections: [AtomicU64; EVENTS.len()],
    webhooks: [AtomicU64; OUTCOMES.len()],
    webhooks_waiting: AtomicI64,
    limits: [AtomicU64; Limit::ALL.len()],
}

/// Every value of the label `route`; the last is for whatever is none of the others.
const ROUTES: [&str; 26] = [
    "end-1", "end-2", "end-3", "end-4a", "end-4b", "end-4c", "end-5", "end-6", "end-7a", "end-7b",
    "end-8a", "end-8b", "end-9", "end-10", "end-11", "end-12a", "end-12b", "end-13", "end-14",
    "catalog", "token", "livez", "readyz", "metrics", "gone", "other",
];

/// Every value of the label `status`; `none` is a client that went before it was answered.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Every value of the label `kind` of durations.
const GROUPS: [&str; 4] = ["blob", "manifest", "upload", "other"];

/// Every value of the label `event`.
const EVENTS: [&str; 10] = [
    "paused",
    "refused",
    "slow_handshake",
    "slow_first_byte",
    "slow_head",
    "slow_body",
    "slow_response",
    "tls_on_plain",
    "plain_on_tls",
    "cut",
];

/// Every value of the label `outcome` of events for webhooks.
const OUTCOMES: [&str; 4] = ["delivered", "retried", "given_up", "dropped"];

/// The upper bounds of a histogram's buckets, in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000, 300_000];

#[derive(Debug, Default)]
struct Histogram {
    /// One more than there are bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// In microseconds.
    sum: AtomicU64,
}

impl Histogram {
    fn add(&self, duration: Duration) {
        let milliseconds = duration.as_secs_f64() * 1000.0;
        let place = BOUNDS.iter().position(|bound| milliseconds <= precise(*bound));
        self.buckets[place.unwrap_or(BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }
}

/// What a request can be refused for: the label `limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Rate,
    Logins,
    Uploads,
    UserUploads,
    Quota,
    BlobSize,
    ManifestSize,
    Head,
}

impl Limit {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Rate, "rate"),
        (Self::Logins, "logins"),
        (Self::Uploads, "uploads"),
        (Self::UserUploads, "uploads_of_user"),
        (Self::Quota, "quota"),
        (Self::BlobSize, "blob_size"),
        (Self::ManifestSize, "manifest_size"),
        (Self::Head, "head"),
    ];
}

impl Metrics {
    /// Counts a request that was refused for a limit.
    pub(crate) fn refused(&self, limit: Limit) {
        let place = Limit::ALL.iter().position(|(known, _)| *known == limit);
        self.limits[place.unwrap_or_default()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, access: &Access) {
        let route = access.operation.unwrap_or("other");
        let route = ROUTES.iter().position(|known| *known == route).unwrap_or(ROUTES.len() - 1);
        let class = match access.status {
            Some(status) => usize::from(status.as_u16() / 100).clamp(1, 5) - 1,
            None => CLASSES.len() - 1,
        };
        self.requests[route][class].fetch_add(1, Ordering::Relaxed);
        let group = match ROUTES[route] {
            "end-2" | "end-10" => 0,
            "end-3" | "end-7a" | "end-7b" | "end-9" => 1,
            "end-4a" | "end-4b" | "end-4c" | "end-5" | "end-6" | "end-11" | "end-13" | "end-14" => {
                2
            }
            _ => 3,
        };
        self.durations[group].add(access.duration);
        self.received.fetch_add(access.received, Ordering::Relaxed);
        self.sent.fetch_add(access.sent, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if access.failure.is_some() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts what befell a connection.
    pub fn connection(&self, event: &ServeEvent) {
        let (index, count) = match event {
            ServeEvent::Paused(_) => (0, 1),
            ServeEvent::Refused(_) => (1, 1),
            ServeEvent::Shed(_, Slow::Handshake) => (2, 1),
            ServeEvent::Shed(_, Slow::FirstByte) => (3, 1),
            ServeEvent::Shed(_, Slow::Head) => (4, 1),
            ServeEvent::Shed(_, Slow::Body) => (5, 1),
            ServeEvent::Shed(_, Slow::Response) => (6, 1),
            ServeEvent::Tls(_) => (7, 1),
            ServeEvent::Plain(_) => (8, 1),
            ServeEvent::Cut(count) => (9, *count as u64),
        };
        self.connections[index].fetch_add(count, Ordering::Relaxed);
    }

    /// Counts an event that waits for its receiver.
    pub(crate) fn webhook_queued(&self) {
        self.webhooks_waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an event that waits no more: it was delivered, or given up.
    pub(crate) fn webhook_done(&self, is_delivered: bool) {
        self.webhooks_waiting.fetch_sub(1, Ordering::Relaxed);
        self.webhooks[if is_delivered { 0 } else { 2 }].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an attempt that is followed by another.
    pub(crate) fn webhook_retried(&self) {
        self.webhooks[1].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an event that there was no room for.
    pub(crate) fn webhook_dropped(&self) {
        self.webhooks[3].fetch_add(1, Ordering::Relaxed);
    }

    /// Writes all numbers in Prometheus' text format, with that of the uploads now open.
    pub(crate) fn text(&self, uploads: usize) -> String {
        let mut text = Text(String::with_capacity(16 * 1024));
        text.head("oras_requests_total", "counter", "Requests, by route and class of status.");
        for (route, classes) in ROUTES.iter().zip(&self.requests) {
            for (class, count) in CLASSES.iter().zip(classes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = format!("route=\"{route}\",status=\"{class}\"");
                    text.line("oras_requests_total", &labels, count);
                }
            }
        }
        let name = "oras_request_duration_seconds";
        text.head(name, "histogram", "Time from a request's head to the end of its answer.");
        for (group, histogram) in GROUPS.iter().zip(&self.durations) {
            text.histogram(name, group, histogram);
        }
        for (name, help, count) in [
            ("oras_received_bytes_total", "Bytes of requests' bodies.", &self.received),
            ("oras_sent_bytes_total", "Bytes of answers' bodies.", &self.sent),
            ("oras_failures_total", "Requests that failed on our side.", &self.failures),
        ] {
            text.head(name, "counter", help);
            text.line(name, "", count.load(Ordering::Relaxed));
        }
        text.head("oras_connection_events_total", "counter", "What befell connections.");
        for (event, count) in EVENTS.iter().zip(&self.connections) {
            let labels = format!("event=\"{event}\"");
            text.line("oras_connection_events_total", &labels, count.load(Ordering::Relaxed));
        }
        text.head("oras_refusals_total", "counter", "Requests refused for a limit.");
        for ((_, limit), count) in Limit::ALL.iter().zip(&self.limits) {
            let labels = format!("limit=\"{limit}\"");
            text.line("oras_refusals_total", &labels, count.load(Ordering::Relaxed));
        }
        text.head("oras_webhook_events_total", "counter", "Events for webhooks, by outcome.");
        for (outcome, count) in OUTCOMES.iter().zip(&self.webhooks) {
            let labels = format!("outcome=\"{outcome}\"");
            text.line("oras_webhook_events_total", &labels, count.load(Ordering::Relaxed));
        }
        text.head("oras_webhook_events_waiting", "gauge", "Events not yet delivered or given up.");
        let waiting = self.webhooks_waiting.load(Ordering::Relaxed).max(0);
        text.line("oras_webhook_events_waiting", "", waiting);
        text.head("oras_requests_in_flight", "gauge", "Requests not yet answered to the end.");
        let in_flight = self.in_flight.load(Ordering::Relaxed).max(0);
        text.line("oras_requests_in_flight", "", in_flight);
        text.head("oras_uploads_open", "gauge", "Uploads begun and neither closed nor given up.");
        text.line("oras_uploads_open", "", uploads);
        text.0
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string never fails.
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").unwrap_or_default();
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        match labels {
            "" => writeln!(self.0, "{name} {value}"),
            _ => writeln!(self.0, "{name}{{{labels}}} {value}"),
        }
        .unwrap_or_default();
    }

    fn histogram(&mut self, name: &str, kind: &str, histogram: &Histogram) {
        let mut count = 0;
        for (index, bucket) in histogram.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            let bound = match BOUNDS.get(index) {
                Some(bound) => (precise(*bound) / 1000.0).to_string(),
                None => "+Inf".to_owned(),
            };
            self.line(&format!("{name}_bucket"), &format!("kind=\"{kind}\",le=\"{bound}\""), count);
        }
        let sum = precise(histogram.sum.load(Ordering::Relaxed)) / 1e6;
        self.line(&format!("{name}_sum"), &format!("kind=\"{kind}\""), sum);
        self.line(&format!("{name}_count"), &format!("kind=\"{kind}\""), count);
    }
}

/// Beyond 2^53 the last digits of a sum are of no interest.
#[expect(clippy::cast_precision_loss, reason = "as above")]
fn precise(number: u64) -> f64 {
    number as f64
}

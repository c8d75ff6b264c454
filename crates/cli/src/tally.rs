//! What a command moves over the network, and what it need not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use oras_client::Event;
use oras_client::transport::Volume;

use crate::report::StatsReport;

/// Counts. Safe to use from many tasks.
#[derive(Debug)]
pub(crate) struct Tally {
    /// What went over the network.
    pub(crate) volume: Arc<Volume>,
    saved: Mutex<Saved>,
    retries: AtomicU64,
    begun: Instant,
}

/// How many bytes need not be moved, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// They were in the cache.
    pub(crate) cache: u64,
    /// They were where they were to go.
    pub(crate) present: u64,
    /// The registry took them from another repository.
    pub(crate) mounted: u64,
    /// They had moved before an attempt was broken off.
    pub(crate) resumed: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            volume: Arc::default(),
            saved: Mutex::default(),
            retries: AtomicU64::new(0),
            begun: Instant::now(),
        }
    }
}

impl Tally {
    /// Counts what an event tells.
    pub(crate) fn hear(&self, event: Event<'_>) {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Cached(content) => saved.cache += content.size,
            Event::Exists(content) | Event::Restored(content) => saved.present += content.size,
            Event::Mounted(content) => saved.mounted += content.size,
            Event::Resumed(_, count) => saved.resumed += count,
            _ => {}
        }
    }

    /// Counts bytes that a registry has of an upload.
    pub(crate) fn resumed(&self, count: u64) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).resumed += count;
    }

    /// Counts something that is tried again.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Reports what was counted so far.
    pub(crate) fn report(&self) -> StatsReport {
        let saved = *self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let (sent, received) = (self.volume.sent(), self.volume.received());
        let retries = self.retries.load(Ordering::Relaxed);
        StatsReport::new((sent, received), saved, retries, self.begun.elapsed())
    }
}

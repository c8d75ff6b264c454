//! Which hosts want to be left alone, and until when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

/// How much longer a pause must become to be a new one.
const NOTABLE: Duration = Duration::from_millis(500);

/// The pauses that hosts have asked for, shared by everybody who sends requests to them. Cheap to
/// clone; clones share.
///
/// While a host wants to be left alone nobody asks it anything. Then one request goes first, and
/// the others follow when it was not turned away.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Arc<Mutex<HashMap<String, Arc<Host>>>>);

#[derive(Debug, Default)]
pub(super) struct Host {
    closed_until: Mutex<Option<Instant>>,
    /// Whether the last answer was to come later.
    is_strained: AtomicBool,
    /// Held by who goes first.
    first: tokio::sync::Mutex<()>,
}

impl Pauses {
    pub(super) fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(name.to_owned()).or_default())
    }
}

impl Host {
    /// Waits until the host may be asked. What is returned is to be held until it has answered.
    pub(super) async fn admit(&self) -> Option<MutexGuard<'_, ()>> {
        self.wait().await;
        if !self.is_strained.load(Ordering::Acquire) {
            return None;
        }
        let first = self.first.lock().await;
        self.wait().await;
        self.is_strained.load(Ordering::Acquire).then_some(first)
    }

    async fn wait(&self) {
        loop {
            let until = *self.until();
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Keeps everybody away for `wait`; tells whether that is news.
    pub(super) fn close(&self, wait: Duration) -> bool {
        self.is_strained.store(true, Ordering::Release);
        let end = Instant::now() + wait;
        let mut until = self.until();
        let before = until.unwrap_or_else(Instant::now);
        *until = Some(before.max(end));
        end > before + NOTABLE
    }

    /// Takes note that the host answers.
    pub(super) fn open(&self) {
        self.is_strained.store(false, Ordering::Release);
    }

    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

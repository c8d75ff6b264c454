//! Webhooks: other services are told of changes, without anybody waiting for them.
//!
//! Each has a queue of its own and a task that delivers from it in order. What cannot be delivered
//! is tried again for a while and then given up; what does not fit into the queue is dropped. Both
//! are counted and reported. An event is delivered at least once while the process runs: a receiver
//! that answers late gets it again, with the same `id`. Queues are not kept on disk.

mod delivery;
mod event;
mod hook;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use self::event::EventType;
pub use self::hook::{Webhook, WebhookError};

pub(crate) use self::hook::WebhookTable;

use self::delivery::Delivery;
use self::event::Event;
use crate::change::{Change, ChangeObserver};
use crate::metrics::Metrics;

/// Sends requests of webhooks over the network.
///
/// Implementations check the certificate of an `https` address, follow no redirect, and send no
/// credential of their own. How long they may take is bounded for them.
#[async_trait::async_trait]
pub trait Messenger: fmt::Debug + Send + Sync {
    /// Sends a request and returns the status of its answer, or says why there is none.
    async fn send(&self, request: Request<Bytes>) -> Result<StatusCode, String>;
}

/// An event that its receiver will not hear of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Undelivered {
    /// Where it was to go, without what may be secret: scheme and host.
    pub receiver: String,
    /// The identifier of the event.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// All webhooks of a registry. Give it to
/// [`RegistryBuilder::change_observer`](crate::RegistryBuilder::change_observer).
pub struct Webhooks {
    messenger: Arc<dyn Messenger>,
    metrics: Arc<Metrics>,
    report: Arc<dyn Fn(&Undelivered) + Send + Sync>,
    source: String,
    lines: Mutex<Vec<Line>>,
    is_used: AtomicBool,
    working: Mutex<Vec<JoinHandle<()>>>,
}

/// A webhook, and the way to its queue.
struct Line {
    hook: Arc<Webhook>,
    sender: mpsc::Sender<Arc<Event>>,
    /// Whether it was reported that events are dropped, since one was taken.
    is_full: bool,
}

/// How many events wait for one receiver.
const QUEUE: usize = 1024;

impl Webhooks {
    /// Begins with none; [`replace`](Self::replace) says whom to tell.
    /// `source` is how clients reach the registry, such as
    /// `https://registry.example`, or empty; `metrics` are those of the registry; `report` hears
    /// of what is not delivered, without many words when it is everything.
    pub fn new(
        messenger: Arc<dyn Messenger>,
        source: &str,
        metrics: Arc<Metrics>,
        report: Arc<dyn Fn(&Undelivered) + Send + Sync>,
    ) -> Self {
        Self {
            messenger,
            metrics,
            report,
            source: source.trim_end_matches('/').to_owned(),
            lines: Mutex::default(),
            is_used: AtomicBool::new(false),
            working: Mutex::default(),
        }
    }

    /// Tells these from now on, and nobody else. Those that stay keep their queues; what waits for
    /// others is delivered still. Needs a tokio runtime.
    pub fn replace(&self, hooks: Vec<Webhook>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *lines);
        for hook in hooks {
            let same = before.iter().position(|line| *line.hook == hook);
            let line = same.map(|index| before.swap_remove(index));
            lines.push(line.unwrap_or_else(|| self.begin(hook)));
        }
        self.is_used.store(!lines.is_empty(), Ordering::Relaxed);
    }

    fn begin(&self, hook: Webhook) -> Line {
        let (sender, queue) = mpsc::channel(QUEUE);
        let hook = Arc::new(hook);
        let delivery = Delivery {
            hook: Arc::clone(&hook),
            messenger: Arc::clone(&self.messenger),
            metrics: Arc::clone(&self.metrics),
            report: Arc::clone(&self.report),
        };
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        working.retain(|task| !task.is_finished());
        working.push(tokio::spawn(delivery.run(queue)));
        Line { hook, sender, is_full: false }
    }

    /// Tells nobody of anything new, and waits until what is queued is delivered or given up, but
    /// no longer than `grace`; what is left then is counted as dropped and reported.
    pub async fn drain(&self, grace: Duration) {
        self.replace(Vec::new());
        let tasks =
            std::mem::take(&mut *self.working.lock().unwrap_or_else(PoisonError::into_inner));
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        if tokio::time::timeout(grace, futures_util::future::join_all(tasks)).await.is_err() {
            // A task that is cut says itself what it leaves undone.
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
            while aborts.iter().any(|abort| !abort.is_finished()) {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl ChangeObserver for Webhooks {
    fn observe(&self, change: &Change) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut event = None;
        for line in lines.iter_mut().filter(|line| line.hook.wants(change)) {
            let event = event.get_or_insert_with(|| Arc::new(Event::of(change, &self.source)));
            let sent = line.sender.try_send(Arc::clone(event));
            if sent.is_ok() {
                line.is_full = false;
                self.metrics.webhook_queued();
                continue;
            }
            self.metrics.webhook_dropped();
            if !line.is_full {
                let reason = "too many events wait for it; further ones are dropped".to_owned();
                (self.report)(&line.hook.undelivered(event, reason));
            }
            line.is_full = true;
        }
    }

    fn is_interested(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(lines.iter().map(|line| &line.hook)).finish()
    }
}

#[cfg(test)]
mod tests;

//! Who did what: one record for every request, told when its answer has been sent.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use oras_spec::RepositoryName;

/// A request that is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Access {
    /// The identifier of the request, also told to the client in `X-Request-Id`.
    pub request_id: String,
    /// The method of the request.
    pub method: Method,
    /// The row of the specification's table of endpoints, such as `end-4a`, or `catalog`; nothing
    /// for a request that is none of them.
    pub operation: Option<&'static str>,
    /// The repository the request was about.
    pub repository: Option<RepositoryName>,
    /// The user, if one was asked for.
    pub user: Option<String>,
    /// The status of the answer; nothing if the client went away before there was one.
    pub status: Option<StatusCode>,
    /// Bytes of the request's body that were read.
    pub received: u64,
    /// Bytes of the answer's body that were handed to the connection.
    pub sent: u64,
    /// From the request's headers to the end of the answer.
    pub duration: Duration,
    /// What went wrong on our side, with its causes; not told to the client.
    pub failure: Option<String>,
}

/// Hears of every request when its answer has been sent or given up.
pub trait AccessObserver: Debug + Send + Sync {
    /// Takes notice of a request. Called from the tasks that serve connections: be quick.
    fn observe(&self, access: &Access);
}

/// Tells the observer once, when dropped.
#[derive(Debug)]
pub(crate) struct AccessGuard {
    pub(crate) access: Access,
    started: Instant,
    received: Arc<AtomicU64>,
    observer: Option<Arc<dyn AccessObserver>>,
}

impl AccessGuard {
    pub(crate) fn new(
        request_id: String,
        method: Method,
        observer: Option<Arc<dyn AccessObserver>>,
    ) -> Self {
        let access = Access {
            request_id,
            method,
            operation: None,
            repository: None,
            user: None,
            status: None,
            received: 0,
            sent: 0,
            duration: Duration::ZERO,
            failure: None,
        };
        Self { access, started: Instant::now(), received: Arc::default(), observer }
    }

    /// Where the bytes of the request's body are counted.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    pub(crate) fn sent(&mut self, count: u64) {
        self.access.sent += count;
    }
}

impl Drop for AccessGuard {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            self.access.received = self.received.load(Ordering::Relaxed);
            self.access.duration = self.started.elapsed();
            observer.observe(&self.access);
        }
    }
}

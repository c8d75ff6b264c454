//! Who did what: one record for every request, told when its answer has been sent.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use oras_spec::RepositoryName;
use oras_spec::distribution::Operation;

use crate::metrics::Metrics;
use crate::route::Route;

/// A request that is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Access {
    /// The identifier of the request, also told to the client in `X-Request-Id`.
    pub request_id: String,
    /// The method of the request.
    pub method: Method,
    /// The row of the specification's table of endpoints, such as `end-4a`, or `catalog`; nothing
    /// for a request that is none of them. What the registry tells of itself has names, too:
    /// `token`, `livez`, `readyz`, `metrics`.
    pub operation: Option<&'static str>,
    /// The repository the request was about.
    pub repository: Option<RepositoryName>,
    /// The tag or digest of a manifest, or the digest of a blob, that the request was about.
    pub reference: Option<String>,
    /// Where the request came from; nothing in process.
    pub peer: Option<std::net::IpAddr>,
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
    metrics: Arc<Metrics>,
    observer: Option<Arc<dyn AccessObserver>>,
}

impl AccessGuard {
    pub(crate) fn new(
        request_id: String,
        method: Method,
        metrics: Arc<Metrics>,
        observer: Option<Arc<dyn AccessObserver>>,
    ) -> Self {
        metrics.began();
        let access = Access {
            request_id,
            method,
            operation: None,
            repository: None,
            reference: None,
            peer: None,
            user: None,
            status: None,
            received: 0,
            sent: 0,
            duration: Duration::ZERO,
            failure: None,
        };
        Self { access, started: Instant::now(), received: Arc::default(), metrics, observer }
    }

    /// Notes what the request is about.
    pub(crate) fn note(&mut self, route: &Route) {
        use Operation as O;

        self.access.operation = Some(route.id());
        let Route::Operation(operation) = route else { return };
        self.access.repository = operation.repository().cloned();
        self.access.reference = match operation {
            O::GetManifest { reference, .. }
            | O::HeadManifest { reference, .. }
            | O::PutManifest { reference, .. }
            | O::DeleteManifest { reference, .. } => Some(reference.as_str().to_owned()),
            O::GetBlob { digest, .. }
            | O::HeadBlob { digest, .. }
            | O::DeleteBlob { digest, .. }
            | O::PushBlob { digest, .. }
            | O::MountBlob { digest, .. }
            | O::FinishUpload { digest, .. }
            | O::ListReferrers { digest, .. } => Some(digest.as_str().to_owned()),
            _ => None,
        };
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
        self.access.received = self.received.load(Ordering::Relaxed);
        self.access.duration = self.started.elapsed();
        self.metrics.ended(&self.access);
        if let Some(observer) = &self.observer {
            observer.observe(&self.access);
        }
    }
}

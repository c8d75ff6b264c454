//! Delivery to one receiver: in order, again and again for a while, and never in anybody's way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, Request, StatusCode};
use ring::hmac;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::event::Event;
use super::{Messenger, Undelivered, Webhook};
use crate::metrics::Metrics;

/// What delivers the events of one webhook.
pub(super) struct Delivery {
    pub(super) hook: Arc<Webhook>,
    pub(super) messenger: Arc<dyn Messenger>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) report: Arc<dyn Fn(&Undelivered) + Send + Sync>,
}

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited before an event is sent again: three minutes in all, then it is given up.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_mins(1),
    Duration::from_mins(1),
];

/// Where the signature is, in the way of GitHub, which receivers know.
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
/// [HTTP Protocol Binding for CloudEvents](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#32-structured-content-mode)
const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";

/// Why an event did not arrive.
struct Failure {
    reason: String,
    /// Whether it may arrive another time.
    is_passing: bool,
}

impl Delivery {
    /// Delivers until the queue is closed and empty.
    pub(super) async fn run(self, queue: mpsc::Receiver<Arc<Event>>) {
        let mut rest = Rest { delivery: self, queue, current: None };
        while let Some(event) = rest.queue.recv().await {
            rest.current = Some(Arc::clone(&event));
            let outcome = rest.delivery.deliver(&event).await;
            rest.current = None;
            rest.delivery.metrics.webhook_done(outcome.is_ok());
            if let Err(reason) = outcome {
                (rest.delivery.report)(&rest.delivery.hook.undelivered(&event, reason));
            }
        }
    }

    async fn deliver(&self, event: &Event) -> Result<(), String> {
        let mut pauses = PAUSES.iter();
        loop {
            let failure = match self.attempt(event).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let pause = pauses.next().filter(|_| failure.is_passing);
            let Some(pause) = pause else { return Err(failure.reason) };
            self.metrics.webhook_retried();
            sleep(*pause).await;
        }
    }

    async fn attempt(&self, event: &Event) -> Result<(), Failure> {
        let passing = |reason: String| Failure { reason, is_passing: true };
        let sending = self.messenger.send(self.request(event));
        let answer = timeout(PATIENCE, sending).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let status = answer.map_err(passing)?;
        if status.is_success() {
            return Ok(());
        }
        let is_passing = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        Err(Failure { reason: format!("it answered {status}"), is_passing })
    }

    fn request(&self, event: &Event) -> Request<Bytes> {
        let mut request = Request::post(self.hook.url.clone()).header(CONTENT_TYPE, STRUCTURED);
        if let Some(secret) = &self.hook.secret {
            request = request.header(SIGNATURE, signature(secret, &event.body));
        }
        request.body(event.body.clone()).expect("an address that was one, and legal headers")
    }
}

fn signature(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", digits.collect::<String>())
}

/// What is left to do; says so if it is dropped before it is done.
struct Rest {
    delivery: Delivery,
    queue: mpsc::Receiver<Arc<Event>>,
    current: Option<Arc<Event>>,
}

impl Drop for Rest {
    fn drop(&mut self) {
        let reason = "the registry stopped before it was delivered";
        let mut event = self.current.take();
        while let Some(left) = event.or_else(|| self.queue.try_recv().ok()) {
            self.delivery.metrics.webhook_done(false);
            (self.delivery.report)(&self.delivery.hook.undelivered(&left, reason.to_owned()));
            event = None;
        }
    }
}

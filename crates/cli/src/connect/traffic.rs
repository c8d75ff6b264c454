//! Requests and responses, as entries of the debug log.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use oras_client::remote::Incident;
use oras_client::transport::{LoggedBody, Traffic, TrafficObserver};
use oras_spec::distribution::Warning;
use oras_spec::{Quoted, RegistryName};

use crate::advice;
use crate::context::Context;
use crate::env::Environment;
use crate::output::human;
use crate::output::log::{Level, Log, timestamp_seconds};
use crate::output::notices::{Notice, Notices};
use crate::tally::Tally;
use crate::visible::{visible, visible_lines};

/// Writes down all traffic.
#[derive(Debug)]
pub(super) struct Recorder(Log);

impl Recorder {
    pub(super) fn new(log: Log) -> Self {
        Self(log)
    }
}

impl TrafficObserver for Recorder {
    fn traffic(&self, traffic: Traffic<'_>) {
        match traffic {
            Traffic::Request { id, method, url, headers } => {
                let (method, headers) = (Quoted(method.as_str()), lines(headers));
                self.0.entry(
                    Level::Debug,
                    &format!(
                        "--> Request #{id}\n> Request URL: {}\n> Request method: {method}\n\
                         > Request headers:\n{headers}",
                        Quoted(url)
                    ),
                    &[],
                );
            }
            Traffic::Response { id, status, headers, body } => {
                let headers = lines(headers);
                let body = text(body);
                self.0.entry(
                    Level::Debug,
                    &format!(
                        "<-- Response #{id}\n< Response Status: \"{status}\"\n\
                         < Response headers:\n{headers}\n< Response body:\n{body}"
                    ),
                    &[],
                );
            }
            Traffic::Failed { id, error } => {
                let message = advice::chain(error);
                self.0.entry(
                    Level::Error,
                    &format!("<-- Response #{id}\nError in getting response: {message}"),
                    &[],
                );
            }
            Traffic::Retrying { method, url, attempt, delay, cause } => {
                let seconds = delay.as_secs_f32();
                self.0.entry(
                    Level::Debug,
                    &format!(
                        "retry {attempt} of {method} {} in {seconds:.2} s, after: {cause}",
                        Quoted(url)
                    ),
                    &[],
                );
            }
            _ => {}
        }
    }
}

/// Tells everybody who waits for us when a registry wants to be left alone; and `rest` everything.
pub(super) struct Announcer {
    pub(super) log: Log,
    pub(super) environment: Environment,
    pub(super) notices: Arc<Notices>,
    pub(super) tally: Arc<Tally>,
    pub(super) rest: Arc<dyn TrafficObserver>,
}

impl TrafficObserver for Announcer {
    fn traffic(&self, traffic: Traffic<'_>) {
        self.rest.traffic(traffic);
        if let Traffic::Retrying { method, delay, cause, .. } = traffic {
            self.tally.retried();
            let why = format!("{method}: {cause}; again in {}", seconds(delay));
            self.notices.tell(Notice::Waiting { why: &why, delay });
        }
        if let Traffic::Paused { host, delay, cause } = traffic {
            let end = timestamp_seconds(self.environment.now() + delay);
            let message = format!("{cause}: waiting {} s, until {end}", delay.as_secs());
            self.log.entry(Level::Warning, &message, &[("registry", host)]);
        }
    }
}

/// How long a wait must be to be spoken of where nothing is drawn.
const NOTABLE: Duration = Duration::from_secs(1);

/// Returns what shows what befalls transfers.
pub(super) fn incidents(context: &Context) -> Arc<dyn Fn(Incident<'_>) + Send + Sync> {
    let (tally, notices) = (Arc::clone(&context.tally), Arc::clone(&context.notices));
    let log = context.log(false);
    Arc::new(move |incident| match incident {
        Incident::Broken { digest, offset, delay, cause, .. } => {
            tally.retried();
            let (name, offset) = (&digest.encoded()[..12], human::bytes(offset));
            let why = format!("{name} broke at {offset}: {cause}; again in {}", seconds(delay));
            if !notices.tell(Notice::Waiting { why: &why, delay }) && delay >= NOTABLE {
                log.entry(Level::Warning, &why, &[]);
            }
        }
        Incident::Resumed { digest, offset } => {
            tally.resumed(offset);
            notices.tell(Notice::Resumed { digest, offset });
        }
        _ => {}
    })
}

fn seconds(delay: Duration) -> String {
    format!("{:.1} s", delay.as_secs_f32())
}

/// Shows what the registry wants its users to read.
pub(super) fn warnings(log: Log, name: &RegistryName) -> Arc<dyn Fn(&Warning) + Send + Sync> {
    let registry = name.to_string();
    Arc::new(move |warning| {
        let text = visible(warning.text()).into_owned();
        log.entry(Level::Warning, &text, &[("registry", &registry)]);
    })
}

/// One line for each name, with all its values.
fn lines(headers: &[(String, String)]) -> String {
    if headers.is_empty() {
        return "   Empty header".to_owned();
    }
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let mut lines = String::new();
    for name in names {
        let values = headers.iter().filter(|(other, _)| other == name);
        let values: Vec<String> = values.map(|(_, value)| Quoted(value).to_string()).collect();
        let gap = if lines.is_empty() { "" } else { "\n" };
        write!(lines, "{gap}   {}: {}", Quoted(name), values.join(", "))
            .expect("a string takes all");
    }
    lines
}

fn text(body: LoggedBody<'_>) -> String {
    match body {
        LoggedBody::Text(text) => visible_lines(text).into_owned(),
        LoggedBody::Empty => "   Response body is empty".to_owned(),
        LoggedBody::Redirect => "   Response body for redirect is not printed".to_owned(),
        LoggedBody::Untyped => "   Response body without a content type is not printed".to_owned(),
        LoggedBody::Binary(content_type) => {
            format!("   Response body of content type {} is not printed", Quoted(content_type))
        }
        LoggedBody::TooLarge => {
            "   Response body exceeding the trace size limit is not printed".to_owned()
        }
        LoggedBody::Secret => "   Response body redacted due to potential credentials".to_owned(),
        _ => "   No response body to print".to_owned(),
    }
}

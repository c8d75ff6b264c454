//! Requests and responses, as entries of the debug log.

use std::fmt::Write as _;
use std::sync::Arc;

use oras_client::transport::{LoggedBody, Traffic, TrafficObserver};
use oras_spec::Quoted;

use crate::advice;
use crate::env::Environment;
use crate::output::log::{Level, Log, timestamp_seconds};
use crate::visible::visible_lines;

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
    pub(super) rest: Arc<dyn TrafficObserver>,
}

impl TrafficObserver for Announcer {
    fn traffic(&self, traffic: Traffic<'_>) {
        self.rest.traffic(traffic);
        if let Traffic::Paused { host, delay, cause } = traffic {
            let end = timestamp_seconds(self.environment.now() + delay);
            let message = format!("{cause}: waiting {} s, until {end}", delay.as_secs());
            self.log.entry(Level::Warning, &message, &[("registry", host)]);
        }
    }
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

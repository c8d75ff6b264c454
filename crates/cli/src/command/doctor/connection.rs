//! Is it there: name, connection, TLS, and whether it is a registry at all.

use http::{Request, StatusCode};
use oras_client::transport::Body;
use oras_spec::distribution::ChallengeScheme;

use super::patient::Patient;
use super::report::Report;
use super::skip;
use super::witness::{Record, Witness};
use crate::advice::chain;
use oras_client::transport::Transport as _;

/// Looks at everything below the registry's own language.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    let record = Record::default();
    let witness = Witness::new(std::sync::Arc::clone(&patient.bare), record.clone());
    let mut request = Request::new(Body::empty());
    let Ok(uri) = patient.url("/v2/").parse() else {
        report.fails("dns", format!("{} is no name of a host", patient.name), "");
        return;
    };
    *request.uri_mut() = uri;
    let answer = match witness.send(request).await {
        Ok(answer) => answer,
        Err(error) => return unreachable(patient, &chain(&error), report),
    };
    report.ok("dns", place(patient));
    report.ok("connect", "");
    if patient.plain_http {
        skip(report, &["tls"], "plain HTTP: everything can be read on the way");
    } else if patient.remote.insecure {
        report.ok("tls", "not checked, as --insecure says");
    } else {
        report.ok("tls", "");
    }
    let status = answer.status();
    match status {
        StatusCode::OK => report.ok("ping", "nobody is asked who they are"),
        StatusCode::UNAUTHORIZED => report.ok("ping", "it asks who is there"),
        _ => {
            let why = format!("GET {} was answered with {status}", patient.url("/v2/"));
            let advice =
                "This may be no registry: check its name and port, and what stands between";
            report.fails("ping", why, advice);
        }
    }
    if status != StatusCode::UNAUTHORIZED {
        return skip(report, &["challenge"], "none was given");
    }
    let challenges = record.challenges();
    let is =
        |scheme: &ChallengeScheme| challenges.iter().find(|challenge| challenge.scheme() == scheme);
    if let Some(challenge) = is(&ChallengeScheme::Bearer) {
        let realm = challenge.realm().unwrap_or_default();
        report.ok("challenge", format!("a token, from {realm}"));
    } else if is(&ChallengeScheme::Basic).is_some() {
        report.ok("challenge", "a name and a password");
    } else {
        let advice = "Ask its administrator: without a challenge nobody can log in";
        report.fails("challenge", "there is none that we understand", advice);
    }
}

/// Where the name leads, as far as we decide that.
fn place(patient: &Patient<'_>) -> String {
    let host = patient.url("");
    let host = host.split("://").nth(1).unwrap_or_default().split(':').next().unwrap_or_default();
    let own = patient.remote.resolve.iter().find(|entry| entry.starts_with(&format!("{host}:")));
    own.map_or(String::new(), |entry| format!("as --resolve {entry} says"))
}

/// Finds out what kept us from an answer.
fn unreachable(patient: &Patient<'_>, why: &str, report: &mut Report) {
    let rest: &[&str] = if why.contains("lookup ") {
        let advice = "Check the name; --resolve says where it leads without asking";
        report.fails("dns", why, advice);
        &["connect", "tls", "ping", "challenge"]
    } else if why.contains("server gave HTTP response") {
        report.ok("dns", place(patient));
        report.ok("connect", "");
        let advice = "It speaks HTTP without TLS: use --plain-http if the network is yours";
        report.fails("tls", why, advice);
        &["ping", "challenge"]
    } else if why.contains("x509") || why.contains("tls:") {
        report.ok("dns", place(patient));
        report.ok("connect", "");
        let advice = "Name the certificate of its authority with --ca-file, or check its name";
        report.fails("tls", why, advice);
        &["ping", "challenge"]
    } else if why.contains("connect:") || why.contains("dial tcp") || why.contains("proxyconnect") {
        report.ok("dns", place(patient));
        let advice = "Nothing listens there, or something between does not let us through: check the port, HTTPS_PROXY and NO_PROXY";
        report.fails("connect", why, advice);
        &["tls", "ping", "challenge"]
    } else {
        report.ok("dns", place(patient));
        report.ok("connect", "");
        let advice = if patient.plain_http {
            "It may want TLS: leave --plain-http out, or say --plain-http=false"
        } else {
            "What listens there may be no registry"
        };
        report.fails("ping", why, advice);
        &["challenge"]
    };
    skip(report, rest, "there is no connection");
}

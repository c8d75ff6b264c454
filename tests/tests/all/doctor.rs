//! `oras doctor`, against every registry we know the manners of, against real ones, and against
//! what is none.

use oras_emulator::Profile;
use oras_tests::{Distribution, Emulated, OrasServer, Outcome, Sandbox};
use serde_json::Value;

/// The report, and whether all that was asked for works.
fn report(outcome: Outcome) -> (Value, bool) {
    let works = outcome.status.success();
    let report: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    assert_eq!(report["works"], works, "{outcome:?}");
    if !works {
        outcome.fails();
    }
    (report, works)
}

fn result<'a>(report: &'a Value, check: &str) -> &'a str {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|found| found["check"] == check);
    found.and_then(|found| found["result"].as_str()).unwrap_or_else(|| panic!("{check}: {report}"))
}

fn text<'a>(report: &'a Value, check: &str, field: &str) -> &'a str {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|found| found["check"] == check);
    found.and_then(|found| found[field].as_str()).unwrap_or_else(|| panic!("{check}: {report}"))
}

const STORY: &str = "--config-type application/vnd.docker.volume.v1+tar.gz --layer-type text/plain";

/// What each registry lacks; everything else must work there.
fn lacks(profile: &str) -> &'static [&'static str] {
    match profile {
        "docker-hub" | "gitlab" => &["referrers"],
        "ecr" | "ecr-public" => &["mount", "chunks", "referrers"],
        "quay-3.11" => &["range", "referrers"],
        "quay" => &["range"],
        "ghcr" => &["mount", "referrers", "delete"],
        "distribution" => &["referrers", "delete"],
        _ => &[],
    }
}

#[test]
fn examines_each_registry_and_leaves_no_tag_behind_where_deleting_is_allowed() {
    for profile in Profile::all() {
        let sandbox = Sandbox::new();
        let registry = Emulated::start(&sandbox, profile.name);
        registry.login(&sandbox);
        let types = match profile.name {
            "quay-3.11" | "gitlab" => "--config-type application/vnd.cncf.helm.config.v1+json",
            _ => STORY,
        };
        let line = format!("doctor --write --format json {types} REPO");
        let (report, works) = report(registry.oras(&sandbox, &line));
        assert!(works, "{}: {report:#}", profile.name);
        let checks = report["checks"].as_array().expect("a list").iter();
        let refused: Vec<&str> = checks
            .filter(|check| check["result"] == "refused")
            .filter_map(|check| check["check"].as_str())
            .collect();
        assert_eq!(refused, lacks(profile.name), "{}: {report:#}", profile.name);
        assert_eq!(result(&report, "credential"), "ok", "{report:#}");
        let why = text(&report, "credential", "why");
        let secret = registry.account().password();
        assert!(why.contains(registry.account().username) && !why.contains(&secret), "{why}");
        if !refused.contains(&"delete") {
            registry.oras(&sandbox, "resolve REPO:oras-doctor").fails();
        }
    }
}

#[test]
fn tells_what_old_quay_and_gitlab_make_of_media_types() {
    for profile in ["quay-3.11", "gitlab"] {
        let sandbox = Sandbox::new();
        let registry = Emulated::start(&sandbox, profile);
        registry.login(&sandbox);
        let line = format!("doctor --write --format json {STORY} REPO");
        let (report, works) = report(registry.oras(&sandbox, &line));
        assert!(!works, "{report:#}");
        assert_eq!(result(&report, "push"), "refused");
        let why = text(&report, "push", "why");
        assert!(why.contains("application/vnd.docker.volume.v1+tar.gz"), "{why}");
        assert_eq!(result(&report, "delete"), "skipped");
    }
}

#[test]
fn a_wrong_password_is_told_from_a_missing_one() {
    let sandbox = Sandbox::new();
    let registry = Emulated::start(&sandbox, "distribution");
    let (bare, works) = report(registry.oras(&sandbox, "doctor --format json REPO"));
    assert!(!works, "{bare:#}");
    assert_eq!(result(&bare, "credential"), "skipped");
    assert_eq!(result(&bare, "pull"), "refused");
    let line = "doctor --format json -u oras -p wrong HOST";
    let (wrong, works) = report(registry.oras(&sandbox, line));
    assert!(!works && result(&wrong, "login") == "refused", "{wrong:#}");
    assert!(text(&wrong, "login", "advice").contains("oras login"), "{wrong:#}");
}

#[test]
fn finds_our_own_registry_and_distribution_well() {
    let sandbox = Sandbox::new();
    let own = OrasServer::start(&sandbox);
    let line = format!("doctor --write --format json {STORY} {}/a/b", own.host());
    let (found, works) = report(sandbox.oras(&line));
    assert!(works && result(&found, "referrers") == "ok", "{found:#}");
    for check in ["mount", "chunks", "range", "delete"] {
        assert_eq!(result(&found, check), "ok", "{found:#}");
    }
    let table = sandbox.oras(&format!("doctor {}", own.host())).succeeds();
    assert!(table.starts_with("CHECK") && table.contains("\nping"), "{table}");
    let Some(distribution) = Distribution::start(&sandbox) else { return };
    let line = format!("doctor --write --format json {STORY} {}/a/b", distribution.host());
    let (found, works) = report(sandbox.oras(&line));
    assert!(works && result(&found, "range") == "ok", "{found:#}");
}

#[test]
fn says_what_is_wrong_where_there_is_no_registry() {
    let sandbox = Sandbox::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free.local_addr().expect("an address").port();
    drop(free);
    let (found, works) = report(sandbox.oras(&format!("doctor --format json localhost:{nobody}")));
    assert!(!works && result(&found, "connect") == "refused", "{found:#}");
    assert_eq!(result(&found, "login"), "skipped");

    let own = OrasServer::start(&sandbox);
    let line = format!("doctor --format json --plain-http=false {}", own.host());
    let (found, works) = report(sandbox.oras(&line));
    assert!(!works && result(&found, "tls") == "refused", "{found:#}");
    assert!(text(&found, "tls", "advice").contains("--plain-http"), "{found:#}");

    let registry = Emulated::start(&sandbox, "zot");
    let resolve = registry.flags("").pop().expect("flags");
    let host = registry.host();
    let line = format!("doctor --format json {host} --resolve {resolve}");
    let (found, works) = report(sandbox.oras(&line));
    assert!(!works && result(&found, "tls") == "refused", "{found:#}");
    assert!(text(&found, "tls", "advice").contains("--ca-file"), "{found:#}");

    let (found, works) = report(sandbox.oras("doctor --format json nowhere.invalid"));
    assert!(!works && result(&found, "dns") == "refused", "{found:#}");
    let complaint = sandbox.oras("doctor --write localhost:5000").fails();
    assert!(complaint.contains("--write needs a repository"), "{complaint}");
}

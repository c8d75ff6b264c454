//! No secret is ever printed, whatever is asked for and however much of it is shown.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::output::COMMANDS;
use crate::sandbox::{Listener, Outcome, PASSWORD, Sandbox, USER, oras_in};

/// What must not show: the password of the registry, also as it is sent, and what others send.
const SECRETS: [&str; 5] =
    ["open sesame", "bWU6b3BlbiBzZXNhbWU", "canary-header", "canary-token", "canary-refresh"];

#[track_caller]
fn assert_silent(line: &str, outcome: &Outcome) {
    for secret in SECRETS {
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.contains(secret), "{line}: {secret} in {text}");
        }
    }
}

#[test]
fn no_command_shows_a_secret_in_its_log() {
    let sandbox = Sandbox::closed();
    let run = |line: &str, input: &str| {
        let line = line.replace("HOST", &sandbox.host());
        let outcome =
            oras_in(sandbox.environment(), &line.split_whitespace().collect::<Vec<_>>(), input);
        assert_silent(&line, &outcome);
        outcome
    };
    sandbox.write("hi.txt", "hi");
    sandbox.write("large.bin", "large");
    let wrong = run("login -d HOST -u me --password-stdin", "canary-token");
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert_eq!(run("login -d HOST -u me --password-stdin", PASSWORD).code, 0);
    run("push HOST/c:v0 hi.txt", "");
    for line in COMMANDS {
        let line = line.replace("LARGE", oras_spec::Digest::of(b"large").as_str());
        let is_asking = line.contains("HOST") && !line.contains("--help");
        let has_sides = line.starts_with("cp ");
        let headers =
            if has_sides { "--from-header X-A:canary-header" } else { "-H X-A:canary-header" };
        let line = if is_asking { format!("{line} -d {headers}") } else { line };
        let outcome = run(&line, "");
        assert_eq!(outcome.code, 0, "{line}: {outcome:?}");
        assert!(!is_asking || outcome.stderr.contains("[DEBUG]"), "{line}");
    }
    // A secret that is refused is one still.
    for line in [
        "resolve -d HOST/a:v1",
        "repo ls -d HOST",
        "pull -d HOST/a:v1",
        "blob delete -d -f HOST/a:v1",
    ] {
        let outcome = run(&format!("{line} -u canary-user --password-stdin"), "canary-token");
        assert_eq!(outcome.code, 1, "{line}: {outcome:?}");
    }
    assert_eq!(run("logout HOST", "").code, 0);
    assert!(!USER.is_empty());
}

#[test]
fn tokens_do_not_show_in_the_log() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let registry = Listener::answering(move |request| {
        let builder = http::Response::builder();
        if request.uri.path() == "/token" {
            count.fetch_add(1, Ordering::SeqCst);
            return builder
                .header("content-type", "application/json")
                .body(r#"{"token":"canary-token","refresh_token":"canary-refresh"}"#)
                .expect("a response");
        }
        if request.headers.contains_key("authorization") {
            return builder.status(404).body("").expect("a response");
        }
        let host = request.headers["host"].to_str().expect("text");
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        builder.status(401).header("www-authenticate", challenge).body("").expect("a response")
    });
    let sandbox = Sandbox::new();
    let line = format!("resolve -d {}/a:v1 -u me --password-stdin", registry.host());
    let words: Vec<&str> = line.split_whitespace().collect();
    let outcome = oras_in(sandbox.environment(), &words, PASSWORD);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(asked.load(Ordering::SeqCst) > 0, "{outcome:?}");
    assert!(outcome.stderr.contains("/token"), "{outcome:?}");
    assert_silent(&line, &outcome);
}

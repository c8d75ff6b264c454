//! Services that are told of changes by the real registry, and those that do not listen.

use std::net::TcpListener;
use std::time::Duration;

use oras_tests::evil::Request;
use oras_tests::{Answer, Evil, OrasServer, Part, Sandbox};
use ring::hmac;
use serde_json::Value;

fn start(sandbox: &Sandbox, flags: &[&str]) -> OrasServer {
    OrasServer::start_at(sandbox, &sandbox.path("registry"), "127.0.0.1:0", flags)
}

/// Waits until as many requests came as are wanted.
fn heard(evil: &Evil, count: usize) -> Vec<Request> {
    for _ in 0..600 {
        if evil.requests().len() >= count {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    evil.requests()
}

/// The type, subject and repository of an event.
fn told(request: &Request) -> (String, String, String) {
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&body["type"]), text(&body["subject"]), text(&body["data"]["repository"]))
}

fn signed(request: &Request, secret: &[u8]) -> bool {
    let signature = request.header("x-hub-signature-256").expect("a signature");
    let digits = signature.strip_prefix("sha256=").expect("the algorithm");
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
    let bytes: Vec<u8> = bytes.map(|byte| byte.expect("hexadecimal")).collect();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), &request.body, &bytes).is_ok()
}

#[test]
fn a_webhook_hears_in_order_what_was_pushed_moved_and_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write("secret", "open sesame\n");
    // The first attempt of all fails, and is made again.
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let receiver = Evil::start(move |_| {
        let status =
            if is_first.swap(false, std::sync::atomic::Ordering::SeqCst) { 503 } else { 204 };
        Answer::status(status)
    });
    let url = format!("http://{}/events?key=hidden", receiver.host());
    let server = start(&sandbox, &["--webhook", &url, "--webhook-secret", "secret"]);
    let reference = format!("{}/team/app:v1", server.host());
    sandbox.write("one.txt", "one");
    sandbox.write("two.txt", "two");
    sandbox.oras(&format!("push {reference} one.txt")).succeeds();
    sandbox.oras(&format!("push {reference} two.txt")).succeeds();
    sandbox.oras(&format!("manifest delete --force {reference}")).succeeds();
    let requests = heard(&receiver, 6);
    assert_eq!(requests[0].body, requests[1].body, "the same event again");
    let all: Vec<_> = requests[1..].iter().map(told).collect();
    let kinds: Vec<_> = all.iter().map(|(kind, ..)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "land.oras.manifest.pushed",
            "land.oras.tag.created",
            "land.oras.manifest.pushed",
            "land.oras.tag.moved",
            "land.oras.manifest.deleted",
        ]
    );
    assert!(all.iter().all(|(.., repository)| repository == "team/app"), "{all:?}");
    assert_eq!((&*all[1].1, &*all[3].1), ("v1", "v1"));
    for request in &requests {
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, "/events?key=hidden");
        let kind = request.header("content-type");
        assert_eq!(kind, Some("application/cloudevents+json; charset=utf-8"));
        assert!(signed(request, b"open sesame"), "{request:?}");
    }
    let log = server.stop();
    let secrets = ["open sesame", "hidden"];
    assert!(!log.iter().any(|line| secrets.iter().any(|secret| line.contains(secret))), "{log:#?}");
}

#[test]
fn the_policy_says_who_hears_of_what_and_is_read_again() {
    let sandbox = Sandbox::new();
    let receiver = Evil::start(|_| Answer::status(200));
    let policy = |repositories: &str| {
        format!(
            "[[grant]]\nusers = [\"anonymous\"]\npermissions = [\"all\"]\nrepositories = [\"**\"]\n\
             [[webhook]]\nurl = \"http://{}\"\nsecret_file = \"secret\"\n\
             repositories = [\"{repositories}\"]\nevents = [\"tag.created\"]\n",
            receiver.host()
        )
    };
    sandbox.write("policy.toml", policy("team/**"));
    sandbox.write("secret", "x");
    let server = start(&sandbox, &["--policy", "policy.toml"]);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {host}/other:v1 hi.txt")).succeeds();
    sandbox.oras(&format!("push {host}/team/a:v1 hi.txt")).succeeds();
    let first = told(&heard(&receiver, 1)[0]);
    assert_eq!(first, ("land.oras.tag.created".into(), "v1".into(), "team/a".into()));
    sandbox.write("policy.toml", policy("other"));
    // It looks every two seconds; half a minute is a long time even on a busy machine.
    for index in 0..60 {
        sandbox.oras(&format!("push {host}/other:again{index} hi.txt")).succeeds();
        if receiver.requests().len() > 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(told(&heard(&receiver, 2)[1]).2, "other");
    server.stop();
}

#[test]
fn a_receiver_that_never_answers_slows_no_push_and_is_counted() {
    let sandbox = Sandbox::new();
    // Accepts, by way of the kernel, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port");
    let silent_url = format!("http://{}/", silent.local_addr().expect("an address"));
    let gone_url = format!("http://{gone}/");
    let server = start(&sandbox, &["--webhook", &silent_url, "--webhook", &gone_url]);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    for index in 0..5 {
        sandbox.oras(&format!("push {host}/a:{index} hi.txt")).succeeds();
    }
    if Part::Curl.find().is_some() {
        let mut curl = sandbox.command("curl");
        curl.args(["-sS", &format!("http://{host}/metrics")]);
        let metrics = sandbox.run(&mut curl).succeeds();
        assert!(metrics.contains("oras_webhook_events_waiting 20\n"), "{metrics}");
        assert!(metrics.contains("oras_webhook_events_total{outcome=\"delivered\"} 0\n"));
    }
    // It stops all the same, and says what was not delivered.
    let log = server.stop();
    let lost = log.iter().filter(|line| line.contains("does not hear of")).count();
    assert_eq!(lost, 20, "{log:#?}");
}

//! `oras serve`: what it refuses, and the real program's life from its first line to a signal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

/// `me`, with the password `open-sesame`.
const USERS: &str = "me:$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y\n";

#[test]
fn refuses_what_cannot_be_served() {
    let sandbox = Sandbox::new();
    let complaint = sandbox.oras("serve --addr 0.0.0.0:0").fails();
    assert!(complaint.contains("0.0.0.0:0") && complaint.contains("--insecure"), "{complaint}");
    let complaint = sandbox.oras("serve --addr nonsense").fails();
    assert!(complaint.starts_with("Error: invalid address \"nonsense\""), "{complaint}");
    let complaint = sandbox.oras("serve --addr 127.0.0.1:0 --htpasswd nope").fails();
    assert_eq!(
        complaint.lines().next(),
        Some("Error: failed to open nope: no such file or directory")
    );
    for (flags, wanted) in [
        ("--anonymous none", "nobody could do anything"),
        ("--user a:pull:**", "--user needs --htpasswd"),
        ("--tls-cert x", "need each other"),
        ("--tls-client-ca x", "needs --tls-cert"),
        ("--tls-self-signed --addr 0.0.0.0:0", "anybody could push and delete"),
        ("--anonymous push --tls-self-signed --addr 0.0.0.0:0", "anybody could push and delete"),
        ("--policy policy", "policy: TOML parse error"),
        ("--htpasswd users --url ftp://x", "invalid URL \"ftp://x\""),
        ("--htpasswd users --user eve:pull:**", "there is no user \"eve\""),
        ("--htpasswd users --user me:write:**", "no permission is called \"write\""),
        ("--webhook ftp://x", "\"ftp://x\" is not the http or https address of a webhook"),
        ("--webhook http://x --webhook-secret nope", "failed to open nope"),
        ("--webhook http://x --webhook-secret empty", "empty holds no secret"),
        ("--max-uploads 0", "--max-uploads must be at least 1"),
        ("--max-connections -1", "--max-connections must be at least 1"),
        ("--max-rate -1", "--max-rate must be a number of requests, or 0"),
        ("--max-blob much", "\"much\""),
        ("--webhook-secret users", "--webhook-secret needs --webhook"),
    ] {
        sandbox.write("policy", "nonsense");
        sandbox.write("users", USERS);
        sandbox.write("empty", "\n");
        let complaint = sandbox.oras(&format!("serve --addr 127.0.0.1:0 {flags}")).fails();
        assert!(complaint.contains(wanted), "{flags}: {complaint}");
    }
    sandbox.write("file", "");
    let complaint = sandbox.oras("serve --addr 127.0.0.1:0 --root file").fails();
    assert!(complaint.contains(sandbox.path("file").to_str().expect("UTF-8")), "{complaint}");
    assert!(sandbox.oras("serve extra").fails().starts_with("Error: \"oras serve\" takes no"));
    let taken = sandbox.host().replace("localhost", "127.0.0.1");
    let complaint = sandbox.oras(&format!("serve --root r --addr {taken}")).fails();
    assert!(complaint.contains(&taken) && complaint.contains("--addr"), "{complaint}");
}

#[test]
fn serves_until_a_signal_and_logs_each_request() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
            .args(["serve", "--addr", "127.0.0.1:0"])
            .env_clear()
            .env("XDG_DATA_HOME", sandbox.path("data"))
            .current_dir(sandbox.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("text");
        let address = line.strip_prefix("Serving http://").expect("where it listens").to_owned();
        let line = lines.next().expect("a line").expect("text");
        let root = sandbox.path("data/oras/registry");
        assert_eq!(line, format!("Storing in {}", root.display()));
        assert!(!address.ends_with(":0"), "{address}");

        sandbox.oras(&format!("push {address}/a/b:v1 hi.txt")).succeeds();
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, signal).expect("it is there");
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{status} after {signal:?}");
        let mut log = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
        for wanted in [" HEAD a/b ", " PUT a/b 201 "] {
            assert!(log.contains(wanted), "{wanted} in {log}");
        }
    }
}

/// The status that a registry answers to a manifest whose config it does not have.
fn status_of_sparse_manifest(sandbox: &Sandbox, flags: &[&str]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
        .args(["serve", "--addr", "127.0.0.1:0", "--root", "sparse"])
        .args(flags)
        .env_clear()
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("Serving http://").expect("where it listens");
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{"mediaType":"a/b","digest":"{digest}","size":2}},"layers":[]}}"#
    );
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media_type}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{manifest}",
        manifest.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    child.kill().expect("it is there");
    child.wait().expect("it ends");
    answer.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn takes_manifests_of_missing_blobs_only_when_told_to() {
    let sandbox = Sandbox::new();
    assert_eq!(status_of_sparse_manifest(&sandbox, &[]), "400");
    assert_eq!(status_of_sparse_manifest(&sandbox, &["--allow-sparse"]), "201");
}

#[test]
fn an_interrupted_command_fails_with_the_words_of_go() {
    let sandbox = Sandbox::new();
    // A registry that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = silent.local_addr().expect("bound");
    let child = Command::new(env!("CARGO_BIN_EXE_oras"))
        .args(["resolve", &format!("{address}/a:v1")])
        .env_clear()
        .env("HOME", sandbox.home(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let _connection = silent.accept().expect("it connects");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Error: context canceled\n");
}

#[test]
fn emulates_only_registries_it_knows_and_only_for_this_machine() {
    let sandbox = Sandbox::new();
    let complaint = sandbox.oras("serve --addr 127.0.0.1:0 --emulate nowhere").fails();
    assert!(complaint.contains("no registry \"nowhere\""), "{complaint}");
    for name in ["docker-hub", "ecr", "quay-3.11", "distribution"] {
        assert!(complaint.contains(name), "{complaint}");
    }
    let open = sandbox.oras("serve --insecure --addr 0.0.0.0:0 --emulate quay").fails();
    assert!(open.contains("does not listen on 0.0.0.0:0"), "{open}");
}

#[test]
fn an_emulation_tells_programs_on_one_line_how_to_use_it() {
    let sandbox = Sandbox::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
        .args(["serve", "--addr", "127.0.0.1:0", "--emulate", "docker-hub", "--format", "json"])
        .args(["--emulate-ca", "ca.pem"])
        .env_clear()
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(sandbox.read("ca.pem"), told["ca"].as_str().expect("PEM"));
    sandbox.write("hi.txt", "hi");
    let account = &told["accounts"][0];
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let reference = format!("docker.io/{}:v1", text(&told["repository"]));
    let mut arguments =
        vec!["push".to_owned(), reference, "hi.txt".to_owned(), "--ca-file=ca.pem".to_owned()];
    for entry in told["resolve"].as_array().expect("a list") {
        arguments.push(format!("--resolve={}", text(entry)));
    }
    arguments.push(format!("--username={}", text(&account["username"])));
    arguments.push(format!("--password={}", text(&account["password"])));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = sandbox.oras_with(&arguments);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(told["host"].as_str().expect("a host").starts_with("127.0.0.1:"), "{told}");
}

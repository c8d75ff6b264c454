//! The commands and the policy of the operator's guide, run as they stand.

use oras_tests::{OrasServer, Sandbox};

use crate::readme::{in_workspace, shell_lines};

/// `open-sesame`, hashed with bcrypt at cost 5.
const HASH: &str = "$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y";

/// The words of a command that serves, without where it listens: that is for the test to say.
fn flags(line: &str) -> Option<Vec<String>> {
    let words = line.strip_prefix("oras serve")?.split_whitespace();
    let mut words = words.map(|word| word.trim_matches('\'').to_owned());
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        if word == "--addr" {
            words.next();
        } else {
            flags.push(word);
        }
    }
    Some(flags)
}

#[test]
fn every_registry_of_the_operators_guide_starts() {
    let guide = in_workspace("docs/registry.md");
    let sandbox = Sandbox::new();
    let users = ["ada", "bob", "ci"].map(|name| format!("{name}:{HASH}")).join("\n");
    sandbox.write("users", users);
    sandbox.write("secret", "open-sesame");
    let start = |name: &str, flags: &[String]| {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        OrasServer::start_at(&sandbox, &sandbox.path(name), "127.0.0.1:0", &flags)
    };
    start("first", &["--tls-self-signed".to_owned()]).stop();
    sandbox.write("tls.crt", sandbox.read("first/tls/certificate.pem"));
    sandbox.write("tls.key", sandbox.read("first/tls/key.pem"));
    let commands: Vec<_> = shell_lines(&guide).into_iter().filter_map(flags).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for (index, flags) in commands.iter().enumerate() {
        start(&format!("registry{index}"), flags).stop();
    }
    let policies: Vec<_> = guide.split("```toml\n").skip(1).collect();
    assert!(policies.len() >= 2, "{policies:?}");
    for (index, rest) in policies.into_iter().enumerate() {
        sandbox.write("policy.toml", rest.split("```").next().expect("a policy"));
        let flags = ["--htpasswd", "users", "--policy", "policy.toml"].map(str::to_owned);
        start(&format!("ruled{index}"), &flags).stop();
    }
}

#[test]
fn the_operators_guide_names_every_group_of_flags_and_every_metric() {
    let guide = in_workspace("docs/registry.md");
    let sandbox = Sandbox::new();
    let help = sandbox.oras("serve --help").succeeds();
    for flag in [
        "--addr",
        "--anonymous",
        "--audit-log",
        "--htpasswd",
        "--insecure",
        "--issuer-ca-file",
        "--log-format",
        "--max-blob",
        "--max-connections",
        "--max-connections-per-address",
        "--max-rate",
        "--max-uploads",
        "--mirror",
        "--policy",
        "--root",
        "--tls-cert",
        "--tls-client-ca",
        "--tls-key",
        "--tls-self-signed",
        "--url",
        "--user",
        "--webhook",
        "--webhook-ca-file",
        "--webhook-secret",
        "--gc-interval",
        "--scrub-interval",
        "--durability",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help");
        assert!(guide.contains(flag), "{flag} is not in the guide");
    }
    let metrics = in_workspace("crates/server/src/metrics.rs");
    for name in metrics.split('"').filter(|text| text.starts_with("oras_")) {
        assert!(guide.contains(name), "{name} is not in the guide");
    }
}

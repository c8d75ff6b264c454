//! `oras repo ls` and `oras repo tags`.

use crate::sandbox::{Listener, Sandbox};

fn with_repositories() -> Sandbox {
    let sandbox = Sandbox::new();
    for repository in ["top", "ns/one", "ns/two/x", "nsx"] {
        sandbox.seed(repository, "v1", "");
    }
    sandbox
}

#[test]
fn lists_all_repositories_or_those_of_a_namespace() {
    let sandbox = with_repositories();
    let all = "ns/one\nns/two/x\nnsx\ntop\n";
    for line in ["repo ls HOST", "repo list HOST/", "repository ls HOST", "repository list HOST"] {
        assert_eq!(sandbox.oras(line).succeeds(), all, "{line}");
    }
    assert_eq!(sandbox.oras("repo ls HOST/ns").succeeds(), "one\ntwo/x\n");
    assert_eq!(sandbox.oras("repo ls HOST/ns/two/").succeeds(), "x\n");
    assert_eq!(sandbox.oras("repo ls HOST/none").succeeds(), "");
    assert_eq!(sandbox.oras("repo ls HOST --last ns/two/x").succeeds(), "nsx\ntop\n");
}

#[test]
fn lists_repositories_as_json_with_their_full_names() {
    let sandbox = with_repositories();
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("repo ls HOST/ns --format json").succeeds(),
        format!(
            "{{\n  \"registry\": \"{host}\",\n  \"repositories\": [\n    \"ns/one\",\n    \
             \"ns/two/x\"\n  ]\n}}\n"
        )
    );
    assert_eq!(
        sandbox.oras("repo ls HOST/none --format json").succeeds(),
        format!("{{\n  \"registry\": \"{host}\",\n  \"repositories\": []\n}}\n")
    );
    let format = "go-template={{.registry}}:{{len .repositories}}";
    let words = ["repo", "ls", &host, "--format", format];
    assert_eq!(sandbox.oras_with(&words).succeeds(), format!("{host}:4"));
}

#[test]
fn says_what_is_wrong_with_what_is_to_be_listed() {
    let sandbox = Sandbox::new();
    for (argument, detail) in [
        ("HOST/a:v1", "tags or digests should not be provided"),
        ("HOST/A", "invalid reference: invalid repository \"A\""),
        ("http://HOST", "invalid reference: invalid registry \"http:\""),
    ] {
        assert_eq!(
            sandbox.oras(&format!("repo ls {argument}")).fails(),
            format!("Error: could not parse repository path: {detail}\n")
        );
    }
    let complaint = sandbox.oras("repo ls localhost:1/ns").fails();
    assert_eq!(
        complaint,
        "Error: could not list repositories for \"localhost:1\" with prefix \"ns/\"\n\
         Get \"http://localhost:1/v2/_catalog\": dial tcp 127.0.0.1:1: connect: connection refused\n"
    );
    let refusing = Listener::answering(|_| {
        let body = r#"{"errors":[{"code":"UNSUPPORTED","message":"no catalog"}]}"#;
        http::Response::builder().status(404).body(body).expect("a response")
    });
    assert_eq!(
        sandbox.oras(&format!("repo ls {}", refusing.host())).fails(),
        "Error response from registry: unsupported: no catalog\n"
    );
}

fn with_tags() -> Sandbox {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest.to_string();
    sandbox.seed("a", "v2", "");
    sandbox.seed("a", "v3", "other");
    sandbox.seed("a", &digest.replace(':', "-"), "referrers");
    sandbox
}

#[test]
fn lists_tags() {
    let sandbox = with_tags();
    let digest_tag = sandbox.digest("a", "v1").expect("it is there").replace(':', "-");
    let all = format!("{digest_tag}\nv1\nv2\nv3\n");
    for line in ["repo tags HOST/a", "repo show-tags HOST/a", "repository show-tags HOST/a"] {
        assert_eq!(sandbox.oras(line).succeeds(), all, "{line}");
    }
    assert_eq!(sandbox.oras("repo tags HOST/a --exclude-digest-tags").succeeds(), "v1\nv2\nv3\n");
    assert_eq!(sandbox.oras("repo tags HOST/a --last v1").succeeds(), "v2\nv3\n");
    assert_eq!(
        sandbox.oras("repo tags HOST/a --last v1 --format json").succeeds(),
        "{\n  \"tags\": [\n    \"v2\",\n    \"v3\"\n  ]\n}\n"
    );
    assert_eq!(
        sandbox.oras("repo tags HOST/a --last v3 --format json").succeeds(),
        "{\n  \"tags\": []\n}\n"
    );
    let template = ["--format", "go-template", "--template", "{{range .tags}}{{println .}}{{end}}"];
    let repository = format!("{}/a", sandbox.host());
    let words = [&["repo", "tags", &repository][..], &template].concat();
    assert_eq!(sandbox.oras_with(&words).succeeds(), all);
}

#[test]
fn lists_the_tags_of_one_manifest() {
    let sandbox = with_tags();
    let digest = sandbox.digest("a", "v1").expect("it is there");
    for reference in [":v2".to_owned(), format!("@{digest}")] {
        let outcome = sandbox.oras(&format!("repo tags HOST/a{reference}"));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "v1\nv2\n"));
        assert_eq!(
            outcome.stderr,
            format!(
                "[2000-01-01T00:00:00Z][WARNING]: [Experimental] querying tags associated to \
                 {digest}, it may take a while...\n\n\n\n"
            )
        );
    }
    assert_eq!(
        sandbox.oras("repo tags HOST/a:nope").fails(),
        format!("Error response from registry: {}/a:nope: not found\n", sandbox.host())
    );
}

#[test]
fn the_tags_of_a_repository_that_is_not_there_are_what_the_registry_says() {
    let sandbox = Sandbox::new();
    assert_eq!(
        sandbox.oras("repo tags HOST/nope").fails(),
        "Error response from registry: name unknown: repository name not known to registry: \
         map[name:nope]\n"
    );
}

#[test]
fn names_that_would_command_a_terminal_are_escaped() {
    let sandbox = Sandbox::new();
    let evil = Listener::answering(|_| {
        http::Response::builder()
            .header("Content-Type", "application/json")
            .body("{\"repositories\":[\"a\\u001b[2J\",\"b\\nc\"],\"tags\":[\"\\u202ev1\"]}")
            .expect("a response")
    });
    let host = evil.host();
    assert_eq!(sandbox.oras(&format!("repo ls {host}")).succeeds(), "a\\x1b[2J\nb\\nc\n");
    assert_eq!(sandbox.oras(&format!("repo tags {host}/a")).succeeds(), "\\u202ev1\n");
}

#[test]
fn a_tag_that_goes_while_it_is_looked_at_is_left_out() {
    let sandbox = Sandbox::new();
    let fading = Listener::answering(|request| {
        let response = http::Response::builder();
        match request.uri.path() {
            "/v2/a/tags/list" => response.body("{\"tags\":[\"gone\",\"v1\"]}"),
            "/v2/a/manifests/v1" => response
                .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
                .header("Docker-Content-Digest", oras_spec::Digest::of(b"{}").as_str())
                .body("{}"),
            _ => response.status(404).body(""),
        }
        .expect("a response")
    });
    let outcome = sandbox.oras(&format!("repo tags {}/a:v1", fading.host()));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "v1\n"), "{}", outcome.stderr);
}

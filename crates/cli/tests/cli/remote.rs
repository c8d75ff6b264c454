//! The flags about registries, and what goes wrong on the way to one.

use crate::sandbox::{Listener, Sandbox, oras_in};

#[test]
fn flags_that_exclude_each_other_are_named_in_order() {
    let sandbox = Sandbox::new();
    for (flags, complaint) in [
        ("-u a --identity-token b", "--username, --identity-token cannot be used at the same time"),
        (
            "--identity-token-stdin --identity-token b -u a",
            "--username, --identity-token, --identity-token-stdin cannot be used at the same time",
        ),
        ("-p a --password-stdin", "--password, --password-stdin cannot be used at the same time"),
        ("-p a --identity-token b", "--password, --identity-token cannot be used at the same time"),
        ("--cert-file a", "--cert-file must be used in conjunction with --key-file"),
        ("--key-file a", "--key-file must be used in conjunction with --cert-file"),
        ("-H novalue", "invalid header: \"novalue\""),
        ("--header=:x", "invalid header: \":x\""),
        ("--ca-file nope", "open nope: no such file or directory"),
        (
            "--resolve x:1",
            "failed to parse resolve flag \"x:1\": expecting host:port:address[:address_port]",
        ),
        ("--oci-layout -H a:b", "custom header flags cannot be used on an OCI image layout target"),
    ] {
        let complained = sandbox.oras(&format!("resolve HOST/a:v1 {flags}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{flags}");
    }
    sandbox.write("empty.pem", "no certificate");
    assert_eq!(
        sandbox.oras("resolve HOST/a:v1 --ca-file empty.pem").fails(),
        "Error: Failed to load certificate in file: empty.pem\n"
    );
}

#[test]
fn the_reference_is_checked_before_the_flags_about_the_registry() {
    let sandbox = Sandbox::new();
    let complaint = sandbox.oras("resolve nonsense -H novalue --platform linux").fails();
    assert!(complaint.starts_with("Error: \"nonsense\": invalid reference: "), "{complaint}");
    let complaint = sandbox.oras("resolve nonsense --platform /x").fails();
    assert_eq!(complaint, "Error: invalid platform: OS cannot be empty\n");
}

#[test]
fn a_bad_reference_is_named_with_what_is_wrong_about_it() {
    let sandbox = Sandbox::new();
    for (reference, detail) in [
        ("localhost", "missing registry or repository"),
        ("/a:1", "invalid registry \"\""),
        ("http://localhost/a:1", "invalid registry \"http:\""),
        ("localhost:5000/A:1", "invalid repository \"A\""),
        ("localhost:5000/a:b+c", "invalid tag \"b+c\""),
        ("localhost:5000/a@x", "invalid digest \"x\": invalid checksum digest format"),
    ] {
        assert_eq!(
            sandbox.oras(&format!("resolve {reference}")).fails(),
            format!(
                "Error: \"{reference}\": invalid reference: {detail}\nPlease make sure the \
                 provided reference is in the form of <registry>/<repo>[:tag|@digest]\n"
            )
        );
    }
}

#[test]
fn a_password_on_the_command_line_works_and_is_warned_about() {
    let sandbox = Sandbox::closed();
    let digest = sandbox.seed("a", "v1", "").digest;
    let host = sandbox.host();
    let reference = format!("{host}/a:v1");
    let outcome = sandbox.oras_with(&["resolve", &reference, "-u", "me", "-p", "open sesame"]);
    assert_eq!((outcome.code, outcome.stdout), (0, format!("{digest}\n")));
    assert_eq!(
        outcome.stderr,
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n"
    );
    let outcome = sandbox.oras("resolve HOST/a:v1 --identity-token x");
    assert!(
        outcome.stderr.starts_with(
            "WARNING! Using --identity-token via the CLI is insecure. \
             Use --identity-token-stdin.\n"
        ),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.ends_with("missing username or password for basic auth\n"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_password_is_read_from_standard_input() {
    let sandbox = Sandbox::closed();
    let digest = sandbox.seed("a", "v1", "").digest;
    for input in ["open sesame", "open sesame\n", "open sesame\r\n"] {
        let line = "resolve HOST/a:v1 -u me --password-stdin";
        assert_eq!(sandbox.oras_reading(line, input).succeeds(), format!("{digest}\n"));
    }
    let refused = sandbox.oras_reading("resolve HOST/a:v1 -u me --password-stdin", "wrong\n");
    assert_eq!(
        refused.fails(),
        "Error response from registry: unauthorized: authentication required\n"
    );
}

#[test]
fn a_missing_password_is_said_with_the_file_it_should_be_in() {
    let sandbox = Sandbox::closed();
    assert_eq!(
        sandbox.oras("resolve HOST/a:v1").fails(),
        format!(
            "Error: failed to resolve digest: basic credential not found\nPlease check whether \
             the registry credential stored in the authentication file at \"{}\" is correct\n",
            sandbox.home(".docker/config.json").display()
        )
    );
    assert_eq!(
        sandbox.oras("repo ls HOST").fails(),
        format!(
            "Error: could not list repositories for \"{}\"\nbasic credential not found\n\
             Please check whether the registry credential stored in the authentication file at \
             \"{}\" is correct\n",
            sandbox.host(),
            sandbox.home(".docker/config.json").display()
        )
    );
    assert_eq!(
        sandbox.oras("repo tags HOST/a --registry-config x.json --registry-config y.json").fails(),
        "Error: basic credential not found\nPlease check whether the registry credential stored \
         in the authentication file is correct\n"
    );
}

#[test]
fn nothing_listening_is_said_as_go_says_it() {
    let sandbox = Sandbox::new();
    assert_eq!(
        sandbox.oras("manifest fetch localhost:1/a:v1").fails(),
        "Error: failed to fetch the content of \"localhost:1/a:v1\": \
         Get \"http://localhost:1/v2/a/manifests/v1\": \
         dial tcp 127.0.0.1:1: connect: connection refused\n"
    );
}

#[test]
fn a_name_can_be_given_an_address() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let port = sandbox.host().replace("localhost:", "");
    let line = format!(
        "resolve registry.example:80/a:v1 --plain-http --resolve registry.example:80:127.0.0.1:{port}"
    );
    assert_eq!(sandbox.oras(&line).succeeds(), format!("{digest}\n"));
}

#[test]
fn headers_are_added_to_requests() {
    let sandbox = Sandbox::new();
    let echoing = Listener::answering(|request| {
        let found = request.headers.get("x-test").is_some_and(|value| value == "a:b");
        let status = if found { 418 } else { 400 };
        http::Response::builder().status(status).body("").expect("a response")
    });
    let complaint =
        sandbox.oras_with(&["repo", "tags", &format!("{}/a", echoing.host()), "-H", "X-Test: a:b"]);
    let complaint = complaint.fails();
    assert!(complaint.contains("response status code 418"), "{complaint}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment_but_not_those_to_this_machine() {
    let sandbox = Sandbox::new();
    let digest = sandbox.seed("a", "v1", "").digest;
    let proxy = Listener::answering(|request| {
        let target = request.uri.to_string();
        let status = if target == "http://registry.example/v2/a/tags/list" { 418 } else { 400 };
        http::Response::builder().status(status).body("").expect("a response")
    });
    let environment = sandbox.environment().with("http_proxy", proxy.host());
    let line = ["repo", "tags", "--plain-http", "registry.example/a"];
    let complaint = oras_in(environment.clone(), &line, "").fails();
    assert!(complaint.contains("response status code 418"), "{complaint}");
    let line = ["resolve", &format!("{}/a:v1", sandbox.host())];
    assert_eq!(oras_in(environment, &line, "").succeeds(), format!("{digest}\n"));
}

#[test]
fn the_namespace_that_docker_adds_is_asked_for() {
    let sandbox = Sandbox::new();
    let hub = Listener::answering(|request| {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        let body = if request.method == http::Method::HEAD { "" } else { body };
        let status = if request.uri.path().contains("forbidden") { 403 } else { 401 };
        http::Response::builder().status(status).body(body).expect("a response")
    });
    let port = hub.address.port();
    let flags = format!("--plain-http --resolve registry-1.docker.io:80:127.0.0.1:{port}");
    assert_eq!(
        sandbox.oras(&format!("manifest fetch docker.io/alpine:3 {flags}")).fails(),
        "Error response from registry: unauthorized: authentication required\n\
         Namespace seems missing. Do you mean `oras manifest fetch docker.io/library/alpine:3`?\n"
    );
    assert_eq!(
        sandbox.oras(&format!("manifest fetch docker.io/me/alpine:3 {flags}")).fails(),
        "Error response from registry: unauthorized: authentication required\n"
    );
    for (name, host) in
        [("docker.io/forbidden", "registry-1.docker.io"), ("r.example/a", "r.example")]
    {
        let flags = format!("--plain-http --resolve {host}:80:127.0.0.1:{port}");
        let complaint = sandbox.oras(&format!("manifest fetch {name}:3 {flags}")).fails();
        assert!(!complaint.contains("Namespace seems missing"), "{complaint}");
    }
}

#[test]
fn a_wait_that_the_registry_asks_for_is_shown_with_its_end() {
    let sandbox = Sandbox::new();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let busy = Listener::answering(move |_| {
        let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        let response = http::Response::builder();
        if is_first {
            return response.status(429).header("retry-after", "1").body("").expect("a response");
        }
        response.body(r#"{"name":"a","tags":["v1"]}"#).expect("a response")
    });
    let outcome = sandbox.oras_with(&["repo", "tags", &format!("{}/a", busy.host())]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "v1\n"));
    assert_eq!(
        outcome.stderr,
        format!(
            "[2000-01-01T00:00:00Z][WARNING]: 429 Too Many Requests: waiting 1 s, until \
             2000-01-01T00:00:01Z\n[Data]:\n  registry={}\n\n\n",
            busy.host()
        )
    );
}

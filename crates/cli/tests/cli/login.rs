//! `oras login` and `oras logout`.

use crate::sandbox::{Listener, PASSWORD, Sandbox, USER, oras_in};

/// `me:open sesame`
const AUTH: &str = "bWU6b3BlbiBzZXNhbWU=";

fn config(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.home(".docker/config.json")).expect("a file of credentials")
}

#[test]
fn keeps_what_the_registry_accepts_until_logout() {
    let sandbox = Sandbox::closed();
    let digest = sandbox.seed("a", "v1", "").digest;
    let host = sandbox.host();
    let line = format!("login HOST -u {USER} --password-stdin");
    assert_eq!(sandbox.oras_reading(&line, PASSWORD).succeeds(), "Login Succeeded\n");
    assert_eq!(
        config(&sandbox),
        format!(
            "{{\n\t\"auths\": {{\n\t\t\"{host}\": {{\n\t\t\t\"auth\": \"{AUTH}\"\n\t\t}}\n\t}}\n}}"
        )
    );
    assert_eq!(sandbox.oras("resolve HOST/a:v1").succeeds(), format!("{digest}\n"));
    assert_eq!(sandbox.oras("logout HOST").succeeds(), "");
    assert!(!config(&sandbox).contains(&host));
    assert!(sandbox.oras("resolve HOST/a:v1").fails().contains("basic credential not found"));
    assert_eq!(sandbox.oras("logout HOST").succeeds(), "");
    assert_eq!(sandbox.oras("logout http://never/was").succeeds(), "");
}

#[test]
fn asks_for_what_is_not_said() {
    let sandbox = Sandbox::closed();
    for (line, input) in
        [("login HOST", " me \r\nopen sesame\r\n"), ("login HOST -u me", "open sesame")]
    {
        let said = sandbox.oras_reading(line, input).succeeds();
        let prompts = if line.contains("-u") { "Password: " } else { "Username: Password: " };
        assert_eq!(said, format!("{prompts}Login Succeeded\n"));
        assert!(config(&sandbox).contains(AUTH));
        sandbox.oras("logout HOST").succeeds();
    }
    for (input, prompts, complaint) in [
        ("", "Username: Token: ", "token required"),
        ("\n\n", "Username: Token: ", "token required"),
        ("me\n\n", "Username: Password: ", "password required"),
    ] {
        let outcome = sandbox.oras_reading("login http://nonsense", input);
        assert_eq!(outcome.stdout, prompts);
        assert_eq!(outcome.fails(), format!("Error: {complaint}\n"));
    }
}

#[test]
fn keeps_nothing_that_the_registry_refuses() {
    let sandbox = Sandbox::closed();
    let outcome = sandbox.oras_reading("login HOST -u me --password-stdin", "wrong");
    assert_eq!(
        outcome.fails(),
        "Error response from registry: unauthorized: authentication required\n"
    );
    assert!(!sandbox.home(".docker").exists());
}

#[test]
fn says_what_is_no_registry() {
    let sandbox = Sandbox::new();
    assert_eq!(
        sandbox.oras_reading("login http://localhost:5000 -u me --password-stdin", "x").fails(),
        "Error: invalid reference: invalid registry \"http://localhost:5000\"\n"
    );
    let nothing = Listener::answering(|_| {
        http::Response::builder().status(404).body("page not found").expect("a response")
    });
    let host = nothing.host();
    let line = format!("login {host} -u me --password-stdin");
    assert_eq!(
        sandbox.oras_reading(&line, "x").fails(),
        format!("Error: failed to validate the credentials for {host}: not found\n")
    );
    let outcome = sandbox.oras_reading("login localhost:1 -u me --password-stdin", "x");
    assert_eq!(
        outcome.fails(),
        "Error: failed to validate the credentials for localhost:1: \
         Get \"http://localhost:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused\n"
    );
}

#[test]
fn a_registry_that_asks_for_nothing_accepts_anything() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.oras("login HOST --identity-token secret");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "Login Succeeded\n"));
    assert_eq!(
        outcome.stderr,
        "WARNING! Using --identity-token via the CLI is insecure. Use --identity-token-stdin.\n"
    );
    assert!(config(&sandbox).contains("\"identitytoken\": \"secret\""));
    let outcome = sandbox.oras_reading("login HOST -u a:b --password-stdin", "x");
    assert_eq!(
        outcome.fails(),
        format!(
            "Error: failed to store the credentials for {}: bad credential format: \
             colons(:) are not allowed in username\n",
            sandbox.host()
        )
    );
}

#[test]
fn another_file_takes_the_place_of_dockers() {
    let sandbox = Sandbox::closed();
    sandbox.seed("a", "v1", "");
    let line = "login HOST -u me --password-stdin --registry-config mine.json";
    sandbox.oras_reading(line, PASSWORD).succeeds();
    assert!(sandbox.read("mine.json").contains(AUTH));
    assert!(!sandbox.home(".docker").exists());
    sandbox.oras("resolve HOST/a:v1").fails();
    sandbox.oras("resolve HOST/a:v1 --registry-config mine.json").succeeds();
    sandbox
        .oras("resolve HOST/a:v1 --registry-config no.json --registry-config mine.json")
        .succeeds();
    sandbox.oras("logout HOST --registry-config mine.json").succeeds();
    assert!(!sandbox.read("mine.json").contains(AUTH));
}

#[test]
fn what_docker_has_stored_is_used() {
    let sandbox = Sandbox::closed();
    sandbox.seed("a", "v1", "");
    let auths = format!("{{\"auths\":{{\"http://{}/\":{{\"auth\":\"{AUTH}\"}}}}}}", sandbox.host());
    sandbox.write_secret("docker/config.json", auths);
    let environment = sandbox.environment().with("DOCKER_CONFIG", sandbox.path("docker"));
    let reference = format!("{}/a:v1", sandbox.host());
    oras_in(environment.clone(), &["resolve", &reference], "").succeeds();
    sandbox.write("docker/config.json", "{");
    let complaint = oras_in(environment, &["resolve", &reference], "").fails();
    let path = sandbox.path("docker/config.json");
    let wanted =
        format!("failed to decode config file {}: invalid config format: ", path.display());
    assert!(complaint.contains(&wanted), "{complaint}");
}

#[test]
fn podmans_file_is_asked_after_dockers() {
    let sandbox = Sandbox::closed();
    sandbox.seed("a/b", "v1", "");
    let host = sandbox.host();
    for key in [host.clone(), format!("{host}/a"), format!("{host}/a/b")] {
        sandbox.write_secret(
            "auth.json",
            format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{AUTH}\"}}}}}}"),
        );
        let file = sandbox.path("auth.json");
        let environment = sandbox.environment().with("REGISTRY_AUTH_FILE", &file);
        let reference = format!("{host}/a/b:v1");
        oras_in(environment.clone(), &["resolve", &reference], "").succeeds();
        let other = oras_in(environment, &["resolve", &format!("{host}/other:v1")], "").fails();
        let is_narrow = key != host;
        assert_eq!(other.contains("basic credential not found"), is_narrow, "{key}: {other}");
    }
    let runtime = sandbox.environment().with("XDG_RUNTIME_DIR", sandbox.path("run"));
    sandbox.write_secret(
        "run/containers/auth.json",
        format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{AUTH}\"}}}}}}"),
    );
    oras_in(runtime, &["resolve", &format!("{host}/a/b:v1")], "").succeeds();
}

#[test]
fn a_secret_that_others_can_read_is_used_with_one_warning() {
    let sandbox = Sandbox::closed();
    sandbox.seed("a", "v1", "");
    let host = sandbox.host();
    let entry = |key: &str| format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{AUTH}\"}}}}}}");
    let path = sandbox.write("c/config.json", entry(&host));
    let run = |words: &[&str]| {
        let environment = sandbox.environment().with("DOCKER_CONFIG", sandbox.path("c"));
        oras_in(environment, words, "")
    };
    let (from, to) = (format!("{host}/a:v1"), format!("{host}/b:v1"));
    let private = |words: &[&str]| {
        sandbox.allow("c/config.json", 0o600);
        run(words).succeeds()
    };
    let digest = private(&["resolve", &from]);
    for mode in [0o640, 0o604, 0o644] {
        sandbox.allow("c/config.json", mode);
        let outcome = run(&["resolve", &from]);
        assert_eq!((outcome.code, &outcome.stdout), (0, &digest), "{outcome:?}");
        let path = path.display();
        let warning =
            format!("[WARNING]: {path} holds secrets and others can read it: chmod 600 {path}\n");
        assert!(outcome.stderr.contains(&warning), "{mode:o}: {outcome:?}");
        // Both sides of a copy use it.
        let outcome = run(&["cp", &from, &to]);
        assert_eq!((outcome.code, outcome.stderr.matches("WARNING").count()), (0, 1), "{mode:o}");
    }
    // What is not used is no matter, nor what a helper keeps.
    sandbox.write("c/config.json", entry("elsewhere.example"));
    assert!(!run(&["resolve", &from]).fails().contains("WARNING"));
    sandbox.write("c/config.json", r#"{"credsStore":"absent"}"#);
    assert!(!run(&["resolve", &from]).fails().contains("WARNING"));
    sandbox.write("c/config.json", entry(&host));
    let stated = run(&["resolve", &from, "-u", USER, "-p", PASSWORD]);
    assert_eq!((stated.code, stated.stderr.contains("others can read")), (0, false), "{stated:?}");
}

#[test]
fn explain_tells_where_a_credential_comes_from_but_no_secret() {
    let sandbox = Sandbox::new();
    let explain = |words: &[&str]| {
        let mut line = vec!["login", "--explain"];
        line.extend(words);
        sandbox.oras_with(&line)
    };
    let docker = sandbox.home(".docker/config.json");
    let podman = sandbox.home(".config/containers/auth.json");
    let (docker_path, podman_path) = (docker.display(), podman.display());
    assert_eq!(
        explain(&["quay.io"]).succeeds(),
        format!(
            "Registry:   quay.io\nCredential: none: requests are anonymous\n\
             Looked in:  {docker_path}: no such file\nLooked in:  {podman_path}: no such file\n"
        )
    );
    std::fs::create_dir_all(docker.parent().expect("a parent")).expect("make a directory");
    let text = format!(
        r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{AUTH}"}},"quay.io/org":{{"identitytoken":"canary"}}}}}}"#
    );
    std::fs::write(&docker, text).expect("write a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    std::fs::set_permissions(&docker, mode).expect("set permissions");
    assert_eq!(
        explain(&["docker.io"]).succeeds(),
        format!(
            "Registry:   docker.io\nCredential: password of \"me\"\nFrom:       auths\n\
             File:       {docker_path}\nKey:        https://index.docker.io/v1/\n\
             Looked in:  {docker_path}: found; others may read this file\n"
        )
    );
    let json = explain(&["quay.io/org/app", "--format", "json"]).succeeds();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({
            "registry": "quay.io",
            "repository": "org/app",
            "server": "quay.io",
            "kind": "identity token",
            "username": "",
            "from": "auths",
            "file": docker_path.to_string(),
            "key": "quay.io/org",
            "files": [{
                "file": docker_path.to_string(),
                "key": "quay.io/org",
                "exposed": true,
                "result": "found"
            }]
        })
    );
}

#[test]
fn explain_says_what_keeps_a_credential_from_being_found() {
    let sandbox = Sandbox::new();
    let explain = |words: &[&str]| {
        let mut line = vec!["login", "--explain", "--registry-config", "config.json"];
        line.extend(words);
        sandbox.oras_with(&line)
    };
    sandbox.write("config.json", r#"{"credHelpers":{"ghcr.io":"absent"}}"#);
    let outcome = explain(&["ghcr.io"]);
    assert!(outcome.stdout.contains("by way of docker-credential-absent: failed"), "{outcome:?}");
    assert_eq!(
        outcome.fails(),
        "Error: exec: \"docker-credential-absent\": executable file not found in $PATH\n"
    );
    let said = explain(&["quay.io", "-u", "you", "--format", "go-template={{.kind}} {{.from}}"]);
    assert_eq!(said.succeeds(), "password flags");
    let complaint = explain(&["https://quay.io"]).fails();
    assert!(complaint.starts_with("Error: invalid reference: invalid registry"), "{complaint}");
}

#[test]
fn a_file_of_credentials_that_is_no_use_is_an_error_and_nobody_is_asked_anonymously() {
    let sandbox = Sandbox::new();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let registry = Listener::answering(move |request| {
        let is_token = request.uri.path() == "/token";
        count.fetch_add(usize::from(is_token), std::sync::atomic::Ordering::Relaxed);
        let host = request.headers["host"].to_str().expect("a host").to_owned();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        let response = http::Response::builder().status(401);
        response.header("www-authenticate", challenge).body("").expect("a response")
    });
    sandbox.write("a.txt", "a");
    for (text, complaint) in [
        ("{", "failed to decode config file "),
        (r#"{"auths":{"HOST":{"auth":"!"}}}"#, "failed to decode auth field: "),
        (r#"{"credsStore":"absent"}"#, "executable file not found in $PATH"),
    ] {
        sandbox.write("c/config.json", text.replace("HOST", &registry.host()));
        let environment = sandbox.environment().with("DOCKER_CONFIG", sandbox.path("c"));
        let reference = format!("{}/a:v1", registry.host());
        let said = oras_in(environment, &["push", &reference, "a.txt"], "").fails();
        assert!(said.contains(complaint), "{text}: {said}");
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);
}

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
    sandbox.write("docker/config.json", auths);
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

//! The main job, word for word: push, pull and browse, as anybody, by flags, and after a login.

use oras_tests::{OrasServer, Sandbox};

const CONFIG_TYPE: &str = "application/vnd.docker.volume.v1+tar.gz";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The first digits of the digest of `{"name":"foo","value":"bar"}` and a line feed.
const CONFIG: &str = "98df5c495df6";

/// Compares lines without their order: transfers run side by side.
#[track_caller]
fn assert_lines(found: &str, wanted: &[String]) {
    let mut found: Vec<&str> = found.lines().collect();
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

/// Returns the digest in the last line of a push.
#[track_caller]
fn digest_of(pushed: &str) -> &str {
    pushed.lines().last().and_then(|line| line.strip_prefix("Digest: ")).expect("a digest")
}

/// Tells the story against `host`, with `flags` behind each command.
fn tell(sandbox: &Sandbox, host: &str, flags: &str) {
    let repository = format!("{host}/me/ocitest");
    sandbox.write("build/foo.txt", "bar\n");
    sandbox.write("build/config.json", "{\"name\":\"foo\",\"value\":\"bar\"}\n");

    let files = format!("--config ./build/config.json:{CONFIG_TYPE} ./build/foo.txt:text/plain");
    let first = sandbox.oras(&format!("push {repository}:0.0.1 {files} {flags}")).succeeds();
    let digest = digest_of(&first);
    let short = &digest["sha256:".len()..][..12];
    assert_lines(
        &first,
        &[
            "Preparing build/foo.txt".to_owned(),
            "Uploading 7d865e959b24 build/foo.txt".to_owned(),
            "Uploaded  7d865e959b24 build/foo.txt".to_owned(),
            format!("Uploading {CONFIG} {CONFIG_TYPE}"),
            format!("Uploaded  {CONFIG} {CONFIG_TYPE}"),
            format!("Uploading {short} {MANIFEST_TYPE}"),
            format!("Uploaded  {short} {MANIFEST_TYPE}"),
            format!("Pushed [registry] {repository}:0.0.1"),
            format!("ArtifactType: {CONFIG_TYPE}"),
            format!("Digest: {digest}"),
        ],
    );

    let pulled = sandbox.oras(&format!("pull -o ./pulled {repository}:0.0.1 {flags}")).succeeds();
    assert_lines(
        &pulled,
        &[
            format!("Downloading {short} {MANIFEST_TYPE}"),
            format!("Processing  {short} {MANIFEST_TYPE}"),
            format!("Skipped     {CONFIG} {CONFIG_TYPE}"),
            "Downloading 7d865e959b24 build/foo.txt".to_owned(),
            "Downloaded  7d865e959b24 build/foo.txt".to_owned(),
            format!("Downloaded  {short} {MANIFEST_TYPE}"),
            "Skipped pulling layers without file name in \"org.opencontainers.image.title\""
                .to_owned(),
            format!(
                "Use 'oras copy {repository}:0.0.1 --to-oci-layout <layout-dir>' to pull all layers."
            ),
        ],
    );
    assert_eq!(sandbox.list("pulled"), ["build/", "build/foo.txt"]);
    assert_eq!(sandbox.text("pulled/build/foo.txt"), "bar\n");

    sandbox.write("build/foo.txt", "barbar\n");
    let second = sandbox.oras(&format!("push {repository}:0.0.2 {files} {flags}")).succeeds();
    assert!(second.contains(&format!("Exists    {CONFIG} {CONFIG_TYPE}\n")), "{second}");
    sandbox.oras(&format!("pull -o ./pulled/0.0.2 {repository}:0.0.2 {flags}")).succeeds();
    assert_eq!(sandbox.text("pulled/0.0.2/build/foo.txt"), "barbar\n");
    assert_eq!(sandbox.text("pulled/build/foo.txt"), "bar\n");

    browse(sandbox, host, flags, [digest, digest_of(&second)]);
}

/// Looks at what the story has left in the registry.
fn browse(sandbox: &Sandbox, host: &str, flags: &str, digests: [&str; 2]) {
    let repository = format!("{host}/me/ocitest");
    let list = sandbox.oras(&format!("repository list {host} {flags}")).succeeds();
    assert_eq!(list, "me/ocitest\n");
    let tags = sandbox.oras(&format!("repository show-tags {repository} {flags}")).succeeds();
    assert_eq!(tags, "0.0.1\n0.0.2\n");
    for (tag, digest) in ["0.0.1", "0.0.2"].iter().zip(digests) {
        let resolved = sandbox.oras(&format!("resolve {repository}:{tag} {flags}")).succeeds();
        assert_eq!(resolved, format!("{digest}\n"));
    }
    let manifest = sandbox.oras(&format!("manifest fetch {repository}:0.0.1 {flags}")).succeeds();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest is JSON");
    assert_eq!(manifest["mediaType"], MANIFEST_TYPE);
    assert_eq!(manifest["config"]["mediaType"], CONFIG_TYPE);
    assert_eq!(manifest["layers"][0]["mediaType"], "text/plain");
    let title = &manifest["layers"][0]["annotations"]["org.opencontainers.image.title"];
    assert_eq!(title, "build/foo.txt");
    let digest = digests[0];
    sandbox.oras(&format!("tag {repository}:0.0.1 stable {flags}")).succeeds();
    let resolved = sandbox.oras(&format!("resolve {repository}:stable {flags}")).succeeds();
    assert_eq!(resolved, format!("{digest}\n"));
}

/// Demands that nothing can be read without a password.
#[track_caller]
fn assert_closed(sandbox: &Sandbox, host: &str) {
    let complaint = sandbox.oras(&format!("pull {host}/me/ocitest:0.0.1")).fails();
    assert!(complaint.contains("basic credential not found"), "{complaint}");
    assert!(sandbox.list("me").is_empty());
}

#[test]
fn the_story_holds_on_an_open_registry() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    tell(&sandbox, &server.host(), "");
    server.stop();
}

#[test]
fn the_story_holds_with_a_password_on_the_command_line() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    assert_closed(&sandbox, &server.host());
    tell(&sandbox, &server.host(), "--username me --password open-sesame");
    assert_closed(&sandbox, &server.host());
    assert!(!sandbox.docker_config().exists(), "flags are not stored");
    server.stop();
}

#[test]
fn the_story_holds_after_a_login() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    let host = server.host();
    let login = sandbox.oras(&format!("login {host} -u me -p open-sesame")).succeeds();
    assert_eq!(login, "Login Succeeded\n");
    tell(&sandbox, &host, "");
    assert_eq!(sandbox.oras(&format!("logout {host}")).succeeds(), "");
    assert_closed(&sandbox, &host);
    server.stop();
}

#[test]
fn the_story_holds_with_a_login_that_docker_wrote() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    // `me:open-sesame` in base64, as `docker login` stores it.
    let auths = serde_json::json!({ server.host(): { "auth": "bWU6b3Blbi1zZXNhbWU=" } });
    let config = serde_json::json!({ "auths": auths, "HttpHeaders": { "X-Meta": "kept" } });
    std::fs::write(sandbox.docker_config(), config.to_string()).expect("write config.json");
    tell(&sandbox, &server.host(), "");
    let after = std::fs::read_to_string(sandbox.docker_config()).expect("read config.json");
    assert_eq!(after, config.to_string(), "reading credentials leaves the file as it is");
    server.stop();
}

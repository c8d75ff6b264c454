//! What users get wrong: the message, exit code 1, and nothing half-written.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use oras_tests::{OrasServer, Outcome, Sandbox};

const FORM: &str =
    "Please make sure the provided reference is in the form of <registry>/<repo>[:tag|@digest]";

/// Returns the address of a port at which nothing listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    listener.local_addr().expect("know the port").port()
}

#[test]
fn a_bad_reference_is_named_with_what_is_wrong_about_it() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let cases = [
        ("localhost", "missing registry or repository"),
        ("/a:1", "invalid registry \"\""),
        ("http://localhost/a:1", "invalid registry \"http:\""),
        ("localhost:5000/A:1", "invalid repository \"A\""),
        ("localhost:5000/a//b", "invalid repository \"a//b\""),
        ("localhost:5000/a:b+c", "invalid tag \"b+c\""),
        (
            "localhost:5000/a@sha256:1",
            "invalid digest \"sha256:1\": invalid checksum digest length",
        ),
        ("localhost:5000/a@b", "invalid digest \"b\": invalid checksum digest format"),
        ("localhost:5000/a@md5:00", "invalid digest \"md5:00\": unsupported digest algorithm"),
    ];
    for (reference, detail) in cases {
        for command in ["pull", "resolve", "manifest fetch", "repo tags", "push"] {
            let file = if command == "push" { "hi.txt" } else { "" };
            let complaint = sandbox.oras(&format!("{command} {reference} {file}")).fails();
            let wanted = format!("Error: \"{reference}\": invalid reference: {detail}\n{FORM}\n");
            assert_eq!(complaint, wanted, "oras {command}");
        }
    }
    assert_eq!(sandbox.list(""), ["hi.txt"]);
}

#[test]
fn a_reference_to_nothing_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    for command in ["pull", "resolve", "manifest fetch"] {
        let reference = format!("localhost:{}/a", dead_port());
        let complaint = sandbox.oras(&format!("{command} {reference}")).fails();
        assert_eq!(
            complaint,
            format!(
                "Error: \"{reference}\": no tag or digest specified\n\
                 Usage: oras {command} [flags] <name>{{:<tag>|@<digest>}}\n\
                 Please specify a reference in the form of \"<name>:<tag>\" or \
                 \"<name>@<digest>\". Run \"oras {command} -h\" for more options and examples\n"
            )
        );
    }
}

#[test]
fn a_missing_file_is_named_and_nothing_is_pushed() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    let reference = format!("{}/a:1", server.host());
    let missing = sandbox.path("missing.txt");
    for files in ["missing.txt", "hi.txt missing.txt:text/plain", "--config missing.txt hi.txt"] {
        let complaint = sandbox.oras(&format!("push {reference} {files}")).fails();
        let wanted = format!("Error: stat {}: no such file or directory\n", missing.display());
        assert_eq!(complaint, wanted);
    }
    sandbox.oras(&format!("resolve {reference}")).fails();
    assert_eq!(server.stop().iter().filter(|line| line.contains("PUT")).count(), 0);
}

#[test]
fn an_absolute_path_needs_a_flag() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let path = sandbox.write("hi.txt", "hi");
    let path = path.display();
    let push = format!("push {}/a:1 {path}:text/plain", server.host());
    assert_eq!(
        sandbox.oras(&push).fails(),
        format!(
            "Error: absolute file path detected. If it's intentional, use \
             --disable-path-validation flag to skip this check: {path}\n"
        )
    );
    sandbox.oras(&format!("{push} --disable-path-validation")).succeeds();
}

#[test]
fn a_bad_media_type_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let push = format!("push localhost:{}/a:1 hi.txt", dead_port());
    let long = format!("a/{}", "b".repeat(128));
    for bad in ["bad", "a/b/c", "a/", "/b", "a/b;c", "a b/c", "ä/b", &long] {
        let flags = ["--artifact-type", bad];
        let words: Vec<&str> = push.split(' ').chain(flags).collect();
        let wanted = format!("Error: invalid artifactType format: {bad}: invalid media type\n");
        assert_eq!(sandbox.oras_with(&words).fails(), wanted);
        let config = format!("hi.txt:{bad}");
        let words: Vec<&str> = push.split(' ').chain(["--config", &config]).collect();
        let wanted = format!("Error: invalid config mediaType format: {bad}: invalid media type\n");
        assert_eq!(sandbox.oras_with(&words).fails(), wanted);
    }
}

#[test]
fn a_wrong_password_is_refused_and_not_stored() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    let refused = "Error response from registry: unauthorized: authentication required";
    for command in [
        format!("push {host}/a:1 hi.txt"),
        format!("pull {host}/a:1"),
        format!("manifest fetch {host}/a:1"),
        format!("repo tags {host}/a"),
        format!("repo ls {host}"),
    ] {
        let complaint = sandbox.oras(&format!("{command} -u me -p wrong")).fails();
        let (warning, complaint) = complaint.split_once('\n').expect("two lines");
        assert_eq!(
            warning,
            "WARNING! Using --password via the CLI is insecure. Use --password-stdin."
        );
        assert!(complaint.starts_with(refused), "oras {command}: {complaint}");
    }
    for user in ["me", "nobody"] {
        let complaint = sandbox.oras(&format!("login {host} -u {user} -p wrong")).fails();
        let (_warning, complaint) = complaint.split_once('\n').expect("two lines");
        assert!(complaint.starts_with(refused), "{complaint}");
    }
    assert!(!sandbox.docker_config().exists(), "a wrong password was stored");
    assert!(sandbox.list("registry/repos").is_empty(), "something was pushed");
}

#[test]
fn a_missing_login_points_at_the_file_it_would_be_in() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    let complaint = sandbox.oras(&format!("pull {}/a:1", server.host())).fails();
    let (first, second) = complaint.split_once('\n').expect("two lines");
    assert!(
        first.starts_with("Error: ") && first.ends_with("basic credential not found"),
        "{first}"
    );
    assert_eq!(
        second,
        format!(
            "Please check whether the registry credential stored in the authentication file at \
             \"{}\" is correct\n",
            sandbox.docker_config().display()
        )
    );
}

#[test]
fn a_missing_tag_or_repository_is_said_to_be_so() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {host}/a:1 hi.txt")).succeeds();
    let absent = format!("sha256:{}", "0".repeat(64));
    for reference in [format!("{host}/a:2"), format!("{host}/a@{absent}"), format!("{host}/b:1")] {
        let complaint = |line: String| sandbox.oras(&line).fails();
        let prefix = "Error response from registry: ";
        assert_eq!(
            complaint(format!("pull {reference} -o out")),
            format!("{prefix}{reference}: not found\n")
        );
        assert_eq!(
            complaint(format!("resolve {reference}")),
            format!("{prefix}failed to resolve digest: {reference}: not found\n")
        );
        assert_eq!(
            complaint(format!("manifest fetch {reference}")),
            format!(
                "{prefix}failed to fetch the content of \"{reference}\": {reference}: not found\n"
            )
        );
    }
    let complaint = sandbox.oras(&format!("repo tags {host}/b")).fails();
    assert!(complaint.starts_with("Error response from registry: name unknown"), "{complaint}");
    assert!(sandbox.list("out").is_empty());
}

#[test]
fn nothing_listening_is_told_as_the_request_that_failed() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let port = dead_port();
    let host = format!("127.0.0.1:{port}");
    let refused = format!("dial tcp {host}: connect: connection refused");
    let complaint = sandbox.oras(&format!("pull --plain-http {host}/a:1 -o out")).fails();
    assert_eq!(complaint, format!("Error: Get \"http://{host}/v2/a/manifests/1\": {refused}\n"));
    let complaint = sandbox.oras(&format!("push --plain-http {host}/a:1 hi.txt")).fails();
    assert!(complaint.starts_with(&format!("Error: Head \"http://{host}/v2/a/manifests/sha256:")));
    assert!(complaint.ends_with(&format!("\": {refused}\n")), "{complaint}");
    let complaint = sandbox.oras(&format!("login --plain-http {host} -u me --password x")).fails();
    assert!(complaint.ends_with(&format!("Get \"http://{host}/v2/\": {refused}\n")), "{complaint}");
    assert_eq!(sandbox.list(""), ["hi.txt"]);
    assert!(!sandbox.docker_config().exists());
}

#[test]
fn tls_is_not_given_up_for_a_registry_without_it() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start_closed(&sandbox);
    let host = format!("127.0.0.1:{}", server.address().port());
    let pull = format!("pull --plain-http=false {host}/a:1 -u me -p open-sesame -o out");
    let complaint = sandbox.oras(&pull).fails();
    let (_warning, complaint) = complaint.split_once('\n').expect("two lines");
    assert_eq!(
        complaint,
        format!(
            "Error: Get \"https://{host}/v2/a/manifests/1\": http: server gave HTTP response to \
             HTTPS client\n"
        )
    );
    assert!(sandbox.list("out").is_empty());
}

#[test]
fn two_files_of_one_name_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let push = format!("push localhost:{}/a:1 hi.txt ./hi.txt", dead_port());
    assert_eq!(sandbox.oras(&push).fails(), "Error: hi.txt: duplicate name\n");
}

/// Runs a line as a user who may not write everywhere.
fn run_as_nobody(sandbox: &Sandbox, line: &str) -> Outcome {
    let mut command = sandbox.oras_command(line);
    // Tests may run as root, whom permissions do not bind.
    if rustix::process::geteuid().is_root() {
        let program = sandbox.path("oras");
        // By another process: one that is started meanwhile would inherit our open file, and a
        // program that is open for writing cannot be run.
        if !program.exists() {
            let mut copy = sandbox.command("cp");
            sandbox.run(copy.arg(oras_tests::sandbox::binary()).arg(&program)).succeeds();
        }
        let mut lowered = sandbox.command(program);
        lowered.args(line.split_whitespace()).uid(65534).gid(65534);
        for directory in [sandbox.root(), sandbox.path(""), sandbox.temporary()] {
            chown(directory, Some(65534), Some(65534)).expect("give the directory away");
        }
        command = lowered;
    }
    sandbox.run(&mut command)
}

#[test]
fn a_directory_without_permission_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    let reference = format!("{}/a:1", server.host());
    sandbox.oras(&format!("push {reference} hi.txt")).succeeds();
    sandbox.write("locked/old.txt", "old");
    let lock = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path("locked"), permissions).expect("set a mode");
    };
    lock(0o555);
    for output in ["locked", "locked/deeper"] {
        let complaint = run_as_nobody(&sandbox, &format!("pull {reference} -o {output}")).fails();
        assert!(complaint.starts_with("Error: "), "{complaint}");
        assert!(complaint.contains("locked"), "the directory is not named: {complaint}");
        assert!(complaint.ends_with(": permission denied\n"), "{complaint}");
    }
    assert_eq!(sandbox.list("locked"), ["old.txt"]);

    // A file that may not be read.
    let secret = sandbox.write("secret.txt", "x");
    let permissions = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&secret, permissions).expect("set a mode");
    let push = format!("push {}/b:1 secret.txt", server.host());
    let complaint = run_as_nobody(&sandbox, &push).fails();
    let wanted = format!("open {}: permission denied\n", secret.display());
    assert!(complaint.ends_with(&wanted), "{complaint}");
    sandbox.oras(&format!("resolve {}/b:1", server.host())).fails();
    lock(0o755);
}

#[test]
fn a_layout_that_may_not_be_read_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let target = format!("{}/a:1", server.host());
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push --oci-layout layout:1 hi.txt").succeeds();
    // Whoever may not read it owns it all the same, and could write to it.
    if rustix::process::geteuid().is_root() {
        for name in ["layout", "layout/index.json", "layout/blobs", "layout/blobs/sha256"] {
            chown(sandbox.path(name), Some(65534), Some(65534)).expect("give the layout away");
        }
    }
    let index = sandbox.text("layout/index.json");
    let files = sandbox.list("layout");
    let set = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path(name), permissions).expect("set a mode");
    };
    for (locked, mode) in [("layout/index.json", 0o644), ("layout", 0o755)] {
        set(locked, 0o000);
        for line in [
            "resolve --oci-layout layout:1",
            "repo tags --oci-layout layout",
            &format!("cp --from-oci-layout layout:1 {target}"),
            "cp --from-oci-layout layout:1 --to-oci-layout new:1",
            "push --oci-layout layout:2 hi.txt",
        ] {
            let complaint = run_as_nobody(&sandbox, line).fails();
            assert_eq!(complaint.lines().count(), 1, "{line}: {complaint}");
            assert!(complaint.starts_with("Error: "), "{line}: {complaint}");
            let name = locked.rsplit('/').next().expect("a name");
            let end = format!("{name}: permission denied\n");
            assert!(complaint.ends_with(&end), "{line}: {complaint}");
        }
        set(locked, mode);
        assert_eq!(sandbox.text("layout/index.json"), index);
        assert_eq!(sandbox.list("layout"), files);
        assert!(!sandbox.path("new").exists(), "there is a layout without content");
        sandbox.oras(&format!("resolve {target}")).fails();
    }
}

#[test]
fn a_layout_that_is_half_written_stays_as_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push --oci-layout stored:1 hi.txt").succeeds();
    for (file, text) in [
        ("stored/index.json", r#"{"schemaVersion":2,"mani"#),
        ("stored/index.json", ""),
        ("stored/oci-layout", r#"{"imageLayo"#),
        ("stored/oci-layout", r#"{"imageLayoutVersion":"9.0.0"}"#),
    ] {
        let whole = sandbox.text(file);
        sandbox.write(file, text);
        let files = sandbox.list("stored");
        for line in [
            "resolve --oci-layout stored:1",
            "repo tags --oci-layout stored",
            "cp --from-oci-layout stored:1 --to-oci-layout new:1",
            "push --oci-layout stored:2 hi.txt",
        ] {
            let complaint = sandbox.oras(line).fails();
            assert_eq!(complaint.lines().count(), 1, "{line}: {complaint}");
            assert!(complaint.starts_with("Error: "), "{line}: {complaint}");
            assert!(complaint.contains("invalid OCI Image "), "{line}: {complaint}");
            assert!(!sandbox.path("new").exists(), "there is a layout without content");
        }
        assert_eq!(sandbox.text(file), text);
        assert_eq!(sandbox.list("stored"), files);
        sandbox.write(file, whole);
    }
    sandbox.oras("resolve --oci-layout stored:1").succeeds();
}

#[test]
fn an_output_that_is_a_file_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    let reference = format!("{}/a:1", server.host());
    sandbox.oras(&format!("push {reference} hi.txt")).succeeds();
    sandbox.write("out", "a file");
    let complaint = sandbox.oras(&format!("pull {reference} -o out")).fails();
    assert!(complaint.contains("not a directory"), "{complaint}");
    assert_eq!(sandbox.text("out"), "a file");
}

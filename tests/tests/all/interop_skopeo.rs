//! skopeo against our registry and our layouts, both ways.

use oras_tests::{OrasServer, Sandbox, Skopeo};

/// Pushes an artifact of two files and a directory, and returns its digest.
fn push(sandbox: &Sandbox, flags: &str, reference: &str) -> String {
    sandbox.write("hi.txt", "hi");
    sandbox.write("large.bin", oras_tests::noise(2, 2 << 20));
    sandbox.write("dir/bye.txt", "bye");
    sandbox.oras(&format!("push {flags} {reference} hi.txt:text/plain large.bin dir")).succeeds();
    sandbox.oras(&format!("resolve {flags} {reference}")).succeeds()
}

/// Demands that `reference` holds what [`push`] pushed.
#[track_caller]
fn assert_pulls(sandbox: &Sandbox, flags: &str, reference: &str, digest: &str) {
    assert_eq!(sandbox.oras(&format!("resolve {flags} {reference}")).succeeds(), digest);
    sandbox.oras(&format!("pull {flags} {reference} -o out")).succeeds();
    assert_eq!(sandbox.list("out"), ["dir/", "dir/bye.txt", "hi.txt", "large.bin"]);
    assert_eq!(sandbox.text("out/hi.txt"), "hi");
    assert_eq!(sandbox.text("out/dir/bye.txt"), "bye");
    assert!(sandbox.read("out/large.bin") == oras_tests::noise(2, 2 << 20), "altered on the way");
    std::fs::remove_dir_all(sandbox.path("out")).expect("clear the output");
}

#[test]
fn skopeo_copies_what_we_push_from_our_registry_and_back_into_it() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let digest = push(&sandbox, "", &format!("{host}/ours/a:1"));
    skopeo.copy(&format!("docker://{host}/ours/a:1"), "oci:theirs:1");
    assert_pulls(&sandbox, "--oci-layout", "theirs:1", &digest);
    skopeo.copy("oci:theirs:1", &format!("docker://{host}/theirs/a:1"));
    assert_pulls(&sandbox, "", &format!("{host}/theirs/a:1"), &digest);
    skopeo.copy(&format!("docker://{host}/theirs/a:1"), &format!("docker://{host}/theirs/b:2"));
    assert_pulls(&sandbox, "", &format!("{host}/theirs/b:2"), &digest);
}

#[test]
fn skopeo_reads_our_layout() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let digest = push(&sandbox, "--oci-layout", "ours:1");
    skopeo.copy("oci:ours:1", &format!("docker://{}/from/layout:1", server.host()));
    assert_pulls(&sandbox, "", &format!("{}/from/layout:1", server.host()), &digest);
}

#[test]
fn skopeo_reads_the_archives_and_the_directories_that_we_back_up_to() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let digest = push(&sandbox, "", &format!("{host}/ours/a:1"));
    sandbox.oras(&format!("tag {host}/ours/a:1 2")).succeeds();
    sandbox.oras(&format!("backup {host}/ours/a -o ours.tar")).succeeds();
    sandbox.oras(&format!("backup {host}/ours/a:2 -o ours")).succeeds();
    skopeo.copy("oci-archive:ours.tar:1", &format!("docker://{host}/from/archive:1"));
    assert_pulls(&sandbox, "", &format!("{host}/from/archive:1"), &digest);
    skopeo.copy("oci:ours:2", &format!("docker://{host}/from/directory:2"));
    assert_pulls(&sandbox, "", &format!("{host}/from/directory:2"), &digest);
}

#[test]
fn we_read_the_archives_that_skopeo_writes() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let digest = push(&sandbox, "", &format!("{host}/ours/a:1"));
    skopeo.copy(&format!("docker://{host}/ours/a:1"), "oci-archive:theirs.tar:1");
    assert_pulls(&sandbox, "--oci-layout", "theirs.tar:1", &digest);
    assert_eq!(sandbox.oras("repo tags --oci-layout theirs.tar").succeeds(), "1\n");
    sandbox.oras(&format!("restore --input theirs.tar {host}/from/archive")).succeeds();
    assert_pulls(&sandbox, "", &format!("{host}/from/archive:1"), &digest);
    let copied = format!("cp --from-oci-layout theirs.tar:1 {host}/copied/a:1");
    sandbox.oras(&copied).succeeds();
    assert_pulls(&sandbox, "", &format!("{host}/copied/a:1"), &digest);
}

#[test]
fn skopeo_inspects_and_lists_and_deletes_in_our_registry() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/ours/a:1", server.host());
    let digest = push(&sandbox, "", &reference);
    sandbox.oras(&format!("tag {reference} 2")).succeeds();
    let raw = skopeo.run(&format!("inspect --tls-verify=false --raw docker://{reference}"));
    let manifest = sandbox.oras(&format!("manifest fetch {reference}")).succeeds();
    assert_eq!(raw.succeeds(), manifest);
    let tags =
        skopeo.run(&format!("list-tags --tls-verify=false docker://{}/ours/a", server.host()));
    let tags: serde_json::Value = serde_json::from_str(&tags.succeeds()).expect("JSON");
    assert_eq!(tags["Tags"], serde_json::json!(["1", "2"]));
    skopeo.run(&format!("delete --tls-verify=false docker://{reference}")).succeeds();
    let complaint = sandbox.oras(&format!("resolve {reference}")).fails();
    assert!(complaint.contains("not found"), "{digest} is still there: {complaint}");
}

#[test]
fn skopeo_logs_in_to_our_registry() {
    let sandbox = Sandbox::new();
    let Some(skopeo) = Skopeo::find(&sandbox) else { return };
    let server = OrasServer::start_closed(&sandbox);
    let host = server.host();
    sandbox.oras(&format!("login {host} -u me -p open-sesame")).succeeds();
    let digest = push(&sandbox, "", &format!("{host}/ours/a:1"));
    let login = |password: &str| {
        let auth = sandbox.path("auth.json");
        let auth = auth.display();
        let flags = format!("--authfile {auth} --tls-verify=false -u me -p {password}");
        skopeo.run(&format!("login {flags} {host}"))
    };
    let wrong = login("wrong");
    assert!(!wrong.status.success(), "{wrong:?}");
    login("open-sesame").succeeds();
    let auth = sandbox.path("auth.json");
    let copy =
        format!("copy --authfile {} --preserve-digests --src-tls-verify=false", auth.display());
    skopeo.run(&format!("{copy} docker://{host}/ours/a:1 oci:theirs:1")).succeeds();
    assert_pulls(&sandbox, "--oci-layout", "theirs:1", &digest);
}

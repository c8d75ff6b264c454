//! Our client against the CNCF distribution registry.

use oras_tests::{Distribution, OrasServer, Sandbox};

const CREATED: &str = "org.opencontainers.image.created=2000-01-01T00:00:00Z";

#[test]
fn distribution_keeps_what_we_push_and_gives_it_back() {
    let sandbox = Sandbox::new();
    let Some(registry) = Distribution::start(&sandbox) else { return };
    let host = registry.host();
    let large = oras_tests::noise(1, 3 << 20);
    sandbox.write("large.bin", &large);
    sandbox.write("dir/hi.txt", "hi");
    sandbox.write("empty", "");

    let files = "large.bin dir empty:text/plain";
    let pushed = sandbox.oras(&format!("push {host}/a/b:1,2 -a {CREATED} {files}")).succeeds();
    assert!(pushed.contains("Tagged 2\n"), "{pushed}");
    sandbox.oras(&format!("pull {host}/a/b:2 -o out")).succeeds();
    assert_eq!(sandbox.list("out"), ["dir/", "dir/hi.txt", "empty", "large.bin"]);
    assert!(sandbox.read("out/large.bin") == large, "the large file came back altered");
    assert_eq!(sandbox.text("out/dir/hi.txt"), "hi");

    sandbox.oras(&format!("tag {host}/a/b:1 stable newest")).succeeds();
    let digest = sandbox.oras(&format!("resolve {host}/a/b:stable")).succeeds();
    assert!(pushed.ends_with(&format!("Digest: {digest}")), "{digest} is not in {pushed}");
    // This registry lists tags in no order.
    let tags = sandbox.oras(&format!("repo tags {host}/a/b")).succeeds();
    let mut tags: Vec<&str> = tags.lines().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["1", "2", "newest", "stable"]);
    assert_eq!(sandbox.oras(&format!("repo ls {host}")).succeeds(), "a/b\n");
}

#[test]
fn distribution_and_our_registry_hold_the_same_bytes() {
    let sandbox = Sandbox::new();
    let Some(theirs) = Distribution::start(&sandbox) else { return };
    let ours = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    sandbox.write("config.json", "{\"a\":1}");
    for flags in ["", "--config config.json:x/y", "--artifact-type x/y --config config.json:x/z"] {
        let manifests = [theirs.host(), ours.host()].map(|host| {
            let reference = format!("{host}/same:1");
            sandbox.oras(&format!("push {reference} -a {CREATED} {flags} hi.txt")).succeeds();
            let digest = sandbox.oras(&format!("resolve {reference}")).succeeds();
            (digest, sandbox.oras(&format!("manifest fetch {reference}")).succeeds())
        });
        assert_eq!(manifests[0], manifests[1]);
    }
}

#[test]
fn what_distribution_refuses_is_shown_as_it_says_it() {
    let sandbox = Sandbox::new();
    let Some(registry) = Distribution::start(&sandbox) else { return };
    let host = registry.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {host}/a:1 hi.txt")).succeeds();
    let complaint = sandbox.oras(&format!("pull {host}/a:2")).fails();
    assert_eq!(complaint, format!("Error response from registry: {host}/a:2: not found\n"));
    let complaint = sandbox.oras(&format!("repo tags {host}/nope")).fails();
    assert_eq!(
        complaint,
        "Error response from registry: name unknown: repository name not known to registry: \
         map[name:nope]\n"
    );
}

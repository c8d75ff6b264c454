//! `oras serve --mirror` in front of the CNCF distribution registry.

use oras_tests::{Distribution, OrasServer, Sandbox};

fn mirror(sandbox: &Sandbox, upstream: &str) -> OrasServer {
    let mirror = format!("up=http://{upstream}");
    let root = sandbox.path("mirror");
    OrasServer::start_at(sandbox, &root, "127.0.0.1:0", &["--mirror", &mirror])
}

#[test]
fn what_is_pulled_through_a_mirror_can_be_pulled_when_the_upstream_is_gone() {
    let sandbox = Sandbox::new();
    let Some(upstream) = Distribution::start(&sandbox) else { return };
    let theirs_host = upstream.host();
    let theirs = format!("{theirs_host}/team/app");
    let large = oras_tests::noise(7, 5 << 20);
    sandbox.write("large.bin", &large);
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {theirs}:v1 large.bin hi.txt")).succeeds();
    sandbox.oras(&format!("push {theirs}:v2 hi.txt")).succeeds();

    let mirror = mirror(&sandbox, &theirs_host);
    let ours = format!("{}/up/team/app", mirror.host());
    sandbox.oras(&format!("pull {ours}:v1 -o one")).succeeds();
    assert!(sandbox.read("one/large.bin") == large, "the large file came through altered");
    let digests =
        [&ours, &theirs].map(|name| sandbox.oras(&format!("resolve {name}:v1")).succeeds());
    assert_eq!(digests[0], digests[1]);
    let mut tags: Vec<String> =
        sandbox.oras(&format!("repo tags {ours}")).succeeds().lines().map(str::to_owned).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["v1", "v2"]);
    let refused = sandbox.oras(&format!("push {ours}:v3 hi.txt")).fails();
    assert!(refused.contains("takes no pushes"), "{refused}");
    let missing = sandbox.oras(&format!("pull {ours}:v9")).fails();
    assert!(missing.contains("not found"), "{missing}");

    drop(upstream);
    // Another process knows only what was kept.
    mirror.stop();
    let mirror = self::mirror(&sandbox, &theirs_host);
    let ours = format!("{}/up/team/app", mirror.host());
    let kept = sandbox.oras(&format!("pull {ours}:v1 -o two"));
    assert!(kept.stderr.contains("this may be old"), "{}", kept.stderr);
    kept.succeeds();
    assert!(sandbox.read("two/large.bin") == large, "the large file was not kept whole");
    // What nobody has asked for is not there.
    let gone = sandbox.oras(&format!("pull {ours}:v2")).fails();
    assert!(gone.contains("the upstream failed"), "{gone}");
    mirror.stop();
}

#[test]
fn a_flag_that_names_no_registry_is_refused_before_anything_is_served() {
    let sandbox = Sandbox::new();
    let complaint = sandbox.oras("serve --addr 127.0.0.1:0 --mirror localhost:5000").fails();
    assert_eq!(
        complaint,
        "Error: invalid mirror \"localhost:5000\": \"localhost:5000\" cannot be the beginning of a \
         repository's name\nName a registry such as docker.io, or a prefix and a registry such as \
         hub=docker.io\n"
    );
}

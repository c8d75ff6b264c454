//! Many programs write to one layout at the same time, and none undoes what another has done.

use oras_tests::{OrasServer, Running, Sandbox};

const COPIES: usize = 20;

#[test]
fn twenty_copies_into_one_layout_at_once_keep_twenty_tags() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let tags: Vec<String> = (10..10 + COPIES).map(|number| format!("v{number}")).collect();
    for tag in &tags {
        sandbox.write(&format!("{tag}.txt"), tag);
        sandbox.oras(&format!("push {host}/a:{tag} {tag}.txt")).succeeds();
    }
    let running: Vec<Running> = tags
        .iter()
        .map(|tag| {
            let line = format!("cp {host}/a:{tag} --to-oci-layout layout:{tag}");
            Running::start(&mut sandbox.oras_command(&line))
        })
        .collect();
    for copy in running {
        copy.finish().succeeds();
    }
    let listed = sandbox.oras("repo tags --oci-layout layout").succeeds();
    assert_eq!(listed.lines().collect::<Vec<_>>(), tags);
    for tag in &tags {
        sandbox.oras(&format!("pull --oci-layout layout:{tag} -o out")).succeeds();
        assert_eq!(sandbox.text(&format!("out/{tag}.txt")), *tag);
    }
    // Nothing half-done is left beside them.
    let left = sandbox.list("layout");
    assert!(!left.iter().any(|name| name.contains(".partial")), "{left:?}");
    assert!(!left.iter().any(|name| name.starts_with("ingest/") && *name != "ingest/"), "{left:?}");
}

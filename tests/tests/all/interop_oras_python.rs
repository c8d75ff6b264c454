//! `oras` for Python against our registry, and our client on what it wrote.

use oras_tests::{Distribution, OrasPython, OrasServer, Sandbox};

const PUSH: &str = "
answer = client.push(target=sys.argv[1], files=sys.argv[2:])
print(answer.headers['Docker-Content-Digest'])";
const PUSH_CHUNKED: &str = "
client.push(target=sys.argv[1], files=sys.argv[2:], do_chunked=True, chunk_size=100000)";
const PULL: &str = "
for name in sorted(client.pull(target=sys.argv[1], outdir=sys.argv[2])): print(name)";
const TAGS: &str = "print(*client.get_tags(sys.argv[1]))";
const READ_LAYOUT: &str = "
from oras.layout import NewLayout
for digest in NewLayout(sys.argv[1]).get_ordered_blobs(sys.argv[2]): print(digest)";
const WRITE_LAYOUT: &str = "
from oras.layout import NewLayoutFromRegistry
NewLayoutFromRegistry(sys.argv[1], client, sys.argv[2], tag='theirs')";

#[test]
fn python_reads_our_layout_and_we_read_what_python_writes() {
    let sandbox = Sandbox::new();
    let Some(python) = OrasPython::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/ours/a:1", server.host());
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {reference} hi.txt")).succeeds();
    let digest = sandbox.oras(&format!("resolve {reference}")).succeeds();
    sandbox.oras(&format!("cp {reference} --to-oci-layout layout:mine")).succeeds();
    let read = python.run(READ_LAYOUT, &["layout", "mine"]).succeeds();
    assert_eq!(read.lines().last(), Some(digest.trim_end()));
    assert_eq!(read.lines().count(), 3, "layer, config, manifest: {read}");
    python.run(WRITE_LAYOUT, &["theirs", &reference]).succeeds();
    sandbox.oras("pull --oci-layout theirs:theirs -o out").succeeds();
    assert_eq!(sandbox.text("out/hi.txt"), "hi");
}

#[test]
fn we_read_what_python_wrote_into_our_registry() {
    let sandbox = Sandbox::new();
    let Some(python) = OrasPython::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/py/a:1", server.host());
    let large = oras_tests::noise(3, 1 << 20);
    sandbox.write("large.bin", &large);
    sandbox.write("dir/bye.txt", "bye");
    let digest = python.run(PUSH, &[&reference, "large.bin:x/y", "dir/bye.txt"]).succeeds();
    assert_eq!(sandbox.oras(&format!("resolve {reference}")).succeeds(), digest);
    sandbox.oras(&format!("pull {reference} -o out")).succeeds();
    assert!(sandbox.read("out/large.bin") == large, "altered on the way");
    // It takes the last part of a path for the title.
    assert_eq!(sandbox.list("out"), ["bye.txt", "large.bin"]);
    assert_eq!(sandbox.text("out/bye.txt"), "bye");

    let chunked = format!("{}/py/chunked:1", server.host());
    sandbox.write("larger.bin", oras_tests::noise(5, 1 << 20));
    python.run(PUSH_CHUNKED, &[&chunked, "larger.bin"]).succeeds();
    sandbox.oras(&format!("pull {chunked} -o chunked")).succeeds();
    assert!(
        sandbox.read("chunked/larger.bin") == oras_tests::noise(5, 1 << 20),
        "altered in chunks"
    );
}

#[test]
fn python_reads_what_we_wrote_into_our_registry() {
    let sandbox = Sandbox::new();
    let Some(python) = OrasPython::find(&sandbox) else { return };
    let server = OrasServer::start(&sandbox);
    let repository = format!("{}/ours/a", server.host());
    let large = oras_tests::noise(4, 1 << 20);
    sandbox.write("large.bin", &large);
    sandbox.write("dir/hi.txt", "hi");
    sandbox.oras(&format!("push {repository}:1,2 large.bin dir/hi.txt:text/plain")).succeeds();
    python.run(PULL, &[&format!("{repository}:2"), "out"]).succeeds();
    assert_eq!(sandbox.list("out"), ["dir/", "dir/hi.txt", "large.bin"]);
    assert!(sandbox.read("out/large.bin") == large, "altered on the way");
    assert_eq!(python.run(TAGS, &[&repository]).succeeds(), "1 2\n");
}

/// One registry for the bytes of another maker, ours for the same bytes: the digest is the same.
#[test]
fn python_gets_the_same_digest_from_our_registry_as_from_distribution() {
    let sandbox = Sandbox::new();
    let Some(python) = OrasPython::find(&sandbox) else { return };
    let Some(theirs) = Distribution::start(&sandbox) else { return };
    let ours = OrasServer::start(&sandbox);
    sandbox.write("hi.txt", "hi");
    let digests = [theirs.host(), ours.host()].map(|host| {
        let reference = format!("{host}/same:1");
        let digest = python.run(PUSH, &[&reference, "hi.txt"]).succeeds();
        assert_eq!(sandbox.oras(&format!("resolve {reference}")).succeeds(), digest);
        digest
    });
    assert_eq!(digests[0], digests[1]);
}

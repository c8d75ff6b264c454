//! The archives that pushed directories become, byte for byte.
//!
//! The archive is a tarball as Go writes it: USTAR; the directory itself first, then everything
//! below in the order of bytes; directories without a slash behind; no owner; modes and times kept,
//! times in whole seconds. Its digest is in an annotation. What is pushed is the archive behind
//! gzip, whose bytes depend on the compressor; only its header is fixed.

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use oras_spec::Digest;
use oras_tests::{OrasServer, Sandbox};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

const TIME: i64 = 1_700_000_000;

/// Makes `tree` with a file, a link, and a directory with a file, all with fixed modes and times.
fn make_tree(sandbox: &Sandbox) {
    sandbox.write("tree/a.txt", "hi");
    sandbox.write("tree/sub/b.sh", "bye");
    symlink("sub/b.sh", sandbox.path("tree/link")).expect("make a link");
    let modes =
        [("tree", 0o755), ("tree/a.txt", 0o640), ("tree/sub", 0o750), ("tree/sub/b.sh", 0o755)];
    for (name, mode) in modes {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path(name), permissions).expect("set a mode");
    }
    for name in ["tree", "tree/a.txt", "tree/link", "tree/sub", "tree/sub/b.sh"] {
        set_time(&sandbox.path(name));
    }
}

fn set_time(path: &Path) {
    let time = Timespec { tv_sec: TIME, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("set a time");
}

/// Writes one entry of a tarball: a header block by the USTAR format, then the padded content.
fn entry(name: &str, kind: u8, mode: u32, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}\0"));
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, &format!("{TIME:011o}\0"));
    put(148, "        ");
    put(157, link);
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Writes the tarball of [`make_tree`]'s directory, by the rules and by hand.
fn wanted_tarball() -> Vec<u8> {
    let mut bytes = [
        entry("tree", b'5', 0o755, "", b""),
        entry("tree/a.txt", b'0', 0o640, "", b"hi"),
        entry("tree/link", b'2', 0o777, "sub/b.sh", b""),
        entry("tree/sub", b'5', 0o750, "", b""),
        entry("tree/sub/b.sh", b'0', 0o755, "", b"bye"),
    ]
    .concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn a_directory_becomes_the_archive_of_the_rules() {
    let sandbox = Sandbox::new();
    make_tree(&sandbox);
    let created = "org.opencontainers.image.created=2000-01-01T00:00:00Z";
    sandbox.oras(&format!("push --oci-layout layout:1 -a {created} tree/")).succeeds();
    let manifest = sandbox.oras("manifest fetch --oci-layout layout:1").succeeds();
    let json: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest is JSON");
    let layer = json["layers"][0]["digest"].as_str().expect("a digest");
    let gzipped = sandbox.read(&format!("layout/blobs/{}", layer.replace(':', "/")));

    // No time, no name, no system: nothing that differs from run to run.
    assert_eq!(gzipped[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut tarball = Vec::new();
    flate2::read::GzDecoder::new(gzipped.as_slice()).read_to_end(&mut tarball).expect("unzip");
    assert_eq!(tarball, wanted_tarball());

    let (of_tarball, size) = (Digest::of(&wanted_tarball()), gzipped.len());
    assert_eq!(
        manifest,
        format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
             \"artifactType\":\"application/vnd.unknown.artifact.v1\",\
             \"config\":{{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\
             \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\
             \"size\":2,\"data\":\"e30=\"}},\
             \"layers\":[{{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\
             \"digest\":\"{layer}\",\"size\":{size},\"annotations\":{{\
             \"io.deis.oras.content.digest\":\"{of_tarball}\",\
             \"io.deis.oras.content.unpack\":\"true\",\
             \"org.opencontainers.image.title\":\"tree\"}}}}],\
             \"annotations\":{{\"org.opencontainers.image.created\":\"2000-01-01T00:00:00Z\"}}}}"
        )
    );
}

#[test]
fn a_directory_comes_back_as_it_was_and_pushes_to_the_same_digest() {
    let sandbox = Sandbox::new();
    make_tree(&sandbox);
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let created = "org.opencontainers.image.created=2000-01-01T00:00:00Z";
    sandbox.oras(&format!("push {host}/tree:1 -a {created} tree")).succeeds();
    sandbox.oras(&format!("pull {host}/tree:1 -o out")).succeeds();
    assert_eq!(
        sandbox.list("out"),
        ["tree/", "tree/a.txt", "tree/link", "tree/sub/", "tree/sub/b.sh"]
    );
    assert_eq!(sandbox.text("out/tree/a.txt"), "hi");
    assert_eq!(sandbox.text("out/tree/link"), "bye");
    let mode = |name: &str| {
        let metadata = std::fs::metadata(sandbox.path(name)).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("out/tree/a.txt"), 0o640);
    assert_eq!(mode("out/tree/sub/b.sh"), 0o755);

    // The files keep their times; directories and links get them again before the second push.
    for name in ["out/tree", "out/tree/link", "out/tree/sub"] {
        set_time(&sandbox.path(name));
    }
    let mut again = sandbox.oras_command(&format!("push {host}/tree:2 -a {created} tree"));
    sandbox.run(again.current_dir(sandbox.path("out"))).succeeds();
    let digests =
        ["1", "2"].map(|tag| sandbox.oras(&format!("resolve {host}/tree:{tag}")).succeeds());
    assert_eq!(digests[0], digests[1]);
}

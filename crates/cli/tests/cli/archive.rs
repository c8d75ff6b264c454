//! Layouts in tar files: read by every command that reads layouts, written by none.

use std::process::Command;

use crate::sandbox::Sandbox;

/// A sandbox with `hi.txt` in the layout `lay` as `v1`, which is also in `lay.tar`.
fn with_archive() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push --oci-layout lay:v1 hi.txt").succeeds();
    sandbox.oras("attach --oci-layout lay:v1 --artifact-type x/y hi.txt").succeeds();
    pack(&sandbox, &["-cf", "lay.tar", "-C", "lay", "."]);
    let digest = sandbox.oras("resolve --oci-layout lay:v1").succeeds();
    (sandbox, digest.trim_end().to_owned())
}

fn pack(sandbox: &Sandbox, arguments: &[&str]) {
    let status = Command::new("tar").current_dir(sandbox.path("")).args(arguments).status();
    assert!(status.expect("tar runs").success());
}

#[test]
fn every_command_that_looks_takes_an_archive() {
    let (sandbox, digest) = with_archive();
    let said = |line: &str| sandbox.oras(line).succeeds();
    assert_eq!(said("resolve --oci-layout lay.tar:v1"), format!("{digest}\n"));
    assert_eq!(said("resolve -l --oci-layout-path lay.tar v1"), format!("lay.tar@{digest}\n"));
    assert_eq!(said("repo tags --oci-layout lay.tar"), "v1\n");
    for line in [
        "manifest fetch --oci-layout NAME:v1",
        "manifest fetch-config --oci-layout NAME:v1",
        "discover --oci-layout NAME:v1 --format json",
        "discover --oci-layout NAME:v1",
        "manifest index create --oci-layout NAME:v2 v1 -o -",
        "blob fetch -o - --oci-layout NAME@sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
    ] {
        let in_directory = said(&line.replace("NAME", "lay")).replace("\"lay@", "\"lay.tar@");
        let in_directory = in_directory.replace("\nlay@", "\nlay.tar@");
        let in_directory = match in_directory.strip_prefix("lay@") {
            Some(rest) => format!("lay.tar@{rest}"),
            None => in_directory,
        };
        assert_eq!(said(&line.replace("NAME", "lay.tar")), in_directory, "{line}");
    }
    let pulled = said("pull --oci-layout lay.tar:v1 -o out");
    assert!(pulled.ends_with(&format!("Pulled [oci-layout] lay.tar:v1\nDigest: {digest}\n")));
    assert_eq!(sandbox.read("out/hi.txt"), "hi");
    let copied = said("cp -r --from-oci-layout lay.tar:v1 HOST/m:v1");
    let shown = format!("Copied [oci-layout] lay.tar:v1 => [registry] {}/m:v1\n", sandbox.host());
    assert!(copied.contains(&shown), "{copied}");
    assert_eq!(sandbox.digest("m", "v1"), Some(digest));
    let found = said("discover HOST/m:v1");
    assert!(found.contains("x/y"), "{found}");
    assert!(!sandbox.path("lay.tar").is_dir());
}

#[test]
fn an_archive_is_not_written_to() {
    let (sandbox, _) = with_archive();
    let before = std::fs::read(sandbox.path("lay.tar")).expect("there");
    let path = sandbox.path("lay.tar");
    for line in [
        "push --oci-layout lay.tar:v2 hi.txt",
        "tag --oci-layout lay.tar:v1 v2",
        "cp --from-oci-layout lay:v1 --to-oci-layout lay.tar:v2",
        "manifest delete -f --oci-layout lay.tar:v1",
        "manifest index create --oci-layout lay.tar:v2 v1",
    ] {
        let expected = format!("Error: mkdir {}: not a directory\n", path.display());
        assert_eq!(sandbox.oras(line).fails(), expected, "{line}");
    }
    assert!(std::fs::read(path).expect("there") == before);
}

#[test]
fn says_what_is_no_archive_of_a_layout() {
    let (sandbox, _) = with_archive();
    sandbox.write("text", "no tar");
    std::fs::copy(sandbox.path("lay.tar"), sandbox.path("torn.tar")).expect("copied");
    let torn = std::fs::File::options().write(true).open(sandbox.path("torn.tar")).expect("there");
    torn.set_len(5000).expect("cut");
    pack(&sandbox, &["-czf", "lay.tgz", "-C", "lay", "."]);
    pack(&sandbox, &["-cPf", "out.tar", "-C", "lay", ".", "../hi.txt"]);
    pack(&sandbox, &["-cf", "other.tar", "hi.txt"]);
    std::os::unix::fs::symlink("/etc/passwd", sandbox.path("oci-layout")).expect("linked");
    pack(&sandbox, &["-cf", "link.tar", "oci-layout"]);
    for (name, why) in [
        ("text", "\"text\" does not look like a tar archive: unexpected EOF"),
        ("torn.tar", "\"torn.tar\" does not look like a tar archive: unexpected EOF"),
        ("lay.tgz", "\"lay.tgz\" does not look like a tar archive: it is compressed by gzip"),
        (
            "out.tar",
            "\"out.tar\" is no archive of an OCI layout: the entry \"../hi.txt\" leads out of the archive",
        ),
        (
            "link.tar",
            "\"link.tar\" is no archive of an OCI layout: the entry \"oci-layout\" is no regular file",
        ),
        (
            "other.tar",
            "invalid OCI Image Layout: failed to open OCI layout file: open oci-layout: no such file or directory",
        ),
    ] {
        for line in ["resolve --oci-layout NAME:v1", "cp --from-oci-layout NAME:v1 HOST/m:v1"] {
            let said = sandbox.oras(&line.replace("NAME", name)).fails();
            assert_eq!(said, format!("Error: {why}\n"), "{line}");
        }
    }
    assert_eq!(sandbox.digest("m", "v1"), None, "the target is unchanged");
}

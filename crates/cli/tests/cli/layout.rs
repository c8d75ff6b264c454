//! Layout directories in place of registries.

use crate::sandbox::Sandbox;

/// A sandbox with `hi.txt` pushed into the layout `lay` as `v1` and `v2`, and its digest.
fn with_layout() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let said = sandbox.oras("push --oci-layout lay:v1,v2 hi.txt").succeeds();
    let digest = said.trim_end().rsplit(' ').next().expect("a digest").to_owned();
    (sandbox, digest)
}

#[test]
fn pushes_into_a_layout_and_pulls_from_it() {
    let (sandbox, digest) = with_layout();
    let said = sandbox.oras("push --oci-layout-path lay v3 hi.txt").succeeds();
    assert!(said.contains("\nPushed [oci-layout] v3\n"), "{said}");
    assert!(said.ends_with(&format!("\nDigest: {digest}\n")), "{said}");
    assert_eq!(sandbox.read("lay/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    for (flags, shown) in [("--oci-layout lay:v2", "lay:v2"), ("--oci-layout-path lay v3", "v3")] {
        let said = sandbox.oras(&format!("pull {flags} -o out")).succeeds();
        assert!(
            said.ends_with(&format!("\nPulled [oci-layout] {shown}\nDigest: {digest}\n")),
            "{said}"
        );
        assert_eq!(sandbox.read("out/hi.txt"), "hi");
        std::fs::remove_dir_all(sandbox.path("out")).expect("clear");
    }
    let by_digest = format!("pull --oci-layout lay@{digest} -o out");
    assert!(sandbox.oras(&by_digest).succeeds().contains("Pulled [oci-layout] lay@sha256:"));
}

#[test]
fn any_text_is_a_tag_in_a_layout() {
    let (sandbox, digest) = with_layout();
    let said = sandbox.oras("tag --oci-layout lay:v1 weird+tag:x").succeeds();
    assert_eq!(said, format!("Tagging [oci-layout] lay@{digest}\nTagged weird+tag:x\n"));
    assert_eq!(sandbox.oras("repo tags --oci-layout lay").succeeds(), "v1\nv2\nweird+tag:x\n");
    assert_eq!(
        sandbox.oras("repo tags --oci-layout lay --last v1").succeeds(),
        "v2\nweird+tag:x\n"
    );
    let line = "resolve -l --oci-layout-path lay weird+tag:x";
    assert_eq!(sandbox.oras(line).succeeds(), format!("lay@{digest}\n"));
}

#[test]
fn tags_that_are_full_references_are_listed_by_repository() {
    let (sandbox, _) = with_layout();
    sandbox.oras("tag --oci-layout lay:v1 host/repo:a host/repo:b host/other:c").succeeds();
    let said = sandbox.oras("repo tags --oci-layout-path lay host/repo").succeeds();
    assert_eq!(said, "a\nb\n");
}

#[test]
fn the_descriptor_in_a_layout_tells_more() {
    let (sandbox, digest) = with_layout();
    let said = sandbox.oras("manifest fetch --oci-layout lay:v1 --descriptor").succeeds();
    assert!(said.starts_with(&format!(
        "{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"{digest}\",\"size\":"
    )));
    assert!(said.contains("\"org.opencontainers.image.ref.name\":\"v1\""), "{said}");
    let raw = sandbox.oras(&format!("manifest fetch --oci-layout lay@{digest}")).succeeds();
    assert_eq!(oras_spec::Digest::of(raw.as_bytes()).as_str(), digest);
}

#[test]
fn says_what_is_wrong_with_a_layout_and_makes_none() {
    let (sandbox, _) = with_layout();
    std::fs::create_dir(sandbox.path("empty")).expect("make a directory");
    for (line, complaint) in [
        (
            "pull --oci-layout nope:v1",
            "invalid argument \"nope:v1\": failed to find path \"nope\": \
             stat nope: no such file or directory",
        ),
        ("resolve --oci-layout :v1", "found empty file path in \":v1\"\ninvalid reference"),
        (
            "resolve --oci-layout empty:v1",
            "invalid OCI Image Layout: failed to open OCI layout file: \
             open oci-layout: no such file or directory",
        ),
        (
            "manifest fetch --oci-layout lay:v1 --media-type a/b",
            "`--media-type` cannot be used with `--oci-layout` at the same time",
        ),
    ] {
        assert_eq!(sandbox.oras(line).fails(), format!("Error: {complaint}\n"), "{line}");
    }
    assert!(!sandbox.path("nope").exists());
    assert!(std::fs::read_dir(sandbox.path("empty")).expect("it is there").next().is_none());
    let complaint = sandbox.oras("resolve --oci-layout lay").fails();
    assert!(complaint.starts_with("Error: \"lay\": no tag or digest specified\n"), "{complaint}");
}

#[test]
fn what_is_missing_in_a_layout_is_named() {
    let (sandbox, _) = with_layout();
    assert_eq!(
        sandbox.oras("resolve --oci-layout lay:nope").fails(),
        "Error: failed to resolve digest: nope: not found\n"
    );
    assert_eq!(
        sandbox.oras("resolve --oci-layout-path lay nope").fails(),
        "Error response from registry: failed to resolve digest: nope: not found\n"
    );
}

#[test]
fn repositories_of_a_layout_are_those_in_the_names_of_its_tags() {
    let (sandbox, _) = with_layout();
    let tags = "host/a:1 host/a:2 host/ns/b:1 other:5000/c:1 host/nsx:1";
    sandbox.oras(&format!("tag --oci-layout lay:v1 {tags}")).succeeds();
    let said = |line: &str| sandbox.oras(&format!("repo ls {line}")).succeeds();
    let all = "host/a\nhost/ns/b\nhost/nsx\nother:5000/c\n";
    assert_eq!(said("--oci-layout lay"), all);
    assert_eq!(said("--oci-layout lay --last host/ns/b"), "host/nsx\nother:5000/c\n");
    assert_eq!(said("--oci-layout-path lay host"), "a\nns/b\nnsx\n");
    assert_eq!(said("--oci-layout-path lay host/ns"), "b\n");
    assert_eq!(
        said("--oci-layout-path lay host/ns --format go-template={{.registry}}{{.repositories}}"),
        "host[ns/b]"
    );
    let complaint = sandbox.oras("repo ls --oci-layout lay:v1").fails();
    assert_eq!(complaint, "Error: tags or digests should not be provided\n");
}

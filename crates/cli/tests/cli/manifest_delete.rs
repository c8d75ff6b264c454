//! `oras manifest delete`.

use oras_spec::Digest;
use oras_spec::image::{Descriptor, Manifest, MediaType};
use oras_spec::json;

use crate::sandbox::{Listener, Sandbox};

#[test]
fn asks_first_and_deletes_all_tags() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    let digest = sandbox.seed("a", "v1", "").digest;
    sandbox.seed("a", "v2", "");
    sandbox.seed("a", "other", "other");
    let question = format!(
        "Are you sure you want to delete the manifest \"{digest}\" and all tags associated with \
         it? [y/N] "
    );
    for no in ["", "\n", "n\n", "nope"] {
        let said = sandbox.oras_reading("manifest delete HOST/a:v1", no).succeeds();
        assert_eq!(said, format!("{question}Operation cancelled.\n"), "{no:?}");
    }
    assert_eq!(sandbox.digest("a", "v1"), Some(digest.to_string()));
    let said = sandbox.oras_reading("manifest delete HOST/a:v1", "Yes\n").succeeds();
    assert_eq!(said, format!("{question}Deleted [registry] {host}/a:v1\n"));
    assert_eq!((sandbox.digest("a", "v1"), sandbox.digest("a", "v2")), (None, None));
    assert!(sandbox.digest("a", "other").is_some());
}

#[test]
fn does_not_ask_when_told_so() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    for command in ["delete -f", "remove --force", "rm -f"] {
        let digest = sandbox.seed("a", "v1", "").digest;
        assert_eq!(
            sandbox.oras(&format!("manifest {command} HOST/a@{digest}")).succeeds(),
            format!("Deleted [registry] {host}/a@{digest}\n")
        );
        assert_eq!(
            sandbox.oras(&format!("manifest {command} HOST/a:v1")).succeeds(),
            format!("Missing {host}/a:v1\n")
        );
    }
}

#[test]
fn describes_what_was_deleted() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    let manifest = sandbox.seed("a", "v1", "");
    let described = String::from_utf8(json::to_vec(&manifest)).expect("UTF-8");
    let line = "manifest delete --descriptor -f HOST/a:v1";
    assert_eq!(sandbox.oras(line).succeeds(), described);
    assert_eq!(
        sandbox.oras(line).fails(),
        format!("Error: {host}/a:v1: the specified manifest does not exist\n")
    );
    sandbox.seed("a", "v1", "");
    let said = sandbox.oras(&format!("{line} --pretty")).succeeds();
    assert!(said.starts_with("{\n  \"mediaType\"") && said.ends_with("\n}\n"), "{said}");
}

#[test]
fn says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    let force = "must apply --force to confirm the deletion if the descriptor is outputted";
    for (line, complaint) in [
        ("nothing --descriptor", force),
        ("HOST/a:v1", &format!("{host}/a:v1: the specified manifest does not exist")),
        (
            "HOST/a",
            &format!(
                "\"{host}/a\": no tag or digest specified\n\
                 Usage: oras manifest delete [flags] <name>{{:<tag>|@<digest>}}\n\
                 Please specify a reference in the form of \"<name>:<tag>\" or \
                 \"<name>@<digest>\". Run \"oras manifest delete -h\" for more options and examples"
            ),
        ),
        (
            "HOST/a:v1 --distribution-spec v1",
            "invalid argument \"v1\" for \"--distribution-spec\" flag: \
             unknown distribution specification flag: v1\n\
             Available options: v1.1-referrers-tag, v1.1-referrers-api",
        ),
    ] {
        let complained = sandbox.oras(&format!("manifest delete {line}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{line}");
    }
    let refusing = Listener::answering(|request| {
        match request.method.as_str() {
            "HEAD" | "GET" => http::Response::builder()
                .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
                .body("{}"),
            _ => http::Response::builder().status(405).body(
                r#"{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}"#,
            ),
        }
        .expect("a response")
    });
    let line = format!("manifest rm -f {}/a@{}", refusing.host(), Digest::of(b"{}"));
    assert_eq!(
        sandbox.oras(&line).fails(),
        format!(
            "Error response from registry: unsupported: The operation is unsupported.\n{} deletes nothing through this \
             interface: its administrator may switch that on, or its web pages may do it\n",
            refusing.host()
        )
    );
}

#[test]
fn takes_a_referrer_off_the_list_that_the_tag_schema_keeps() {
    let sandbox = Sandbox::new();
    let subject = sandbox.seed("a", "v1", "");
    let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
    manifest.subject = Some(subject.plain());
    sandbox.write("referrer.json", json::to_vec(&manifest));
    let schema = "--distribution-spec v1.1-referrers-tag";
    let push = format!("manifest push {schema} HOST/a:referrer referrer.json");
    sandbox.oras(&push).succeeds();
    let list = subject.digest.to_string().replace(':', "-");
    let with = sandbox.oras(&format!("manifest fetch HOST/a:{list}")).succeeds();
    let digest = sandbox.digest("a", "referrer").expect("it is there");
    assert!(with.contains(&digest), "{with}");
    sandbox.oras(&format!("manifest delete {schema} -f HOST/a:referrer")).succeeds();
    let without = sandbox.oras(&format!("manifest fetch HOST/a:{list}")).succeeds();
    assert!(without.ends_with("\"manifests\":[]}"), "{without}");
    assert!(sandbox.digest("a", "v1").is_some());
}

#[test]
fn takes_a_manifest_out_of_a_layout() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push --oci-layout lay:v1,v2 hi.txt").succeeds();
    let descriptor = sandbox.oras("manifest fetch --descriptor --oci-layout lay:v1").succeeds();
    let descriptor: Descriptor = serde_json::from_str(&descriptor).expect("a descriptor");
    assert_eq!(descriptor.media_type, MediaType::IMAGE_MANIFEST);
    let said = sandbox.oras_reading("manifest delete --oci-layout lay:v1", "y").succeeds();
    assert!(said.contains(descriptor.digest.as_str()), "{said}");
    assert!(said.ends_with("[y/N] Deleted [oci-layout] lay:v1\n"), "{said}");
    assert_eq!(sandbox.oras("repo tags --oci-layout lay").succeeds(), "");
    assert_eq!(
        sandbox.oras("manifest delete --oci-layout lay:v1 -f").succeeds(),
        "Missing lay:v1\n"
    );
}

#[test]
fn a_manifest_of_a_type_that_nobody_knows_is_still_a_manifest() {
    let sandbox = Sandbox::new();
    let unknown = Listener::answering(|request| {
        let response = http::Response::builder();
        match (request.method.as_str(), request.uri.path().contains("/manifests/")) {
            ("HEAD" | "GET", true) => response.header("Content-Type", "a/custom").body("{}"),
            ("DELETE", true) => response.status(202).body(""),
            _ => response.status(404).body(""),
        }
        .expect("a response")
    });
    let reference = format!("{}/a@{}", unknown.host(), Digest::of(b"{}"));
    assert_eq!(
        sandbox.oras(&format!("manifest delete -f {reference}")).succeeds(),
        format!("Deleted [registry] {reference}\n")
    );
}

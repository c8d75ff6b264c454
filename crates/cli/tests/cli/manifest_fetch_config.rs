//! `oras manifest fetch-config`.

use oras_spec::image::{Descriptor, Index, Manifest, MediaType, Platform};
use oras_spec::json;

use crate::sandbox::{Listener, Sandbox};

const RAW: &str = "{\"b\":1,\"a\":\"\\u003c\"}";

/// A sandbox with a manifest `a:v1` whose config is `RAW`, and the digest of that.
fn with_config() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("config.json", RAW);
    sandbox.oras("push HOST/a:v1 --config config.json:a/b").succeeds();
    let digest = Descriptor::of("a/b".into(), RAW.as_bytes()).digest.to_string();
    (sandbox, digest)
}

#[test]
fn prints_the_bytes_as_they_are() {
    let (sandbox, _) = with_config();
    let manifest = sandbox.digest("a", "v1").expect("it is there");
    for line in ["HOST/a:v1", "HOST/a:v1 -o -", &format!("HOST/a@{manifest}")] {
        assert_eq!(sandbox.oras(&format!("manifest fetch-config {line}")).succeeds(), RAW);
        assert_eq!(sandbox.oras(&format!("manifest get-config {line}")).succeeds(), RAW);
    }
    for line in ["--pretty", "--pretty -o -"] {
        assert_eq!(
            sandbox.oras(&format!("manifest fetch-config HOST/a:v1 {line}")).succeeds(),
            "{\n  \"b\": 1,\n  \"a\": \"\\u003c\"\n}\n"
        );
    }
}

#[test]
fn writes_a_file_and_says_nothing() {
    let (sandbox, _) = with_config();
    sandbox.write("out.json", "something old and longer".repeat(20));
    let line = "manifest fetch-config HOST/a:v1 --pretty -o out.json";
    assert_eq!(sandbox.oras(line).succeeds(), "");
    assert_eq!(sandbox.read("out.json"), RAW);
    assert_eq!(
        sandbox.oras("manifest fetch-config HOST/a:v1 -o no/out.json").fails(),
        "Error: open no/out.json: no such file or directory\n"
    );
}

#[test]
fn describes_the_config() {
    let (sandbox, digest) = with_config();
    let described =
        format!("{{\"mediaType\":\"a/b\",\"digest\":\"{digest}\",\"size\":{}}}", RAW.len());
    let line = "manifest fetch-config --descriptor HOST/a:v1";
    assert_eq!(sandbox.oras(line).succeeds(), described);
    assert_eq!(sandbox.oras(&format!("{line} -o out.json")).succeeds(), described);
    assert_eq!(sandbox.read("out.json"), RAW);
    let said = sandbox.oras(&format!("{line} --pretty")).succeeds();
    assert!(said.starts_with("{\n  \"mediaType\": \"a/b\",\n") && said.ends_with("}\n"), "{said}");
    sandbox.oras("push HOST/a:empty").succeeds();
    let said = sandbox.oras("manifest fetch-config --descriptor HOST/a:empty").succeeds();
    assert!(said.ends_with(",\"size\":2,\"data\":\"e30=\"}"), "{said}");
}

#[test]
fn finds_the_config_of_a_platform() {
    let sandbox = Sandbox::new();
    let mut index = Index::new(Vec::new());
    for architecture in ["amd64", "arm64"] {
        let platform = format!("--artifact-platform linux/{architecture}");
        sandbox.oras(&format!("push HOST/a:{architecture} {platform}")).succeeds();
        let described =
            sandbox.oras(&format!("manifest fetch --descriptor HOST/a:{architecture}")).succeeds();
        let mut entry: Descriptor = serde_json::from_str(&described).expect("a descriptor");
        entry.platform = Some(Platform::new("linux", architecture));
        index.manifests.push(entry);
    }
    let found = sandbox.put("a", "all", MediaType::IMAGE_INDEX, json::to_vec(&index));
    let line = "manifest fetch-config HOST/a:all";
    assert_eq!(
        sandbox.oras(&format!("{line} --platform linux/arm64")).succeeds(),
        "{\"architecture\":\"arm64\",\"os\":\"linux\"}"
    );
    assert_eq!(
        sandbox.oras(line).fails(),
        format!(
            "Error: \"{}\" is not an image manifest and does not have a config\n",
            found.digest
        )
    );
    let complained = sandbox.oras(&format!("{line} --platform linux/riscv64")).fails();
    assert!(
        complained.ends_with("no matching manifest was found in the manifest list\n"),
        "{complained}"
    );
}

#[test]
fn says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    for (line, complaint) in [
        (
            "nothing -o - --descriptor",
            "Error: `--output -` cannot be used with `--descriptor` at the same time",
        ),
        (
            "nothing --platform a/b/c/d",
            "Error: failed to parse platform \"a/b/c/d\": expected format os[/arch[/variant]]",
        ),
        ("HOST/a:v1", &format!("Error response from registry: {host}/a:v1: not found")),
        (
            "HOST/a",
            &format!(
                "Error: \"{host}/a\": no tag or digest specified\n\
                 Usage: oras manifest fetch-config [flags] <name>{{:<tag>|@<digest>}}\n\
                 Please specify a reference in the form of \"<name>:<tag>\" or \
                 \"<name>@<digest>\". Run \"oras manifest fetch-config -h\" for more options and \
                 examples"
            ),
        ),
    ] {
        let complained = sandbox.oras(&format!("manifest fetch-config {line}")).fails();
        assert_eq!(complained, format!("{complaint}\n"), "{line}");
    }
}

#[test]
fn a_config_that_is_no_json_cannot_be_indented() {
    let sandbox = Sandbox::new();
    sandbox.write("config", "not JSON");
    sandbox.oras("push HOST/a:v1 --config config").succeeds();
    assert_eq!(sandbox.oras("manifest fetch-config HOST/a:v1").succeeds(), "not JSON");
    let complained = sandbox.oras("manifest fetch-config HOST/a:v1 --pretty").fails();
    assert!(complained.starts_with("Error: failed to prettify: "), "{complained}");
}

#[test]
fn an_old_file_stays_when_the_bytes_are_wrong() {
    let sandbox = Sandbox::new();
    let config = Descriptor::of("a/b".into(), b"right");
    let manifest: &str = Box::leak(
        String::from_utf8(json::to_vec(&Manifest::new(config, Vec::new())))
            .expect("UTF-8")
            .into_boxed_str(),
    );
    let lying = Listener::answering(move |request| {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        if !request.uri.path().contains("/manifests/") {
            return http::Response::new("wrong");
        }
        let response = http::Response::builder().header("Content-Type", kind);
        response.body(manifest).expect("a response")
    });
    sandbox.write("out.json", "good");
    let line = format!("manifest fetch-config {}/a:v1 -o out.json", lying.host());
    assert_eq!(
        sandbox.oras(&line).fails(),
        "Error: failed to copy content to out.json: mismatched digest\n"
    );
    assert_eq!(sandbox.read("out.json"), "good");
}

#[test]
fn reads_a_layout() {
    let sandbox = Sandbox::new();
    sandbox.write("config.json", RAW);
    sandbox.oras("push --oci-layout lay:v1 --config config.json:a/b").succeeds();
    let line = "manifest fetch-config --oci-layout lay:v1";
    assert_eq!(sandbox.oras(line).succeeds(), RAW);
    let complained = sandbox.oras("manifest fetch-config --oci-layout lay:no").fails();
    assert!(complained.starts_with("Error: ") && complained.ends_with("not found\n"));
}

#[test]
fn a_large_config_is_passed_on_but_not_indented() {
    let sandbox = Sandbox::new();
    let large = format!("[{}]", " ".repeat(4 * 1024 * 1024));
    sandbox.write("config.json", &large);
    sandbox.oras("push HOST/a:v1 --config config.json").succeeds();
    assert!(sandbox.oras("manifest fetch-config HOST/a:v1").succeeds() == large);
    let complained = sandbox.oras("manifest fetch-config HOST/a:v1 --pretty").fails();
    assert!(complained.ends_with("size exceeds limit\n"), "{complained}");
}

//! The manifests that pushes make, byte for byte.
//!
//! A manifest's digest is its name, so that whoever pushes the same files with the same flags must
//! get the same bytes as from the `oras` written in Go: compact JSON; fields in the order of Go's
//! structures (`schemaVersion, mediaType, artifactType, config, layers, subject, annotations`, and
//! `mediaType, digest, size, annotations, data` in a descriptor); the keys of maps sorted by bytes;
//! `<`, `>`, `&`, U+2028 and U+2029 as `\u` escapes with lower-case digits, all other characters
//! beyond ASCII as they are; empty optional fields absent.

use oras_spec::Digest;
use oras_tests::{OrasServer, Sandbox};

/// A push, with the manifest that it must make.
struct Case {
    /// Why the manifest looks as it does.
    why: &'static str,
    /// What stands behind the reference on the command line.
    arguments: &'static [&'static str],
    /// The manifest, with the abbreviations of [`expand`].
    manifest: &'static str,
}

/// Writes abbreviations out: descriptors and fragments that come again and again.
fn expand(manifest: &str) -> String {
    let empty = "{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\
                 \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\
                 \"size\":2,\"data\":\"e30=\"}";
    let hi = "\"digest\":\
              \"sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4\",\"size\":2";
    let bye = "\"digest\":\
               \"sha256:b49f425a7e1f9cff3856329ada223f2f9d368f15a00cf48df16ca95986137fe8\",\"size\":3";
    let braces = "\"digest\":\
                  \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2";
    let config = "\"digest\":\
                  \"sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862\",\"size\":7";
    let head = "\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"";
    manifest
        .replace("EMPTY", empty)
        .replace("BRACES", braces)
        .replace("CONFIG", config)
        .replace("BYE", bye)
        .replace("HI", hi)
        .replace("HEAD", head)
        .replace("LAYER", "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\"")
        .replace("TITLE", "\"org.opencontainers.image.title\"")
        .replace("CREATED", "\"org.opencontainers.image.created\":\"2000-01-01T00:00:00Z\"")
}

const CASES: &[Case] = &[
    Case {
        why: "one file: image-spec 1.1, the unknown artifact type, the empty config with its data, \
              the default layer type",
        arguments: &["hi.txt"],
        manifest: r#"{HEAD,"artifactType":"application/vnd.unknown.artifact.v1","config":EMPTY,"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{CREATED}}"#,
    },
    Case {
        why: "many files: layers in the order of the arguments; titles are cleaned paths; the type \
              is what is behind the last colon and is not checked",
        arguments: &[
            "./dir//bye.txt:text/plain",
            "hi.txt:layer.type",
            "./hi.txt.copy:",
            "b:c.txt:x/y",
        ],
        manifest: r#"{HEAD,"artifactType":"application/vnd.unknown.artifact.v1","config":EMPTY,"layers":[{"mediaType":"text/plain",BYE,"annotations":{TITLE:"dir/bye.txt"}},{"mediaType":"layer.type",HI,"annotations":{TITLE:"hi.txt"}},{LAYER,HI,"annotations":{TITLE:"hi.txt.copy"}},{"mediaType":"x/y",BYE,"annotations":{TITLE:"b:c.txt"}}],"annotations":{CREATED}}"#,
    },
    Case {
        why: "no file at all: one empty layer, as image-spec 1.1 wants at least one",
        arguments: &["--artifact-type", "application/vnd.test"],
        manifest: r#"{HEAD,"artifactType":"application/vnd.test","config":EMPTY,"layers":[EMPTY],"annotations":{CREATED}}"#,
    },
    Case {
        why: "a config and no artifact type: silently image-spec 1.0, which has no artifact type; \
              the config has the unknown type and no title",
        arguments: &["--config", "config.json", "hi.txt"],
        manifest: r#"{HEAD,"config":{"mediaType":"application/vnd.unknown.config.v1+json",CONFIG},"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{CREATED}}"#,
    },
    Case {
        why: "a config with a type and an artifact type: image-spec 1.1 with both",
        arguments: &[
            "--artifact-type",
            "application/vnd.test+json",
            "--config",
            "config.json:application/vnd.docker.volume.v1+tar.gz",
            "hi.txt",
        ],
        manifest: r#"{HEAD,"artifactType":"application/vnd.test+json","config":{"mediaType":"application/vnd.docker.volume.v1+tar.gz",CONFIG},"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{CREATED}}"#,
    },
    Case {
        why: "image-spec 1.0 without anything: the config is `{}` without data, and no layers is an \
              empty list",
        arguments: &["--image-spec", "v1.0"],
        manifest: r#"{HEAD,"config":{"mediaType":"application/vnd.unknown.config.v1+json",BRACES},"layers":[],"annotations":{CREATED}}"#,
    },
    Case {
        why: "image-spec 1.0 with an artifact type: it becomes the type of the config",
        arguments: &["--image-spec", "v1.0", "--artifact-type", "application/vnd.test", "hi.txt"],
        manifest: r#"{HEAD,"config":{"mediaType":"application/vnd.test",BRACES},"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{CREATED}}"#,
    },
    Case {
        why: "annotations: sorted by the bytes of their keys, created among them; HTML characters \
              and the two line separators escaped, other characters verbatim",
        arguments: &[
            "-a",
            "zoë=ü 日本 😀",
            "-a",
            "html=<a href=\"x\">&amp;</a>",
            "-a",
            "lines=a\u{2028}b\u{2029}c\td\u{7f}",
            "-a",
            "Upper=",
            "-a",
            "a=b=c",
            "hi.txt",
        ],
        manifest: r#"{HEAD,"artifactType":"application/vnd.unknown.artifact.v1","config":EMPTY,"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{"Upper":"","a":"b=c","html":"\u003ca href=\"x\"\u003e\u0026amp;\u003c/a\u003e","lines":"a\u2028b\u2029c\tdDELETE",CREATED,"zoë":"ü 日本 😀"}}"#,
    },
    Case {
        why: "a platform: the config is its compact JSON, with the type of an image's config",
        arguments: &["--artifact-platform", "linux/arm64/v8", "hi.txt"],
        manifest: r#"{HEAD,"artifactType":"application/vnd.unknown.artifact.v1","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:b39868e3a2d80dff6e7e4180739e5301737354b50ce6db414e985229305970b2","size":52},"layers":[{LAYER,HI,"annotations":{TITLE:"hi.txt"}}],"annotations":{CREATED}}"#,
    },
];

/// Pushes into a registry, and demands that the manifest there is `wanted` and bears its digest.
#[track_caller]
fn assert_pushes(sandbox: &Sandbox, repository: &str, arguments: &[&str], wanted: &str, why: &str) {
    let reference = format!("{repository}:1");
    let pushed = sandbox.oras_with(&[&["push", &reference], arguments].concat()).succeeds();
    let manifest = sandbox.oras(&format!("manifest fetch {reference}")).succeeds();
    assert_eq!(manifest, wanted, "{why}");
    let digest = Digest::of(wanted.as_bytes());
    assert!(pushed.ends_with(&format!("\nDigest: {digest}\n")), "{pushed}");
    assert_eq!(sandbox.oras(&format!("resolve {reference}")).succeeds(), format!("{digest}\n"));
}

fn with_files() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in [("hi.txt", "hi"), ("hi.txt.copy", "hi"), ("b:c.txt", "bye")] {
        sandbox.write(name, text);
    }
    sandbox.write("dir/bye.txt", "bye");
    sandbox.write("config.json", "{\"a\":1}");
    sandbox
}

#[test]
fn manifests_are_those_of_the_rules_byte_for_byte() {
    let sandbox = with_files();
    let server = OrasServer::start(&sandbox);
    for (number, case) in CASES.iter().enumerate() {
        let created = ["-a", "org.opencontainers.image.created=2000-01-01T00:00:00Z"];
        let arguments = [&created, case.arguments].concat();
        let wanted = expand(case.manifest).replace("DELETE", "\u{7f}");
        let repository = format!("{}/case/{number}", server.host());
        assert_pushes(&sandbox, &repository, &arguments, &wanted, case.why);
    }
}

/// `$manifest` and `$config` name what they say, any other key is the argument as it was typed; a
/// title from the file replaces that of the path.
#[test]
fn a_file_of_annotations_reaches_manifest_config_and_layers() {
    let sandbox = with_files();
    let server = OrasServer::start(&sandbox);
    sandbox.write(
        "annotations.json",
        r#"{
            "$manifest": {"org.opencontainers.image.created": "2000-01-01T00:00:00Z", "k": "é"},
            "$config": {"of": "the config"},
            "./hi.txt": {"org.opencontainers.image.title": "renamed.txt", "of": "a layer"},
            "hi.txt": {"of": "an argument that was not given"}
        }"#,
    );
    let arguments =
        ["--annotation-file", "annotations.json", "--config", "config.json:x/y", "./hi.txt"];
    let wanted = expand(
        r#"{HEAD,"config":{"mediaType":"x/y",CONFIG,"annotations":{"of":"the config"}},"layers":[{LAYER,HI,"annotations":{"of":"a layer",TITLE:"renamed.txt"}}],"annotations":{"k":"é",CREATED}}"#,
    );
    let why = "each set of annotations lands where its key says";
    assert_pushes(&sandbox, &format!("{}/annotated", server.host()), &arguments, &wanted, why);
}

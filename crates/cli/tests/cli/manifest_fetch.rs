//! `oras manifest fetch`.

use oras_spec::image::MediaType;

use crate::sandbox::Sandbox;

const RAW: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],"annotations":{"z":"\u003cb\u003e","a":"<é>"}}"#;

const PRETTY: &str = r#"{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "size": 2
  },
  "layers": [],
  "annotations": {
    "z": "\u003cb\u003e",
    "a": "<é>"
  }
}
"#;

/// A sandbox with `RAW` as `a:v1`, and its digest.
fn with_manifest() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let found = sandbox.put("a", "v1", MediaType::IMAGE_MANIFEST, RAW.as_bytes().to_vec());
    (sandbox, found.digest.to_string())
}

#[test]
fn prints_the_bytes_as_they_are() {
    let (sandbox, digest) = with_manifest();
    for line in [
        "manifest fetch HOST/a:v1",
        "manifest get HOST/a:v1 -o -",
        "manifest show HOST/a:v1 --format text",
        &format!("manifest fetch HOST/a@{digest}"),
    ] {
        assert_eq!(sandbox.oras(line).succeeds(), RAW, "{line}");
    }
}

#[test]
fn indents_without_touching_order_and_escapes() {
    let (sandbox, _) = with_manifest();
    assert_eq!(sandbox.oras("manifest fetch --pretty HOST/a:v1").succeeds(), PRETTY);
}

#[test]
fn writes_a_file_and_says_nothing() {
    let (sandbox, _) = with_manifest();
    sandbox.write("m.json", "something old and longer than what comes in its place".repeat(20));
    assert_eq!(sandbox.oras("manifest fetch HOST/a:v1 --pretty -o m.json").succeeds(), "");
    assert_eq!(sandbox.read("m.json"), RAW);
    assert_eq!(
        sandbox.oras("manifest fetch HOST/a:v1 -o no/m.json").fails(),
        "Error: failed to open \"no/m.json\": open no/m.json: no such file or directory\n"
    );
}

#[test]
fn describes_the_manifest() {
    let (sandbox, digest) = with_manifest();
    let size = RAW.len();
    let descriptor = format!(
        "{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"{digest}\",\
         \"size\":{size}}}"
    );
    assert_eq!(sandbox.oras("manifest fetch --descriptor HOST/a:v1").succeeds(), descriptor);
    assert_eq!(
        sandbox.oras("manifest fetch --descriptor --pretty HOST/a:v1").succeeds(),
        format!(
            "{{\n  \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
             \"digest\": \"{digest}\",\n  \"size\": {size}\n}}\n"
        )
    );
    let both = sandbox.oras("manifest fetch --descriptor -o m.json HOST/a:v1").succeeds();
    assert_eq!((both, sandbox.read("m.json")), (descriptor, RAW.to_owned()));
}

#[test]
fn reports_the_manifest_as_json_and_through_templates() {
    let (sandbox, digest) = with_manifest();
    let host = sandbox.host();
    let report = sandbox.oras("manifest fetch HOST/a:v1 --format json -o m.json").succeeds();
    assert!(
        report.starts_with(&format!(
            "{{\n  \"reference\": \"{host}/a@{digest}\",\n  \
             \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
             \"digest\": \"{digest}\",\n  \"size\": {},\n  \"content\": {{\n    \"annotations\": {{\n      \
             \"a\": \"\\u003cé\\u003e\",\n",
            RAW.len()
        )),
        "{report}"
    );
    assert_eq!(sandbox.read("m.json"), RAW);
    let by_template = "manifest fetch HOST/a:v1 --format go-template={{.content.config.size}}";
    assert_eq!(sandbox.oras(by_template).succeeds(), "2");
}

#[test]
fn says_which_flags_exclude_each_other() {
    let sandbox = Sandbox::new();
    for (flags, complaint) in [
        ("-o - --format json", "`--output -` cannot be used with `--format ` at the same time"),
        ("-o - --descriptor", "`--descriptor` cannot be used with `--output -` at the same time"),
        ("--format text --pretty", "--format, --pretty cannot be used at the same time"),
        ("--format=json --descriptor", "--format, --descriptor cannot be used at the same time"),
        (
            "--oci-layout --oci-layout-path x",
            "--oci-layout-path, --oci-layout cannot be used at the same time",
        ),
        ("--template x", "--template must be used with --format go-template"),
        (
            "--format go-template",
            "\"go-template\" format specified but no template given\n\
             use `--format go-template=TEMPLATE` to specify the template",
        ),
        (
            "--format yaml",
            "invalid format type: \"yaml\"\nsupported types: json, go-template, text",
        ),
        (
            "--format text=abc",
            "invalid format type: \"text=abc\"\nsupported types: json, go-template, text",
        ),
        ("--format=", "invalid format type: \"\"\nsupported types: json, go-template, text"),
        ("--format go-template={{.x", "template: format output:1: unclosed action"),
    ] {
        let complained = sandbox.oras(&format!("manifest fetch {flags} HOST/a:v1")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{flags}");
    }
}

#[test]
fn says_what_is_missing_with_the_reference_as_typed() {
    let (sandbox, _) = with_manifest();
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("manifest fetch HOST/a:nope").fails(),
        format!(
            "Error response from registry: failed to fetch the content of \"{host}/a:nope\": \
             {host}/a:nope: not found\n"
        )
    );
    assert_eq!(
        sandbox.oras("manifest fetch --descriptor HOST/a:nope").fails(),
        format!(
            "Error response from registry: failed to find \"{host}/a:nope\": {host}/a:nope: not found\n"
        )
    );
}

#[test]
fn other_media_types_are_asked_for_by_name() {
    let sandbox = Sandbox::new();
    let body = r#"{"mediaType":"application/vnd.x+json"}"#;
    let wanted = "application/vnd.x+json";
    let strict = crate::sandbox::Listener::answering(move |request| {
        let accept = request.headers.get("accept").and_then(|value| value.to_str().ok());
        let response = http::Response::builder();
        match accept {
            Some("application/vnd.x+json, application/vnd.y+json") => {
                response.header("Content-Type", wanted).body(body)
            }
            _ => response.status(404).body(""),
        }
        .expect("a response")
    });
    let line = format!("manifest fetch {}/a:v1", strict.host());
    sandbox.oras(&line).fails();
    let line = format!("{line} --media-type application/vnd.x+json,application/vnd.y+json");
    assert_eq!(sandbox.oras(&line).succeeds(), body);
}

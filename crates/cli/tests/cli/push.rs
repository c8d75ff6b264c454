//! `oras push`: what it says and what the registry holds then.

use oras_client::Source as _;
use oras_spec::{Digest, Tag};
use serde_json::Value;

use crate::sandbox::{Sandbox, block_on};

const CREATED: &str = "2000-01-01T00:00:00Z";

fn with_files() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.write("bye.txt", "bye");
    sandbox.write("config.json", "{\"a\":1}");
    sandbox
}

/// Reads the manifest behind a tag, past the program.
fn manifest(sandbox: &Sandbox, repository: &str, tag: &str) -> (Digest, Value) {
    let repository = sandbox.repository(repository);
    let tag: Tag = tag.parse().expect("a tag");
    let read = async {
        let (found, content) = repository.fetch_reference(&tag.into()).await.expect("it is there");
        (found.digest, content.read_all().await.expect("it is whole"))
    };
    let (digest, bytes) = block_on(read);
    (digest, serde_json::from_slice(&bytes).expect("a manifest"))
}

#[test]
fn says_what_happens_and_ends_with_the_digest() {
    let sandbox = with_files();
    let said = sandbox.oras("push HOST/hello:v1 hi.txt --concurrency 1").succeeds();
    let (digest, _) = manifest(&sandbox, "hello", "v1");
    let short = &digest.encoded()[..12];
    let host = sandbox.host();
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let wanted = [
        "Preparing hi.txt".to_owned(),
        "Uploading 44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Uploaded  44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Uploading 8f434346648f hi.txt".to_owned(),
        "Uploaded  8f434346648f hi.txt".to_owned(),
        format!("Uploading {short} {manifest_type}"),
        format!("Uploaded  {short} {manifest_type}"),
        format!("Pushed [registry] {host}/hello:v1"),
        "ArtifactType: application/vnd.unknown.artifact.v1".to_owned(),
        format!("Digest: {digest}"),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);

    // Again, with another file: what is there is not sent.
    let said = sandbox.oras("push HOST/hello:v2 hi.txt bye.txt --concurrency 1").succeeds();
    assert!(said.contains("Exists    8f434346648f hi.txt\n"), "{said}");
    assert!(said.contains("Uploaded  b49f425a7e1f bye.txt\n"), "{said}");
    // And the very same: not a line about the manifest, which is only tagged.
    let said = sandbox.oras("push HOST/hello:v3 hi.txt").succeeds();
    assert_eq!(said.lines().count(), 4, "{said}");
    assert!(said.starts_with("Preparing hi.txt\nPushed [registry] "), "{said}");
    assert_eq!(sandbox.digest("hello", "v3"), Some(digest.to_string()));
    let said = sandbox.oras("push HOST/hello hi.txt").succeeds();
    assert!(said.contains(&format!("Exists    {short} {manifest_type}\n")), "{said}");
}

#[test]
fn says_less_of_what_has_no_title_if_told_so() {
    let sandbox = with_files();
    let outcome = sandbox.oras("push --verbose=false HOST/hello:v1 hi.txt");
    let said: Vec<&str> = outcome.stdout.lines().take(3).collect();
    let host = sandbox.host();
    assert_eq!(
        said,
        [
            "Uploading 8f434346648f hi.txt",
            "Uploaded  8f434346648f hi.txt",
            &format!("Pushed [registry] {host}/hello:v1"),
        ]
    );
}

#[test]
fn sets_all_tags_or_none_and_says_so() {
    let sandbox = with_files();
    let said = sandbox.oras("push HOST/hello:v1,v2,v3 hi.txt --concurrency 1").succeeds();
    let tail: Vec<&str> = said.lines().rev().take(5).collect();
    assert_eq!(tail[2..4], ["Tagged v3", "Tagged v2"]);
    assert!(tail[4].starts_with("Pushed [registry] "), "{said}");
    assert!(tail[4].ends_with("/hello:v1"), "{said}");
    for tag in ["v2", "v3"] {
        assert_eq!(sandbox.digest("hello", tag), sandbox.digest("hello", "v1"));
    }
    assert_eq!(
        sandbox.oras("push HOST/other:v1,b+d hi.txt").fails(),
        "Error: failed to tag b+d: invalid reference: invalid tag \"b+d\"\n"
    );
    assert_eq!(
        sandbox.oras("push HOST/other:v1, hi.txt").fails(),
        "Error: failed to tag : invalid reference\n"
    );
    assert_eq!(sandbox.digest("other", "v1"), None);
}

#[test]
fn without_files_there_is_an_empty_artifact() {
    let sandbox = Sandbox::new();
    let said = sandbox.oras("push HOST/hello:v1 --artifact-type test/x -a k=v").succeeds();
    assert!(said.starts_with("Uploading empty artifact\n"), "{said}");
    assert!(said.contains("\nArtifactType: test/x\n"), "{said}");
    let (_, manifest) = manifest(&sandbox, "hello", "v1");
    assert_eq!(manifest["layers"], serde_json::json!([manifest["config"]]));
    assert_eq!(manifest["annotations"]["k"], "v");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.created"], CREATED);
}

#[test]
fn reports_as_json_and_through_templates_and_exports_the_manifest() {
    let sandbox = with_files();
    let host = sandbox.host();
    let line = "push HOST/hello:j2,j1 hi.txt --artifact-type test/x --format json \
                --export-manifest out.json";
    let said = sandbox.oras(line).succeeds();
    let (digest, _) = manifest(&sandbox, "hello", "j1");
    let bytes = sandbox.read("out.json");
    assert_eq!(Digest::of(bytes.as_bytes()), digest);
    assert_eq!(
        said,
        format!(
            "{{\n  \"reference\": \"{host}/hello@{digest}\",\n  \
             \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
             \"digest\": \"{digest}\",\n  \"size\": {},\n  \"annotations\": {{\n    \
             \"org.opencontainers.image.created\": \"{CREATED}\"\n  }},\n  \
             \"artifactType\": \"test/x\",\n  \"referenceAsTags\": [\n    \"{host}/hello:j1\",\n    \
             \"{host}/hello:j2\"\n  ]\n}}\n",
            bytes.len()
        )
    );
    let reference = format!("{host}/hello:t");
    let template = "{{.digest}} {{range .referenceAsTags}}{{.}}{{end}} {{toJson .annotations}}";
    let words = ["push", &reference, "hi.txt", "--artifact-type", "test/x"];
    let words = [&words[..], &["--format", "go-template", "--template", template]].concat();
    assert_eq!(
        sandbox.oras_with(&words).succeeds(),
        format!("{digest} {reference} {{\"org.opencontainers.image.created\":\"{CREATED}\"}}")
    );
}

#[test]
fn an_exported_manifest_replaces_a_file_and_is_never_written_into_it() {
    let sandbox = with_files();
    let old = sandbox.write("old.json", "old");
    std::fs::hard_link(&old, sandbox.path("out.json")).expect("linked");
    sandbox.oras("push HOST/hello:v1 hi.txt --export-manifest out.json").succeeds();
    let (digest, _) = manifest(&sandbox, "hello", "v1");
    assert_eq!(Digest::of(sandbox.read("out.json").as_bytes()), digest);
    assert_eq!(sandbox.read("old.json"), "old");
    let said = sandbox.oras("push HOST/hello:v1 hi.txt --export-manifest no/out.json").fails();
    let why = "failed to open \"no/out.json\": open no/out.json: no such file or directory";
    assert_eq!(said, format!("Error: {why}\n"));
}

#[test]
fn a_template_with_a_mistake_stops_the_push_before_it_begins() {
    let sandbox = with_files();
    let complaint = sandbox.oras("push HOST/hello:v1 hi.txt --format go-template={{.x").fails();
    assert_eq!(complaint, "Error: template: format output:1: unclosed action\n");
    assert_eq!(sandbox.digest("hello", "v1"), None);
}

#[test]
fn decides_what_kind_of_manifest_it_makes() {
    let sandbox = with_files();
    let unknown = "application/vnd.unknown.artifact.v1";
    for (flags, artifact_type, config_type) in [
        ("", Some(unknown), "application/vnd.oci.empty.v1+json"),
        ("--artifact-type a/b", Some("a/b"), "application/vnd.oci.empty.v1+json"),
        ("--config config.json", None, "application/vnd.unknown.config.v1+json"),
        ("--config config.json:x/y", None, "x/y"),
        ("--image-spec v1.1 --config config.json:x/y --artifact-type a/b", Some("a/b"), "x/y"),
        ("--image-spec v1.0", None, "application/vnd.unknown.config.v1+json"),
        ("--image-spec v1.0 --artifact-type a/b", None, "a/b"),
        ("--image-spec v1.0 --config config.json:x/y", None, "x/y"),
        (
            "--artifact-platform linux/amd64",
            Some(unknown),
            "application/vnd.oci.image.config.v1+json",
        ),
        (
            "--artifact-platform linux/amd64 --image-spec v1.0",
            None,
            "application/vnd.oci.image.config.v1+json",
        ),
    ] {
        let said = sandbox.oras(&format!("push HOST/kinds:v1 hi.txt {flags}")).succeeds();
        let (_, manifest) = manifest(&sandbox, "kinds", "v1");
        assert_eq!(manifest["artifactType"].as_str(), artifact_type, "{flags}");
        assert_eq!(manifest["config"]["mediaType"], config_type, "{flags}");
        let shown = artifact_type.unwrap_or(config_type);
        assert!(said.contains(&format!("\nArtifactType: {shown}\n")), "{flags}: {said}");
    }
}

#[test]
fn says_which_flags_exclude_each_other() {
    let sandbox = with_files();
    for (flags, complaint) in [
        (
            "--image-spec v1.1 --config config.json",
            "missing artifact type for OCI image-spec v1.1 artifacts\n\
             set an artifact type via `--artifact-type` or consider image spec v1.0",
        ),
        (
            "--image-spec v1.0 --config config.json --artifact-type a/b",
            "--artifact-type and --config cannot both be provided for 1.0 OCI image",
        ),
        (
            "--image-spec v1.0 --artifact-platform linux/amd64 --artifact-type a/b",
            "artifact type cannot be customized for OCI image-spec v1.0 when platform is \
             specified\nconsider using image spec v1.1 or remove --artifact-type",
        ),
        (
            "--config config.json --artifact-platform linux/amd64",
            "--config, --artifact-platform cannot be used at the same time",
        ),
        (
            "--image-spec v2",
            "invalid argument \"v2\" for \"--image-spec\" flag: \
             unknown image specification flag: v2\nAvailable options: v1.1, v1.0",
        ),
        (
            "-a x=1 --annotation-file notes.json",
            "`--annotation` and `--annotation-file` cannot be both specified",
        ),
        (
            "-a x",
            "annotation value doesn't match the required format\n\
             Please use the correct format in the flag: --annotation \"key=value\"",
        ),
        ("-a x=1 -a x=2", "duplicate annotation key: x, "),
        ("--artifact-type bad", "invalid artifactType format: bad: invalid media type"),
        ("--config config.json:bad", "invalid config mediaType format: bad: invalid media type"),
        ("--artifact-platform /x", "invalid platform: OS cannot be empty"),
    ] {
        let complained = sandbox.oras(&format!("push HOST/a:v1 hi.txt {flags}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{flags}");
    }
    assert_eq!(sandbox.digest("a", "v1"), None);
}

#[test]
fn says_what_is_wrong_with_files() {
    let sandbox = with_files();
    let absolute = sandbox.path("hi.txt").display().to_string();
    for (files, complaint) in [
        (
            format!("{absolute}:x/y {absolute}"),
            format!(
                "absolute file path detected. If it's intentional, use \
                 --disable-path-validation flag to skip this check: {absolute}, {absolute}"
            ),
        ),
        (
            "nope.txt".to_owned(),
            format!("stat {}: no such file or directory", sandbox.path("nope.txt").display()),
        ),
        ("hi.txt ./hi.txt:x/y".to_owned(), "hi.txt: duplicate name".to_owned()),
        ("bye.txt:x sub/../bye.txt".to_owned(), "bye.txt: duplicate name".to_owned()),
        (":x/y".to_owned(), "found empty file path in \":x/y\"".to_owned()),
    ] {
        let complained = sandbox.oras(&format!("push HOST/a:v1 {files}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{files}");
    }
    sandbox.write("notes.json", "{\"$manifest\": 1}");
    assert_eq!(
        sandbox.oras("push HOST/b:v1 hi.txt --annotation-file notes.json").fails(),
        "Error: invalid annotation json file: failed to load annotations from notes.json\n\
         Annotation file doesn't match the required format. Please refer to the document at \
         https://oras.land/docs/how_to_guides/manifest_annotations\n"
    );
    let said = sandbox.oras(&format!("push HOST/b:v1 {absolute} --disable-path-validation"));
    assert!(said.succeeds().starts_with(&format!("Preparing {absolute}\n")));
    let (_, manifest) = manifest(&sandbox, "b", "v1");
    let title = &manifest["layers"][0]["annotations"]["org.opencontainers.image.title"];
    assert_eq!(title, absolute.as_str());
}

#[test]
fn the_order_of_checks_is_packer_platform_target_format() {
    let sandbox = with_files();
    let all = "push nonsense /abs --artifact-platform /x --format yaml";
    assert!(sandbox.oras(all).fails().starts_with("Error: absolute file path detected."));
    let without = all.replace(" /abs", "");
    assert!(sandbox.oras(&without).fails().starts_with("Error: invalid platform"));
    let without = without.replace(" --artifact-platform /x", "");
    assert!(sandbox.oras(&without).fails().starts_with("Error: \"nonsense\": invalid reference"));
    let without = without.replace("nonsense", "HOST/a:v1");
    assert!(sandbox.oras(&without).fails().starts_with("Error: invalid format type"));
}

#[test]
fn a_refused_push_says_what_the_registry_says() {
    let sandbox = Sandbox::closed();
    sandbox.write("hi.txt", "hi");
    let outcome = sandbox.oras_reading("push HOST/a:v1 hi.txt -u me --password-stdin", "wrong");
    assert!(outcome.stderr.starts_with("Error response from registry: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("401") || outcome.stderr.contains("unauthorized"));
    let outcome = sandbox.oras("push HOST/a:v1 hi.txt");
    assert!(
        outcome.stderr.starts_with("Error: basic credential not found\nPlease check whether"),
        "{}",
        outcome.stderr
    );
    assert_eq!(
        sandbox.oras("push localhost:1/a:v1 hi.txt").fails().split_once(": ").expect("two").1,
        format!(
            "Head \"http://localhost:1/v2/a/manifests/{}\": \
             dial tcp 127.0.0.1:1: connect: connection refused\n",
            pushed_digest()
        )
    );
}

/// The digest of the manifest that a push of `hi.txt` makes at the time of the tests.
fn pushed_digest() -> String {
    let sandbox = with_files();
    sandbox.oras("push HOST/a:v1 hi.txt").succeeds();
    sandbox.digest("a", "v1").expect("it is there")
}

#[test]
fn a_push_to_another_digest_is_refused_before_anything_is_sent() {
    let sandbox = with_files();
    let other = Digest::of(b"other");
    let complaint = sandbox.oras(&format!("push HOST/a@{other} hi.txt")).fails();
    let wanted =
        format!("Error: the pushed manifest has the digest {}, not {other}\n", pushed_digest());
    assert!(complaint.starts_with(&wanted), "{complaint}");
    assert!(sandbox.oras("repo tags HOST/a").fails().contains("name unknown"));
    let said = sandbox.oras(&format!("push HOST/a@{} hi.txt", pushed_digest())).succeeds();
    assert!(said.ends_with(&format!("\nDigest: {}\n", pushed_digest())), "{said}");
}

#[test]
fn a_directory_that_is_given_another_title_unpacks_under_it() {
    let sandbox = Sandbox::new();
    sandbox.write("dir/sub/hi.txt", "hi");
    sandbox.write("notes.json", r#"{"dir":{"org.opencontainers.image.title":"renamed"}}"#);
    let said = sandbox.oras("push HOST/dir:v1 dir --annotation-file notes.json").succeeds();
    assert!(said.starts_with("Preparing renamed\n"), "{said}");
    sandbox.oras("pull HOST/dir:v1 -o out").succeeds();
    assert_eq!(sandbox.read("out/renamed/sub/hi.txt"), "hi");
}

#[test]
fn a_large_file_is_sent_while_it_is_hashed_unless_the_tag_has_one_of_its_size() {
    let sandbox = Sandbox::new();
    let large = |fill: u8| vec![fill; 33 << 20];
    sandbox.write("large.bin", large(1));
    let patches = |outcome: crate::sandbox::Outcome| {
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr.matches("Request method: \"PATCH\"").count()
    };
    let push = "push HOST/large:v1 large.bin --no-cache --debug";
    assert_eq!(patches(sandbox.oras(push)), 1);
    let (digest, _) = manifest(&sandbox, "large", "v1");
    assert_eq!(patches(sandbox.oras(push)), 0, "it is there");
    sandbox.write("large.bin", large(2));
    assert_eq!(patches(sandbox.oras(push)), 0, "it may be there");
    assert_ne!(manifest(&sandbox, "large", "v1").0, digest);
    let attach = "attach HOST/large:v1 --artifact-type a/b large.bin --no-cache --debug";
    sandbox.write("large.bin", large(3));
    assert_eq!(patches(sandbox.oras(attach)), 1);
}

//! `oras attach`: what it says, and the manifest that the registry holds then.

use oras_client::Source as _;
use oras_spec::image::{Descriptor, Index, MediaType, Platform};
use oras_spec::{Digest, Tag, json};
use serde_json::Value;

use crate::sandbox::{Sandbox, block_on};

const CREATED: &str = "2000-01-01T00:00:00Z";
const USAGE: &str = "Usage: oras attach [flags] --artifact-type=<type> \
                     <name>{:<tag>|@<digest>} \
                     {<file>[:<layer_media_type>]|--annotation <key>=<value>} [...]";

/// A sandbox with a file and a manifest to attach it to.
fn with_subject() -> (Sandbox, Descriptor) {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.write("config.json", "{\"a\":1}");
    let subject = sandbox.seed("at", "v1", "");
    (sandbox, subject)
}

/// Reads the bytes of a manifest, past the program.
fn read(sandbox: &Sandbox, repository: &str, digest: &str) -> Vec<u8> {
    let digest: Digest = digest.parse().expect("a digest");
    let repository = sandbox.repository(repository);
    let read = async {
        let (_, content) = repository.fetch_reference(&digest.into()).await.expect("it is there");
        content.read_all().await.expect("it is whole")
    };
    block_on(read).to_vec()
}

/// Returns what stands behind `Digest: `.
fn digest_in(said: &str) -> String {
    said.lines().find_map(|line| line.strip_prefix("Digest: ")).expect("a digest").to_owned()
}

fn attached(sandbox: &Sandbox, line: &str) -> Value {
    let said = sandbox.oras(line).succeeds();
    serde_json::from_slice(&read(sandbox, "at", &digest_in(&said))).expect("a manifest")
}

#[test]
fn says_what_happens_and_to_what_the_files_are_attached() {
    let (sandbox, subject) = with_subject();
    let said = sandbox.oras("attach --artifact-type sbom/t HOST/at:v1 hi.txt --concurrency 1");
    let said = said.succeeds();
    let digest = digest_in(&said);
    let short = &digest["sha256:".len()..][..12];
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let wanted = [
        "Preparing hi.txt".to_owned(),
        "Exists    44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Uploading 8f434346648f hi.txt".to_owned(),
        "Uploaded  8f434346648f hi.txt".to_owned(),
        format!("Uploading {short} {manifest_type}"),
        format!("Uploaded  {short} {manifest_type}"),
        format!("Attached to [registry] {}/at@{}", sandbox.host(), subject.digest),
        format!("Digest: {digest}"),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{manifest_type}\",\"artifactType\":\"sbom/t\",\
         \"config\":{{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"{}\",\
         \"size\":2,\"data\":\"e30=\"}},\"layers\":[{{\"mediaType\":\
         \"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"{}\",\"size\":2,\"annotations\":\
         {{\"org.opencontainers.image.title\":\"hi.txt\"}}}}],\"subject\":{{\"mediaType\":\
         \"{manifest_type}\",\"digest\":\"{}\",\"size\":{}}},\"annotations\":\
         {{\"org.opencontainers.image.created\":\"{CREATED}\"}}}}",
        Digest::of(b"{}"),
        Digest::of(b"hi"),
        subject.digest,
        subject.size,
    );
    assert_eq!(String::from_utf8(read(&sandbox, "at", &digest)).expect("text"), manifest);
    let referrers = block_on(sandbox.repository("at").referrers(&subject, None)).expect("listed");
    assert_eq!(referrers.len(), 1);
    assert_eq!(referrers[0].digest.to_string(), digest);
    assert_eq!(referrers[0].artifact_type.as_str(), "sbom/t");
    let tags = sandbox.oras("repo tags HOST/at").succeeds();
    assert_eq!(tags, "v1\n", "an attached manifest has no tag");
}

#[test]
fn shows_the_subject_as_typed_if_that_ends_with_its_digest() {
    let (sandbox, subject) = with_subject();
    let raw = format!("HOST/at:any@{}", subject.digest);
    let said = sandbox.oras(&format!("attach --artifact-type a/b {raw} hi.txt")).succeeds();
    let shown = raw.replace("HOST", &sandbox.host());
    assert!(said.contains(&format!("Attached to [registry] {shown}\n")), "{said}");
}

#[test]
fn annotations_alone_make_an_empty_artifact() {
    let (sandbox, _) = with_subject();
    let said = sandbox.oras("attach --artifact-type a/b HOST/at:v1 -a k=v -v=false").stdout;
    assert!(said.starts_with("Uploading empty artifact\nAttached to "), "{said}");
    let manifest: Value =
        serde_json::from_slice(&read(&sandbox, "at", &digest_in(&said))).expect("a manifest");
    assert_eq!(manifest["annotations"]["k"], "v");
    assert_eq!(manifest["layers"][0]["data"], "e30=");

    sandbox.write("notes.json", r#"{"$manifest":{"m":"1"},"$config":{"c":"2"}}"#);
    let line = "attach --artifact-type a/b HOST/at:v1 --annotation-file notes.json";
    let manifest = attached(&sandbox, line);
    assert_eq!(manifest["annotations"]["m"], "1");
    assert_eq!(manifest["config"]["annotations"]["c"], "2");
}

#[test]
fn a_config_may_stand_for_the_artifact_type() {
    let (sandbox, _) = with_subject();
    let line = "attach HOST/at:v1 hi.txt:text/x --config config.json:c/d --artifact-type";
    let manifest = attached(&sandbox, &format!("{line} a/b"));
    assert_eq!(manifest["config"]["mediaType"], "c/d");
    assert_eq!(manifest["artifactType"], "a/b");
    assert_eq!(manifest["layers"][0]["mediaType"], "text/x");
    let words = format!("{line}=").replace("HOST", &sandbox.host());
    let manifest = attached(&sandbox, &words);
    assert_eq!(manifest["artifactType"], Value::Null);
    assert_eq!(
        sandbox.oras("attach HOST/at:v1 hi.txt --artifact-type=").fails(),
        "Error: missing artifact type\n"
    );
    assert_eq!(
        sandbox.oras("attach HOST/at:v1 hi.txt --artifact-type bad").fails(),
        "Error: invalid artifactType format: bad: invalid media type\n"
    );
}

#[test]
fn reports_the_new_manifest_as_json_and_through_templates_and_exports_it() {
    let (sandbox, _) = with_subject();
    let line = "attach --artifact-type sbom/t HOST/at:v1 hi.txt --export-manifest m.json";
    let said = sandbox.oras(&format!("{line} --format json")).succeeds();
    let manifest = sandbox.read("m.json");
    let digest = Digest::of(manifest.as_bytes());
    let wanted = format!(
        "{{\n  \"reference\": \"{}/at@{digest}\",\n  \
         \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
         \"digest\": \"{digest}\",\n  \"size\": {},\n  \"annotations\": {{\n    \
         \"org.opencontainers.image.created\": \"{CREATED}\"\n  }},\n  \
         \"artifactType\": \"sbom/t\"\n}}\n",
        sandbox.host(),
        manifest.len()
    );
    assert_eq!(said, wanted);
    let said = sandbox.oras(&format!("{line} --format go-template={{{{.digest}}}}")).succeeds();
    assert_eq!(said, digest.to_string());
}

#[test]
fn attaches_to_the_manifest_of_a_platform() {
    let (sandbox, mut entry) = with_subject();
    entry.platform = Some(Platform::new("linux", "arm64"));
    let index = json::to_vec(&Index::new(vec![entry.clone()]));
    sandbox.put("at", "all", MediaType::IMAGE_INDEX, index);
    let line = "attach --artifact-type a/b --platform linux/arm64 HOST/at:all hi.txt";
    let manifest = attached(&sandbox, line);
    assert_eq!(manifest["subject"]["digest"], entry.digest.as_str());
    assert_eq!(manifest["subject"]["platform"]["architecture"], "arm64");
    assert_eq!(
        sandbox.oras("attach --platform linux/s390x --artifact-type a/b HOST/at:all hi.txt").code,
        1
    );
}

#[test]
fn keeps_the_list_of_referrers_under_a_tag_if_told_so() {
    let (sandbox, subject) = with_subject();
    let line = "attach --artifact-type a/b --distribution-spec v1.1-referrers-tag HOST/at:v1";
    let said = sandbox.oras(&format!("{line} hi.txt")).succeeds();
    let tag: Tag = subject.digest.as_str().replace(':', "-").parse().expect("a tag");
    let found = sandbox.digest("at", tag.as_str()).expect("there is an index");
    let index: Index = serde_json::from_slice(&read(&sandbox, "at", &found)).expect("an index");
    assert_eq!(index.manifests.len(), 1);
    assert_eq!(index.manifests[0].digest.to_string(), digest_in(&said));
    assert_eq!(index.manifests[0].artifact_type.as_str(), "a/b");
    assert_eq!(
        sandbox.oras("attach --artifact-type a/b --distribution-spec v1 HOST/at:v1 hi.txt").fails(),
        "Error: invalid argument \"v1\" for \"--distribution-spec\" flag: \
         unknown distribution specification flag: v1\n\
         Available options: v1.1-referrers-tag, v1.1-referrers-api\n"
    );
}

#[test]
fn checks_come_in_the_order_that_users_know() {
    let (sandbox, _) = with_subject();
    let host = sandbox.host();
    let usage = USAGE;
    let form = "Please specify a reference in the form of \"<name>:<tag>\" or \"<name>@<digest>\". \
                Run \"oras attach -h\" for more options and examples";
    let hint = "Are you missing an artifact reference to attach to? ";
    let not_set = "Error: required flag(s) \"artifact-type\" not set\n".to_owned();
    for (line, complaint) in [
        (
            "attach HOST/at hi.txt",
            format!("Error: \"{host}/at\": no tag or digest specified\n{usage}\n{form}\n"),
        ),
        (
            "attach HOST/at",
            format!("Error: \"{host}/at\": no tag or digest specified\n{usage}\n{hint}{form}\n"),
        ),
        (
            "attach hi.txt",
            format!(
                "Error: \"hi.txt\": invalid reference: missing registry or repository\n{hint}\
                 Please make sure the provided reference is in the form of \
                 <registry>/<repo>[:tag|@digest]\n"
            ),
        ),
        ("attach HOST/at:v1 hi.txt", not_set.clone()),
        ("attach HOST/at:v1", not_set),
        (
            "attach HOST/at --config c --platform p/q hi.txt",
            "Error: --config, --platform cannot be used at the same time\n".to_owned(),
        ),
        (
            "attach HOST/at:v1 --artifact-type a/b",
            format!(
                "Error: neither file nor annotation provided in the command\n{usage}\n\
                 To attach to an existing artifact, please provide files via argument or \
                 annotations via flag \"--annotation\". Run \"oras attach -h\" for more options \
                 and examples\n"
            ),
        ),
        (
            "attach bad /hi.txt",
            "Error: absolute file path detected. If it's intentional, use \
             --disable-path-validation flag to skip this check: /hi.txt\n"
                .to_owned(),
        ),
        (
            "attach --artifact-type a/b HOST/at:nope hi.txt",
            format!(
                "Error response from registry: failed to resolve nope: {host}/at:nope: not found\n"
            ),
        ),
    ] {
        assert_eq!(sandbox.oras(line).fails(), complaint, "{line}");
    }
}

#[test]
fn the_subject_must_be_named() {
    assert_eq!(
        Sandbox::new().oras("attach").fails(),
        format!(
            "Error: \"oras attach\" requires at least 1 argument but got 0\n{USAGE}\n\
             Please specify at least 1 argument as the destination artifact for attaching.. \
             Run \"oras attach -h\" for more options and examples\n"
        )
    );
}

#[test]
fn attaching_in_a_layout_gives_the_same_manifest_as_in_a_registry() {
    let (sandbox, subject) = with_subject();
    sandbox.oras("cp --to-oci-layout HOST/at:v1 lay:v1").succeeds();
    let line = "attach --artifact-type a/b";
    let there = digest_in(&sandbox.oras(&format!("{line} HOST/at:v1 hi.txt")).succeeds());
    let said = sandbox.oras(&format!("{line} --oci-layout lay:v1 hi.txt")).succeeds();
    assert!(said.contains(&format!("Attached to [oci-layout] lay@{}\n", subject.digest)), "{said}");
    assert_eq!(digest_in(&said), there);
    let tree = sandbox.oras("discover --oci-layout lay:v1").succeeds();
    assert!(tree.starts_with(&format!("lay@{}\n└── a/b\n    └── {there}\n", subject.digest)));
}

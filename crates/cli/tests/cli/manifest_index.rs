//! `oras manifest index`: what it says, and the indexes it makes.

use oras_client::{Content, Target as _};
use oras_spec::image::{Descriptor, Index, Manifest, MediaType};
use oras_spec::{Digest, json};

use crate::sandbox::{Sandbox, block_on};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Puts a manifest with an image config under a tag.
fn image(sandbox: &Sandbox, tag: &str, config: &str) -> Descriptor {
    let described = Descriptor::of(MediaType::IMAGE_CONFIG, config.as_bytes());
    let content = Content::from_bytes(&described, config.to_owned().into());
    block_on(sandbox.repository("m").push(&described, content)).expect("the config is taken");
    let manifest = Manifest::new(described, Vec::new());
    sandbox.put("m", tag, MediaType::IMAGE_MANIFEST, json::to_vec(&manifest))
}

/// A sandbox with two images and something of another kind.
fn with_images() -> (Sandbox, [Descriptor; 3]) {
    let sandbox = Sandbox::new();
    let one = image(&sandbox, "amd64", r#"{"architecture":"amd64","os":"linux"}"#);
    let other = image(&sandbox, "arm", r#"{"architecture":"arm","os":"linux","variant":"v7"}"#);
    let seed = sandbox.seed("m", "seed", "x");
    (sandbox, [one, other, seed])
}

fn fetch(sandbox: &Sandbox, reference: &str) -> Index {
    let line = format!("manifest fetch HOST/m{reference}");
    serde_json::from_str(&sandbox.oras(&line).succeeds()).expect("an index")
}

#[test]
fn creates_an_index_that_says_what_each_manifest_is_for() {
    let (sandbox, [one, other, seed]) = with_images();
    let host = sandbox.host();
    let line = format!(
        "manifest index create HOST/m:v1,v2,v3 amd64 {} HOST/m:seed -a a=b --artifact-type x/y",
        other.digest
    );
    let said = sandbox.oras(&line).succeeds();
    let expected = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"artifactType\":\"x/y\",\"manifests\":[\
         {{\"mediaType\":\"{kind}\",\"digest\":\"{}\",\"size\":{},\"platform\":{{\"architecture\":\"amd64\",\"os\":\"linux\"}}}},\
         {{\"mediaType\":\"{kind}\",\"digest\":\"{}\",\"size\":{},\"platform\":{{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}}}},\
         {{\"mediaType\":\"{kind}\",\"digest\":\"{}\",\"size\":{},\"artifactType\":\"test/seed\"}}],\
         \"annotations\":{{\"a\":\"b\"}}}}",
        one.digest,
        one.size,
        other.digest,
        other.size,
        seed.digest,
        seed.size,
        kind = MediaType::IMAGE_MANIFEST,
    );
    assert_eq!(sandbox.oras("manifest fetch HOST/m:v1").succeeds(), expected);
    let digest = Digest::of(expected.as_bytes());
    let wanted = [
        "Fetching  amd64".to_owned(),
        format!("Fetched   {} amd64", one.digest),
        format!("Fetching  {}", other.digest),
        format!("Fetched   {}", other.digest),
        format!("Fetching  {host}/m:seed"),
        format!("Fetched   {} {host}/m:seed", seed.digest),
        format!("Packed    {} {INDEX}", &digest.encoded()[..12]),
        format!("Pushed    [registry] {host}/m:v1"),
        "Tagged v2".to_owned(),
        "Tagged v3".to_owned(),
        format!("Digest: {digest}"),
    ];
    let mut lines: Vec<&str> = said.lines().collect();
    lines[8..10].sort_unstable();
    assert_eq!(lines, wanted);
    for tag in ["v2", "v3"] {
        assert_eq!(sandbox.digest("m", tag), Some(digest.to_string()));
    }
}

#[test]
fn creates_an_index_without_tag_or_sources_and_in_a_layout() {
    let (sandbox, _) = with_images();
    let said = sandbox.oras("manifest index pack HOST/m").succeeds();
    let empty = format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[]}}");
    let digest = Digest::of(empty.as_bytes());
    assert!(said.ends_with(&format!("/m\nDigest: {digest}\n")), "{said}");
    let by_digest = format!("HOST/m@{digest}");
    assert_eq!(sandbox.oras(&format!("manifest fetch {by_digest}")).succeeds(), empty);
    sandbox.oras(&format!("manifest index create {by_digest}")).succeeds();
    let complaint = sandbox.oras(&format!("manifest index create {by_digest} amd64")).fails();
    assert!(complaint.contains(&format!(", not {digest}\n")), "{complaint}");

    sandbox.write("hi.txt", "hi");
    sandbox.oras("push --oci-layout lay:a+b hi.txt").succeeds();
    let said = sandbox.oras("manifest index create --oci-layout lay:v1 a+b").succeeds();
    assert!(said.contains("\nPushed    [oci-layout] lay:v1\n"), "{said}");
    let index = sandbox.oras("manifest fetch --oci-layout lay:v1").succeeds();
    assert!(!index.contains("ref.name") && index.contains("\"artifactType\""), "{index}");
}

#[test]
fn writes_an_index_to_a_file_or_prints_it_and_pushes_nothing() {
    let (sandbox, [one, ..]) = with_images();
    let said = sandbox.oras("manifest index create HOST/m:v1 amd64 -o index.json").succeeds();
    let written = sandbox.read("index.json");
    let digest = Digest::of(written.as_bytes());
    let wanted = format!(
        "Fetching  amd64\nFetched   {} amd64\nPacked    {} {INDEX}\nDigest: {digest}\n",
        one.digest,
        &digest.encoded()[..12]
    );
    assert_eq!(said, wanted);
    let printed = sandbox.oras("manifest index create HOST/m:v1,v2 amd64 -o -").succeeds();
    assert_eq!(printed, written);
    let pretty = sandbox.oras("manifest index create HOST/m amd64 -o - --pretty").succeeds();
    assert!(pretty.starts_with("{\n  \"schemaVersion\": 2,\n") && pretty.ends_with("}\n"));
    assert_eq!(sandbox.digest("m", "v1"), None);
    let complaint = sandbox.oras("manifest index create HOST/m amd64 -o no/index.json").fails();
    assert!(complaint.starts_with("Error: open no"), "{complaint}");
}

#[test]
fn creating_says_what_is_no_source() {
    let (sandbox, _) = with_images();
    let host = sandbox.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("blob push --oci-layout lay hi.txt").succeeds();
    let blob = Digest::of(b"hi");
    for (line, complaint) in [
        (
            "HOST/m:v1 nope".to_owned(),
            format!("Error response from registry: could not find the manifest nope: {host}/m:nope: not found\n"),
        ),
        (
            "HOST/m:v1 HOST/other:amd64".to_owned(),
            format!("Error: could not find the manifest {host}/other:amd64: invalid reference: mismatch between received \"{host}/other\" and expected \"{host}/m\"\n"),
        ),
        (
            format!("--oci-layout lay:v1 {blob}"),
            format!("Error: {blob} is not a manifest\n"),
        ),
        (
            "HOST/m:v1 amd64 --artifact-type bad".to_owned(),
            "Error: bad: invalid media type\n".to_owned(),
        ),
        (
            "HOST/m:v1 amd64 -a novalue".to_owned(),
            "Error: annotation value doesn't match the required format\nPlease use the correct format in the flag: --annotation \"key=value\"\n".to_owned(),
        ),
        (
            "HOST/m:v1, amd64".to_owned(),
            "Error: failed to tag : invalid reference\n".to_owned(),
        ),
    ] {
        let said = sandbox.oras(&format!("manifest index create {line}")).fails();
        assert_eq!(said, complaint, "{line}");
    }
    assert_eq!(sandbox.digest("m", "v1"), None);
    let said = sandbox.oras("manifest index create").fails();
    assert_eq!(
        said,
        "Error: \"oras manifest index create\" requires at least 1 argument but got 0\n\
         Usage: oras manifest index create [flags] <target>[:<tag[,<tag>][...]] <sources>[{<tag>|<digest>}...]\n\
         Please specify at least 1 argument as the destination index to create.. Run \"oras manifest index create -h\" for more options and examples\n"
    );
}

#[test]
fn a_config_that_is_no_json_states_no_platform() {
    let sandbox = Sandbox::new();
    image(&sandbox, "odd", "no JSON");
    sandbox.oras("manifest index create HOST/m:v1 odd").succeeds();
    assert_eq!(fetch(&sandbox, ":v1").manifests[0].platform, None);
}

#[test]
fn updates_an_index_step_by_step() {
    let (sandbox, [one, other, seed]) = with_images();
    let host = sandbox.host();
    sandbox.oras("manifest index create HOST/m:v1 amd64 amd64 -a a=b").succeeds();
    sandbox.oras("manifest index create HOST/m:more seed").succeeds();
    let (v1, more) = (sandbox.digest("m", "v1"), sandbox.digest("m", "more"));
    let (v1, more) = (v1.expect("tagged"), more.expect("tagged"));
    let line = format!(
        "manifest index update HOST/m:v1 --add arm --remove {} --merge more --tag v2 \
         --artifact-type x/y",
        one.digest
    );
    let said = sandbox.oras(&line).succeeds();
    let digest = sandbox.digest("m", "v1").expect("tagged");
    let wanted = [
        "Fetching  v1".to_owned(),
        format!("Fetched   {v1} v1"),
        format!("Removed   {}", one.digest),
        "Fetching  arm".to_owned(),
        format!("Fetched   {} arm", other.digest),
        format!("Added     {} arm", other.digest),
        "Fetching  more".to_owned(),
        format!("Fetched   {more} more"),
        format!("Merged    {more} more"),
        format!("Updated   {digest}"),
        format!("Pushed    [registry] {host}/m:v1"),
        "Tagged v2".to_owned(),
        format!("Digest: {digest}"),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
    let index = fetch(&sandbox, ":v2");
    let digests: Vec<&Digest> = index.manifests.iter().map(|entry| &entry.digest).collect();
    assert_eq!(digests, [&other.digest, &seed.digest]);
    assert_eq!((index.artifact_type.as_str(), index.annotations["a"].as_str()), ("x/y", "b"));

    // By digest, the old index stays and no tag moves.
    let said = sandbox
        .oras(&format!("manifest index update HOST/m@{v1} --add {} --artifact-type=", seed.digest))
        .succeeds();
    assert!(said.contains(&format!("\nAdded     {}\n", seed.digest)), "{said}");
    assert!(said.contains(&format!("\nPushed    [registry] {host}/m\nDigest: ")), "{said}");
    assert_eq!(sandbox.digest("m", "v1"), Some(digest));
    let printed = sandbox.oras("manifest index update HOST/m:v1 --artifact-type= -o -").succeeds();
    let printed: Index = serde_json::from_str(&printed).expect("an index");
    assert_eq!(printed, Index { artifact_type: MediaType::default(), ..index });
}

#[test]
fn updating_says_what_it_cannot_do_and_changes_nothing() {
    let (sandbox, [one, other, _]) = with_images();
    sandbox.oras("manifest index create HOST/m:v1 amd64").succeeds();
    let before = sandbox.digest("m", "v1");
    let nothing = "Nothing to update as no change is requested\n";
    assert_eq!(sandbox.oras("manifest index update HOST/m:nope --tag v2").succeeds(), nothing);
    let host = sandbox.host();
    for (line, complaint) in [
        (
            "HOST/m:v1 --add arm --tag v2 -o x".to_owned(),
            "Error: --tag, --output cannot be used at the same time\n".to_owned(),
        ),
        (
            "HOST/m:v1 --remove amd64".to_owned(),
            "Error: remove: amd64 is not a digest\n".to_owned(),
        ),
        (
            format!("HOST/m:v1 --remove {}", other.digest),
            format!("Error: {} does not exist in the index v1\n", other.digest),
        ),
        (
            format!("HOST/m@{} --add arm", one.digest),
            format!("Error: {} is not an index\n", one.digest),
        ),
        ("HOST/m:v1 --merge amd64".to_owned(), "Error: amd64 is not an index\n".to_owned()),
        (
            "HOST/m:nope --add arm".to_owned(),
            format!(
                "Error response from registry: could not find the index nope: {host}/m:nope: not found\n"
            ),
        ),
        (
            "HOST/m:v1 --add nope".to_owned(),
            format!(
                "Error response from registry: could not find the manifest nope: {host}/m:nope: not found\n"
            ),
        ),
    ] {
        let said = sandbox.oras(&format!("manifest index update {line}")).fails();
        assert_eq!(said, complaint, "{line}");
    }
    let said = sandbox.oras("manifest index update HOST/m --add arm").fails();
    assert!(
        said.starts_with(&format!(
            "Error: \"{host}/m\": no tag or digest specified\n\
             Usage: oras manifest index update <index>{{:<tag>|@<digest>}} "
        )),
        "{said}"
    );
    assert_eq!(sandbox.digest("m", "v1"), before);
}

//! Manifests as whole texts. Each was written down from the rules of the field, for instance:
//! fields in the order of the specification's table, `artifactType` before `config`; what is empty
//! is left out, but `layers` never is; keys of annotations in the order of their UTF-8 bytes; no
//! blank anywhere; `<`, `>`, `&`, U+2028 and U+2029 escaped as Go does, everything else that is not
//! ASCII as it is. The digests were computed elsewhere, of the same texts.

use oras_spec::image::Platform;

use super::*;
use crate::Source as _;
use crate::store::Memory;

const CREATED: &str = "2026-11-23T18:29:10Z";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The beginning of every manifest.
const HEAD: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#;
const EMPTY: &str = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="}"#;
const HI: &str = r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4","size":2,"annotations":{"org.opencontainers.image.title":"hi.txt"}}"#;
const CONFIG: &str = r#"{"mediaType":"application/vnd.docker.volume.v1+tar.gz","digest":"sha256:98df5c495df63132fb26e1066eb3bee4e4d72973da11b4e4e513ab11c15145b7","size":29}"#;
const SUBJECT: &str = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:a9491f4c1bf7b0cffbadcba2db8f028e4b3f2867cb59e1f3a0bc1968f3c51242","size":7,"platform":{"architecture":"arm64","os":"linux","variant":"v8"},"artifactType":"a/s"}"#;
/// The end of every manifest whose one annotation is the time.
const DATED: &str = r#""annotations":{"org.opencontainers.image.created":"2026-11-23T18:29:10Z"}}"#;

fn annotated(media_type: &str, bytes: &str, annotations: &[(&str, &str)]) -> Descriptor {
    let mut descriptor = Descriptor::of(media_type.into(), bytes.as_bytes());
    descriptor.annotations = texts(annotations);
    descriptor
}

fn titled(media_type: &str, bytes: &str, title: &str) -> Descriptor {
    annotated(media_type, bytes, &[(annotation::TITLE, title)])
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn hi() -> Descriptor {
    titled(LAYER, "hi", "hi.txt")
}

fn config() -> Descriptor {
    Descriptor::of(
        "application/vnd.docker.volume.v1+tar.gz".into(),
        b"{\"name\":\"foo\",\"value\":\"bar\"}\n",
    )
}

fn subject() -> Descriptor {
    Descriptor {
        platform: Some(Platform { variant: "v8".into(), ..Platform::new("linux", "arm64") }),
        artifact_type: "a/s".into(),
        ..Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject")
    }
}

/// What push makes of one file.
fn one_file() -> Artifact {
    Artifact {
        artifact_type: MediaType::UNKNOWN_ARTIFACT,
        layers: vec![hi()],
        ..Artifact::default()
    }
}

async fn try_pack(image_spec: ImageSpec, artifact: Artifact) -> Result<(Descriptor, Memory)> {
    let memory = Memory::new();
    let options = PackOptions { image_spec, created: CREATED.into() };
    let descriptor = pack(&memory, artifact, &options).await?;
    Ok((descriptor, memory))
}

/// Packs, and holds text, digest and descriptor against what they must be.
async fn expect(image_spec: ImageSpec, artifact: Artifact, text: &str, digest: &str) -> Memory {
    let (descriptor, memory) = try_pack(image_spec, artifact).await.expect("packed");
    let content = memory.fetch(&descriptor).await.expect("pushed");
    let bytes = content.read_all().await.expect("whole");
    assert_eq!(std::str::from_utf8(&bytes).expect("UTF-8"), text);
    assert_eq!(descriptor.digest.as_str(), digest);
    assert_eq!(descriptor.size, text.len() as u64);
    assert_eq!(descriptor.media_type, MediaType::IMAGE_MANIFEST);
    memory
}

use ImageSpec::{V1_0, V1_1};

#[tokio::test]
async fn one_file_by_default() {
    let text = format!(
        r#"{HEAD}"artifactType":"application/vnd.unknown.artifact.v1","config":{EMPTY},"layers":[{HI}],{DATED}"#
    );
    let digest = "sha256:a612f891060497b77f88da46655eb948ed00d3b04fbf8bcf98ae03f4fb7289a3";
    let memory = expect(V1_1, one_file(), &text, digest).await;
    assert!(memory.exists(&Descriptor::empty_json()).await.expect("memory"), "the config is there");
}

#[tokio::test]
async fn many_files_in_the_order_they_are_given() {
    let layers = vec![
        hi(),
        titled("application/vnd.me.bye", "bye", "dir/bye.txt"),
        titled("badtype", "hi", "/abs/hi"),
        titled(LAYER, "", "empty"),
    ];
    let text = format!(
        "{HEAD}{}{EMPTY}{}{HI},{},{},{}],{DATED}",
        r#""artifactType":"application/vnd.unknown.artifact.v1","config":"#,
        r#","layers":["#,
        r#"{"mediaType":"application/vnd.me.bye","digest":"sha256:b49f425a7e1f9cff3856329ada223f2f9d368f15a00cf48df16ca95986137fe8","size":3,"annotations":{"org.opencontainers.image.title":"dir/bye.txt"}}"#,
        r#"{"mediaType":"badtype","digest":"sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4","size":2,"annotations":{"org.opencontainers.image.title":"/abs/hi"}}"#,
        r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"annotations":{"org.opencontainers.image.title":"empty"}}"#,
    );
    let digest = "sha256:228f25f6058cda1c07fc184428799595f2420b77981e500f8f4361d96e52fdad";
    expect(V1_1, Artifact { layers, ..one_file() }, &text, digest).await;
}

#[tokio::test]
async fn a_directory() {
    let directory = annotated(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "not really a tar",
        &[
            (annotation::TITLE, "dir"),
            (annotation::CONTENT_UNPACK, "true"),
            (annotation::CONTENT_DIGEST, oras_spec::Digest::of(b"tar").as_str()),
        ],
    );
    let text = format!(
        "{HEAD}{}{EMPTY}{}],{DATED}",
        r#""artifactType":"application/vnd.unknown.artifact.v1","config":"#,
        r#","layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:5e9a5ec87ab511bc877cf1fc7950c3caffb902cb2cfe1f682401a976907014bc","size":16,"annotations":{"io.deis.oras.content.digest":"sha256:90aebae315675cbf04612de4f7d5874850f48e0b8dd82becbeaa47ca93f5ebfb","io.deis.oras.content.unpack":"true","org.opencontainers.image.title":"dir"}}"#,
    );
    let digest = "sha256:ffc3e0001cd38170194b244a62584356f123c2196876e7728dedf13667af9d0d";
    expect(V1_1, Artifact { layers: vec![directory], ..one_file() }, &text, digest).await;
}

#[tokio::test]
async fn with_artifact_type_and_config() {
    let artifact = Artifact {
        artifact_type: "application/vnd.me.type".into(),
        config: Some(config()),
        ..one_file()
    };
    let text = format!(
        r#"{HEAD}"artifactType":"application/vnd.me.type","config":{CONFIG},"layers":[{HI}],{DATED}"#
    );
    let digest = "sha256:c28eb9d26aa9d80aaaba77d405e4804b2974ba29701a6976c043732cbb278b7b";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn with_a_platform_as_config() {
    let platform = json::to_vec(&Platform::new("linux", "amd64"));
    let artifact =
        Artifact { config: Some(Descriptor::of(MediaType::IMAGE_CONFIG, &platform)), ..one_file() };
    let text = format!(
        "{HEAD}{}{}{HI}],{DATED}",
        r#""artifactType":"application/vnd.unknown.artifact.v1","#,
        r#""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:9d99a75171aea000c711b34c0e5e3f28d3d537dd99d110eafbfbc2bd8e52c2bf","size":37},"layers":["#,
    );
    let digest = "sha256:5e2bdc5723753c1b8bf7c0e69dbb18b787e76f818cf8eff10248423f68c37bde";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn without_files() {
    let artifact = Artifact { artifact_type: "a/b".into(), ..Artifact::default() };
    let text = format!(r#"{HEAD}"artifactType":"a/b","config":{EMPTY},"layers":[{EMPTY}],{DATED}"#);
    let digest = "sha256:6a6be70fec2d06f88fcefd59c1cb32869059fa8ffeb4709612dc19fa4d1068ca";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn by_version_1_0() {
    let artifact = Artifact { artifact_type: MediaType::default(), ..one_file() };
    let text = format!(
        "{HEAD}{}{HI}],{DATED}",
        r#""config":{"mediaType":"application/vnd.unknown.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":["#,
    );
    let digest = "sha256:f683e317149460f7b0ec0ad90c7a4b0db7e1881457cf172fd021a14618fe1bb6";
    expect(V1_0, artifact, &text, digest).await;
}

#[tokio::test]
async fn by_version_1_0_with_artifact_type() {
    let artifact = Artifact { artifact_type: "application/vnd.me.type".into(), ..one_file() };
    let text = format!(
        "{HEAD}{}{HI}],{DATED}",
        r#""config":{"mediaType":"application/vnd.me.type","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":["#,
    );
    let digest = "sha256:afb31d555e7ec34477794363d81d38cf1a422086ebd0aaf7731197b77aefc54d";
    expect(V1_0, artifact, &text, digest).await;
}

#[tokio::test]
async fn by_version_1_0_with_config() {
    let artifact =
        Artifact { artifact_type: MediaType::default(), config: Some(config()), ..one_file() };
    let text = format!(r#"{HEAD}"config":{CONFIG},"layers":[{HI}],{DATED}"#);
    let digest = "sha256:2cf514aae6b395ec83216f2b51e34e9cbbc00daeb1d4366a28831494273fd15c";
    expect(V1_0, artifact, &text, digest).await;
}

#[tokio::test]
async fn by_version_1_0_without_files() {
    let text = format!(
        "{HEAD}{}{DATED}",
        r#""config":{"mediaType":"application/vnd.unknown.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],"#,
    );
    let digest = "sha256:86627e68ab5c903f6e97d758a6ea6cfe0dafff5588c0b236b87f953ee2c5f49b";
    expect(V1_0, Artifact::default(), &text, digest).await;
}

#[tokio::test]
async fn with_annotations_of_every_kind() {
    let layer = annotated(
        LAYER,
        "hi",
        &[(annotation::TITLE, "h<i>.txt"), ("Zeta", "1"), ("alpha", "a&b"), ("äöü", "日本語")],
    );
    let artifact = Artifact {
        layers: vec![layer],
        config_annotations: texts(&[("c<", "&")]),
        annotations: texts(&[
            ("z", ""),
            ("quote", "say \"hi\"\\"),
            ("html", "<b>&amp;</b>"),
            ("line", "a\nb\tc\u{2028}d\u{2029}e"),
            ("Ärger", "ünïcödé 😀"),
        ]),
        ..one_file()
    };
    let text = [
        HEAD,
        r#""artifactType":"application/vnd.unknown.artifact.v1","#,
        r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"annotations":{"c\u003c":"\u0026"},"data":"e30="},"#,
        r#""layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4","size":2,"annotations":{"Zeta":"1","alpha":"a\u0026b","org.opencontainers.image.title":"h\u003ci\u003e.txt","äöü":"日本語"}}],"#,
        r#""annotations":{"html":"\u003cb\u003e\u0026amp;\u003c/b\u003e","line":"a\nb\tc\u2028d\u2029e","org.opencontainers.image.created":"2026-11-23T18:29:10Z","quote":"say \"hi\"\\","z":"","Ärger":"ünïcödé 😀"}}"#,
    ]
    .concat();
    let digest = "sha256:27cb18458924a5f707c2122847a50c6bf923ee6d4e277881931ff8327da33234";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn about_a_subject() {
    let artifact = Artifact {
        artifact_type: "application/vnd.me.sbom".into(),
        subject: Some(subject()),
        ..one_file()
    };
    let text = format!(
        r#"{HEAD}"artifactType":"application/vnd.me.sbom","config":{EMPTY},"layers":[{HI}],"subject":{SUBJECT},{DATED}"#
    );
    let digest = "sha256:7622578377372a85dc4492dcee068a391570f310faf8d1a7866188139b8ae4f9";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn about_a_subject_with_a_config_and_no_artifact_type() {
    let artifact = Artifact {
        artifact_type: MediaType::default(),
        config: Some(config()),
        subject: Some(subject()),
        ..one_file()
    };
    let text = format!(r#"{HEAD}"config":{CONFIG},"layers":[{HI}],"subject":{SUBJECT},{DATED}"#);
    let digest = "sha256:a5fd9207f27de74a2867ab8e591449609d643c667a0cc9e29a3792539bbc81dd";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn a_time_that_is_given_stays_as_it_is_spelled() {
    let given = "2024-02-29T12:00:00.5+01:00";
    let artifact = Artifact { annotations: texts(&[(annotation::CREATED, given)]), ..one_file() };
    let text = format!(
        r#"{HEAD}"artifactType":"application/vnd.unknown.artifact.v1","config":{EMPTY},"layers":[{HI}],"annotations":{{"org.opencontainers.image.created":"{given}"}}}}"#
    );
    let digest = "sha256:6a1f88258b7796e19619f8d59c4382bf1f72b7cfd3f4b57b4d1eb567f48102dc";
    expect(V1_1, artifact, &text, digest).await;
}

#[tokio::test]
async fn the_descriptor_tells_type_and_annotations() {
    let packed = |image_spec, artifact| async move {
        try_pack(image_spec, artifact).await.expect("packed").0
    };
    let plain = packed(V1_1, one_file()).await;
    assert_eq!(plain.artifact_type, MediaType::UNKNOWN_ARTIFACT);
    assert_eq!(plain.annotations, texts(&[(annotation::CREATED, CREATED)]));
    let old = packed(V1_0, Artifact { config: Some(config()), ..one_file() }).await;
    assert_eq!(old.artifact_type.as_str(), "application/vnd.docker.volume.v1+tar.gz");
    let untyped = Artifact {
        artifact_type: MediaType::default(),
        config: Some(config()),
        ..Artifact::default()
    };
    assert!(packed(V1_1, untyped).await.artifact_type.is_empty());
}

#[tokio::test]
async fn refuses_what_makes_no_manifest() {
    let bad_config = || Some(Descriptor::of("bad".into(), b"x"));
    let typed = |artifact_type: &str| Artifact {
        artifact_type: artifact_type.into(),
        ..Artifact::default()
    };
    let dated = Artifact { annotations: texts(&[(annotation::CREATED, "x")]), ..typed("a/b") };
    for (image_spec, artifact, message) in [
        (V1_1, typed("bad"), "invalid artifactType format: bad: invalid media type"),
        (V1_0, typed("bad"), "invalid artifactType format: bad: invalid media type"),
        (
            V1_1,
            Artifact { config: bad_config(), ..typed("") },
            "invalid config mediaType format: bad: invalid media type",
        ),
        (
            V1_0,
            Artifact { config: bad_config(), ..typed("") },
            "invalid config mediaType format: bad: invalid media type",
        ),
        (
            V1_1,
            Artifact { config: bad_config(), ..typed("bad") },
            "invalid artifactType format: bad: invalid media type",
        ),
        (V1_1, typed(""), "missing artifact type"),
        (
            V1_1,
            Artifact { config: Some(Descriptor::empty_json()), ..typed("") },
            "missing artifact type",
        ),
        (
            V1_0,
            Artifact { subject: Some(subject()), ..typed("") },
            "subject is not supported for manifest version 1: unsupported",
        ),
        (
            V1_1,
            dated,
            "invalid date and time format: parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
        ),
    ] {
        let error = try_pack(image_spec, artifact).await.expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

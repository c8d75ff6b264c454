//! `oras discover`: referrers as tree, table and data.

use std::collections::HashSet;

use oras_client::{Content, Target as _};
use oras_spec::image::{Descriptor, Index, Manifest, MediaType, Platform};
use oras_spec::json;
use serde_json::Value;

use crate::sandbox::{Listener, Sandbox, block_on, oras_in, oras_on_terminal};

/// Puts a manifest about `subject` and returns its descriptor.
fn attach(
    sandbox: &Sandbox,
    subject: &Descriptor,
    kind: &str,
    notes: &[(&str, &str)],
) -> Descriptor {
    let mut config = Descriptor::empty_json();
    if kind.is_empty() {
        config.media_type = MediaType::EMPTY_JSON;
    }
    let mut manifest = Manifest::new(config, Vec::new());
    manifest.artifact_type = kind.into();
    manifest.subject = Some(subject.plain());
    let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    manifest.annotations = notes.iter().map(owned).collect();
    sandbox.put("at", "tmp", MediaType::IMAGE_MANIFEST, json::to_vec(&manifest))
}

/// A subject, an SBOM with annotations and two signatures, one of them of the SBOM.
fn with_referrers() -> (Sandbox, [Descriptor; 4]) {
    let sandbox = Sandbox::new();
    let root = sandbox.seed("at", "v1", "");
    let notes = [("y", "yes"), ("c", "a: b"), ("n", "1"), ("lines", "a\nb")];
    let sbom = attach(&sandbox, &root, "sbom/t", &notes);
    let of_sbom = attach(&sandbox, &sbom, "sig/t", &[]);
    let of_root = attach(&sandbox, &root, "sig/t", &[]);
    (sandbox, [root, sbom, of_sbom, of_root])
}

/// The tree, whose branches are in the order of the registry.
fn trees(host: &str, [root, sbom, of_sbom, of_root]: &[Descriptor; 4], notes: bool) -> [String; 2] {
    let indented = |indent: &str, lines: &[String]| {
        lines.iter().fold(String::new(), |text, line| text + indent + line + "\n")
    };
    let mut about_sbom = Vec::new();
    if notes {
        let lines = [
            "├── [annotations]",
            "│   ├── c: 'a: b'",
            "│   ├── lines: \"a\\nb\"",
            "│   ├── n: \"1\"",
            "│   └── 'y': 'yes'",
        ];
        about_sbom.extend(lines.map(str::to_owned));
    }
    about_sbom.extend(["└── sig/t".to_owned(), format!("    └── {}", of_sbom.digest)]);
    let head = format!("{host}/at@{}\n", root.digest);
    let (sbom, of_root) = (&sbom.digest, &of_root.digest);
    [
        format!(
            "{head}├── sbom/t\n│   └── {sbom}\n{}└── sig/t\n    └── {of_root}\n",
            indented("│       ", &about_sbom)
        ),
        format!(
            "{head}├── sig/t\n│   └── {of_root}\n└── sbom/t\n    └── {sbom}\n{}",
            indented("        ", &about_sbom)
        ),
    ]
}

#[test]
fn draws_a_tree_by_artifact_type_with_annotations() {
    let (sandbox, all) = with_referrers();
    let said = sandbox.oras("discover HOST/at:v1").succeeds();
    let wanted = trees(&sandbox.host(), &all, true);
    assert!(wanted.contains(&said), "{said}\nis not\n{}", wanted[0]);
    let brief = sandbox.oras("discover HOST/at:v1 --verbose=false");
    assert!(trees(&sandbox.host(), &all, false).contains(&brief.stdout), "{}", brief.stdout);
    for line in ["discover HOST/at:v1 --format tree", "discover HOST/at:v1 --no-tty"] {
        assert_eq!(sandbox.oras(line).succeeds(), said, "{line}");
    }
    let alone = format!("discover HOST/at@{}", all[2].digest);
    let root = format!("{}/at@{}\n", sandbox.host(), all[2].digest);
    assert_eq!(sandbox.oras(&alone).succeeds(), root, "without referrers, the root alone");
    let by_tag = sandbox.oras("discover HOST/at:v1 --distribution-spec v1.1-referrers-tag");
    assert_eq!(by_tag.succeeds().lines().count(), 1, "nobody keeps lists under tags here");
}

#[test]
fn goes_no_deeper_than_told_and_filters_on_every_level() {
    let (sandbox, [_, sbom, of_sbom, of_root]) = with_referrers();
    let said = sandbox.oras("discover HOST/at:v1 --depth 1").succeeds();
    assert!(said.contains(of_root.digest.as_str()) && !said.contains(of_sbom.digest.as_str()));
    let said = sandbox.oras("discover HOST/at:v1 --artifact-type sig/t").succeeds();
    assert!(said.contains(of_root.digest.as_str()), "{said}");
    assert!(!said.contains(sbom.digest.as_str()), "{said}");
    assert!(!said.contains(of_sbom.digest.as_str()), "it hangs below what is left out: {said}");
    for depth in ["0", "-1"] {
        assert_eq!(
            sandbox.oras(&format!("discover --depth {depth} nonsense")).fails(),
            "Error: depth value should be at least 1\n"
        );
    }
}

#[test]
fn colors_are_for_terminals_behind_standard_output_alone() {
    let (sandbox, [root, sbom, ..]) = with_referrers();
    let reference = format!("{}/at:v1", sandbox.host());
    let words = ["discover", &reference];
    let said = oras_on_terminal(sandbox.environment(), &words).stdout;
    let head = format!("\u{1b}[32m{}/at@{}\u{1b}[0m\n", sandbox.host(), root.digest);
    assert!(said.starts_with(&head), "{said:?}");
    for part in [
        "── \u{1b}[93msbom/t\u{1b}[0m\n".to_owned(),
        format!("── \u{1b}[32m{}\u{1b}[0m\n", sbom.digest),
        "── \u{1b}[90m[annotations]\u{1b}[0m\n".to_owned(),
        "── n: \"1\"\n".to_owned(),
    ] {
        assert!(said.contains(&part), "{part:?} in {said:?}");
    }
    let plain = sandbox.oras("discover HOST/at:v1").succeeds();
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let quiet = sandbox.environment().with("NO_COLOR", "1");
    assert_eq!(oras_on_terminal(quiet, &words).stdout, plain);
    let words = ["discover", &reference, "--no-tty"];
    assert_eq!(oras_on_terminal(sandbox.environment(), &words).stdout, plain);
}

#[test]
fn reports_all_levels_as_json_and_through_templates() {
    let (sandbox, [root, sbom, of_sbom, of_root]) = with_referrers();
    let host = sandbox.host();
    let said = sandbox.oras("discover HOST/at:v1 --format json").succeeds();
    let start = format!(
        "{{\n  \"reference\": \"{host}/at@{0}\",\n  \
         \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",\n  \
         \"digest\": \"{0}\",\n  \"size\": {1},\n  \"referrers\": [\n    {{\n      \"reference\": ",
        root.digest, root.size
    );
    assert!(said.starts_with(&start), "{said}");
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let find = |digest: &str| {
        let referrers = report["referrers"].as_array().expect("a list").iter();
        referrers.clone().find(|referrer| referrer["digest"] == digest).expect("it is listed")
    };
    let found = find(sbom.digest.as_str());
    assert_eq!(found["artifactType"], "sbom/t");
    assert_eq!(found["annotations"]["c"], "a: b");
    assert_eq!(found["referrers"][0]["digest"], of_sbom.digest.as_str());
    assert_eq!(find(of_root.digest.as_str())["referrers"], Value::Array(Vec::new()));
    let format = "go-template={{range .referrers}}{{println .artifactType}}{{end}}";
    let words =
        ["discover", &format!("{host}/at:v1"), "--artifact-type", "sbom/t", "--format", format];
    assert_eq!(sandbox.oras_with(&words).succeeds(), "sbom/t\n");
    let old = sandbox.oras("discover HOST/at:v1 -o json");
    assert_eq!(old.stdout, said);
    let note = "[DEPRECATED] --output is deprecated, try `--format json` instead\n";
    assert_eq!(old.stderr, note);
}

#[test]
fn draws_a_table_of_direct_referrers() {
    const OLD: &str = "Format \"table\" is deprecated and will be removed in a future release.\n";
    let (sandbox, [root, sbom, of_sbom, of_root]) = with_referrers();
    let host = sandbox.host();
    let outcome = sandbox.oras("discover HOST/at:v1 --format table --verbose=false");
    assert!(outcome.stderr.ends_with(OLD), "{}", outcome.stderr);
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines[4..].sort_unstable();
    let wanted = [
        format!("Discovered 2 artifacts referencing {host}/at:v1"),
        format!("Digest: {}", root.digest),
        String::new(),
        "Artifact Type   Digest".to_owned(),
        format!("sbom/t          {}", sbom.digest),
        format!("sig/t           {}", of_root.digest),
    ];
    assert_eq!(lines, wanted);
    let line = format!("discover HOST/at@{} -o table", sbom.digest);
    let said = sandbox.oras(&line).stdout;
    let start = format!(
        "Discovered 1 artifact referencing {host}/at@{0}\nDigest: {0}\n\nArtifact Type   Digest\n\
         sig/t           {1}\n{{\n  \"mediaType\": ",
        sbom.digest, of_sbom.digest
    );
    assert!(said.starts_with(&start), "{said}");
    let line = format!("discover HOST/at@{} --format table", of_sbom.digest);
    assert_eq!(
        sandbox.oras(&line).stdout,
        format!("Discovered 0 artifacts referencing {host}/at@{0}\nDigest: {0}\n", of_sbom.digest)
    );
}

#[test]
fn says_which_forms_there_are() {
    let (sandbox, _) = with_referrers();
    for (flags, complaint) in [
        ("--format json -o json", "--format, --output cannot be used at the same time"),
        (
            "--format yaml",
            "invalid format type: \"yaml\"\nsupported types: table, json, go-template, tree",
        ),
        ("--format text", "unsupported format type: text"),
        ("-o text", "output type can only be tree, table or json"),
        ("-o go-template={{.}}", "output type can only be tree, table or json"),
        ("--template x", "--template must be used with --format go-template"),
        (
            "--format go-template",
            "\"go-template\" format specified but no template given\n\
             use `--format go-template=TEMPLATE` to specify the template",
        ),
    ] {
        let line = format!("discover HOST/at:v1 {flags}");
        assert_eq!(sandbox.oras(&line).fails(), format!("Error: {complaint}\n"), "{flags}");
    }
    let page = sandbox.oras("discover --help").succeeds();
    assert!(page.starts_with("[Preview] Discover"), "{page}");
    assert!(page.contains("** This command is in preview and under development. **"), "{page}");
    assert!(page.contains("disable colors") && !page.contains("progress bars"), "{page}");
    assert!(page.contains("(default \"tree\")") && !page.contains("(default 0)"), "{page}");
}

#[test]
fn says_what_is_missing() {
    let (sandbox, [root, ..]) = with_referrers();
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("discover HOST/at:nope").fails(),
        format!("Error response from registry: {host}/at:nope: not found\n")
    );
    let complaint = sandbox.oras("discover HOST/at").fails();
    let start = format!("Error: \"{host}/at\": no tag or digest specified\nUsage: oras discover ");
    assert!(complaint.starts_with(&start), "{complaint}");
    let mut entry = root.clone();
    entry.platform = Some(Platform::new("linux", "arm64"));
    let index = json::to_vec(&Index::new(vec![entry]));
    sandbox.put("at", "all", MediaType::IMAGE_INDEX, index);
    let said = sandbox.oras("discover HOST/at:all --platform linux/arm64").succeeds();
    assert_eq!(said, sandbox.oras("discover HOST/at:v1").succeeds());
}

/// A registry in which everything is about everything else.
#[test]
fn circles_end_and_names_cannot_command_the_terminal() {
    let one = Descriptor::of(MediaType::IMAGE_MANIFEST, b"1");
    let mut other = Descriptor::of(MediaType::IMAGE_MANIFEST, b"2");
    other.artifact_type = "\u{1b}[2Jevil".into();
    other.annotations.insert("\u{1b}]0;k".to_owned(), "v\u{7}".to_owned());
    let list = json::to_vec(&Index::new(vec![one.clone(), other.clone()]));
    let list: &'static str = String::leak(String::from_utf8(list).expect("JSON"));
    let digest = one.digest.to_string();
    let lying = Listener::answering(move |request| {
        if request.uri.path().contains("/referrers/") {
            return http::Response::builder()
                .header("content-type", MediaType::IMAGE_INDEX.as_str())
                .body(list)
                .expect("a response");
        }
        http::Response::builder()
            .header("content-type", MediaType::IMAGE_MANIFEST.as_str())
            .header("docker-content-digest", &digest)
            .body("1")
            .expect("a response")
    });
    let sandbox = Sandbox::new();
    let words = ["discover", &format!("{}/a@{}", lying.host(), one.digest)];
    let outcome = oras_in(sandbox.environment(), &words, "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let said = outcome.stdout;
    assert_eq!(
        said.matches(other.digest.as_str()).count(),
        2,
        "once for each that is open: {said}"
    );
    assert!(!said.contains('\u{1b}') && said.contains("\\x1b[2Jevil"), "{said:?}");
    assert!(said.contains("\"\\x1b]0;k\": \"v\\a\""), "{said:?}");
}

/// Puts so many manifests about `subject` into `at`, of two artifact types in turn.
fn attach_many(sandbox: &Sandbox, subject: &Descriptor, count: usize) -> HashSet<String> {
    let repository = sandbox.repository("at");
    let manifest = |number: usize| {
        let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
        manifest.artifact_type = if number.is_multiple_of(2) { "even/t" } else { "odd/t" }.into();
        manifest.subject = Some(subject.plain());
        manifest.annotations.insert("number".to_owned(), number.to_string());
        json::to_vec(&manifest)
    };
    block_on(async {
        let mut digests = HashSet::new();
        for number in 0..count {
            let bytes = manifest(number);
            let descriptor = Descriptor::of(MediaType::IMAGE_MANIFEST, &bytes);
            let content = Content::from_bytes(&descriptor, bytes.into());
            repository.push(&descriptor, content).await.expect("it is taken");
            digests.insert(descriptor.digest.to_string());
        }
        digests
    })
}

#[test]
fn ten_thousand_referrers_are_listed_each_once() {
    const COUNT: usize = 10_000;
    let sandbox = Sandbox::new();
    let root = sandbox.seed("at", "v1", "");
    let digests = attach_many(&sandbox, &root, COUNT);
    assert_eq!(digests.len(), COUNT);
    let report: Value =
        serde_json::from_str(&sandbox.oras("discover HOST/at:v1 --format json").succeeds())
            .expect("JSON");
    let listed = report["referrers"].as_array().expect("a list").iter();
    let listed: Vec<String> =
        listed.map(|one| one["digest"].as_str().expect("a digest").to_owned()).collect();
    assert_eq!(listed.len(), COUNT);
    assert_eq!(listed.into_iter().collect::<HashSet<_>>(), digests);
    let line = "discover HOST/at:v1 --depth 1 --artifact-type odd/t -v=false";
    let tree = sandbox.oras(line).stdout;
    assert_eq!(tree.lines().count(), COUNT / 2 + 2, "the root, the type, and half of them");
}

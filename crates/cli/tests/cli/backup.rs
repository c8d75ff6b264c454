//! `oras backup` and `oras restore`: there and back again, as a directory and as an archive.

use oras_client::{Content, Target as _};
use oras_spec::image::layout::blob_path;
use oras_spec::image::{Descriptor, Index, Manifest, MediaType, annotation};
use oras_spec::json;

use crate::sandbox::{Listener, Sandbox, block_on};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// Puts a manifest with one layer under a tag.
fn put(sandbox: &Sandbox, tag: &str, text: &str, subject: Option<&Descriptor>) -> Descriptor {
    let layer = Descriptor::of(MediaType::IMAGE_LAYER, text.as_bytes());
    let content = Content::from_bytes(&layer, text.to_owned().into());
    block_on(sandbox.repository("at").push(&layer, content)).expect("the layer is taken");
    let mut manifest = Manifest::new(Descriptor::empty_json(), vec![layer]);
    manifest.artifact_type = "test/x".into();
    manifest.subject = subject.map(Descriptor::plain);
    sandbox.put("at", tag, MediaType::IMAGE_MANIFEST, json::to_vec(&manifest))
}

/// A sandbox with `at:v1`, which `at:p1` is too, with an artifact about it and one about that.
fn with_artifacts() -> (Sandbox, Descriptor) {
    let sandbox = Sandbox::new();
    let root = put(&sandbox, "v1", "root", None);
    sandbox.oras("tag HOST/at:v1 p1").succeeds();
    let sbom = put(&sandbox, "tmp", "sbom", Some(&root));
    put(&sandbox, "tmp", "signature", Some(&sbom));
    sandbox.oras("tag HOST/at:v1 tmp").succeeds();
    (sandbox, root)
}

fn short(descriptor: &Descriptor) -> &str {
    &descriptor.digest.encoded()[..12]
}

/// What is about `at:v1`.
fn referrers(sandbox: &Sandbox, reference: &str) -> usize {
    let found = sandbox.oras(&format!("discover {reference} --format json")).succeeds();
    found.matches("\"digest\"").count() - 1
}

#[test]
fn backs_up_tags_into_a_directory_and_says_so() {
    let (sandbox, root) = with_artifacts();
    let host = sandbox.host();
    let said = sandbox.oras("backup HOST/at:v1,p1 -o bk --concurrency 1").succeeds();
    let layer = &Descriptor::of(MediaType::IMAGE_LAYER, b"root");
    let wanted = [
        format!("Found 2 tag(s) in {host}/at: v1, p1"),
        "Pulling   44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Pulled    44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        format!("Pulling   {} application/vnd.oci.image.layer.v1.tar", short(layer)),
        format!("Pulled    {} application/vnd.oci.image.layer.v1.tar", short(layer)),
        format!("Pulling   {} {KIND}", short(&root)),
        format!("Pulled    {} {KIND}", short(&root)),
        "Pulled tag v1 with 0 referrer(s)".to_owned(),
        format!("Exists    {} {KIND}", short(&root)),
        "Pulled tag p1 with 0 referrer(s)".to_owned(),
        format!("Successfully backed up 2 tag(s) from \"{host}/at\" to \"bk\" in 0s."),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
    assert_eq!(sandbox.oras("repo tags --oci-layout bk").succeeds(), "p1\nv1\n");

    // More goes into the same directory.
    let said = sandbox.oras("backup HOST/at:tmp -o bk --include-referrers").succeeds();
    assert!(said.contains("\nPulled tag tmp with 2 referrer(s)\n"), "{said}");
    assert_eq!(sandbox.oras("repo tags --oci-layout bk").succeeds(), "p1\ntmp\nv1\n");
    assert_eq!(referrers(&sandbox, "--oci-layout bk:v1"), 2);
}

#[test]
fn backs_up_all_tags_into_an_archive_and_restores_them_elsewhere() {
    let (sandbox, root) = with_artifacts();
    let (host, other) = (sandbox.host(), Sandbox::new());
    for tag in ["a", "b", "c"] {
        sandbox.oras(&format!("tag HOST/at:v1 {tag}")).succeeds();
    }
    let said = sandbox.oras("backup HOST/at --output bk.TAR --include-referrers").succeeds();
    let found = format!("Found 6 tag(s) in {host}/at:\na\nb\nc\np1\ntmp\nv1\n");
    assert!(said.starts_with(&found), "{said}");
    assert!(said.contains("Pulled tag a with 2 referrer(s)\n"), "{said}");
    let end = format!(
        "\nExporting to bk.TAR\nExported to bk.TAR (13.5 KB)\nSuccessfully backed up 6 tag(s) from \
         \"{host}/at\" to \"bk.TAR\" in 0s.\n"
    );
    assert!(said.ends_with(&end), "{said}");
    let again = sandbox.oras("backup HOST/at --output again.tar --include-referrers");
    again.succeeds();
    let bytes = |name: &str| std::fs::read(sandbox.path(name)).expect("there");
    assert!(bytes("bk.TAR") == bytes("again.tar"), "the same content gives the same archive");

    let there = other.host();
    let dry = sandbox.oras(&format!("restore --input bk.TAR --dry-run {there}/rs:v1,a")).succeeds();
    assert_eq!(
        dry,
        format!(
            "Loaded backup archive: bk.TAR (13.5 KB)\nFound 2 tag(s) in the backup: v1, a\n\
             Dry run: would push tag v1 with 2 referrer(s)\n\
             Dry run: would push tag a with 2 referrer(s)\n\
             Dry run complete: 2 tag(s) would be restored to \"{there}/rs\" (no data pushed)\n"
        )
    );
    assert_eq!(other.oras("repo ls HOST").succeeds(), "");
    let said = sandbox.oras(&format!("restore --input bk.TAR {there}/rs")).succeeds();
    assert!(said.contains("Found 6 tag(s) in the backup:\na\nb\n"), "{said}");
    assert!(said.contains(&format!("Pushing   {} {KIND}\n", short(&root))), "{said}");
    assert!(said.contains(&format!("Pushed    {} {KIND}\n", short(&root))), "{said}");
    assert!(said.contains("\nPushed tag v1 with 2 referrer(s)\n"), "{said}");
    let end = format!("\nSuccessfully restored 6 tag(s) to \"{there}/rs\" in 0s\n");
    assert!(said.ends_with(&end), "{said}");
    assert_eq!(other.digest("rs", "p1"), Some(root.digest.to_string()));
    assert_eq!(referrers(&other, &format!("{there}/rs:v1")), 2);

    // Again: nothing is sent, and all is well.
    let said = sandbox.oras(&format!("restore --input bk.TAR {there}/rs:v1")).succeeds();
    assert!(!said.contains("Pushing"), "{said}");
    let line = format!("restore --input bk.TAR --exclude-referrers {there}/bare:v1");
    let said = sandbox.oras(&line).succeeds();
    assert!(said.contains("\nPushed tag v1 with 0 referrer(s)\n"), "{said}");
    assert!(!said.contains("Loaded backup archive: bk.TAR (13.5 KB)\nLoaded"), "{said}");
    assert_eq!(referrers(&other, &format!("{there}/bare:v1")), 0);
}

#[test]
fn a_restore_completes_what_another_has_begun() {
    let (sandbox, root) = with_artifacts();
    sandbox.oras("backup HOST/at:v1 -o bk --include-referrers").succeeds();
    let other = Sandbox::new();
    let there = other.host();
    // The artifact without what is about it.
    sandbox.oras(&format!("cp HOST/at:v1 {there}/rs:old")).succeeds();
    let said = sandbox.oras(&format!("restore --input bk {there}/rs:v1")).succeeds();
    assert!(said.contains("Pushed tag v1 with 2 referrer(s)\n"), "{said}");
    assert_eq!(referrers(&other, &format!("{there}/rs@{}", root.digest)), 2);
}

#[test]
fn an_archive_that_is_there_stays_until_the_new_one_is_complete() {
    let (sandbox, _) = with_artifacts();
    sandbox.write("bk.tar", "old");
    let complaint = sandbox.oras("backup HOST/at:nope -o bk.tar").fails();
    let host = sandbox.host();
    let wanted = format!("Error: failed to resolve tag \"nope\": {host}/at:nope: not found\n");
    assert_eq!(complaint, wanted);
    assert_eq!(sandbox.read("bk.tar"), "old");
    sandbox.oras("backup HOST/at:nope -o new.tar").fails();
    sandbox.oras("backup HOST/at:nope -o new").fails();
    let names: Vec<_> = std::fs::read_dir(sandbox.path("")).expect("there").collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
    sandbox.oras("backup HOST/at:v1 -o bk.tar").succeeds();
    sandbox.oras("resolve --oci-layout bk.tar:v1").succeeds();
}

#[test]
fn backing_up_says_what_it_cannot_do() {
    let (sandbox, _) = with_artifacts();
    std::fs::create_dir(sandbox.path("d.tar")).expect("made");
    sandbox.write("file", "x");
    let (host, file) = (sandbox.host(), sandbox.path("file"));
    for (line, complaint) in [
        ("HOST/at".to_owned(), "required flag(s) \"output\" not set".to_owned()),
        ("HOST/at --output=".to_owned(), "the output path cannot be empty".to_owned()),
        (
            "HOST/at@sha256:x -o x".to_owned(),
            format!("digest references are not supported: \"{host}/at@sha256:x\""),
        ),
        ("HOST/at:v1, -o x".to_owned(), format!("empty tag in reference \"{host}/at:v1,\"")),
        (
            "HOST/at -o d.tar".to_owned(),
            "the output path \"d.tar\" already exists and is a directory\nTo back up to a tar \
             archive, please specify a different output file name or remove the existing directory."
                .to_owned(),
        ),
        (
            "HOST/at -o no/x.tar".to_owned(),
            "unable to create output file no/x.tar: open no/x.tar: no such file or directory"
                .to_owned(),
        ),
        (
            "HOST/at -o file".to_owned(),
            format!(
                "failed to prepare OCI store for backup: mkdir {}: not a directory",
                file.display()
            ),
        ),
    ] {
        let said = sandbox.oras(&format!("backup {line}")).fails();
        assert_eq!(said, format!("Error: {complaint}\n"), "{line}");
    }
    assert!(!sandbox.path("x").exists());
    let said = sandbox.oras("backup HOST/nothing -o x").fails();
    assert!(said.starts_with("Error response from registry: name unknown"), "{said}");
    let empty = Listener::answering(|_| http::Response::new("{\"name\":\"at\",\"tags\":[]}"));
    let said = sandbox.oras(&format!("backup {}/at -o x", empty.host())).fails();
    let host = empty.host();
    assert_eq!(
        said,
        format!(
            "Error: no tags found in repository \"{host}/at\"\nIf you want to list available tags \
             in \"{host}/at\", use \"oras repo tags\"\n"
        )
    );
    assert!(!sandbox.path("x").exists());
}

#[test]
fn restoring_says_what_it_cannot_do_and_pushes_nothing() {
    let (sandbox, _) = with_artifacts();
    sandbox.oras("backup HOST/at:v1 -o bk").succeeds();
    sandbox.oras("tag --oci-layout bk:v1 odd+tag").succeeds();
    for name in ["text", "text.tar"] {
        sandbox.write(name, "no tar");
    }
    sandbox.write("bare/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    sandbox.write("bare/index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
    std::fs::create_dir(sandbox.path("empty")).expect("made");
    for (flags, complaint) in [
        ("", "required flag(s) \"input\" not set"),
        ("--input=", "the input path cannot be empty"),
        (
            "--input nope",
            "failed to access input path \"nope\": stat nope: no such file or directory",
        ),
        ("--input text", "input path \"text\" is not a tar archive"),
        ("--input /dev/null", "input path \"/dev/null\" must be a directory or a tar archive"),
        (
            "--input text.tar",
            "failed to prepare OCI store from tar archive \"text.tar\": \"text.tar\" does not look \
             like a tar archive: unexpected EOF",
        ),
        (
            "--input bare",
            "no tags found in OCI layout \"bare\"\nIf you want to list available tags in \"bare\", \
             use \"oras repo tags --oci-layout\"",
        ),
        (
            "--input empty",
            "failed to prepare OCI store from directory \"empty\": invalid OCI Image Layout: failed \
             to open OCI layout file: open oci-layout: no such file or directory",
        ),
        (
            "--input bk",
            "no registry takes the tag \"odd+tag\" of \"bk\"\nName the tags to restore behind the \
             repository",
        ),
    ] {
        let said = sandbox.oras(&format!("restore {flags} HOST/rs")).fails();
        assert_eq!(said, format!("Error: {complaint}\n"), "{flags}");
    }
    assert!(std::fs::read_dir(sandbox.path("empty")).expect("there").next().is_none());
    assert_eq!(sandbox.oras("repo ls HOST").succeeds(), "at\n");
}

#[test]
fn a_backup_that_is_half_written_is_not_restored() {
    let (sandbox, _) = with_artifacts();
    sandbox.write("torn/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    sandbox.write("torn/index.json", r#"{"schemaVersion":2,"mani"#);
    let said = sandbox.oras("restore --input torn HOST/rs").fails();
    assert!(
        said.starts_with(
            "Error: failed to prepare OCI store from directory \"torn\": invalid OCI Image Index: \
             failed to decode index file: "
        ),
        "{said}"
    );
}

#[test]
fn a_tag_that_is_not_restored_is_named() {
    let (sandbox, _) = with_artifacts();
    sandbox.oras("backup HOST/at:v1 -o bk").succeeds();
    let host = sandbox.host();
    for flag in ["", "--dry-run"] {
        let said = sandbox.oras(&format!("restore --input bk {flag} HOST/rs:nope")).fails();
        let wanted = format!(
            "Error: failed to restore tag \"nope\" from \"bk\" to \"{host}/rs\": nope: not found\n"
        );
        assert_eq!(said, wanted);
    }
    let line = "restore --input bk localhost:1/rs:v1";
    let said = sandbox.oras(line).fails();
    assert!(
        said.starts_with("Error: failed to restore tag \"v1\" from \"bk\" to \"localhost:1/rs\": "),
        "{said}"
    );
}

/// Writes a layout of these documents, each under the digest that stands beside it.
fn write_layout(sandbox: &Sandbox, name: &str, root: &Descriptor, blobs: &[(&Descriptor, &[u8])]) {
    let mut entry = root.clone();
    entry.annotations.insert(annotation::REF_NAME.into(), "v1".into());
    sandbox.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    sandbox.write(&format!("{name}/index.json"), json::to_vec(&Index::new(vec![entry])));
    for (descriptor, bytes) in blobs {
        sandbox.write(&format!("{name}/{}", blob_path(&descriptor.digest)), bytes);
    }
}

#[test]
fn indexes_that_are_too_deep_or_lead_back_to_themselves_restore_nothing() {
    let sandbox = Sandbox::new();
    let mut chain: Vec<(Descriptor, Vec<u8>)> = Vec::new();
    for _ in 0..80 {
        let below = chain.last().map(|(descriptor, _)| descriptor.clone());
        let bytes = json::to_vec(&Index::new(below.into_iter().collect()));
        chain.push((Descriptor::of(MediaType::IMAGE_INDEX, &bytes), bytes));
    }
    let blobs: Vec<(&Descriptor, &[u8])> =
        chain.iter().map(|(descriptor, bytes)| (descriptor, bytes.as_slice())).collect();
    write_layout(&sandbox, "deep", blobs.last().expect("there").0, &blobs);

    // Two indexes that claim to list each other: no digest can be right.
    let (one, other) = (Descriptor::of(MediaType::IMAGE_INDEX, b"1"), chain[0].0.clone());
    let (to_one, to_other) = (
        json::to_vec(&Index::new(vec![one.clone()])),
        json::to_vec(&Index::new(vec![other.clone()])),
    );
    let one = Descriptor { size: to_other.len() as u64, ..one };
    let other = Descriptor { size: to_one.len() as u64, ..other };
    write_layout(&sandbox, "circle", &one, &[(&one, &to_other), (&other, &to_one)]);
    for (name, why) in [("deep", "64"), ("circle", "mismatched digest")] {
        for line in
            ["restore --input NAME HOST/rs:v1", "cp -r --from-oci-layout NAME:v1 HOST/rs:v1"]
        {
            let said = sandbox.oras(&line.replace("NAME", name)).fails();
            assert!(said.starts_with("Error") && said.contains(why), "{line}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    assert_eq!(sandbox.digest("rs", "v1"), None);
}

//! `oras cp`: what it says, and what the destination holds then.

use oras_client::{Content, Source as _, Target as _};
use oras_spec::image::{Descriptor, Index, Manifest, MediaType, Platform, annotation};
use oras_spec::json;

use crate::sandbox::{PASSWORD, Sandbox, USER, block_on};

/// Puts a manifest with one layer under a tag.
fn put(sandbox: &Sandbox, repository: &str, tag: &str, subject: Option<&Descriptor>) -> Descriptor {
    let mut layer = Descriptor::of(MediaType::IMAGE_LAYER, b"hi");
    let content = Content::from_bytes(&layer, "hi".into());
    let pushed = sandbox.repository(repository);
    block_on(async { pushed.push(&layer, content).await }).expect("the layer is taken");
    layer.annotations.insert(annotation::TITLE.into(), "hi.txt".into());
    let mut manifest = Manifest::new(Descriptor::empty_json(), vec![layer]);
    manifest.artifact_type = "test/x".into();
    manifest.subject = subject.map(Descriptor::plain);
    sandbox.put(repository, tag, MediaType::IMAGE_MANIFEST, json::to_vec(&manifest))
}

fn short(descriptor: &Descriptor) -> &str {
    &descriptor.digest.encoded()[..12]
}

#[test]
fn says_what_happens_and_sets_all_tags() {
    let (from, to) = (Sandbox::new(), Sandbox::new());
    let root = put(&from, "at", "v1", None);
    let (source, destination) = (from.host(), to.host());
    let line = format!("cp {source}/at:v1 {destination}/at2:v1,v2,v3 --concurrency 1");
    let said = from.oras(&line).succeeds();
    let (short, kind) = (short(&root), "application/vnd.oci.image.manifest.v1+json");
    let wanted = [
        "Copying 44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Copied  44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Copying 8f434346648f hi.txt".to_owned(),
        "Copied  8f434346648f hi.txt".to_owned(),
        format!("Copying {short} {kind}"),
        format!("Copied  {short} {kind}"),
        format!("Copied [registry] {source}/at:v1 => [registry] {destination}/at2:v1"),
        "Tagged v2".to_owned(),
        "Tagged v3".to_owned(),
        format!("Digest: {}", root.digest),
    ];
    let mut lines: Vec<&str> = said.lines().collect();
    lines[7..9].sort_unstable();
    assert_eq!(lines, wanted);
    for tag in ["v1", "v2", "v3"] {
        assert_eq!(to.digest("at2", tag), Some(root.digest.to_string()), "{tag}");
    }

    // Again, all is there: two lines, and the tag is set all the same.
    let again = from.oras(&format!("copy {source}/at:v1 {destination}/at2:v4"));
    let wanted = format!(
        "Copied [registry] {source}/at:v1 => [registry] {destination}/at2:v4\nDigest: {}\n",
        root.digest
    );
    assert_eq!(again.succeeds(), wanted);
    assert_eq!(to.digest("at2", "v4"), Some(root.digest.to_string()));
    let forced = from.oras(&format!("cp --force {source}/at:v1 {destination}/at2:v4")).succeeds();
    assert!(forced.contains(&format!("Copied  {short} {kind}\n")), "{forced}");
    assert!(forced.contains("Exists  8f434346648f hi.txt\n"), "{forced}");
    let brief = format!("cp --verbose=false {source}/at:v1 {destination}/at3:v1 --concurrency 1");
    let brief = from.oras(&brief).stdout;
    assert!(brief.starts_with("Copying 8f434346648f hi.txt\nCopied  8f4"), "{brief}");
}

#[test]
fn copies_by_digest_without_a_tag() {
    let sandbox = Sandbox::new();
    let root = put(&sandbox, "at", "v1", None);
    let said = sandbox.oras(&format!("cp HOST/at@{} HOST/at2", root.digest)).succeeds();
    let host = sandbox.host();
    let wanted = format!(
        "Copied [registry] {host}/at@{0} => [registry] {host}/at2\nDigest: {0}\n",
        root.digest
    );
    assert!(said.ends_with(&wanted), "{said}");
    assert_eq!(sandbox.oras("repo tags HOST/at2").succeeds(), "");
    let reference = root.digest.clone().into();
    block_on(sandbox.repository("at2").resolve(&reference)).expect("it is there");
    sandbox.oras(&format!("cp HOST/at:v1 HOST/at3@{}", root.digest)).succeeds();
    block_on(sandbox.repository("at3").resolve(&reference)).expect("it is there");
    let other = root.digest.as_str().replace(&root.digest.encoded()[..4], "0000");
    let complaint = sandbox.oras(&format!("cp HOST/at:v1 HOST/at4@{other}")).fails();
    let wanted =
        format!("Error: the copied artifact has the digest {}, not {other}\n", root.digest);
    assert!(complaint.starts_with(&wanted), "{complaint}");
}

#[test]
fn blobs_of_the_same_registry_are_mounted() {
    let sandbox = Sandbox::new();
    let root = put(&sandbox, "at", "v1", None);
    let said = sandbox.oras("cp HOST/at:v1 HOST/at2:v1 --concurrency 1").succeeds();
    let lines: Vec<&str> = said.lines().take(4).collect();
    let wanted = [
        "Mounted 44136fa355b3 application/vnd.oci.empty.v1+json".to_owned(),
        "Mounted 8f434346648f hi.txt".to_owned(),
        format!("Copying {} application/vnd.oci.image.manifest.v1+json", short(&root)),
        format!("Copied  {} application/vnd.oci.image.manifest.v1+json", short(&root)),
    ];
    assert_eq!(lines, wanted);
    // Not so for somebody else.
    let said = sandbox.oras("cp HOST/at:v1 HOST/at3:v1 --to-username me --to-password x");
    assert!(said.stdout.contains("Copied  8f434346648f hi.txt\n"), "{said:?}");
}

#[test]
fn no_blob_is_asked_for_from_a_repository_that_cannot_have_it() {
    let (here, elsewhere) = (Sandbox::new(), Sandbox::new());
    put(&here, "at", "v1", None);
    let from = format!("{}/at:v1", here.host());
    for (to, mounts) in [
        (format!("{}/at2:v1", here.host()), true),
        (format!("{}/at:v2", here.host()), false),
        (format!("{}/at:v1", elsewhere.host()), false),
        (format!("{}/at2:v1", elsewhere.host()), false),
    ] {
        let outcome = here.oras_with(&["cp", "--debug", &from, &to]);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(outcome.stderr.contains("mount=REDACTED"), mounts, "{to}");
    }
}

#[test]
fn takes_referrers_along_if_told_so() {
    let (from, to) = (Sandbox::new(), Sandbox::new());
    let root = put(&from, "at", "v1", None);
    let sbom = put(&from, "at", "tmp", Some(&root));
    let signature = put(&from, "at", "tmp", Some(&sbom));
    let line = format!("cp -r {}/at:v1 {}/at2:v1,v2", from.host(), to.host());
    let said = from.oras(&line).succeeds();
    assert!(said.contains("\nTagged v2\n"), "{said}");
    assert!(said.ends_with(&format!("\nDigest: {}\n", root.digest)), "{said}");
    assert_eq!(to.digest("at2", "v1"), Some(root.digest.to_string()));
    assert_eq!(to.oras("repo tags HOST/at2").succeeds(), "v1\nv2\n");
    let tree = to.oras("discover HOST/at2:v1").succeeds();
    assert!(tree.contains(signature.digest.as_str()), "{tree}");
    // Again: one line for each that nothing is about.
    let again = from.oras(&line).succeeds();
    let exists = "application/vnd.oci.image.manifest.v1+json\nCopied [registry] ";
    assert!(again.starts_with(&format!("Exists  {} {exists}", short(&signature))), "{again}");

    let line = format!("cp --recursive {}/at:v1 {}/at3@{}", from.host(), to.host(), root.digest);
    from.oras(&line).succeeds();
    assert_eq!(to.oras("repo tags HOST/at3").succeeds(), "", "a digest is no tag");
}

#[test]
fn copies_what_is_for_a_platform() {
    let sandbox = Sandbox::new();
    let mut entry = put(&sandbox, "at", "v1", None);
    put(&sandbox, "at", "tmp", Some(&entry));
    entry.platform = Some(Platform::new("linux", "arm64"));
    let index = json::to_vec(&Index::new(vec![entry.clone()]));
    let index = sandbox.put("at", "all", MediaType::IMAGE_INDEX, index);
    let host = sandbox.host();
    let (one, all) = (&entry.digest, &index.digest);
    for (source, shown) in
        [("at:all".to_owned(), "at:all".to_owned()), (format!("at@{all}"), format!("at@{one}"))]
    {
        for flag in ["", "-r"] {
            let line = format!("cp {flag} --platform linux/arm64 HOST/{source} HOST/at2:v1");
            let said = sandbox.oras(&line).succeeds();
            let wanted = format!("Copied [registry] {host}/{shown} => [registry] {host}/at2:v1\n");
            assert!(said.contains(&wanted), "{said}");
            assert!(said.ends_with(&format!("Digest: {one}\n")), "{said}");
        }
    }
    assert_eq!(sandbox.digest("at2", "v1"), Some(one.to_string()));
    assert_eq!(
        sandbox.oras("cp --platform linux/s390x HOST/at:all HOST/at2:v2").fails(),
        format!(
            "Error from source registry for \"{host}/at:all\": {all}: not found: \
             no matching manifest was found in the manifest list\n"
        )
    );
    // With the index, what is about its manifests comes along.
    sandbox.oras("cp -r HOST/at:all HOST/at5:all").succeeds();
    let tree = sandbox.oras(&format!("discover HOST/at5@{one}")).succeeds();
    assert!(tree.contains("test/x"), "{tree}");
}

#[test]
fn blames_the_side_that_failed() {
    let sandbox = Sandbox::new();
    put(&sandbox, "at", "v1", None);
    let host = sandbox.host();
    for (line, complaint) in [
        (
            "cp HOST/at:nope HOST/at2:v1",
            format!("Error from source registry for \"{host}/at:nope\": {host}/at:nope: not found"),
        ),
        (
            "cp HOST/at:v1 localhost:1/at2:v1",
            "Error from destination registry for \"localhost:1/at2:v1\": \
             Head \"http://localhost:1/v2/at2/manifests/"
                .to_owned(),
        ),
        (
            "cp HOST/at:nope HOST/at2",
            format!(
                "Error response from registry: failed to resolve nope: {host}/at:nope: not found"
            ),
        ),
        (
            "cp -r HOST/at:nope HOST/at2:v1",
            format!(
                "Error response from registry: failed to resolve nope: {host}/at:nope: not found"
            ),
        ),
    ] {
        let said = sandbox.oras(line).fails();
        assert!(said.starts_with(&complaint), "{line}: {said}");
    }
}

#[test]
fn further_tags_are_looked_at_before_anything_is_copied() {
    let sandbox = Sandbox::new();
    put(&sandbox, "at", "v1", None);
    for (destination, complaint) in [
        ("at2:v1,b+d", "invalid reference: invalid tag \"b+d\""),
        ("at2:v1,", "invalid reference"),
        ("at2:,x", "invalid reference"),
        ("at2,x", "invalid reference"),
    ] {
        let said = sandbox.oras(&format!("cp HOST/at:v1 HOST/{destination}")).fails();
        assert_eq!(said, format!("Error: {complaint}\n"), "{destination}");
    }
    assert_eq!(sandbox.digest("at2", "v1"), None);
}

#[test]
fn the_two_sides_have_flags_of_their_own() {
    let sandbox = Sandbox::new();
    put(&sandbox, "at", "v1", None);
    let host = sandbox.host();
    for (flags, complaint) in [
        (
            "--from-username a --from-identity-token b",
            "--from-username, --from-identity-token cannot be used at the same time",
        ),
        (
            "--to-password a --to-identity-token b",
            "--to-password, --to-identity-token cannot be used at the same time",
        ),
        ("--to-cert-file a", "--to-cert-file must be used in conjunction with --to-key-file"),
        ("--from-header novalue", "invalid header: \"novalue\""),
        (
            "--from-oci-layout --from-oci-layout-path x",
            "--from-oci-layout-path, --from-oci-layout cannot be used at the same time",
        ),
        ("--to-oci-layout -H a:b", "unknown shorthand flag: 'H' in -H"),
        ("--username a", "unknown flag: --username"),
        ("--to-password-stdin", "unknown flag: --to-password-stdin"),
        ("--format json", "unknown flag: --format"),
        (
            "--to-distribution-spec v1",
            "invalid argument \"v1\" for \"--to-distribution-spec\" flag: unknown distribution specification flag: v1\nAvailable options: v1.1-referrers-tag, v1.1-referrers-api",
        ),
    ] {
        let said = sandbox.oras(&format!("cp HOST/at:v1 HOST/at2:v1 {flags}")).fails();
        assert_eq!(said, format!("Error: {complaint}\n"), "{flags}");
    }
    // One resolution is for both sides, and those of a side come before it.
    let port = host.strip_prefix("localhost:").expect("a port");
    let nowhere = "10.255.255.1".to_owned();
    let line = format!(
        "cp --resolve far.example:80:{nowhere} --from-resolve far.example:80:127.0.0.1:{port} \
         --from-plain-http far.example/at:v1 HOST/at2:v1"
    );
    sandbox.oras(&line).succeeds();
    let line = format!(
        "cp --resolve far.example:80:127.0.0.1:{port} --from-plain-http --to-plain-http \
         far.example/at:v1 far.example/at3:v1"
    );
    sandbox.oras(&line).succeeds();
    assert_eq!(sandbox.digest("at3", "v1"), sandbox.digest("at", "v1"));
    let said = sandbox.oras("cp HOST/at HOST/at2:v1").fails();
    let wanted =
        format!("Error: \"{host}/at\": no tag or digest specified\nUsage: oras cp [flags]");
    assert!(said.starts_with(&wanted), "{said}");
    let said = sandbox.oras("cp HOST/at:v1").fails();
    let wanted = "Error: \"oras cp\" requires exactly 2 argument but got 1\nUsage: oras cp [flags] \
                  <from>{:<tag>|@<digest>} <to>[:<tag>[,<tag>][...]]\nPlease specify exactly 2 \
                  argument as the source and destination for copying. Run \"oras cp -h\" for more \
                  options and examples\n";
    assert_eq!(said, wanted);
}

#[test]
fn no_side_uses_the_credential_of_the_other() {
    let sandbox = Sandbox::closed();
    let root = put(&sandbox, "at", "v1", None);
    let (from, to) = (format!("{}/at:v1", sandbox.host()), format!("{}/at2:v1", sandbox.host()));
    let copy = |source: &str, destination: &str| {
        sandbox.oras_with(&[
            "cp",
            "--from-username",
            USER,
            "--from-password",
            source,
            "--to-username",
            USER,
            "--to-password",
            destination,
            &from,
            &to,
        ])
    };
    let said = copy(PASSWORD, "wrong").fails();
    assert!(said.starts_with("Error from destination registry for "), "{said}");
    let said = copy("wrong", PASSWORD).fails();
    assert!(said.starts_with("Error from source registry for "), "{said}");
    assert_eq!(sandbox.digest("at2", "v1"), None);
    let said = copy(PASSWORD, PASSWORD).succeeds();
    assert!(said.ends_with(&format!("Digest: {}\n", root.digest)), "{said}");
}

#[test]
fn the_page_shows_the_flags_of_both_sides() {
    let page = Sandbox::new().oras("cp --help").succeeds();
    for flag in [
        "--from-distribution-spec string",
        "--to-distribution-spec string",
        "-r, --recursive",
        "--from-oci-layout-path string",
        "--to-registry-config path",
        "--resolve host:port:address[:address_port]",
        "--to-resolve host:port:address[:address_port]",
    ] {
        assert!(page.contains(flag), "{flag}: {page}");
    }
    assert!(page.contains("--recursive") && page.contains("[Preview] recursively"), "{page}");
    assert!(page.contains("\nAliases:\n  cp, copy\n"), "{page}");
}

#[test]
fn copies_to_and_from_layouts() {
    let sandbox = Sandbox::new();
    let root = put(&sandbox, "at", "v1", None);
    let sbom = put(&sandbox, "at", "tmp", Some(&root));
    let host = sandbox.host();
    let said = sandbox.oras("cp -r --to-oci-layout HOST/at:v1 lay:v1,x+y").succeeds();
    let shown = format!("\nCopied [registry] {host}/at:v1 => [oci-layout] lay:v1\nTagged x+y\n");
    assert!(said.contains(&shown), "{said}");
    assert_eq!(sandbox.oras("repo tags --oci-layout lay").succeeds(), "v1\nx+y\n");
    let again = sandbox.oras("cp --to-oci-layout HOST/at:v1 lay:v1").succeeds();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    assert!(again.starts_with(&format!("Exists  {} {kind}\nCopied ", short(&root))), "{again}");

    sandbox.oras("cp -r --from-oci-layout lay:v1 --to-oci-layout-path other v2").succeeds();
    let tree = sandbox.oras("discover --oci-layout other:v2").succeeds();
    assert!(tree.contains(sbom.digest.as_str()), "{tree}");
    let back = Sandbox::new();
    let line = format!("cp -r --from-oci-layout-path other v2 {}/back:v3", back.host());
    let said = sandbox.oras(&line).succeeds();
    let shown = format!("Copied [oci-layout] v2 => [registry] {}/back:v3\n", back.host());
    assert!(said.contains(&shown), "{said}");
    assert_eq!(back.digest("back", "v3"), Some(root.digest.to_string()));
    assert!(back.oras("discover HOST/back:v3").succeeds().contains(sbom.digest.as_str()));

    assert_eq!(
        sandbox.oras("cp --from-oci-layout lay:nope HOST/at2:v1").fails(),
        "Error from source oci-layout for \"lay:nope\": nope: not found\n"
    );
    assert_eq!(
        sandbox.oras("cp --from-oci-layout --from-header a:b lay:v1 HOST/at2:v1").fails(),
        "Error: custom header flags cannot be used on an OCI image layout target\n"
    );
}

#[test]
fn requests_to_both_sides_are_numbered_together() {
    let (from, to) = (Sandbox::new(), Sandbox::new());
    put(&from, "at", "v1", None);
    let line = format!("cp -d {}/at:v1 {}/at2:v1", from.host(), to.host());
    let log = from.oras(&line).stderr;
    let id = |line: &str| line.split_once("--> Request #")?.1.parse::<u64>().ok();
    let mut ids: Vec<u64> = log.lines().filter_map(id).collect();
    ids.sort_unstable();
    assert!(ids.len() > 5, "{log}");
    assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>(), "{log}");
}

#[test]
fn a_half_copied_index_is_completed_by_copying_again() {
    let sandbox = Sandbox::new();
    let children = ["one", "two"].map(|seed| sandbox.seed("at", seed, seed));
    let index = Index::new(children.to_vec());
    let root = sandbox.put("at", "v1", MediaType::IMAGE_INDEX, json::to_vec(&index));
    sandbox.oras("cp -r HOST/at:v1 --to-oci-layout there:v1").succeeds();
    // What a copy that was broken off in other ways may leave: the parent without a child.
    for lost in [&children[1].digest, &children[0].digest] {
        let path = format!("there/{}", oras_spec::image::layout::blob_path(lost));
        std::fs::remove_file(sandbox.path(&path)).expect("removed");
        let said = sandbox.oras("cp -r HOST/at:v1 --to-oci-layout there:v1").succeeds();
        let (lost, kind) = (&lost.encoded()[..12], "application/vnd.oci.image.manifest.v1+json");
        let exists = "Exists  ".to_owned() + short(&root);
        let wanted = format!(
            "Copying {lost} {kind}\nCopied  {lost} {kind}\n{exists} \
             application/vnd.oci.image.index.v1+json\nCopied [registry] "
        );
        assert!(said.contains(&wanted), "{said}");
        assert_eq!(said.matches("Copied  ").count(), 1, "{said}");
        assert!(sandbox.path(&path).exists());
    }
}

#[test]
fn signatures_that_only_their_tags_tell_come_along_when_asked_for() {
    let (from, to) = (Sandbox::new(), Sandbox::new());
    let root = put(&from, "at", "v1", None);
    let name = format!("sha256-{}", root.digest.encoded());
    let tags = ["sig", "att", "sbom"].map(|suffix| format!("{name}.{suffix}"));
    for tag in &tags {
        from.seed("at", tag, tag);
    }
    let line = format!("cp -r {}/at:v1 {}/at2:v1", from.host(), to.host());
    from.oras(&line).succeeds();
    assert_eq!(to.oras("repo tags HOST/at2").succeeds(), "v1\n");
    let said = from.oras(&format!("{line} --include-digest-tags")).succeeds();
    for tag in &tags {
        assert!(said.contains(&format!("Tagged {tag}\n")), "{said}");
        assert_eq!(to.digest("at2", tag), from.digest("at", tag));
    }
    let complaint = from.oras(&line.replace("-r", "--include-digest-tags")).fails();
    let wanted = "Error: --include-digest-tags must be used in conjunction with --recursive\n";
    assert_eq!(complaint, wanted);
}

//! `oras pull`: what it says and what is in the directory then.

use oras_spec::image::{Descriptor, Index, Manifest, MediaType, Platform};
use oras_spec::json;

use crate::sandbox::Sandbox;

/// A sandbox with `hi.txt` and `dir/bye.txt` pushed as `hello:v1`.
fn with_artifact() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.write("dir/bye.txt", "bye");
    sandbox.write("config.json", "{\"a\":1}");
    sandbox.oras("push HOST/hello:v1 hi.txt dir/bye.txt --config config.json:x/y").succeeds();
    sandbox
}

#[test]
fn says_what_happens_and_writes_the_files() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/hello:v1 hi.txt").succeeds();
    let said = sandbox.oras("pull HOST/hello:v1 -o out").succeeds();
    let digest = sandbox.digest("hello", "v1").expect("it is there");
    let manifest = format!("{} application/vnd.oci.image.manifest.v1+json", &digest[7..19]);
    let host = sandbox.host();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            format!("Downloading {manifest}"),
            format!("Processing  {manifest}"),
            "Downloading 8f434346648f hi.txt".to_owned(),
            "Downloaded  8f434346648f hi.txt".to_owned(),
            format!("Downloaded  {manifest}"),
            format!("Pulled [registry] {host}/hello:v1"),
            format!("Digest: {digest}"),
        ]
    );
    assert_eq!(sandbox.read("out/hi.txt"), "hi");
    let said = sandbox.oras(&format!("pull HOST/hello@{digest} --verbose=false")).stdout;
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "Downloading 8f434346648f hi.txt".to_owned(),
            "Downloaded  8f434346648f hi.txt".to_owned(),
            format!("Pulled [registry] {host}/hello@{digest}"),
            format!("Digest: {digest}"),
        ]
    );
}

#[test]
fn files_of_equal_content_are_downloaded_once() {
    let sandbox = Sandbox::new();
    sandbox.write("foo1", "foo");
    sandbox.write("foo2", "foo");
    sandbox.oras("push HOST/hello:dup foo1 foo2").succeeds();
    let said = sandbox.oras("pull HOST/hello:dup -o out").succeeds();
    let about = |word: &str| said.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!(
        (about("Downloading 2c26b46b68ff"), about("Restored    2c26b46b68ff")),
        (1, 1),
        "{said}"
    );
    assert_eq!((sandbox.read("out/foo1"), sandbox.read("out/foo2")), ("foo".into(), "foo".into()));
}

#[test]
fn what_has_no_name_is_skipped_with_a_hint_unless_it_is_given_one() {
    let sandbox = with_artifact();
    let said = sandbox.oras("pull HOST/hello:v1 -o out").succeeds();
    assert!(said.contains("\nSkipped     015abd7f5cc5 x/y\n"), "{said}");
    let hint = format!(
        "Skipped pulling layers without file name in \"org.opencontainers.image.title\"\n\
         Use 'oras copy {}/hello:v1 --to-oci-layout <layout-dir>' to pull all layers.\n",
        sandbox.host()
    );
    assert!(said.ends_with(&hint), "{said}");
    assert_eq!(sandbox.read("out/dir/bye.txt"), "bye");

    for config in ["conf/c.json", "conf/c.json:x/y"] {
        let said =
            sandbox.oras(&format!("pull HOST/hello:v1 -o out2 --config {config}")).succeeds();
        assert!(said.contains(&format!("\nPulled [registry] {}/hello:v1\n", sandbox.host())));
        assert_eq!(sandbox.read("out2/conf/c.json"), "{\"a\":1}");
        std::fs::remove_dir_all(sandbox.path("out2")).expect("clear");
    }
    let said = sandbox.oras("pull HOST/hello:v1 -o out2 --config c.json:other/type").succeeds();
    assert!(said.ends_with(&hint), "{said}");
    assert!(!sandbox.path("out2/c.json").exists());
}

#[test]
fn reports_the_files_as_json() {
    let sandbox = with_artifact();
    let said = sandbox.oras("pull HOST/hello:v1 -o out --format json").succeeds();
    let digest = sandbox.digest("hello", "v1").expect("it is there");
    let host = sandbox.host();
    let path = sandbox.path("out/hi.txt");
    let start = format!(
        "{{\n  \"reference\": \"{host}/hello@{digest}\",\n  \"files\": [\n    {{\n      \
         \"path\": \"{}\",\n      \"reference\": \"{host}/hello@sha256:\
         8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4\",\n      \
         \"mediaType\": \"application/vnd.oci.image.layer.v1.tar\",\n      \
         \"digest\": \"sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4\",\n      \
         \"size\": 2,\n      \"annotations\": {{\n        \
         \"org.opencontainers.image.title\": \"hi.txt\"\n      }}\n    }},\n",
        path.display()
    );
    assert!(said.starts_with(&start), "{said}");
    sandbox.oras("push HOST/empty:v1").succeeds();
    let said = sandbox.oras("pull HOST/empty:v1 --format go-template={{.files}}").succeeds();
    assert_eq!(said, "<no value>");
}

#[test]
fn old_files_are_replaced_unless_they_are_to_be_kept() {
    let sandbox = with_artifact();
    sandbox.write("out/hi.txt", "something old");
    assert_eq!(
        sandbox.oras("pull HOST/hello:v1 -o out -k").fails(),
        "Error: failed to resolve path for writing: overwrite disallowed\n"
    );
    assert_eq!(sandbox.read("out/hi.txt"), "something old");
    sandbox.oras("pull HOST/hello:v1 -o out").succeeds();
    assert_eq!(sandbox.read("out/hi.txt"), "hi");
}

#[test]
fn a_title_that_leads_out_is_refused_unless_that_is_allowed() {
    let sandbox = Sandbox::new();
    sandbox.write("sub/hi.txt", "hi");
    sandbox.write("evil.json", "{\"sub/hi.txt\": {\"org.opencontainers.image.title\": \"../x\"}}");
    sandbox.oras("push HOST/evil:v1 sub/hi.txt --annotation-file evil.json").succeeds();
    assert_eq!(
        sandbox.oras("pull HOST/evil:v1 -o a/b").fails(),
        "Error: failed to resolve path for writing: path traversal disallowed\nPulling files \
         outside of working directory is insecure and blocked by default. If you trust the \
         content producer, use --allow-path-traversal to bypass this check.\n"
    );
    assert!(!sandbox.path("a/x").exists());
    sandbox.oras("pull HOST/evil:v1 -o a/b -T").succeeds();
    assert_eq!(sandbox.read("a/x"), "hi");
}

#[test]
fn picks_one_platform_of_an_index() {
    let sandbox = Sandbox::new();
    let mut entries = Vec::new();
    for architecture in ["amd64", "arm64"] {
        sandbox.write("app", architecture);
        sandbox.oras(&format!("push HOST/app:{architecture} app")).succeeds();
        let digest = sandbox.digest("app", architecture).expect("it is there");
        let fetched = sandbox.oras(&format!("manifest fetch HOST/app:{architecture}")).succeeds();
        let mut entry = Descriptor::of(MediaType::IMAGE_MANIFEST, fetched.as_bytes());
        assert_eq!(entry.digest.as_str(), digest);
        entry.platform = Some(Platform::new("linux", architecture));
        entries.push(entry);
    }
    let index = json::to_vec(&Index::new(entries.clone()));
    sandbox.put("app", "all", MediaType::IMAGE_INDEX, index);
    let said = sandbox.oras("pull HOST/app:all --platform linux/arm64 -o out").succeeds();
    assert_eq!(sandbox.read("out/app"), "arm64");
    assert!(said.ends_with(&format!("\nDigest: {}\n", entries[1].digest)), "{said}");
    // All at once, the files have the same name.
    let complaint = sandbox.oras("pull HOST/app:all -o all").fails();
    assert_eq!(complaint, "Error: app: duplicate name\n");
}

#[test]
fn says_what_is_missing() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    assert_eq!(
        sandbox.oras("pull HOST/a:nope -o out").fails(),
        format!("Error response from registry: {host}/a:nope: not found\n")
    );
    assert!(!sandbox.path("out").exists());
    assert!(sandbox.oras("pull HOST/a").fails().starts_with(&format!(
        "Error: \"{host}/a\": no tag or digest specified\nUsage: oras pull [flags] <name>"
    )));
    let mut manifest = Manifest::new(Descriptor::empty_json(), Vec::new());
    manifest.artifact_type = "a/b".into();
    sandbox.put("a", "v1", MediaType::IMAGE_MANIFEST, json::to_vec(&manifest));
    let said = sandbox.oras("pull HOST/a:v1 -o out").succeeds();
    assert!(said.contains("\nPulled [registry] "), "an empty config is no layer: {said}");
}

#[test]
fn directories_come_back_as_they_were() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/a.txt", "a");
    sandbox.write("tree/sub/b.txt", "b");
    sandbox.oras("push HOST/tree:v1 tree").succeeds();
    let said = sandbox.oras("pull HOST/tree:v1 -o out --format json").succeeds();
    assert_eq!(sandbox.read("out/tree/a.txt"), "a");
    assert_eq!(sandbox.read("out/tree/sub/b.txt"), "b");
    let path = format!("\"path\": \"{}/\"", sandbox.path("out/tree").display());
    assert!(said.contains(&path), "{said}");
}

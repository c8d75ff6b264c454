//! Registries and artifacts that mean harm: refused before any final name exists.

use std::os::unix::fs::{MetadataExt as _, symlink};

use oras_spec::Digest;
use oras_tests::evil::Answer;
use oras_tests::{Evil, Sandbox};
use serde_json::json;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TRAVERSAL: &str = "Error: failed to resolve path for writing: path traversal disallowed\n\
    Pulling files outside of working directory is insecure and blocked by default. If you trust \
    the content producer, use --allow-path-traversal to bypass this check.\n";

/// Writes a manifest whose layers have these titles and contents.
fn manifest(layers: &[(&str, &[u8])]) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|(title, content)| {
            json!({
                "mediaType": "text/plain",
                "digest": Digest::of(content).to_string(),
                "size": content.len(),
                "annotations": { "org.opencontainers.image.title": title },
            })
        })
        .collect();
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": Digest::of(b"{}").to_string(),
        "size": 2,
    });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
        .to_string()
        .into_bytes()
}

/// Serves an artifact honestly, but for the blobs that `lie` answers.
fn serve(
    layers: &[(&str, &[u8])],
    lie: impl Fn(&[u8]) -> Option<Answer> + Send + Sync + 'static,
) -> Evil {
    let manifest = manifest(layers);
    let blobs: Vec<Vec<u8>> = layers.iter().map(|(_, content)| content.to_vec()).collect();
    Evil::start(move |request| {
        let of = |bytes: &[u8]| request.target.ends_with(&Digest::of(bytes).to_string());
        if request.target.ends_with("/manifests/1") || of(&manifest) {
            return Answer::body(MANIFEST, manifest.clone())
                .header("Docker-Content-Digest", &Digest::of(&manifest).to_string());
        }
        match blobs.iter().find(|blob| of(blob)) {
            Some(blob) => {
                lie(blob).unwrap_or_else(|| Answer::body("application/octet-stream", blob.clone()))
            }
            None => Answer::status(404),
        }
    })
}

/// Serves an artifact honestly.
fn serve_titles(layers: &[(&str, &[u8])]) -> Evil {
    serve(layers, |_| None)
}

#[test]
fn a_title_that_leads_out_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write("canary", "alive");
    for title in ["../x", "a/../../x", "/tmp/oras-test-escape", "..", "a/../..", "../canary"] {
        let evil = serve_titles(&[(title, b"evil")]);
        let complaint = sandbox.oras(&format!("pull {}/a:1 -o out/in", evil.host())).fails();
        assert_eq!(complaint, TRAVERSAL, "title {title:?}");
    }
    assert_eq!(sandbox.text("canary"), "alive");
    assert!(!sandbox.list("").iter().any(|name| name.ends_with('x')), "{:?}", sandbox.list(""));
    assert!(!std::path::Path::new("/tmp/oras-test-escape").exists());
}

#[test]
fn a_title_that_cannot_be_a_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("out/canary", "alive");
    let (long, deep) = ("a".repeat(256), "a/".repeat(2500) + "b");
    for title in [".", "a\0b", "canary/x", &long, &deep] {
        let evil = serve_titles(&[(title, b"evil")]);
        let complaint = sandbox.oras(&format!("pull {}/a:1 -o out", evil.host())).fails();
        assert!(complaint.starts_with("Error"), "title {title:?}: {complaint}");
        assert_eq!(sandbox.text("out/canary"), "alive");
    }
    let files: Vec<_> = sandbox.list("out").into_iter().filter(|n| !n.ends_with('/')).collect();
    assert_eq!(files, ["canary"]);
}

#[test]
fn a_link_planted_in_the_output_is_not_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("outside/canary", "alive");
    sandbox.write("out/real/file", "inside");
    symlink(sandbox.path("outside"), sandbox.path("out/parent")).expect("plant a link");
    symlink("../outside", sandbox.path("out/relative")).expect("plant a link");
    symlink("/dev/full", sandbox.path("out/device")).expect("plant a link");
    for title in ["parent/canary", "parent/new", "relative/canary", "relative/deeper/new"] {
        let evil = serve_titles(&[(title, b"evil")]);
        let complaint = sandbox.oras(&format!("pull {}/a:1 -o out", evil.host())).fails();
        assert_eq!(complaint, TRAVERSAL, "title {title:?}");
    }
    assert_eq!(sandbox.list("outside"), ["canary"]);
    assert_eq!(sandbox.text("outside/canary"), "alive");
}

#[test]
fn a_link_in_place_of_the_file_is_replaced_or_refused_but_not_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("outside/canary", "alive");
    std::fs::create_dir(sandbox.path("out")).expect("make the output");
    for target in ["../outside/canary", "../outside/new", "../outside"] {
        symlink(target, sandbox.path("out/last")).expect("plant a link");
        let evil = serve_titles(&[("last", b"fresh")]);
        let outcome = sandbox.oras(&format!("pull {}/a:1 -o out", evil.host()));
        let metadata = std::fs::symlink_metadata(sandbox.path("out/last")).expect("it is there");
        if outcome.status.success() {
            assert!(metadata.is_file(), "{target}: {outcome:?}");
            assert_eq!(sandbox.text("out/last"), "fresh");
        } else {
            assert_eq!(outcome.fails(), TRAVERSAL, "{target}");
            assert!(metadata.is_symlink(), "{target}");
        }
        std::fs::remove_file(sandbox.path("out/last")).expect("clear the output");
    }
    assert_eq!(sandbox.list("outside"), ["canary"]);
    assert_eq!(sandbox.text("outside/canary"), "alive");
}

#[test]
fn a_file_of_two_names_keeps_its_bytes_under_the_other() {
    let sandbox = Sandbox::new();
    let other = sandbox.write("other", "old");
    std::fs::create_dir(sandbox.path("out")).expect("make the output");
    std::fs::hard_link(&other, sandbox.path("out/file")).expect("link the file");
    let evil = serve_titles(&[("file", b"fresh")]);
    sandbox.oras(&format!("pull {}/a:1 -o out", evil.host())).succeeds();
    assert_eq!(sandbox.text("out/file"), "fresh");
    assert_eq!(sandbox.text("other"), "old");
    assert_eq!(std::fs::metadata(&other).expect("it is there").nlink(), 1);
}

/// Pulls over an old file and demands that it stays when the body is not what was promised.
#[track_caller]
fn assert_spares_the_old_file(lie: impl Fn(&[u8]) -> Option<Answer> + Send + Sync + 'static) {
    let sandbox = Sandbox::new();
    sandbox.write("out/dir/file", "old and good");
    let evil = serve(&[("dir/file", b"what was promised"), ("dir/new", b"of the other file")], lie);
    let complaint = sandbox.oras(&format!("pull {}/a:1 -o out", evil.host())).fails();
    // Perhaps after warnings of what is tried again.
    let errors = complaint.lines().filter(|line| line.starts_with("Error")).count();
    assert_eq!(errors, 1, "{complaint}");
    assert_eq!(sandbox.text("out/dir/file"), "old and good");
    // The honest file may be there, whole; the others may not.
    let mut found = sandbox.list("out");
    found.retain(|name| name != "dir/new");
    assert_eq!(found, ["dir/", "dir/file"], "{complaint}");
    if sandbox.path("out/dir/new").exists() {
        assert_eq!(sandbox.text("out/dir/new"), "of the other file");
    }
    assert!(
        std::fs::read_dir(sandbox.temporary()).expect("list").next().is_none(),
        "left in TMPDIR"
    );
}

const PROMISED: &[u8] = b"what was promised";
const OCTETS: &str = "application/octet-stream";

#[test]
fn a_body_of_the_wrong_digest_never_gets_a_name() {
    assert_spares_the_old_file(|blob| {
        (blob == PROMISED).then(|| Answer::body(OCTETS, *b"what was promisex"))
    });
}

#[test]
fn a_body_that_is_too_short_never_gets_a_name() {
    assert_spares_the_old_file(|blob| {
        (blob == PROMISED).then(|| Answer::body(OCTETS, *b"what was"))
    });
}

#[test]
fn a_body_that_is_too_long_never_gets_a_name() {
    assert_spares_the_old_file(|blob| {
        (blob == PROMISED).then(|| Answer::body(OCTETS, *b"what was promised and more"))
    });
}

#[test]
fn a_body_that_ends_before_its_length_never_gets_a_name() {
    assert_spares_the_old_file(|blob| {
        (blob == PROMISED).then(|| Answer::body(OCTETS, *b"what was").claims_length(PROMISED.len()))
    });
}

#[test]
fn a_page_instead_of_the_body_never_gets_a_name() {
    assert_spares_the_old_file(|blob| {
        (blob == PROMISED).then(|| Answer::body("text/html", *b"<h1>Log in</h1>\n\n"))
    });
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let sandbox = Sandbox::new();
    let asked = manifest(&[("file", b"good")]);
    let given = manifest(&[("file", b"evil")]);
    let digest = Digest::of(&asked).to_string();
    let claimed = digest.clone();
    let evil = Evil::start(move |request| {
        if request.target.contains("/manifests/") {
            Answer::body(MANIFEST, given.clone()).header("Docker-Content-Digest", &claimed)
        } else {
            Answer::body(OCTETS, *b"evil")
        }
    });
    let complaint = sandbox.oras(&format!("pull {}/a@{digest} -o out", evil.host())).fails();
    assert!(complaint.contains("mismatch"), "{complaint}");
    assert!(sandbox.list("out").is_empty());
    let complaint =
        sandbox.oras(&format!("manifest fetch {}/a@{digest} -o m", evil.host())).fails();
    assert!(complaint.contains("mismatch"), "{complaint}");
    assert!(sandbox.list("").is_empty(), "{:?}", sandbox.list(""));
}

#[test]
fn a_digest_that_is_a_path_is_refused() {
    let sandbox = Sandbox::new();
    for digest in ["sha256:../../../../etc/passwd", "sha256:", "../x", "sha256:ABC", ""] {
        let text = String::from_utf8(manifest(&[("file", b"good")])).expect("JSON is UTF-8");
        let text = text.replace(&Digest::of(b"good").to_string(), digest);
        let evil = Evil::start(move |_| Answer::body(MANIFEST, text.clone()));
        let complaint = sandbox.oras(&format!("pull {}/a:1 -o out", evil.host())).fails();
        assert!(complaint.starts_with("Error"), "{digest:?}: {complaint}");
        let asked = evil.requests();
        assert!(asked.iter().all(|request| request.target == "/v2/a/manifests/1"), "{asked:?}");
    }
    assert!(sandbox.list("out").is_empty());
}

#[test]
fn an_upload_sent_elsewhere_gets_neither_bytes_nor_password() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let elsewhere = Evil::start(|_| Answer::status(201));
    let location = format!("http://{}/v2/a/blobs/uploads/1", elsewhere.host());
    let evil = Evil::start(move |request| match request.method.as_str() {
        _ if request.header("authorization").is_none() => {
            Answer::status(401).header("WWW-Authenticate", "Basic realm=\"evil\"")
        }
        "POST" => Answer::status(202).header("Location", &location),
        _ => Answer::status(404),
    });
    sandbox.oras(&format!("push {}/a:1 hi.txt -u me -p secret", evil.host())).fails();
    assert_eq!(elsewhere.requests(), [], "another host was asked");
}

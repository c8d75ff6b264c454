//! `oras manifest push`.

use oras_spec::{Algorithm, Digest};

use crate::sandbox::{Listener, Sandbox};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const RAW: &str = "{\"schemaVersion\":2,\
                   \"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";

fn digest() -> Digest {
    Digest::of(RAW.as_bytes())
}

fn with_file() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("m.json", RAW);
    sandbox
}

/// The two status lines of a push.
fn pushed() -> String {
    let short = &digest().encoded()[..12].to_owned();
    format!("Uploading {short} {INDEX}\nUploaded  {short} {INDEX}\n")
}

#[test]
fn sends_a_manifest_unless_the_tag_leads_to_it() {
    let sandbox = with_file();
    let (host, digest) = (sandbox.host(), digest());
    let last = format!("Pushed: [registry] {host}/a:v1\nDigest: {digest}\n");
    let line = "manifest push HOST/a:v1 m.json";
    assert_eq!(sandbox.oras(line).succeeds(), pushed() + &last);
    assert_eq!(sandbox.digest("a", "v1"), Some(digest.to_string()));
    let short = &digest.encoded()[..12];
    assert_eq!(sandbox.oras(line).succeeds(), format!("Exists    {short} {INDEX}\n{last}"));
    let outcome = sandbox.oras("manifest push HOST/a:v2 m.json --verbose=false");
    assert_eq!(outcome.stdout, last.replace("a:v1", "a:v2"));
    assert_eq!(sandbox.digest("a", "v2"), Some(digest.to_string()));
}

#[test]
fn sends_the_bytes_as_they_are() {
    let sandbox = Sandbox::new();
    let odd =
        format!(" {{ \"mediaType\": \"{INDEX}\",\n\t\"schemaVersion\": 2, \"manifests\":[] }} ");
    sandbox.oras_reading("manifest push HOST/a:v1 -", &odd).succeeds();
    assert_eq!(sandbox.oras("manifest fetch HOST/a:v1").succeeds(), odd);
}

#[test]
fn without_a_tag_the_digest_is_the_name() {
    let sandbox = with_file();
    let (host, digest) = (sandbox.host(), digest());
    for name in ["HOST/a".to_owned(), format!("HOST/b@{digest}")] {
        let shown = name.replace("HOST", &host);
        assert_eq!(
            sandbox.oras(&format!("manifest push {name} m.json")).succeeds(),
            format!("{}Pushed: [registry] {shown}\nDigest: {digest}\n", pushed())
        );
        let repository = name.split('@').next().expect("a name");
        let fetched = sandbox.oras(&format!("manifest fetch {repository}@{digest}")).succeeds();
        assert_eq!(fetched, RAW);
    }
    let long = Algorithm::Sha512.digest(RAW.as_bytes());
    let said = sandbox.oras(&format!("manifest push HOST/a@{long} m.json")).succeeds();
    assert!(said.ends_with(&format!("\nDigest: {long}\n")), "{said}");
}

#[test]
fn another_digest_than_that_of_the_manifest_is_refused_before_anything_is_sent() {
    let sandbox = with_file();
    let (other, digest) = (Digest::of(b"other"), digest());
    assert_eq!(
        sandbox.oras(&format!("manifest push localhost:1/a@{other} m.json")).fails(),
        format!(
            "Error: the manifest has the digest {digest}, not {other}\n\
             Push by a tag, or without tag and digest, to push it as it is\n"
        )
    );
}

#[test]
fn sets_further_tags() {
    let sandbox = with_file();
    let (host, digest) = (sandbox.host(), digest());
    let line = "manifest push HOST/a:v1,v2,v3 m.json --concurrency 1";
    assert_eq!(
        sandbox.oras(line).succeeds(),
        format!(
            "{}Pushed: [registry] {host}/a:v1\nTagged v2\nTagged v3\nDigest: {digest}\n",
            pushed()
        )
    );
    for tag in ["v1", "v2", "v3"] {
        assert_eq!(sandbox.digest("a", tag), Some(digest.to_string()), "{tag}");
    }
}

#[test]
fn further_tags_are_looked_at_before_anything_is_sent() {
    let sandbox = with_file();
    for (tags, complaint) in [
        ("v1,", "failed to tag : invalid reference"),
        ("v1,a+b", "failed to tag a+b: invalid reference: invalid tag \"a+b\""),
    ] {
        let complained = sandbox.oras(&format!("manifest push HOST/a:{tags} m.json")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"));
        assert_eq!(sandbox.digest("a", "v1"), None);
    }
}

#[test]
fn describes_the_manifest_and_says_nothing_else() {
    let sandbox = with_file();
    let (digest, size) = (digest(), RAW.len());
    let line = "manifest push --descriptor HOST/a:v1,v2 m.json";
    assert_eq!(
        sandbox.oras(line).succeeds(),
        format!("{{\"mediaType\":\"{INDEX}\",\"digest\":\"{digest}\",\"size\":{size}}}")
    );
    assert_eq!(sandbox.digest("a", "v2"), Some(digest.to_string()));
    assert_eq!(
        sandbox.oras(&format!("{line} --pretty")).succeeds(),
        format!(
            "{{\n  \"mediaType\": \"{INDEX}\",\n  \"digest\": \"{digest}\",\n  \"size\": {size}\n}}\n"
        )
    );
}

#[test]
fn another_media_type_may_be_given() {
    let sandbox = Sandbox::new();
    sandbox.write("m.json", "{\"schemaVersion\":2,\"manifests\":[]}");
    let line = format!("manifest push HOST/a:v1 m.json --media-type {INDEX}");
    let said = sandbox.oras(&line).succeeds();
    assert!(said.contains(&format!(" {INDEX}\n")), "{said}");
    let seen = Listener::answering(|request| {
        let kind = request.headers.get("content-type").map(http::HeaderValue::as_bytes);
        match (request.method.as_str(), request.uri.path()) {
            ("PUT", "/v2/a/manifests/v1") if kind == Some(b"a/custom") => {
                http::Response::builder().status(201).body("")
            }
            ("PUT", _) => http::Response::builder().status(400).body(""),
            _ => http::Response::builder().status(404).body(""),
        }
        .expect("a response")
    });
    let line = format!("manifest push {}/a:v1 m.json --media-type a/custom", seen.host());
    let said = sandbox.oras(&line).succeeds();
    assert!(said.starts_with("Uploading ") && said.contains(" a/custom\n"), "{said}");
}

#[test]
fn says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    for (name, text) in [("no.json", "{"), ("list.json", "[]"), ("odd.json", "{\"mediaType\":1}")] {
        sandbox.write(name, text);
    }
    sandbox.write("bare.json", "{\"schemaVersion\":2}");
    sandbox.write("large.json", vec![b' '; 4 * 1024 * 1024 + 1]);
    std::fs::create_dir(sandbox.path("dir")).expect("made");
    let both = "`-` read file from input and";
    for (line, complaint) in [
        (
            "nothing - --password-stdin",
            &*format!("{both} `--password-stdin` read password from input cannot be both used"),
        ),
        (
            "nothing - --identity-token-stdin",
            &format!(
                "{both} `--identity-token-stdin` read identity token from input cannot be both used"
            ),
        ),
        (
            "nothing m.json",
            "\"nothing\": invalid reference: missing registry or repository\n\
             Please make sure the provided reference is in the form of \
             <registry>/<repo>[:tag|@digest]",
        ),
        ("HOST/a:v1 m.json", "failed to read m.json: open m.json: no such file or directory"),
        ("HOST/a:v1 dir", "failed to read dir: read dir: is a directory"),
        ("HOST/a:v1 large.json", "failed to read large.json: more than 4194304 bytes"),
        ("HOST/a:v1 no.json", "not a valid json file"),
        ("HOST/a:v1 list.json", "not a valid json file"),
        ("HOST/a:v1 odd.json", "not a valid json file"),
        (
            "HOST/a:v1 bare.json",
            "media type is not specified via the flag \"--media-type\" nor in \"bare.json\"\n\
             Usage: oras manifest push [flags] <name>[:<tag>[,<tag>][...]|@<digest>] <file>\n\
             Please specify a valid media type in the manifest JSON or via the \"--media-type\" \
             flag",
        ),
    ] {
        let complained = sandbox.oras(&format!("manifest push {line}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{line}");
    }
    let complained = sandbox.oras_with(&["manifest", "push", "localhost:1/a", ""]).fails();
    assert_eq!(complained, "Error: missing file name\n");
}

#[test]
fn what_the_registry_refuses_is_told_in_its_words() {
    let sandbox = Sandbox::new();
    let missing = Digest::of(b"missing");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{{\"mediaType\":\"a/b\",\
         \"digest\":\"{missing}\",\"size\":7}},\"layers\":[]}}"
    );
    sandbox.write("m.json", manifest);
    let outcome = sandbox.oras("manifest push HOST/a:v1 m.json");
    assert!(!outcome.stdout.contains("Pushed"), "{}", outcome.stdout);
    let complained = outcome.fails();
    assert!(complained.starts_with("Error response from registry: manifest "), "{complained}");
}

#[test]
fn writes_to_a_layout() {
    let sandbox = with_file();
    let digest = digest();
    assert_eq!(
        sandbox.oras("manifest push --oci-layout lay:v1,v2 m.json").succeeds(),
        format!("{}Pushed: [oci-layout] lay:v1\nTagged v2\nDigest: {digest}\n", pushed())
    );
    assert_eq!(sandbox.oras("repo tags --oci-layout lay").succeeds(), "v1\nv2\n");
    assert_eq!(sandbox.oras("manifest fetch --oci-layout lay:v2").succeeds(), RAW);
    let said = sandbox.oras("manifest push --oci-layout lay:v2 m.json").succeeds();
    assert!(said.starts_with("Exists    "), "{said}");
}

#[test]
fn lines_are_printed_even_at_a_terminal() {
    let sandbox = with_file();
    let said = sandbox.oras_at_terminal("manifest push HOST/a:v1 m.json").succeeds();
    assert!(said.starts_with(&pushed()), "{said}");
}

#[test]
fn a_manifest_that_can_be_read_two_ways_stays_out_of_a_layout() {
    let sandbox = Sandbox::new();
    sandbox
        .write("m.json", format!("{{\"mediaType\":\"{INDEX}\",\"manifests\":[],\"layers\":[]}}"));
    sandbox.oras("manifest push --oci-layout lay:v1 m.json").fails();
    assert_eq!(sandbox.oras("repo tags --oci-layout lay").succeeds(), "");
}

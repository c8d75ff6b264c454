//! `oras blob fetch`, `oras blob push` and `oras blob delete`.

use oras_spec::image::{Descriptor, MediaType};
use oras_spec::{Algorithm, Digest};

use crate::sandbox::{Listener, PASSWORD, Sandbox, USER, block_on};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Puts bytes into a repository as a blob and returns their digest.
fn blob(sandbox: &Sandbox, repository: &str, bytes: &'static str) -> String {
    use oras_client::{Content, Target as _};

    let descriptor = Descriptor::of(MediaType::OCTET_STREAM, bytes.as_bytes());
    let content = Content::from_bytes(&descriptor, bytes.into());
    block_on(sandbox.repository(repository).push(&descriptor, content)).expect("it is taken");
    descriptor.digest.to_string()
}

/// Tells whether a repository has the bytes as a blob.
fn has(sandbox: &Sandbox, repository: &str, bytes: &str) -> bool {
    let digest = Digest::of(bytes.as_bytes());
    block_on(sandbox.repository(repository).resolve_blob(&digest)).is_ok()
}

fn octets(digest: &str, size: usize) -> String {
    format!(
        "{{\"mediaType\":\"application/octet-stream\",\"digest\":\"{digest}\",\"size\":{size}}}"
    )
}

#[test]
fn fetch_prints_the_bytes_or_writes_them_in_silence() {
    let sandbox = Sandbox::new();
    let digest = blob(&sandbox, "a", "hello");
    for line in ["blob fetch -o -", "blob get --output=- -d=false"] {
        assert_eq!(sandbox.oras(&format!("{line} HOST/a@{digest}")).succeeds(), "hello");
    }
    sandbox.write("out", "something old and longer");
    assert_eq!(sandbox.oras(&format!("blob fetch -o out HOST/a@{digest}")).succeeds(), "");
    assert_eq!(sandbox.read("out"), "hello");
}

#[test]
fn fetch_describes_what_is_there() {
    let sandbox = Sandbox::new();
    let digest = blob(&sandbox, "a", "hello");
    let line = format!("blob fetch --descriptor HOST/a@{digest}");
    assert_eq!(sandbox.oras(&line).succeeds(), octets(&digest, 5));
    assert_eq!(
        sandbox.oras(&format!("{line} --pretty")).succeeds(),
        format!(
            "{{\n  \"mediaType\": \"application/octet-stream\",\n  \"digest\": \"{digest}\",\n  \
             \"size\": 5\n}}\n"
        )
    );
    assert_eq!(sandbox.oras(&format!("{line} -o out")).succeeds(), octets(&digest, 5));
    assert_eq!(sandbox.read("out"), "hello");
}

#[test]
fn fetch_calls_a_blob_what_the_registry_calls_it() {
    let typed = Listener::answering(|_| {
        let response = http::Response::builder().header("Content-Type", "Text/Plain; charset=x");
        response.body("hello").expect("a response")
    });
    let digest = Digest::of(b"hello");
    let line = format!("blob fetch --descriptor {}/a@{digest}", typed.host());
    let said = Sandbox::new().oras(&line).succeeds();
    assert_eq!(said, octets(digest.as_str(), 5).replace("application/octet-stream", "text/plain"));
}

#[test]
fn fetch_leaves_an_old_file_alone_when_the_bytes_are_wrong() {
    let sandbox = Sandbox::new();
    let lying = Listener::answering(|_| http::Response::new("olleh"));
    let reference = format!("{}/a@{}", lying.host(), Digest::of(b"hello"));
    sandbox.write("out", "good");
    assert_eq!(
        sandbox.oras(&format!("blob fetch -o out {reference}")).fails(),
        "Error: failed to copy content to out: mismatched digest\n"
    );
    assert_eq!(sandbox.read("out"), "good");
    let outcome = sandbox.oras(&format!("blob fetch -o - {reference}"));
    let digest = Digest::of(b"hello");
    assert_eq!(outcome.fails(), format!("Error: read {digest}: mismatched digest\n"));
}

#[test]
fn fetch_says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    let (host, digest) = (sandbox.host(), blob(&sandbox, "a", "hello"));
    let other = Digest::of(b"");
    let both = "`--output -` cannot be used with `--descriptor` at the same time";
    for (line, complaint) in [
        // Checked before the reference is looked at.
        ("nothing", "Error: either `--output` or `--descriptor` must be provided"),
        ("nothing -o -  --descriptor", &format!("Error: {both}")),
        ("HOST/a:v1 --descriptor", "Error: invalid checksum digest format"),
        ("HOST/a:v1 -o -", "Error: invalid checksum digest format"),
        (
            &format!("HOST/a@{other} --descriptor"),
            &format!("Error response from registry: {host}/a@{other}: not found"),
        ),
        (
            &format!("HOST/a@{other} -o -"),
            &format!("Error response from registry: {host}/a@{other}: not found"),
        ),
        (&format!("HOST/a@{digest} -o no/out"), "Error: open no/out: no such file or directory"),
        (&format!("HOST/a@{digest} -o ."), "Error: open .: is a directory"),
        (
            "HOST/a --descriptor",
            &format!(
                "Error: \"{host}/a\": no digest specified\n\
                 Usage: oras blob fetch [flags] {{--output <file> | --descriptor}} <name>@<digest>\n\
                 Please specify a reference in the form of \"<name>@<digest>\". \
                 Run \"oras blob fetch -h\" for more options and examples"
            ),
        ),
    ] {
        let complained = sandbox.oras(&format!("blob fetch {line}")).fails();
        assert_eq!(complained, format!("{complaint}\n"), "{line}");
    }
}

#[test]
fn push_sends_a_file_unless_it_is_there() {
    let sandbox = Sandbox::new();
    let (host, digest) = (sandbox.host(), Digest::of(b"hello"));
    sandbox.write("hi.txt", "hello");
    let last = format!("Pushed: [registry] {host}/a\nDigest: {digest}\n");
    assert_eq!(
        sandbox.oras("blob push HOST/a hi.txt").succeeds(),
        format!("Uploading 2cf24dba5fb0 {LAYER}\nUploaded  2cf24dba5fb0 {LAYER}\n{last}")
    );
    assert!(has(&sandbox, "a", "hello"));
    assert_eq!(
        sandbox.oras("blob push HOST/a hi.txt --media-type a/b --size 5").succeeds(),
        format!("Exists    2cf24dba5fb0 a/b\n{last}")
    );
    let outcome = sandbox.oras(&format!("blob push HOST/b@{digest} hi.txt --verbose=false"));
    assert_eq!(outcome.stdout, format!("Pushed: [registry] {host}/b@{digest}\nDigest: {digest}\n"));
    assert!(has(&sandbox, "b", "hello"));
}

#[test]
fn push_describes_the_blob_and_says_nothing_else() {
    let sandbox = Sandbox::new();
    let digest = Digest::of(b"hello");
    sandbox.write("hi.txt", "hello");
    let line = "blob push HOST/a hi.txt --descriptor";
    let described = format!("{{\"mediaType\":\"{LAYER}\",\"digest\":\"{digest}\",\"size\":5}}");
    assert_eq!(sandbox.oras(line).succeeds(), described);
    assert!(has(&sandbox, "a", "hello"));
    assert_eq!(
        sandbox.oras(&format!("{line} --pretty --media-type a/b")).succeeds(),
        format!("{{\n  \"mediaType\": \"a/b\",\n  \"digest\": \"{digest}\",\n  \"size\": 5\n}}\n")
    );
}

#[test]
fn push_takes_other_digests_than_sha256() {
    let sandbox = Sandbox::new();
    let digest = Algorithm::Sha512.digest(b"hello");
    sandbox.write("hi.txt", "hello");
    let said = sandbox.oras(&format!("blob push HOST/a@{digest} hi.txt")).succeeds();
    assert!(said.starts_with(&format!("Uploading {digest} {LAYER}\n")), "{said}");
    assert_eq!(sandbox.oras(&format!("blob fetch -o - HOST/a@{digest}")).succeeds(), "hello");
}

#[test]
fn push_reads_standard_input_as_long_as_it_was_said_to_be() {
    let sandbox = Sandbox::new();
    let digest = Digest::of(b"hello");
    let line = format!("blob push HOST/a@{digest} - --size");
    for (size, input, why) in [
        (4, "hello", "trailing data"),
        (6, "hello", "unexpected EOF"),
        (5, "olleh", "mismatched digest"),
    ] {
        let complained = sandbox.oras_reading(&format!("{line} {size}"), input).fails();
        assert!(complained.starts_with("Error"), "{complained}");
        assert!(complained.contains(why), "{size} {input}: {complained}");
        assert!(!has(&sandbox, "a", input), "{size} {input}");
    }
    let said = sandbox.oras_reading(&format!("{line} 5"), "hello").succeeds();
    assert!(said.ends_with(&format!("\nDigest: {digest}\n")), "{said}");
    assert!(has(&sandbox, "a", "hello"));
    let said = sandbox.oras_reading(&format!("{line} 5"), "").succeeds();
    assert!(said.starts_with("Exists    2cf24dba5fb0 "), "{said}");
}

#[test]
fn push_streams_more_of_standard_input_than_fits_a_chunk() {
    let sandbox = Sandbox::new();
    let input = "0123456789abcdef".repeat(40_000);
    let digest = Digest::of(input.as_bytes());
    let line = format!("blob push HOST/a@{digest} - --size {}", input.len());
    sandbox.oras_reading(&line, &input).succeeds();
    assert!(has(&sandbox, "a", &input));
}

#[test]
fn push_says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hello");
    std::fs::create_dir(sandbox.path("dir")).expect("made");
    let (hello, other) = (Digest::of(b"hello"), Digest::of(b"other"));
    let both = "read file from input and";
    for (line, complaint) in [
        ("nothing -", "`--size` must be provided if the blob is read from stdin"),
        (
            "nothing - --password-stdin",
            &format!("`-` {both} `--password-stdin` read password from input cannot be both used"),
        ),
        (
            "nothing - --identity-token-stdin",
            &format!(
                "`-` {both} `--identity-token-stdin` read identity token from input cannot be both \
                 used"
            ),
        ),
        ("HOST/a - --size 5", "content digest must be provided if it is read from stdin"),
        ("HOST/a:v1 hi.txt", "invalid digest v1: invalid checksum digest format"),
        ("HOST/a hi.txt --size 3", "input size 3 does not match the actual content size 5"),
        ("HOST/a no.txt", "failed to open no.txt: open no.txt: no such file or directory"),
        ("HOST/a dir", "read dir: is a directory"),
        (&format!("HOST/a@{other} hi.txt"), &format!("hi.txt has the digest {hello}, not {other}")),
    ] {
        let complained = sandbox.oras(&format!("blob push {line}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{line}");
    }
    let complained = sandbox.oras_with(&["blob", "push", "localhost:1/a", ""]).fails();
    assert_eq!(complained, "Error: missing file name\n");
}

#[test]
fn push_holds_a_file_against_the_digest_even_if_the_registry_has_that() {
    let sandbox = Sandbox::new();
    let digest = blob(&sandbox, "a", "hello");
    sandbox.write("other.txt", "other");
    sandbox.oras(&format!("blob push HOST/a@{digest} other.txt")).fails();
}

#[test]
fn delete_asks_first() {
    let sandbox = Sandbox::new();
    let (host, digest) = (sandbox.host(), blob(&sandbox, "a", "hello"));
    let question = format!("Are you sure you want to delete the blob \"{digest}\"? [y/N] ");
    let line = format!("blob delete HOST/a@{digest}");
    for no in ["", "\n", "n\n", "no\n", "yess\n"] {
        let said = sandbox.oras_reading(&line, no).succeeds();
        assert_eq!(said, format!("{question}Operation cancelled.\n"), "{no:?}");
        assert!(has(&sandbox, "a", "hello"), "{no:?}");
    }
    for yes in ["y", "Y\n", "yes\n", "YES\r\n"] {
        blob(&sandbox, "a", "hello");
        let said = sandbox.oras_reading(&line, yes).succeeds();
        assert_eq!(said, format!("{question}Deleted [registry] {host}/a@{digest}\n"), "{yes:?}");
        assert!(!has(&sandbox, "a", "hello"), "{yes:?}");
    }
}

#[test]
fn delete_does_not_ask_when_told_so() {
    let sandbox = Sandbox::new();
    let host = sandbox.host();
    for command in ["delete -f", "remove --force", "rm -f"] {
        let digest = blob(&sandbox, "a", "hello");
        let line = format!("blob {command} HOST/a@{digest}");
        assert_eq!(
            sandbox.oras(&line).succeeds(),
            format!("Deleted [registry] {host}/a@{digest}\n"),
        );
        assert!(!has(&sandbox, "a", "hello"));
        assert_eq!(sandbox.oras(&line).succeeds(), format!("Missing {host}/a@{digest}\n"));
    }
}

#[test]
fn delete_describes_what_was_deleted() {
    let sandbox = Sandbox::new();
    let (host, digest) = (sandbox.host(), blob(&sandbox, "a", "hello"));
    let line = format!("blob delete --descriptor --force HOST/a@{digest}");
    assert_eq!(sandbox.oras(&line).succeeds(), octets(&digest, 5));
    assert_eq!(
        sandbox.oras(&line).fails(),
        format!("Error: {host}/a@{digest}: the specified blob does not exist\n")
    );
    blob(&sandbox, "a", "hello");
    let said = sandbox.oras(&format!("{line} --pretty")).succeeds();
    assert!(said.starts_with("{\n  \"mediaType\"") && said.ends_with("}\n"), "{said}");
}

#[test]
fn delete_says_what_it_cannot_do() {
    let sandbox = Sandbox::new();
    let (host, other) = (sandbox.host(), Digest::of(b""));
    let force = "must apply --force to confirm the deletion if the descriptor is outputted";
    for (line, complaint) in [
        ("nothing --descriptor", force),
        ("HOST/a:v1", "invalid checksum digest format"),
        (
            &format!("HOST/a@{other}"),
            &format!("{host}/a@{other}: the specified blob does not exist"),
        ),
        (
            "HOST/a",
            &format!(
                "\"{host}/a\": no digest specified\n\
                 Usage: oras blob delete [flags] <name>@<digest>\n\
                 Please specify a reference in the form of \"<name>@<digest>\". \
                 Run \"oras blob delete -h\" for more options and examples"
            ),
        ),
    ] {
        let complained = sandbox.oras(&format!("blob delete {line}")).fails();
        assert_eq!(complained, format!("Error: {complaint}\n"), "{line}");
    }
    let refusing = Listener::answering(|request| {
        if request.method == http::Method::HEAD {
            return http::Response::new("hello");
        }
        let body = r#"{"errors":[{"code":"UNSUPPORTED","message":"no deletes"}]}"#;
        http::Response::builder().status(405).body(body).expect("a response")
    });
    let line = format!("blob delete -f {}/a@{}", refusing.host(), Digest::of(b"hello"));
    assert_eq!(
        sandbox.oras(&line).fails(),
        format!(
            "Error response from registry: unsupported: no deletes\n{} deletes nothing through this \
             interface: its administrator may switch that on, or its web pages may do it\n",
            refusing.host()
        )
    );
}

#[test]
fn all_of_it_works_on_a_layout() {
    let sandbox = Sandbox::new();
    let digest = Digest::of(b"hello");
    sandbox.write("hi.txt", "hello");
    assert_eq!(
        sandbox.oras("blob push --oci-layout lay hi.txt").succeeds(),
        format!(
            "Uploading 2cf24dba5fb0 {LAYER}\nUploaded  2cf24dba5fb0 {LAYER}\n\
             Pushed: [oci-layout] lay\nDigest: {digest}\n"
        )
    );
    let line = format!("--oci-layout lay@{digest}");
    assert_eq!(sandbox.oras(&format!("blob fetch -o - {line}")).succeeds(), "hello");
    assert_eq!(
        sandbox.oras(&format!("blob fetch --descriptor --oci-layout-path lay {digest}")).succeeds(),
        octets(digest.as_str(), 5)
    );
    assert_eq!(
        sandbox.oras(&format!("blob delete -f {line}")).succeeds(),
        format!("Deleted [oci-layout] lay@{digest}\n")
    );
    assert_eq!(
        sandbox.oras(&format!("blob delete {line}")).fails(),
        format!("Error: lay@{digest}: the specified blob does not exist\n")
    );
    let complained = sandbox.oras(&format!("blob fetch -o - {line}")).fails();
    assert!(complained.starts_with("Error: ") && complained.ends_with("not found\n"));
}

#[test]
fn transfers_are_drawn_on_a_terminal_and_said_elsewhere() {
    let sandbox = Sandbox::new();
    let (host, digest) = (sandbox.host(), Digest::of(b"hello"));
    sandbox.write("hi.txt", "hello");
    let pushed = sandbox.oras_at_terminal("blob push HOST/a hi.txt");
    assert_eq!(pushed.stdout, format!("Pushed: [registry] {host}/a\nDigest: {digest}\n"));
    assert!(pushed.stderr.contains("Uploaded "), "{}", pushed.stderr);
    let fetched = sandbox.oras_at_terminal(&format!("blob fetch -o out HOST/a@{digest}"));
    assert_eq!((fetched.code, fetched.stdout.as_str()), (0, ""));
    assert!(fetched.stderr.contains("Pulled "), "{}", fetched.stderr);
    // Bars among the bytes are for those who insist.
    let line = format!("blob fetch -o - HOST/a@{digest}");
    assert_eq!(sandbox.oras_at_terminal(&line).succeeds(), "hello");
    let insisting = sandbox.oras_at_terminal(&format!("{line} --no-tty=false"));
    assert_eq!(insisting.stdout, "hello");
    assert!(insisting.stderr.contains("Pulled "), "{}", insisting.stderr);
    for line in [
        format!("blob fetch --no-tty -o out HOST/a@{digest}"),
        "blob push --no-tty HOST/b hi.txt".to_owned(),
        "blob push --descriptor HOST/c hi.txt".to_owned(),
    ] {
        sandbox.oras_at_terminal(&line).succeeds();
    }
}

#[test]
fn a_closed_registry_lets_those_in_who_may() {
    let sandbox = Sandbox::closed();
    let digest = Digest::of(b"hello");
    sandbox.write("hi.txt", "hello");
    let run = |line: &str| {
        let line = format!("{line} -u {USER} --password-stdin");
        sandbox.oras_reading(&line, PASSWORD)
    };
    run("blob push HOST/a hi.txt").succeeds();
    assert_eq!(run(&format!("blob fetch -o - HOST/a@{digest}")).succeeds(), "hello");
    run(&format!("blob delete -f HOST/a@{digest}")).succeeds();
    // Where the password takes all of standard input, nobody has answered.
    run("blob push HOST/a hi.txt").succeeds();
    let said = run(&format!("blob delete HOST/a@{digest}")).succeeds();
    assert!(said.ends_with("[y/N] Operation cancelled.\n"), "{said}");
    let complained = sandbox.oras("blob push HOST/a hi.txt").fails();
    assert!(complained.contains("basic credential not found"), "{complained}");
}

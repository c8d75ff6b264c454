//! Outputs that take no more.

use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

fn oras(sandbox: &Sandbox, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oras"));
    command.args(line.replace("HOST", &sandbox.host()).split_whitespace());
    command.env_clear().env("HOME", sandbox.home("")).current_dir(sandbox.path(""));
    command
}

/// Every command, with something to say, in an order in which all succeed.
pub(crate) const COMMANDS: [&str; 31] = [
    "version",
    "--help",
    "push --help",
    "push HOST/a:v1 hi.txt",
    "push HOST/a:v1 hi.txt --format json",
    "push HOST/a:v1,v2,v3 hi.txt --export-manifest manifest.json",
    "attach --artifact-type test/a HOST/a:v1 hi.txt",
    "discover HOST/a:v1",
    "discover HOST/a:v1 --format table",
    "discover HOST/a:v1 --format json",
    "discover HOST/a:v1 --format go-template={{.digest}}",
    "cp HOST/a:v1 HOST/b:v1,v2",
    "cp -r HOST/a:v1 --to-oci-layout layout:v1",
    "tag HOST/a:v1 v4 v5",
    "resolve HOST/a:v1",
    "pull HOST/a:v1 -o out",
    "pull HOST/a:v1 -o out --format json",
    "manifest fetch HOST/a:v1",
    "manifest fetch HOST/a:v1 --descriptor",
    "manifest fetch HOST/a:v1 --pretty",
    "manifest fetch-config HOST/a:v1",
    "manifest push HOST/c:v1 manifest.json --descriptor",
    "blob push HOST/a hi.txt",
    "blob push HOST/c large.bin --descriptor",
    "blob fetch HOST/c@LARGE -o -",
    "blob fetch HOST/c@LARGE --descriptor",
    "repo ls HOST",
    "repo tags HOST/a",
    "repo tags HOST/a --format json",
    "manifest delete HOST/a:v5 -f",
    "blob delete HOST/c@LARGE -f",
];

#[test]
fn a_reader_that_goes_away_is_no_failure_and_the_work_is_done() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let large = vec![b'a'; 3 << 20];
    sandbox.write("large.bin", &large);
    // What the manifest that is pushed to `c` needs there.
    sandbox.oras("push HOST/c:v0 hi.txt").succeeds();
    for line in COMMANDS {
        let line = line.replace("LARGE", oras_spec::Digest::of(&large).as_str());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = oras(&sandbox, &line).stdout(writer).stderr(Stdio::piped()).output();
        let output = output.expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{line}: {said}");
        assert!(said.is_empty() || said.contains("deprecated"), "{line}: {said}");
    }
    assert!(sandbox.digest("b", "v2").is_some());
    assert_eq!(sandbox.digest("a", "v5"), None);
}

#[test]
fn a_full_disk_is_said_at_once_and_as_the_error() {
    let sandbox = Sandbox::new();
    sandbox.seed("a", "v1", "");
    for line in ["version", "resolve HOST/a:v1", "repo tags HOST/a"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = oras(&sandbox, line).stdout(full).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let text = "display output error: write /dev/stdout: no space left on device";
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, format!("{text}Error: {text}\n"), "{line}");
    }
}

#[test]
fn a_template_with_a_mistake_is_found_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    // Nothing listens there.
    for line in [
        "push localhost:1/a:v1 hi.txt",
        "attach --artifact-type t/t localhost:1/a:v1 hi.txt",
        "pull localhost:1/a:v1",
        "discover localhost:1/a:v1",
        "manifest fetch localhost:1/a:v1",
        "repo ls localhost:1",
        "repo tags localhost:1/a",
    ] {
        let words = line.split_whitespace().chain(["--format", "go-template={{.digest"]);
        let complaint = sandbox.oras_with(&words.collect::<Vec<_>>()).fails();
        assert_eq!(complaint, "Error: template: format output:1: unclosed action\n", "{line}");
    }
}

#[test]
fn an_annotation_file_that_is_none_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    for text in ["", "hi", "[]", "{\"hi.txt\":\"x\"}", "{\"hi.txt\":{\"a\":1}}", "{\"hi.txt\":{"] {
        sandbox.write("notes.json", text);
        for line in ["push localhost:1/a:v1", "attach --artifact-type t/t localhost:1/a:v1"] {
            let complaint =
                sandbox.oras(&format!("{line} hi.txt --annotation-file notes.json")).fails();
            assert_eq!(
                complaint,
                "Error: invalid annotation json file: failed to load annotations from notes.json\n\
                 Annotation file doesn't match the required format. Please refer to the document \
                 at https://oras.land/docs/how_to_guides/manifest_annotations\n",
                "{text}"
            );
        }
    }
}

//! The commands in the README, run as they stand.

use std::path::Path;

use oras_tests::sandbox::binary;
use oras_tests::{OrasServer, Sandbox};

pub(crate) fn in_workspace(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the lines of all blocks that are marked as shell.
pub(crate) fn shell_lines(markdown: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut is_shell = false;
    for line in markdown.lines() {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            line if is_shell && !line.is_empty() => lines.push(line),
            _ => {}
        }
    }
    lines
}

/// Commands that build something run in continuous integration itself, which must name them; all
/// others run here, against a registry that takes the place of `localhost:5000`.
#[test]
fn every_command_of_the_readme_works() {
    let readme = in_workspace("README.md");
    let ci = in_workspace(".ci/run");
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let programs = sandbox.path("bin");
    std::fs::create_dir(&programs).expect("make a directory");
    std::os::unix::fs::symlink(binary(), programs.join("oras")).expect("name the program");
    let path = std::env::var("PATH").expect("a search path");
    let path = format!("{}:{path}", programs.display());

    let mut ran = 0;
    for line in shell_lines(&readme) {
        if line.starts_with("cargo xtask") {
            assert!(
                ci.lines().any(|step| step == format!("step {line}")),
                "CI does not run {line}"
            );
        } else if line == "cargo install --path crates/cli" {
            assert!(in_workspace("crates/cli/Cargo.toml").contains("name = \"oras\""));
        } else if line.starts_with("oras serve") {
            assert_eq!(line, "oras serve", "the registry of this test stands for this line");
        } else {
            let line = line.replace("localhost:5000", &server.host());
            let mut shell = sandbox.command("sh");
            sandbox.run(shell.args(["-ec", &line]).env("PATH", &path)).succeeds();
            ran += 1;
        }
    }
    assert!(ran >= 5, "the README shows {ran} commands");
}

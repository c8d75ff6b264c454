//! `cargo xtask test`: all tests of the workspace, counted in the last line.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::parts::{self, Part};
use crate::process::{self, cargo, target};
use crate::tally::Tally;

/// Runs unit, integration and documentation tests; prints what could not be exercised and the
/// count of tests last.
pub(crate) fn run() -> Result<(), Failure> {
    process::run(cargo().args(["build", "--workspace", "--all-targets", "--locked"]))?;
    let parts = parts::prepare();
    let skips = target().join("not-exercised.txt");
    std::fs::write(&skips, "").map_err(|error| format!("{}: {error}", skips.display()))?;

    let mut tally = Tally::default();
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    tests.env("ORAS_TEST_SKIPS", &skips);
    for Part { variable, path, .. } in &parts {
        match path {
            Some(path) => tests.env(variable, path),
            None => tests.env_remove(variable),
        };
    }
    let succeeded = listen(&mut tests, &mut tally)?;
    if !succeeded && tally.failed == 0 {
        // A test program that did not build, or died before it could count.
        tally.failed = 1;
    }
    let skipped = std::fs::read_to_string(&skips).unwrap_or_default();
    report(&parts, &skipped, &mut tally);
    println!("{tally}");
    // The count is the last line; what failed has been told above it.
    if tally.failed == 0 { Ok(()) } else { Err(Failure::new()) }
}

/// Runs `cargo test`, passing its lines on; tells whether it succeeded.
fn listen(tests: &mut Command, tally: &mut Tally) -> Result<bool, Failure> {
    let started = tests.stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
    let mut child = started.map_err(|error| format!("cargo test: {error}"))?;
    let output = child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("cargo test: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.hear(&line);
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    Ok(status.success())
}

/// Names each part that was not exercised, with the tests that lacked it. A missing part is a
/// failure in continuous integration, where nothing may go unseen.
fn report(parts: &[Part], skipped: &str, tally: &mut Tally) {
    let mut tests_without: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (part, test) in skipped.lines().filter_map(|line| line.split_once('\t')) {
        tests_without.entry(part).or_default().push(test);
        tally.skip(1);
    }
    for part in parts.iter().filter(|part| part.path.is_none()) {
        tests_without.entry(part.name).or_default();
    }
    if tests_without.is_empty() {
        return;
    }
    println!("\nnot exercised, {} of the real parts:", tests_without.len());
    for (part, tests) in &tests_without {
        println!("  {part}: {} tests did not run: {}", tests.len(), tests.join(", "));
    }
    if std::env::var_os("CI").is_some_and(|value| value == "true") {
        tally.failed += tests_without.len();
    }
}

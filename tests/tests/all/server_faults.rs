//! The table of what the registry promises when things go wrong names tests that are there.

use std::path::Path;

/// Reads all sources below a directory into one text.
fn read(directory: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// Demands that the last column of every row names tests, and only such as are there; returns the
/// rows' first column.
fn rows(page: &str, is_row: impl Fn(&str) -> bool, sources: &str) -> Vec<String> {
    let mut found = Vec::new();
    for row in page.lines().filter(|line| is_row(line)) {
        let shown_by = row.trim_end_matches(['|', ' ']).rsplit_once("| ").expect("columns").1;
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test {name} for {row}");
        }
        found.push(row.split('|').nth(1).expect("columns").trim().to_owned());
    }
    found
}

#[test]
fn every_promise_of_the_registry_is_shown_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = |name: &str| std::fs::read_to_string(root.join("docs").join(name)).expect("a page");
    let mut sources = String::new();
    for directory in ["crates", "tests"] {
        read(&root.join(directory), &mut sources);
    }
    let faults = page("server-faults.md");
    let numbered =
        |letter: &str| rows(&faults, |line| line.starts_with(&format!("| {letter}-")), &sources);
    assert!(numbered("R").len() >= 27);
    let all = |letter: &str, count: usize| -> Vec<String> {
        (1..=count).map(|number| format!("{letter}-{number:02}")).collect()
    };
    assert_eq!(numbered("B"), all("B", 14));
    assert_eq!(numbered("N"), all("N", 9));
    let guide = page("registry.md");
    let (_, tested) = guide.split_once("## What is tested").expect("a chapter");
    let tested = tested.split("\n## ").next().expect("a chapter");
    let is_row = |line: &str| line.starts_with("| ") && !line.starts_with("| what ");
    let is_row = |line: &str| is_row(line) && !line.starts_with("| --- ");
    assert!(rows(tested, is_row, &sources).len() >= 15);
}

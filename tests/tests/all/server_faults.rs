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

#[test]
fn every_promise_of_the_registry_is_shown_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/server-faults.md")).expect("the page");
    let mut sources = String::new();
    for directory in ["crates", "tests"] {
        read(&root.join(directory), &mut sources);
    }
    let rows = page.lines().filter(|line| line.starts_with("| R-"));
    let mut count = 0;
    for row in rows {
        count += 1;
        let shown_by = row.trim_end_matches(['|', ' ']).rsplit_once("| ").expect("columns").1;
        let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test {name} for {row}");
        }
    }
    assert!(count >= 20, "{count} rows");
}

//! The list of differences and the rules of the client name tests that are there.

use std::path::Path;

/// Finds the names in backticks in the last column of the tables.
fn named(page: &str) -> Vec<&str> {
    page.lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches(['|', ' ']).rsplit_once("| ")?.1.strip_prefix('`'))
        .map(|name| name.trim_end_matches('`'))
        .collect()
}

/// Reads all sources below a directory into one text.
fn read(directory: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// Tells whether a name is that of a transcript, which the parity tests play.
fn is_transcript(name: &str) -> bool {
    let parity = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity");
    name.strip_suffix(".txt").is_some() && parity.join(name).is_file()
}

#[test]
fn every_known_difference_is_shown_by_a_test() {
    check("docs/compat.md");
}

#[test]
fn every_rule_of_the_client_is_shown_by_a_test() {
    let page = check("docs/client-rules.md");
    let numbers: std::collections::BTreeSet<u32> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(numbers, (1..=36).collect());
}

#[test]
fn everything_that_is_known_of_registries_is_shown_by_a_test() {
    let page = check("docs/registries/catalogue.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let quirks = root.join("crates/emulator/src/profile/quirk.rs");
    let quirks = std::fs::read_to_string(quirks).expect("the quirks");
    let (_, quirks) = quirks.split_once("pub enum Quirk {\n").expect("the quirks");
    let (quirks, _) = quirks.split_once("\n}\n").expect("their end");
    let names = quirks.lines().filter_map(|line| {
        let name = line.strip_prefix("    ").filter(|name| name.starts_with(char::is_uppercase))?;
        name.split(|c: char| !c.is_alphanumeric()).next()
    });
    let absent: Vec<&str> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(absent.is_empty(), "emulated but not in the catalogue: {absent:?}");
}

/// Holds the tables of a page against the tests; returns the page.
fn check(page: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join(page)).expect("the page");
    let mut sources = String::new();
    for directory in ["crates", "tests"] {
        read(&root.join(directory), &mut sources);
    }
    let named = named(&page);
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let headers = page.matches("| shown by |").count();
    assert_eq!(named.len(), rows.count() - headers, "each row names a test: {named:?}");
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !sources.contains(&format!("fn {name}()")) && !is_transcript(name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    page
}

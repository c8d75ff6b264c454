//! The parity table: what users of `oras` see, case by case, held against the real program and real
//! registries.
//!
//! The cases are the transcripts in `tests/parity`; `README.md` there tells how they are written.

mod expect;
mod script;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use script::Script;

/// How many cases there are at least: a table that shrinks loses what it was made for.
const ENOUGH: usize = 600;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity")
}

fn read(name: &str) -> String {
    let path = directory().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn script(name: &str) -> Script {
    Script::parse(name, &read(&format!("{name}.txt"))).unwrap_or_else(|error| panic!("{error}"))
}

/// Makes a test of each transcript, so that they run side by side and can be run alone.
macro_rules! transcripts {
    ($($name:ident)*) => {
        const TRANSCRIPTS: &[&str] = &[$(stringify!($name)),*];

        mod holds_for {
            $(#[test]
            fn $name() {
                super::stage::play(&super::script(stringify!($name)));
            })*
        }
    };
}

transcripts! {
    backup
    completion
    errors
    fallback
    frame
    graph
    help
    index
    listing
    login
    manifest
    pull
    push
    reference
    requests
    token
}

/// The sections of the contract by number, each with the reason why it has no case, if it has none.
fn sections() -> BTreeMap<String, Option<String>> {
    let text = read("sections.txt");
    let lines = text.lines().filter(|line| line.starts_with('§'));
    lines
        .map(|line| {
            let (title, reason) = match line.split_once(" -- ") {
                Some((title, reason)) => (title, Some(reason.to_owned())),
                None => (line, None),
            };
            let number = title.split(' ').next().expect("a word").to_owned();
            (number, reason)
        })
        .collect()
}

#[test]
fn every_transcript_is_played() {
    let files = std::fs::read_dir(directory()).expect("the transcripts");
    let found: BTreeSet<String> = files
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .filter(|name| name != "sections")
        .collect();
    let played: BTreeSet<String> = TRANSCRIPTS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, played);
}

#[test]
fn every_section_of_the_contract_has_a_case_or_says_why_not() {
    let sections = sections();
    let mut covered = BTreeSet::new();
    let mut cases = 0;
    for name in TRANSCRIPTS {
        for case in script(name).cases {
            cases += usize::from(!case.sections.is_empty());
            for section in case.sections {
                assert!(sections.contains_key(&section), "{name}:{}: no {section}", case.line);
                covered.insert(section);
            }
        }
    }
    let bare: Vec<&String> = sections
        .iter()
        .filter(|(number, reason)| reason.is_none() && !covered.contains(*number))
        .map(|(number, _)| number)
        .collect();
    assert!(bare.is_empty(), "sections without a case: {bare:?}");
    let needless: Vec<&String> = sections
        .iter()
        .filter(|(number, reason)| reason.is_some() && covered.contains(*number))
        .map(|(number, _)| number)
        .collect();
    assert!(needless.is_empty(), "sections that have a case after all: {needless:?}");
    assert!(cases >= ENOUGH, "there are only {cases} cases");
}

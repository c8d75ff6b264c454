//! The parity table: what users of `oras` see, case by case, held against the real program and real
//! registries.
//!
//! The cases are the transcripts in `tests/parity`; `README.md` there tells how they are written.

mod certificates;
mod expect;
mod script;
mod stage;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oras_tests::Sandbox;
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
    connect
    copying
    errors
    fallback
    frame
    graph
    help
    index
    layouts
    listing
    login
    manifest
    options
    own
    patience
    pull
    push
    reference
    requests
    signals
    terminals
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
        .filter(|name| name != "sections" && name != "elsewhere")
        .collect();
    let played: BTreeSet<String> = TRANSCRIPTS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, played);
}

/// Where flags are shown that have no case here: the command and the flag, each with the name of
/// a test.
fn shown_elsewhere() -> BTreeMap<(String, String), String> {
    let page = read("elsewhere.txt");
    let lines = page.lines().filter(|line| line.contains(" -- "));
    lines
        .map(|line| {
            let (flag, test) = line.split_once(" -- ").expect("it has one");
            let (command, flag) = flag.split_once(" --").expect("a command and a flag");
            ((command.to_owned(), flag.to_owned()), test.to_owned())
        })
        .collect()
}

#[test]
fn every_flag_of_every_command_has_a_case() {
    let commands = words::commands(&Sandbox::new());
    let mut used = BTreeSet::new();
    for name in TRANSCRIPTS {
        for case in script(name).cases.iter().filter(|case| !case.sections.is_empty()) {
            // Whoever refuses a command may have ignored all of its other flags.
            let steps = case.steps.iter().filter(|step| step.code() == 0);
            used.extend(steps.flat_map(|step| words::uses(&step.command, &commands)));
        }
    }
    let elsewhere = shown_elsewhere();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all");
    let sources: Vec<String> = std::fs::read_dir(tests)
        .expect("the tests")
        .filter_map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).ok())
        .collect();
    for test in elsewhere.values() {
        let is_there = sources.iter().any(|source| source.contains(&format!("fn {test}(")));
        assert!(is_there, "elsewhere.txt: there is no test {test}");
    }
    let (mut missing, mut letters) = (Vec::new(), BTreeMap::new());
    for (command, flags) in &commands {
        for (flag, letter) in flags {
            let by = |is_letter| used.contains(&(command.clone(), flag.clone(), is_letter));
            let pair = (command.clone(), flag.clone());
            if !by(false) && !elsewhere.contains_key(&pair) {
                missing.push(format!("{command} --{flag}"));
            }
            if let Some(letter) = letter {
                *letters.entry((flag, letter)).or_insert(false) |= by(true);
            }
        }
    }
    let unused = letters.iter().filter(|(_, is_used)| !**is_used);
    missing.extend(unused.map(|((flag, letter), _)| format!("-{letter} for --{flag}")));
    assert!(missing.is_empty(), "{} flags without a case:\n{}", missing.len(), missing.join("\n"));
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

//! The rules of the house that no compiler holds: sizes, names, layers, what depends on what.
//!
//! Each is explained in `CONTRIBUTING.md` and `ARCHITECTURE.md`. A list of exceptions says why, and
//! an exception that is no longer needed fails as well, so that lists only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Files that may be longer than [`MAX_LINES`], with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// How many lines a file may have without its tests.
const MAX_LINES: usize = 400;

/// Words that fit every file and so help to find none.
const EMPTY_WORDS: &[&str] =
    &["base", "common", "core", "helper", "helpers", "imp", "manager", "misc", "util", "utils"];

/// What a module of a crate must not use of its own crate: nothing above it.
const FORBIDDEN_USES: &[(&str, &[&str], &[&str])] = &[
    ("client", &["copy", "pack", "select", "tag"], &["store", "remote", "transport", "auth"]),
    ("client", &["store"], &["copy", "pack", "select", "tag", "remote", "transport", "auth"]),
    ("client", &["remote"], &["copy", "pack", "select", "tag", "store"]),
    (
        "client",
        &["ahead", "graph", "content", "target", "event", "error", "lexical"],
        &["copy", "pack", "select", "tag", "store", "remote", "transport", "auth"],
    ),
    (
        "client",
        &["transport", "auth"],
        &["copy", "pack", "select", "tag", "store", "remote", "graph", "target"],
    ),
    (
        "server",
        &["storage"],
        &["access", "auth", "body", "error", "handle", "mirror", "serve", "service"],
    ),
    ("server", &["mirror"], &["access", "auth", "body", "error", "handle", "serve", "service"]),
    ("server", &["auth"], &["handle", "serve", "service", "storage"]),
    ("server", &["handle"], &["serve", "service"]),
    ("server", &["serve"], &["access", "auth", "handle", "service", "storage"]),
];

/// Crates that bring I/O, async or chance; `spec` reaches none, not through others either.
const NOT_IN_SPEC: &[&str] = &[
    "async-trait",
    "futures-core",
    "futures-util",
    "getrandom",
    "hyper",
    "jiff",
    "mio",
    "rand",
    "ring",
    "rustix",
    "rustls",
    "socket2",
    "tar",
    "tempfile",
    "tokio",
    "url",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of the workspace, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    fn visit(directory: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                visit(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root");
                found.insert(name.display().to_string(), read(&path));
            }
        }
    }

    let root = root();
    let mut found = BTreeMap::new();
    for part in ["crates", "tests", "xtask"] {
        visit(&root.join(part), &root, &mut found);
    }
    assert!(found.len() > 50, "the sources are elsewhere");
    found
}

/// Tells whether a file holds nothing but tests.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The part of a file that is not tests.
fn production(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().expect("one part at least")
}

/// Panics with every complaint, one on a line.
fn no_complaints(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let sources = sources();
    let length = |text: &str| production(text).lines().count();
    let is_excepted = |path: &str| LONG_FILES.iter().any(|(excepted, _)| *excepted == path);
    let too_long = sources
        .iter()
        .filter(|(path, text)| !is_test(path) && !is_excepted(path) && length(text) > MAX_LINES);
    let needless = LONG_FILES
        .iter()
        .filter(|(path, _)| sources.get(*path).is_none_or(|text| length(text) <= MAX_LINES));
    no_complaints(
        too_long
            .map(|(path, text)| format!("{path}: {} lines", length(text)))
            .chain(needless.map(|(path, _)| format!("{path}: needs no exception"))),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    no_complaints(silent.map(|(path, _)| format!("{path}: does not open with //!")));
}

#[test]
fn file_names_mean_something() {
    no_complaints(sources().into_keys().filter_map(|path| {
        let stem = Path::new(&path).file_stem().expect("a name").to_string_lossy().into_owned();
        let is_empty = stem.split('_').any(|word| EMPTY_WORDS.contains(&word));
        (is_empty || stem == "mod").then(|| format!("{path}: what is in it?"))
    }));
}

/// A file that no module names is not compiled, and its tests do not run.
#[test]
fn every_file_is_part_of_a_crate() {
    let sources = sources();
    no_complaints(sources.keys().filter_map(|path| {
        let (directory, name) = path.rsplit_once('/').expect("files are in directories");
        let stem = name.trim_end_matches(".rs");
        if matches!(stem, "main" | "lib" | "build") || is_target(directory) {
            return None;
        }
        let beside = format!("{directory}.rs");
        let parents = [beside, format!("{directory}/lib.rs"), format!("{directory}/main.rs")];
        let declaration = format!("mod {stem};");
        let is_declared = parents
            .iter()
            .filter_map(|parent| sources.get(parent))
            .any(|text| text.lines().any(|line| line.ends_with(&declaration)));
        (!is_declared).then(|| format!("{path}: no module declares it"))
    }));
}

/// Tells whether cargo makes a target of every file in a directory.
fn is_target(directory: &str) -> bool {
    ["/tests", "/examples", "/benches", "/src/bin"].iter().any(|end| directory.ends_with(end))
        && !directory.contains("/src/tests")
}

#[test]
fn modules_use_only_what_is_below_them() {
    let sources = sources();
    let mut complaints = BTreeSet::new();
    for (crate_name, modules, forbidden) in FORBIDDEN_USES {
        for module in *modules {
            let file = format!("crates/{crate_name}/src/{module}.rs");
            let below = format!("crates/{crate_name}/src/{module}/");
            for (path, text) in &sources {
                if (*path == file || path.starts_with(&below)) && !is_test(path) {
                    let used = crate_modules(production(text));
                    let wrong = used.iter().filter(|used| forbidden.contains(&used.as_str()));
                    complaints.extend(wrong.map(|used| format!("{path}: uses crate::{used}")));
                }
            }
        }
    }
    no_complaints(complaints);
}

/// The modules of its own crate that code names, alone or in a group; comments may name any.
fn crate_modules(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let text = code.join("\n");
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let first_word = |text: &str| text.chars().take_while(|c| is_word(*c)).collect::<String>();
    let mut found = BTreeSet::new();
    for (place, marker) in text.match_indices("crate::") {
        let rest = &text[place + marker.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(first_word(rest));
            continue;
        };
        let mut depth = 1;
        let mut at_start = true;
        for (index, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => at_start = depth == 1,
                _ if at_start && is_word(character) => {
                    found.insert(first_word(&group[index..]));
                    at_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn the_search_for_modules_finds_them() {
    let text =
        "use crate::copy;\nuse crate::{\n    a::{b, c},\n    pack::D,\n};\nlet x = crate::e::f();";
    let found: Vec<String> = crate_modules(text).into_iter().collect();
    assert_eq!(found, ["a", "copy", "e", "pack"]);
}

#[test]
fn every_decision_is_listed() {
    let directory = root().join("docs/decisions");
    let list = read(&directory.join("README.md"));
    let pages = std::fs::read_dir(&directory).expect("decisions").filter_map(|entry| {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        (name != "README.md").then_some(name)
    });
    let pages: BTreeSet<String> = pages.collect();
    let linked = |name: &String| list.contains(&format!("]({name})"));
    let unlisted = pages.iter().filter(|name| !linked(name));
    let numbers: BTreeSet<&str> = pages.iter().filter_map(|name| name.get(..4)).collect();
    assert_eq!(numbers.len(), pages.len(), "two decisions of one number");
    no_complaints(unlisted.map(|name| format!("docs/decisions/README.md does not link {name}")));
}

/// Links in the documents of the project to its own files.
#[test]
fn documents_link_only_what_is_there() {
    let root = root();
    let mut documents: Vec<PathBuf> =
        ["", "docs", "docs/decisions", "docs/registries"].map(|name| root.join(name)).into();
    documents = documents
        .into_iter()
        .flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten())
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    assert!(documents.len() > 5, "the documents are elsewhere");
    no_complaints(documents.iter().flat_map(|document| {
        let text = read(document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let targets = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
        let own = targets.filter(|target| !target.is_empty() && !target.contains("://"));
        let directory = document.parent().expect("a directory");
        let broken = own.filter(|target| !directory.join(target).exists());
        broken.map(|target| format!("{}: no {target}", document.display())).collect::<Vec<_>>()
    }));
}

#[test]
fn the_architecture_names_every_package() {
    let text = read(&root().join("ARCHITECTURE.md"));
    assert!(text.lines().count() <= 200, "ARCHITECTURE.md is to stay short");
    let names =
        metadata().keys().filter(|name| name.starts_with("oras-")).cloned().collect::<Vec<_>>();
    assert_eq!(names.len(), 7, "{names:?}");
    no_complaints(names.into_iter().filter_map(|name| {
        (!text.contains(&format!("`{name}`"))).then(|| format!("ARCHITECTURE.md has no {name}"))
    }));
}

/// What each package depends on, by name, without what only its tests need; of our own packages
/// with what their tests need too.
///
/// For this platform only: what others need was not downloaded to build here.
fn metadata() -> BTreeMap<String, BTreeSet<String>> {
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output().expect("run rustc");
    let host = String::from_utf8(host.stdout).expect("a platform");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", host.trim()])
        .current_dir(root())
        .output()
        .expect("run cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let packages = list(&metadata["packages"]);
    let names: BTreeMap<String, String> =
        packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let name = &names[&text(&node["id"])];
        let needed = found.entry(name.clone()).or_default();
        for dependency in list(&node["deps"]) {
            let package = &names[&text(&dependency["pkg"])];
            let kinds = list(&dependency["dep_kinds"]);
            if package.starts_with("oras-") || kinds.iter().any(|kind| kind["kind"] != "dev") {
                needed.insert(package.clone());
            }
        }
    }
    found
}

/// Everything a package depends on, through others too.
fn reachable(metadata: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![from];
    while let Some(name) = left.pop() {
        for needed in &metadata[name] {
            if found.insert(needed.clone()) {
                left.push(needed);
            }
        }
    }
    found
}

#[test]
fn crates_depend_only_on_what_is_below_them() {
    let metadata = metadata();
    let own = |name: &str| -> Vec<String> {
        let reachable = reachable(&metadata, name);
        reachable.into_iter().filter(|name| name.starts_with("oras-")).collect()
    };
    assert_eq!(own("oras-spec"), [""; 0]);
    assert_eq!(own("oras-client"), ["oras-spec"]);
    assert_eq!(own("oras-server"), ["oras-spec"]);
    assert_eq!(own("oras-template"), [""; 0]);
    assert_eq!(own("oras-emulator"), ["oras-server", "oras-spec"]);
    assert_eq!(
        own("oras-cli"),
        ["oras-client", "oras-emulator", "oras-server", "oras-spec", "oras-template"]
    );
}

#[test]
fn the_spec_crate_reaches_no_io_no_async_and_no_chance() {
    let reachable = reachable(&metadata(), "oras-spec");
    assert!(reachable.contains("serde_json"), "the search found nothing");
    let wrong = NOT_IN_SPEC.iter().filter(|name| reachable.contains(**name));
    no_complaints(wrong.map(|name| format!("oras-spec depends on {name}")));
}

#[test]
fn the_server_carries_nothing_that_only_clients_need() {
    let reachable = reachable(&metadata(), "oras-server");
    let wrong = ["rustls-native-certs", "tar", "flate2"];
    let wrong = wrong.iter().filter(|name| reachable.contains(**name));
    no_complaints(wrong.map(|name| format!("oras-server depends on {name}")));
}

//! Replays what Go's `text/template` with the functions of sprig made of templates.
//!
//! The vectors are made by `tests/vectors/go` from `tests/vectors/cases`.

use std::time::SystemTime;

use oras_template::{Template, World};
use serde_json::Value;

/// The message of a bad regular expression ends in other words.
const REGEX: &str = "error parsing regexp: ";

#[test]
fn renders_and_refuses_as_go() {
    let vectors: Vec<Value> = include_str!("../vectors/vectors.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect();
    assert!(vectors.len() > 2000, "the vectors are gone");
    let differences: Vec<String> = vectors.iter().filter_map(difference).collect();
    assert!(differences.is_empty(), "{}\n\n{} differ", differences.join("\n"), differences.len());
}

/// What Go and we made of a template, if that is not the same.
fn difference(vector: &Value) -> Option<String> {
    let template = vector["template"].as_str().expect("a template");
    let (go, ours) = (outcome_of_go(vector), outcome(template, &vector["input"]));
    let is_same = match (&go, &ours) {
        (Err(go), Err(ours)) if go.contains(REGEX) => {
            go.split(REGEX).next() == ours.split(REGEX).next()
        }
        _ => go == ours,
    };
    (!is_same).then(|| format!("{} {template:?}\n  Go: {go:?}\n  we: {ours:?}", vector["topic"]))
}

fn outcome_of_go(vector: &Value) -> Result<String, String> {
    match vector["output"].as_str() {
        Some(output) => Ok(output.to_owned()),
        None => Err(vector["error"].as_str().expect("an output or an error").to_owned()),
    }
}

fn outcome(template: &str, input: &Value) -> Result<String, String> {
    let world = World::new().with_now(SystemTime::UNIX_EPOCH).with_zones(berlin);
    Template::parse("format output", template)
        .and_then(|template| template.render_in(input, &world))
        .map_err(|error| error.to_string())
}

/// The rules of the zone Europe/Berlin as of today, as a file of the time zone database.
pub(crate) fn berlin(name: &str) -> Option<Vec<u8>> {
    if name != "Europe/Berlin" {
        return None;
    }
    let header = |counts: [u8; 6]| {
        let counts = counts.map(|count| u32::from(count).to_be_bytes());
        [&b"TZif2"[..], &[0; 15], counts.as_flattened()].concat()
    };
    // One type, UTC+1 without daylight saving time, called CET; the footer has the rules.
    let block =
        [&header([0, 0, 0, 0, 1, 4])[..], &3600_i32.to_be_bytes(), &[0, 0], b"CET\0"].concat();
    Some([&block[..], &block, b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"].concat())
}

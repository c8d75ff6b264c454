//! Replays what Go's `encoding/json` and `strconv` wrote: same value, same bytes, same digest.
//!
//! The vectors are made by `tests/vectors/go`; reading them does not use the code under test.

use oras_spec::image::{Descriptor, Index, Manifest, Platform};
use oras_spec::{Digest, Quoted, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn lines<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let lines: Vec<T> =
        text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect();
    assert!(lines.len() > 100, "the vectors are gone");
    lines
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[derive(Deserialize)]
struct Text {
    value: String,
    text: String,
}

#[test]
fn strings_are_written_as_go_writes_them() {
    for vector in lines::<Text>(include_str!("../vectors/strings.jsonl")) {
        assert_eq!(text(json::to_vec(&vector.value)), vector.text);
    }
}

#[test]
fn text_is_quoted_as_go_quotes_it() {
    for vector in lines::<Text>(include_str!("../vectors/quotes.jsonl")) {
        assert_eq!(Quoted(&vector.value).to_string(), vector.text);
    }
}

#[test]
fn numbers_are_written_as_go_writes_them() {
    #[derive(Deserialize)]
    struct Number {
        bits: String,
        text: String,
    }

    for vector in lines::<Number>(include_str!("../vectors/numbers.jsonl")) {
        let bits = u64::from_str_radix(&vector.bits, 16).expect("bits");
        assert_eq!(text(json::to_vec(&f64::from_bits(bits))), vector.text);
    }
}

#[test]
fn documents_are_written_as_go_writes_them() {
    #[derive(Deserialize)]
    struct Document {
        kind: String,
        input: String,
        bytes: String,
        digest: Digest,
        indented: Digest,
    }

    fn encode<T: Serialize + DeserializeOwned>(input: &str) -> (Vec<u8>, Vec<u8>) {
        let value: T = serde_json::from_str(input).expect(input);
        (json::to_vec(&value), json::to_vec_pretty(&value))
    }

    for vector in lines::<Document>(include_str!("../vectors/documents.jsonl")) {
        let (compact, pretty) = match vector.kind.as_str() {
            "descriptor" => encode::<Descriptor>(&vector.input),
            "index" => encode::<Index>(&vector.input),
            "manifest" => encode::<Manifest>(&vector.input),
            "platform" => encode::<Platform>(&vector.input),
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(Digest::of(&compact), vector.digest);
        assert_eq!(Digest::of(&pretty), vector.indented);
        assert_eq!(text(compact), vector.bytes);
    }
}

#[test]
fn json_is_indented_as_go_indents_it() {
    #[derive(Deserialize)]
    struct Indent {
        input: String,
        output: Option<String>,
    }

    for vector in lines::<Indent>(include_str!("../vectors/indents.jsonl")) {
        let indented = json::indent(vector.input.as_bytes()).ok().map(text);
        assert_eq!(indented, vector.output, "{:?}", vector.input);
    }
}

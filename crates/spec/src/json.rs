//! JSON written byte for byte as Go's `encoding/json` writes it: same value, same bytes, same digest.
//!
//! Beside the order of fields, which the types of [`image`](crate::image) fix, Go escapes `<`, `>`,
//! `&`, U+2028 and U+2029 inside strings, which other encoders leave alone, and spells fractions
//! and large numbers its own way.

use std::io;

use serde::Serialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Writes `value` on one line, as Go's `json.Marshal`.
///
/// # Panics
///
/// Panics if `value` cannot be JSON (a map with keys that are not text), which no type of this crate is.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write(value, GoFormatter(CompactFormatter))
}

/// Writes `value` indented by two blanks, as Go's `json.MarshalIndent`; no final newline.
///
/// # Panics
///
/// As [`to_vec`].
pub fn to_vec_pretty<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write(value, GoFormatter(PrettyFormatter::with_indent(b"  ")))
}

fn write<T: Serialize + ?Sized, F: Formatter>(value: &T, formatter: F) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).expect("values of text keys become JSON in memory");
    bytes
}

/// How long, in bytes, the text that [`indent`] makes may become. It grows with the square of the
/// input's depth, so a limit on the input is none on this; sixteen times the largest manifest that
/// registries take is more than any honest one needs.
const MAX_INDENTED: usize = 64 * 1024 * 1024;

/// Indents JSON text by two blanks, as Go's `json.Indent`: the order of keys, the spelling of
/// numbers, the escapes of strings and blanks behind the value stay as they are. No final newline.
///
/// # Errors
///
/// If `text` is not one JSON value, or would be longer than 64 MiB when indented.
pub fn indent(text: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    indent_by(text, "  ")
}

/// As [`indent`], by `unit` instead of two blanks: Docker's `config.json` has tabs.
///
/// # Errors
///
/// As [`indent`].
pub fn indent_by(text: &[u8], unit: &str) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(text)?;
    let out = Vec::with_capacity(text.len());
    let mut indenter = Indenter { out, unit, depth: 0, just_opened: false };
    let value = text.trim_ascii_end();
    let mut rest = value;
    while let [byte, tail @ ..] = rest {
        if indenter.out.len() > MAX_INDENTED {
            return Err(serde_json::Error::custom("too long when indented"));
        }
        rest = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => tail,
            b'"' => {
                let end = string_end(rest);
                indenter.token(&rest[..end]);
                &rest[end..]
            }
            _ => {
                indenter.punctuation(*byte);
                tail
            }
        };
    }
    indenter.out.extend_from_slice(&text[value.len()..]);
    Ok(indenter.out)
}

/// The index just behind the closing quote of the string that `text` begins with.
fn string_end(text: &[u8]) -> usize {
    let mut escaped = false;
    let closing = text.iter().skip(1).position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |index| index + 2)
}

struct Indenter<'a> {
    out: Vec<u8>,
    unit: &'a str,
    depth: usize,
    /// The last byte written opened an object or an array: an empty one stays on its line.
    just_opened: bool,
}

impl Indenter<'_> {
    fn punctuation(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                self.token(&[byte]);
                self.depth += 1;
                self.just_opened = true;
            }
            b'}' | b']' => {
                self.depth -= 1;
                if !std::mem::take(&mut self.just_opened) {
                    self.line();
                }
                self.out.push(byte);
            }
            b',' => {
                self.out.push(byte);
                self.line();
            }
            b':' => self.out.extend_from_slice(b": "),
            _ => self.token(&[byte]),
        }
    }

    fn token(&mut self, token: &[u8]) {
        if std::mem::take(&mut self.just_opened) {
            self.line();
        }
        self.out.extend_from_slice(token);
    }

    fn line(&mut self) {
        self.out.push(b'\n');
        for _ in 0..self.depth {
            self.out.extend_from_slice(self.unit.as_bytes());
        }
    }
}

/// Spells a number as Go does: the shortest digits that read back as the same number, and an
/// exponent only for the very large and the very small.
fn go_number(value: f64) -> String {
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    let number = format!("{value:e}");
    match number.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => number,
    }
}

/// Passes everything on, but escapes five more characters inside strings and spells numbers anew.
struct GoFormatter<F>(F);

impl<F: Formatter> Formatter for GoFormatter<F> {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(index) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(index);
            self.0.write_string_fragment(writer, plain)?;
            let character = special.chars().next().expect("`find` found one");
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = &special[character.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(go_number(value).as_bytes())
    }

    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(text: &str) -> String {
        String::from_utf8(to_vec(text)).expect("JSON is UTF-8")
    }

    #[test]
    fn escapes_what_go_escapes() {
        assert_eq!(compact("a<b>&c"), r#""a\u003cb\u003e\u0026c""#);
        assert_eq!(compact("\u{2028}\u{2029}"), r#""\u2028\u2029""#);
        assert_eq!(
            compact("\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é😀"),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é😀\""
        );
    }

    #[test]
    fn indents_by_two_blanks() {
        let value = serde_json::json!({"a": [1, {"b": "<"}], "c": [], "d": {}});
        let pretty = String::from_utf8(to_vec_pretty(&value)).expect("JSON is UTF-8");
        assert_eq!(
            pretty,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\\u003c\"\n    }\n  ],\n  \"c\": [],\n  \"d\": {}\n}"
        );
    }

    #[test]
    fn re_indents_text_without_touching_its_tokens() {
        let text = br#" {"b":1.50,"a" : [ ] ,"s":"\u003c<\"{,}","n":{ "x":[1,2e+1]}}"#;
        let indented = String::from_utf8(indent(text).expect("JSON")).expect("UTF-8");
        assert_eq!(
            indented,
            "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"s\": \"\\u003c<\\\"{,}\",\n  \"n\": {\n    \"x\": [\n      1,\n      2e+1\n    ]\n  }\n}"
        );
        assert!(indent(b"{} x").is_err());
        assert!(indent(b"").is_err());
    }

    #[test]
    fn keeps_blanks_behind_the_value_and_drops_those_before() {
        assert_eq!(indent(b" \n [1] \r\n\t ").expect("JSON"), b"[\n  1\n] \r\n\t ");
        assert_eq!(indent(b" 7\n").expect("JSON"), b"7\n");
    }

    #[test]
    fn passes_on_strings_that_are_not_utf_8() {
        assert_eq!(indent(b"[\"\xff\\ud800\"]").expect("JSON"), b"[\n  \"\xff\\ud800\"\n]");
    }

    #[test]
    fn refuses_to_indent_what_would_fill_the_memory() {
        let nested = |depth, inside| {
            [vec![b'['; depth], b"1,".repeat(inside), b"1".to_vec(), vec![b']'; depth]].concat()
        };
        assert!(indent(&nested(1000, 1000)).is_ok());
        for too_long in [nested(20_000, 0), nested(5000, 10_000)] {
            let error = indent(&too_long).expect_err("too long").to_string();
            assert_eq!(error, "too long when indented");
        }
    }

    #[test]
    fn spells_numbers_as_go_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-7"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(String::from_utf8(to_vec(&number)).expect("UTF-8"), text);
        }
    }
}

//! Go's regular expressions, as far as they differ from those of the `regex` crate.
//!
//! Both come from RE2 and never take more than linear time. They differ in what `\d`, `\w`, `\s`
//! and `\b` mean beyond ASCII, in what may stand in a class, and in `\Q…\E`.

use regex::{Regex, RegexBuilder};

use crate::buffer::append;
use crate::error::Failure;

/// Compiles an expression in Go's syntax.
///
/// The message starts as Go's does, and goes on in the words of the crate.
pub(crate) fn compile(text: &str) -> Result<Regex, Failure> {
    let compiled = RegexBuilder::new(&translate(text)).size_limit(MAX_SIZE).build();
    compiled.map_err(|error| {
        let reason = match &error {
            regex::Error::CompiledTooBig(_) => "expression too large".to_owned(),
            error => {
                let shown = error.to_string();
                let last = shown.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        };
        format!("error parsing regexp: {reason}: `{text}`").into()
    })
}

/// The most memory that a compiled expression takes: 4 MiB.
const MAX_SIZE: usize = 4 << 20;

/// Writes text so that an expression finds it literally.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Says the same in the syntax of the crate.
fn translate(text: &str) -> String {
    let mut translator =
        Translator { out: String::with_capacity(text.len()), rest: text, in_class: false };
    while let Some(character) = translator.take() {
        translator.character(character);
    }
    translator.out
}

struct Translator<'t> {
    out: String,
    rest: &'t str,
    /// Between `[` and `]`.
    in_class: bool,
}

impl Translator<'_> {
    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next();
        self.rest = characters.as_str();
        character
    }

    fn character(&mut self, character: char) {
        match character {
            '\\' => self.escape(),
            '[' if !self.in_class => self.open_class(),
            // A named class such as `[:alpha:]` is one in both.
            '[' if self.rest.starts_with(':') && self.rest.contains(":]") => {
                let length = self.rest.find(":]").map_or(0, |index| index + 2);
                let (name, rest) = self.rest.split_at(length);
                self.out.push('[');
                self.out.push_str(name);
                self.rest = rest;
            }
            ']' if self.in_class => {
                self.in_class = false;
                self.out.push(']');
            }
            // What the crate would take for operators on sets.
            '-' if self.in_class && self.rest.starts_with('-') => {
                self.rest = &self.rest[1..];
                self.out.push_str("-\\-");
            }
            '[' | '&' | '~' if self.in_class => self.out.extend(['\\', character]),
            '{' if !self.in_class && !is_repetition(self.rest) => self.out.push_str("\\{"),
            _ => self.out.push(character),
        }
    }

    fn open_class(&mut self) {
        self.in_class = true;
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.out.push('^');
            self.rest = rest;
        }
        // A bracket that comes first is one of the characters.
        if let Some(rest) = self.rest.strip_prefix(']') {
            self.out.push_str("\\]");
            self.rest = rest;
        }
    }

    fn escape(&mut self) {
        let Some(selector) = self.take() else {
            self.out.push('\\');
            return;
        };
        let (outside, inside) = match selector {
            'd' => ("[0-9]", "0-9"),
            'D' => ("[^0-9]", "[^0-9]"),
            'w' => ("[0-9A-Za-z_]", "0-9A-Za-z_"),
            'W' => ("[^0-9A-Za-z_]", "[^0-9A-Za-z_]"),
            's' => ("[\\t\\n\\x0C\\r ]", "\\t\\n\\x0C\\r "),
            'S' => ("[^\\t\\n\\x0C\\r ]", "[^\\t\\n\\x0C\\r ]"),
            'b' if !self.in_class => ("(?-u:\\b)", ""),
            'B' if !self.in_class => ("(?-u:\\B)", ""),
            'Q' if !self.in_class => {
                let (literal, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(literal));
                self.rest = rest;
                return;
            }
            '0'..='7' => return self.octal(selector),
            _ => {
                self.out.extend(['\\', selector]);
                if matches!(selector, 'p' | 'P' | 'x') && self.rest.starts_with('{') {
                    let length = self.rest.find('}').map_or(self.rest.len(), |end| end + 1);
                    let (name, rest) = self.rest.split_at(length);
                    self.out.push_str(name);
                    self.rest = rest;
                }
                return;
            }
        };
        self.out.push_str(if self.in_class { inside } else { outside });
    }

    /// Writes an octal escape in hexadecimal; a lone digit above 0 would refer back to a group.
    fn octal(&mut self, first: char) {
        let more = self.rest.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
        let (digits, rest) = self.rest.split_at(more);
        if first != '0' && digits.is_empty() {
            self.out.extend(['\\', first]);
            return;
        }
        self.rest = rest;
        let code = u32::from_str_radix(&format!("{first}{digits}"), 8).unwrap_or(0);
        append(&mut self.out, format_args!("\\x{{{code:x}}}"));
    }
}

/// Tells whether an opened brace says how often something is repeated; Go takes any other literally.
fn is_repetition(rest: &str) -> bool {
    let Some((counts, _)) = rest.split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> Option<String> {
        let pattern = compile(pattern).expect("a good expression");
        pattern.find(text).map(|found| found.as_str().to_owned())
    }

    #[test]
    fn means_ascii_by_the_short_classes() {
        assert_eq!(finds(r"\d+", "٣4").as_deref(), Some("4"));
        assert_eq!(finds(r"\w+", "éa").as_deref(), Some("a"));
        assert_eq!(finds(r"[\w\-]+", "é-a").as_deref(), Some("-a"));
        assert_eq!(finds(r"[^\D5]", "a53").as_deref(), Some("3"));
    }

    #[test]
    fn takes_signs_in_classes_literally() {
        assert_eq!(finds("[[a]+", "b[a").as_deref(), Some("[a"));
        assert_eq!(finds("[a&&b]+", "x&&b").as_deref(), Some("&&b"));
        assert_eq!(finds("[]x]+", "a]x").as_deref(), Some("]x"));
        assert_eq!(finds("[[:digit:]x]+", "a1x").as_deref(), Some("1x"));
    }

    #[test]
    fn refuses_what_would_take_too_much_memory() {
        let failure = compile("((a{1000}){1000}){1000}").expect_err("too large");
        assert!(failure.to_string().starts_with("error parsing regexp: expression too large"));
    }
}

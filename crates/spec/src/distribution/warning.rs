//! Warnings: what a registry wants its users to read.

use std::fmt;

/// The text of a `Warning: 299 - "text"` header.
///
/// See [warnings](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning(String);

impl Warning {
    /// Makes a warning; control characters, which no header can hold, become blanks.
    pub fn new(text: &str) -> Self {
        Self(text.replace(char::is_control, " "))
    }

    /// Reads the value of a header. Returns nothing for other codes, other agents and bad quoting,
    /// which the specification tells clients to ignore.
    pub fn parse(value: &str) -> Option<Self> {
        let quoted = value.strip_prefix("299 - \"")?.strip_suffix('"')?;
        let mut text = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => text.push(characters.next()?),
                '"' => return None,
                _ => text.push(character),
            }
        }
        Some(Self(text))
    }

    /// Returns the text for people.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Prints the value of the header.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "299 - \"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses_and_ignores_the_rest() {
        let warning = Warning::new("say \"hi\" \\ now\n");
        assert_eq!(Warning::parse(&warning.to_string()), Some(warning));
        for other in [
            "",
            "199 - \"x\"",
            "299 host \"x\"",
            "299 - x",
            "299 - \"a\"b\"",
            "299 - \"x\" \"date\"",
            "299 - \"\\\"",
        ] {
            assert_eq!(Warning::parse(other), None, "{other}");
        }
    }
}

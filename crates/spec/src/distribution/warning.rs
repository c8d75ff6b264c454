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

    /// Reads the value of a header. Returns nothing for other codes, other agents, bad quoting and
    /// an empty text, which the specification tells clients to ignore.
    ///
    /// The text is unquoted by Go's rules, as users of `oras` see it; control characters in it
    /// become blanks.
    pub fn parse(value: &str) -> Option<Self> {
        let quoted = value.strip_prefix("299 - \"")?.strip_suffix('"')?;
        let text = unquote(quoted)?;
        (!text.is_empty()).then(|| Self::new(&text))
    }

    /// Returns the text for people.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Undoes the escapes of a Go string; nothing if there is one Go does not know.
fn unquote(quoted: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let escape = escaped.chars().next()?;
        rest = &escaped[escape.len_utf8()..];
        match escape {
            '\\' | '"' => bytes.push(escape as u8),
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' => bytes.push(b' '),
            'x' => bytes.push(u8::try_from(number(&mut rest, 2, 16)?).ok()?),
            '0'..='7' => {
                rest = escaped;
                bytes.push(u8::try_from(number(&mut rest, 3, 8)?).ok()?);
            }
            'u' | 'U' => {
                let digits = if escape == 'u' { 4 } else { 8 };
                let character = char::from_u32(number(&mut rest, digits, 16)?)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return None,
        }
        if plain.contains('"') {
            return None;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    (!rest.contains('"')).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes exactly so many digits off the front of `rest`.
fn number(rest: &mut &str, digits: usize, radix: u32) -> Option<u32> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    number
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(number, radix).ok())?
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
    fn unquotes_as_go_does() {
        for (value, text) in [
            (r#"299 - "a\\b\"c""#, "a\\b\"c"),
            (r#"299 - "\x41\101\u00e9\U0001f600\n|""#, "AAé😀 |"),
            (r#"299 - "\x1b[2J""#, " [2J"),
            ("299 - \"é\u{7}\"", "é "),
        ] {
            assert_eq!(Warning::parse(value).expect(value).text(), text);
        }
    }

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
            "299 - \"\"",
            r#"299 - "a"\n""#,
            r#"299 - "\q""#,
            r#"299 - "\x4""#,
            r#"299 - "\x+4""#,
            r#"299 - "\ud800""#,
            r#"299 - "\777""#,
            r#"299 - "\é""#,
        ] {
            assert_eq!(Warning::parse(other), None, "{other}");
        }
    }
}

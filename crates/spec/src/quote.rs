//! Text in double quotes, as Go's `%q` prints it.

use std::fmt::{self, Write as _};

/// Shows text in double quotes, as users of Go tools know it from error messages.
///
/// Quotes, backslashes and all that does not print are escaped, so a name that came from a file or
/// from a registry cannot move a terminal's cursor or turn the direction of its text. Characters
/// outside ASCII print as they are.
///
/// ```
/// use oras_spec::Quoted;
///
/// assert_eq!(Quoted("a \"b\"\u{1b}[2J").to_string(), r#""a \"b\"\x1b[2J""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\t' => f.write_str("\\t")?,
                '\n' => f.write_str("\\n")?,
                '\u{b}' => f.write_str("\\v")?,
                '\u{c}' => f.write_str("\\f")?,
                '\r' => f.write_str("\\r")?,
                '\0'..' ' | '\u{7f}' => write!(f, "\\x{:02x}", u32::from(character))?,
                _ if prints(character) => f.write_char(character)?,
                '\0'..='\u{ffff}' => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => write!(f, "\\U{:08x}", u32::from(character))?,
            }
        }
        f.write_char('"')
    }
}

/// Tells whether a character has a shape of its own, or is a mark on the one before.
fn prints(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    // The standard library's table of what prints is behind `escape_debug`, which escapes marks
    // too where they come first.
    let mut buffer = [b'a'; 5];
    let length = character.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..=length]).expect("two encoded characters");
    text.escape_debug().nth(1) == Some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        for (text, quoted) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("it's", r#""it's""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("\u{7}\u{8}\t\n\u{b}\u{c}\r\0\u{1b}\u{7f}", r#""\a\b\t\n\v\f\r\x00\x1b\x7f""#),
            ("é😀e\u{301}", "\"é😀e\u{301}\""),
            ("\u{301}", "\"\u{301}\""),
            ("\u{85}\u{a0}\u{ad}", r#""\u0085\u00a0\u00ad""#),
            ("\u{202e}\u{2028}\u{feff}", r#""\u202e\u2028\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }
}

//! Text from elsewhere, made safe to show on a terminal and in logs.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes what would move the cursor, color, hide or reorder text on a terminal, line ends included.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_shown(character) {
            visible.push(character);
        } else {
            escape(character, &mut visible);
        }
    }
    Cow::Owned(visible)
}

/// As [`visible`], but leaves line ends and tabs as they are.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    let is_fine = |character: char| is_shown(character) || matches!(character, '\n' | '\t');
    if text.chars().all(is_fine) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_fine(character) {
            visible.push(character);
        } else {
            escape(character, &mut visible);
        }
    }
    Cow::Owned(visible)
}

/// Tells whether a character shows as itself: not a control character, not one that reorders or
/// joins its neighbors, not a line or paragraph separator.
fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn escape(character: char, out: &mut String) {
    let code = u32::from(character);
    match character {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if code < 0x80 => write!(out, "\\x{code:02x}").expect("a string takes all"),
        _ if code < 0x1_0000 => write!(out, "\\u{code:04x}").expect("a string takes all"),
        _ => write!(out, "\\U{code:08x}").expect("a string takes all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(visible("plain \"ü\""), "plain \"ü\"");
        assert_eq!(visible("a\u{1b}]0;x\u{7}\r\nb"), r"a\x1b]0;x\a\r\nb");
        assert_eq!(visible_lines("a\n\tb\u{1b}"), "a\n\tb\\x1b");
        assert_eq!(visible("\u{202e}exe.txt"), r"\u202eexe.txt");
    }
}

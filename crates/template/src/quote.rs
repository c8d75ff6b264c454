//! Go's quoted strings and characters, read and written as `strconv` does.

use crate::buffer::append;

/// Quotes text with double quotes, as `%q` does. Bytes that are not UTF-8 become `\x..`.
pub(crate) fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, '"', false)
}

/// Quotes text as [`quote`] does, and writes all that is not ASCII as escapes.
pub(crate) fn quote_ascii(bytes: &[u8]) -> String {
    quote_with(bytes, '"', true)
}

/// Quotes one character with single quotes.
pub(crate) fn quote_char(character: char, ascii_only: bool) -> String {
    let mut buffer = [0; 4];
    quote_with(character.encode_utf8(&mut buffer).as_bytes(), '\'', ascii_only)
}

/// Tells whether Go would write `bytes` between backquotes: one line, no control characters.
pub(crate) fn can_backquote(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.chars().all(|c| !matches!(c, '`' | '\u{7f}' | '\u{feff}') && (c >= ' ' || c == '\t'))
    })
}

/// Tells whether Go prints `character` as it is: letters, marks, numbers, punctuation, symbols and
/// the blank.
pub(crate) fn is_print(character: char) -> bool {
    if character.is_ascii() {
        return (' '..='~').contains(&character);
    }
    // std does not offer its table, but escapes by it. Behind another character it leaves
    // combining marks alone, as Go does everywhere.
    let mut buffer = String::from("a");
    buffer.push(character);
    buffer.escape_debug().eq(buffer.chars())
}

fn quote_with(bytes: &[u8], mark: char, ascii_only: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(mark);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            escape(&mut out, character, mark, ascii_only);
        }
        for byte in chunk.invalid() {
            append(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out.push(mark);
    out
}

fn escape(out: &mut String, character: char, mark: char, ascii_only: bool) {
    match character {
        c if c == mark || c == '\\' => out.extend(['\\', c]),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if is_print(c) && (c.is_ascii() || !ascii_only) => out.push(c),
        c => match u32::from(c) {
            code @ (0..0x20 | 0x7f) => append(out, format_args!("\\x{code:02x}")),
            code @ 0..0x10000 => append(out, format_args!("\\u{code:04x}")),
            code => append(out, format_args!("\\U{code:08x}")),
        },
    }
}

/// Reads a string constant with its quotes, double or back. Nothing if Go would refuse it.
pub(crate) fn unquote(constant: &str) -> Option<Vec<u8>> {
    if let Some(raw) = constant.strip_prefix('`') {
        let raw = raw.strip_suffix('`')?;
        return Some(raw.bytes().filter(|&byte| byte != b'\r').collect());
    }
    let mut rest = constant.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (unit, tail) = unquote_unit(rest, '"')?;
        match unit {
            Unit::Byte(byte) => bytes.push(byte),
            Unit::Character(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = tail;
    }
    Some(bytes)
}

/// Reads the first character of a constant whose opening quote is gone: its code point and what
/// follows. Nothing if Go would refuse it.
pub(crate) fn unquote_char(text: &str) -> Option<(u32, &str)> {
    unquote_unit(text, '\'').map(|(unit, rest)| match unit {
        Unit::Byte(byte) => (u32::from(byte), rest),
        Unit::Character(character) => (u32::from(character), rest),
    })
}

/// What one character or one escape of a constant stands for.
enum Unit {
    /// From `\x` or an octal escape: this byte, whether or not that makes UTF-8.
    Byte(u8),
    Character(char),
}

fn unquote_unit(text: &str, mark: char) -> Option<(Unit, &str)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first != '\\' {
        let refused = first == mark || first == '\n';
        return (!refused).then_some((Unit::Character(first), characters.as_str()));
    }
    let selector = characters.next()?;
    let rest = characters.as_str();
    let simple = |character| Some((Unit::Character(character), rest));
    match selector {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        '\'' | '"' if selector == mark => simple(mark),
        'x' => code(rest, 2, 16).and_then(|(code, rest)| byte(code, rest)),
        'u' => code(rest, 4, 16).and_then(|(code, rest)| character(code, rest)),
        'U' => code(rest, 8, 16).and_then(|(code, rest)| character(code, rest)),
        '0'..='7' => code(&text[1..], 3, 8).and_then(|(code, rest)| byte(code, rest)),
        _ => None,
    }
}

fn code(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let (head, rest) = text.split_at_checked(digits)?;
    let all_digits = head.chars().all(|c| c.is_digit(radix));
    all_digits.then(|| u32::from_str_radix(head, radix).ok()).flatten().map(|code| (code, rest))
}

fn byte(code: u32, rest: &str) -> Option<(Unit, &str)> {
    u8::try_from(code).ok().map(|byte| (Unit::Byte(byte), rest))
}

fn character(code: u32, rest: &str) -> Option<(Unit, &str)> {
    char::from_u32(code).map(|character| (Unit::Character(character), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_go_quotes() {
        assert_eq!(quote(b"a\"b\\\x00\x7f\xff"), r#""a\"b\\\x00\x7f\xff""#);
        assert_eq!(
            quote("é\u{200b}\u{301}😀\u{10ffff}".as_bytes()),
            "\"é\\u200b\u{301}😀\\U0010ffff\""
        );
        assert_eq!(quote_ascii("é😀".as_bytes()), r#""\u00e9\U0001f600""#);
        assert_eq!(quote_char('\'', false), r"'\''");
        assert_eq!(quote_char('"', false), "'\"'");
    }

    #[test]
    fn reads_what_it_quotes() {
        for bytes in [&b"plain"[..], b"\x00\x07\xff\xfe", "é\n\u{2028}😀".as_bytes()] {
            assert_eq!(unquote(&quote(bytes)).as_deref(), Some(bytes));
            assert_eq!(unquote(&quote_ascii(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(unquote("`a\r\\n`").as_deref(), Some(&b"a\\n"[..]));
    }

    #[test]
    fn refuses_bad_escapes() {
        for text in
            [r#""\q""#, r#""\x4""#, r#""\ud800""#, r#""\400""#, r#""\'""#, "\"a\nb\"", "\"a"]
        {
            assert_eq!(unquote(text), None, "{text}");
        }
    }
}

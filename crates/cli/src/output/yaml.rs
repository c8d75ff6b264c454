//! One pair of texts as a line of YAML, quoted as Go's library does it.

use std::borrow::Cow;

use crate::visible::visible;

/// Prints `key: value`. Texts that YAML would take for something else are quoted, and so, unlike in
/// Go, are those of several lines: it stays one line.
pub(crate) fn pair(key: &str, value: &str) -> String {
    format!("{}: {}", scalar(key), scalar(value))
}

fn scalar(text: &str) -> Cow<'_, str> {
    if visible(text) != text || is_other_than_text(text) {
        return Cow::Owned(double_quoted(text));
    }
    if is_bool_of_yaml_1_1(text) || is_sexagesimal(text) || !is_plain(text) {
        return Cow::Owned(format!("'{}'", text.replace('\'', "''")));
    }
    Cow::Borrowed(text)
}

fn double_quoted(text: &str) -> String {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", visible(&quoted))
}

/// Tells whether YAML 1.2 reads something else than text: nothing, a bool, a number, a time.
fn is_other_than_text(text: &str) -> bool {
    const WORDS: &[&str] =
        &["", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "<<"];
    WORDS.contains(&text) || is_number(text) || is_time(text)
}

fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(&*text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(body) = digits.strip_prefix(prefix) {
            return !body.is_empty() && body.chars().all(|digit| digit.is_digit(radix));
        }
    }
    let begins = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    begins && digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

/// `2000-1-2`, perhaps with a time behind it.
fn is_time(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let is_digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_date = parts.len() == 3
        && parts.iter().all(is_digits)
        && parts[0].len() == 4
        && parts[1..].iter().all(|part| part.len() <= 2);
    let is_clock = |time: &str| {
        time.starts_with(|first: char| first.is_ascii_digit())
            && time.contains(':')
            && time.bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte))
    };
    is_date && time.is_none_or(is_clock)
}

/// `n` alone is not among them, as users know it.
fn is_bool_of_yaml_1_1(text: &str) -> bool {
    const WORDS: &[&str] =
        &["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "no", "No", "NO", "off", "Off", "OFF"];
    WORDS.contains(&text)
}

/// `1:30`, which YAML 1.1 reads as 90.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let is_digits = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_digit())
            && part.bytes().all(|byte| byte.is_ascii_digit() || b"_.".contains(&byte))
    };
    text.contains(':') && parts.all(is_digits)
}

/// Tells whether a text can stand without quotes.
fn is_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let (first, second) = (characters.next(), characters.next());
    let begins_well = match first {
        None => false,
        Some('-' | '?' | ':') => second.is_some_and(|second| second != ' '),
        Some(first) => !"#,[]{}&*!|>'\"%@` ".contains(first),
    };
    begins_well
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_yaml_would_take_for_something_else() {
        for (text, printed) in [
            ("plain text", "plain text"),
            ("https://example.com/a#b", "https://example.com/a#b"),
            ("sha256:abc", "sha256:abc"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("it's", "it's"),
            ("'it's'", "'''it''s'''"),
            ("@x", "'@x'"),
            ("- x", "'- x'"),
            ("-x", "-x"),
            (" x", "' x'"),
            ("x:", "'x:'"),
            ("yes", "'yes'"),
            ("n", "n"),
            ("1:30", "'1:30'"),
            ("1", "\"1\""),
            ("-1_000.5e3", "\"-1_000.5e3\""),
            ("0x1F", "\"0x1F\""),
            (".inf", "\".inf\""),
            ("1.2.3", "1.2.3"),
            ("v1", "v1"),
            ("", "\"\""),
            ("~", "\"~\""),
            ("Null", "\"Null\""),
            ("TRUE", "\"TRUE\""),
            ("tRUE", "tRUE"),
            ("2000-01-01T00:00:00Z", "\"2000-01-01T00:00:00Z\""),
            ("2000-01-01", "\"2000-01-01\""),
            ("2000-01-01 at noon", "2000-01-01 at noon"),
            ("a\n\"b\"", "\"a\\n\\\"b\\\"\""),
            ("\u{1b}[2J", "\"\\x1b[2J\""),
        ] {
            assert_eq!(scalar(text), printed, "{text}");
        }
        assert_eq!(pair("y", "no"), "'y': 'no'");
    }
}

//! Expected lines with placeholders, held against what was printed.

use std::collections::BTreeMap;

/// One expected line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// This line, here.
    Text(String),
    /// This line, somewhere among the neighbors that may stand anywhere, too.
    Anywhere(String),
    /// This line, perhaps behind others.
    Later(String),
    /// Any lines, or none.
    Rest,
}

impl Line {
    /// Returns what stands on it.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Anywhere(text) | Self::Later(text) => text,
            Self::Rest => "...",
        }
    }

    /// Replaces what stands on it.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text)),
            Self::Anywhere(text) => Self::Anywhere(change(text)),
            Self::Later(text) => Self::Later(change(text)),
            Self::Rest => Self::Rest,
        }
    }
}

/// The digests that placeholders were found to stand for, by name.
pub(super) type Bound = BTreeMap<String, String>;

/// Splits output into lines; one that does not end gets a backslash.
pub(super) fn lines(output: &str) -> Vec<String> {
    let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !output.ends_with('\n')
    {
        last.push('\\');
    }
    lines
}

/// Holds lines against those expected; names in them get their values. Nothing if they fit,
/// otherwise what differs.
pub(super) fn difference(expected: &[Line], found: &[String], bound: &mut Bound) -> Option<String> {
    let mut attempt = bound.clone();
    if fits(expected, found, &mut attempt) {
        *bound = attempt;
        return None;
    }
    let mut start = 0;
    while let (Some(line @ Line::Text(_)), Some(text)) = (expected.get(start), found.get(start))
        && line_fits(line.text(), text, bound)
    {
        start += 1;
    }
    let mut end = 0;
    while expected.len() > start + end
        && found.len() > start + end
        && let (line @ Line::Text(_), text) =
            (&expected[expected.len() - 1 - end], &found[found.len() - 1 - end])
        && line_fits(line.text(), text, &mut bound.clone())
    {
        end += 1;
    }
    let mut shown: Vec<String> =
        found[..start].iter().map(|text| format!("      {text}")).collect();
    let missing = &expected[start..expected.len() - end];
    shown.extend(missing.iter().map(|line| format!("    - {}", line.text())));
    shown.extend(found[start..found.len() - end].iter().map(|text| format!("    + {text}")));
    shown.extend(found[found.len() - end..].iter().map(|text| format!("      {text}")));
    Some(shown.join("\n"))
}

fn fits(expected: &[Line], found: &[String], bound: &mut Bound) -> bool {
    let Some(first) = expected.first() else { return found.is_empty() };
    match first {
        Line::Rest => (0..=found.len()).any(|skipped| {
            let mut attempt = bound.clone();
            let fit = fits(&expected[1..], &found[skipped..], &mut attempt);
            if fit {
                *bound = attempt;
            }
            fit
        }),
        Line::Text(pattern) => {
            let Some((text, rest)) = found.split_first() else { return false };
            line_fits(pattern, text, bound) && fits(&expected[1..], rest, bound)
        }
        Line::Later(pattern) => {
            let place = found.iter().position(|text| line_fits(pattern, text, bound));
            place.is_some_and(|place| fits(&expected[1..], &found[place + 1..], bound))
        }
        Line::Anywhere(_) => {
            let is_free = |line: &&Line| matches!(line, Line::Anywhere(_));
            let mut free: Vec<&Line> = expected.iter().take_while(is_free).collect();
            let count = free.len();
            if found.len() < count {
                return false;
            }
            for text in &found[..count] {
                let place = free.iter().position(|line| line_fits(line.text(), text, bound));
                let Some(place) = place else { return false };
                free.remove(place);
            }
            fits(&expected[count..], &found[count..], bound)
        }
    }
}

/// Tells whether a text is what a pattern says; only then are new names bound.
fn line_fits(pattern: &str, text: &str, bound: &mut Bound) -> bool {
    let mut attempt = bound.clone();
    let (mut pattern, mut text) = (pattern, text);
    while let Some((literal, rest)) = pattern.split_once("<<") {
        let Some((name, after)) = rest.split_once(">>") else { break };
        let Some(remaining) = text.strip_prefix(literal) else { return false };
        let next = after.split("<<").next().unwrap_or_default();
        let Some(length) = length_of(name, remaining, next, &mut attempt) else { return false };
        (pattern, text) = (after, &remaining[length..]);
    }
    let fit = pattern == text;
    if fit {
        *bound = attempt;
    }
    fit
}

/// Returns how much of `text` the placeholder takes, which `next` follows; nothing if it cannot.
fn length_of(name: &str, text: &str, next: &str, bound: &mut Bound) -> Option<usize> {
    let while_all = |is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
    let some = |length: usize| (length > 0).then_some(length);
    match name {
        "any" if next.is_empty() => Some(text.len()),
        "any" => text.find(next),
        "time" => some(while_all(|c| c.is_ascii_digit() || "TZ:.+-".contains(c))),
        "number" => some(while_all(|c| c.is_ascii_digit())),
        "duration" => {
            let length = while_all(|c| c.is_ascii_digit() || ".hmsµ".contains(c));
            some(text[..length].trim_end_matches('.').len())
        }
        _ => {
            let digest = |length| text.get(..length).filter(|text| is_digest(text));
            let hex = |length| text.get(..length).filter(|text| is_hex(text));
            let (full, found) = match name.strip_suffix(":12") {
                Some(full) => (full, hex(12)?),
                None => (name, digest(71)?),
            };
            let short = found.trim_start_matches("sha256:").get(..12)?.to_owned();
            let is_known =
                |name: String, value: &str| bound.get(&name).is_none_or(|known| known == value);
            let fit = is_known(full.to_owned(), found) || name.ends_with(":12");
            if !fit || !is_known(format!("{full}:12"), &short) {
                return None;
            }
            if name == full {
                bound.insert(full.to_owned(), found.to_owned());
            }
            bound.insert(format!("{full}:12"), short);
            Some(found.len())
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(expected: &[Line], output: &str) -> bool {
        difference(expected, &lines(output), &mut Bound::new()).is_some()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn one_name_is_one_digest() {
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        let expected = [text("Up <<d:12>> x"), text("Digest: <<d>>")];
        let say =
            |short: &str, long: &str| format!("Up {} x\nDigest: sha256:{long}\n", &short[..12]);
        assert!(!differs(&expected, &say(&one, &one)));
        assert!(differs(&expected, &say(&one, &other)));
    }

    #[test]
    fn lines_are_where_they_are_expected_and_none_is_left_over() {
        assert!(!differs(&[text("a"), Line::Rest, text("c")], "a\nb\nb\nc\n"));
        assert!(!differs(&[text("a"), Line::Rest], "a\n"));
        assert!(differs(&[text("a")], "a\nb\n"));
        assert!(differs(&[text("a"), text("b")], "a\n"));
        assert!(differs(&[text("a")], "a"));
        assert!(!differs(&[text("a\\")], "a"));
        let later = |name: &str| Line::Later(name.to_owned());
        assert!(!differs(&[later("a"), later("b")], "a\nx\nb\n"));
        assert!(differs(&[later("b"), later("a")], "a\nx\nb\n"));
        let free = |name: &str| Line::Anywhere(name.to_owned());
        assert!(!differs(&[free("a"), free("b"), text("c")], "b\na\nc\n"));
        assert!(differs(&[free("a"), free("b"), text("c")], "a\na\nc\n"));
        assert!(!differs(&[text("in <<duration>>.")], "in 1m5s.\n"));
        assert!(!differs(&[text("[<<time>>] <<any>>!")], "[2000-01-01T00:00:00Z] x y!\n"));
    }
}

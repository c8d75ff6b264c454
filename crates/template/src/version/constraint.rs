//! Constraints: `>=1.2 <2`, `^1.2.3`, `~1.2`, `1.x`, `1.2 - 1.4`, `a || b`.

use std::cmp::Ordering;

use super::{Parts, Version, compare_prereleases};

/// Alternatives of constraints that hold together.
#[derive(Debug)]
pub(crate) struct Constraints(Vec<Vec<Constraint>>);

#[derive(Debug)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// How many numbers the constraint names; the others may be anything.
    named: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Caret,
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    NotEqual,
    Tilde,
}

/// Every spelling, the longer before those they start with.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

impl Constraints {
    /// Reads constraints.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parse = |part: &str| match all_of(part) {
            Some(constraints) => constraints,
            None => Err(format!("improper constraint: {part}")),
        };
        text.split("||").map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether one of the alternatives holds.
    pub(crate) fn allow(&self, version: &Version) -> bool {
        self.0.iter().any(|all| all.iter().all(|constraint| constraint.allows(version)))
    }
}

/// Reads constraints with blanks or commas between them. Nothing if the text looks otherwise.
fn all_of(text: &str) -> Option<Result<Vec<Constraint>, String>> {
    let parts = parts_of(text)?;
    Some(parts.iter().map(|(operator, parts)| Constraint::new(*operator, parts)).collect())
}

fn parts_of(text: &str) -> Option<Vec<(Operator, Parts<'_>)>> {
    let mut found = Vec::new();
    let mut has_comma = true;
    let mut rest = text.trim_ascii_start();
    loop {
        let operator = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
        let behind = operator.map_or(rest, |(sign, _)| &rest[sign.len()..]).trim_ascii_start();
        let parts = Parts::read(behind, is_number_or_wildcard)?;
        rest = parts.rest;
        let operator = operator.map(|(_, operator)| *operator);
        let upper = range_end(rest).filter(|_| operator.is_none());
        // Go puts two comparisons in the place of a range and of the blanks around it.
        if upper.is_some() && !has_comma {
            return None;
        }
        let is_range = upper.is_some();
        let operator = match (operator, &upper) {
            (Some(operator), _) => operator,
            (None, Some(_)) => Operator::GreaterOrEqual,
            (None, None) => Operator::Equal,
        };
        found.push((operator, parts));
        if let Some(upper) = upper {
            rest = upper.rest;
            found.push((Operator::LessOrEqual, upper));
        }
        let next = rest.trim_ascii_start();
        if next.is_empty() {
            return Some(found);
        }
        let has_blank = next.len() < rest.len() || is_range;
        let behind_comma = next.strip_prefix(',');
        has_comma = behind_comma.is_some();
        rest = match behind_comma {
            Some(behind) => behind.trim_ascii_start(),
            None if has_blank => next,
            None => return None,
        };
    }
}

/// Reads the second half of `1.2 - 1.4`.
fn range_end(rest: &str) -> Option<Parts<'_>> {
    let dash = rest.trim_ascii_start();
    let behind = dash.strip_prefix('-').filter(|_| dash.len() < rest.len())?;
    let version = behind.trim_ascii_start();
    if version.len() == behind.len() {
        return None;
    }
    Parts::read(version, is_number_or_wildcard)
}

fn is_number_or_wildcard(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, 'x' | 'X' | '*' | '|')
}

impl Constraint {
    fn new(operator: Operator, parts: &Parts<'_>) -> Result<Self, String> {
        let is_wildcard = |number: &&&str| matches!(**number, "x" | "X" | "*");
        let wild = parts.numbers.iter().position(|number| is_wildcard(&number));
        let named = wild.unwrap_or(parts.numbers.len());
        let mut text = parts.numbers[..named].join(".");
        for _ in named..3 {
            text.push_str(if text.is_empty() { "0" } else { ".0" });
        }
        for (mark, identifiers) in [('-', parts.prerelease), ('+', parts.metadata)] {
            // Go forgets the metadata of a constraint that leaves numbers open.
            if !identifiers.is_empty() && (mark == '-' || named == 3) {
                text.push(mark);
                text.push_str(identifiers);
            }
        }
        let version = Version::parse(&text).map_err(|_| "constraint Parser Error".to_owned())?;
        Ok(Self { operator, version, named })
    }

    fn allows(&self, version: &Version) -> bool {
        let open = self.named < 3;
        // Prereleases are for those who ask for them.
        let unasked = !version.prerelease.is_empty() && self.version.prerelease.is_empty();
        if unasked && (self.operator != Operator::NotEqual || open) {
            return false;
        }
        let order = version.compare(&self.version);
        match self.operator {
            Operator::Equal if open => self.allows_tilde(version),
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => !self.is_matched_by(version, order),
            Operator::Greater if open => self.compare_named(version, order) == Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual if open => self.allows_less_or_named(version),
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Tilde => self.allows_tilde(version),
            Operator::Caret => self.allows_caret(version),
        }
    }

    /// Compares the numbers that the constraint names; all, if it names none.
    fn compare_named(&self, version: &Version, order: Ordering) -> Ordering {
        match self.named {
            0 | 3 => order,
            named => numbers(version)[..named].cmp(&numbers(&self.version)[..named]),
        }
    }

    fn is_matched_by(&self, version: &Version, order: Ordering) -> bool {
        let (left, right) = (&version.prerelease, &self.version.prerelease);
        let prerelease_matters = self.named == 2;
        self.compare_named(version, order) == Ordering::Equal
            && !(prerelease_matters && compare_prereleases(left, right) != Ordering::Equal)
    }

    fn allows_less_or_named(&self, version: &Version) -> bool {
        let [major, minor, _] = numbers(version);
        let [most_major, most_minor, _] = numbers(&self.version);
        major < most_major || (major == most_major && (minor <= most_minor || self.named == 1))
    }

    fn allows_tilde(&self, version: &Version) -> bool {
        if version.compare(&self.version) == Ordering::Less {
            return false;
        }
        let is_zero = numbers(&self.version) == [0, 0, 0];
        if is_zero && !matches!(self.named, 1 | 2) {
            return true;
        }
        let same = if self.named == 1 { 1 } else { 2 };
        numbers(version)[..same] == numbers(&self.version)[..same]
    }

    fn allows_caret(&self, version: &Version) -> bool {
        if version.compare(&self.version) == Ordering::Less {
            return false;
        }
        let [major, minor, _] = numbers(&self.version);
        let same = match (major, minor) {
            _ if major > 0 || self.named == 1 => 1,
            _ if minor > 0 || self.named == 2 => 2,
            _ => 3,
        };
        numbers(version)[..same] == numbers(&self.version)[..same]
    }
}

fn numbers(version: &Version) -> [u64; 3] {
    [version.major, version.minor, version.patch]
}

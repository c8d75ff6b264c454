//! Semantic versions and constraints, as lenient as the Go library that sprig uses.

mod constraint;

use std::cmp::Ordering;
use std::fmt;

pub(crate) use constraint::Constraints;

/// A version. Ordered by [precedence](https://semver.org/#spec-item-11), not by `Ord`: build
/// metadata does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) prerelease: String,
    pub(crate) metadata: String,
    /// As it was written.
    pub(crate) original: String,
}

/// The text of a version, cut up.
struct Parts<'t> {
    /// One to three numbers, or what a constraint has instead of them.
    numbers: Vec<&'t str>,
    prerelease: &'t str,
    metadata: &'t str,
    /// What follows.
    rest: &'t str,
}

impl Version {
    /// Reads a version: `v` may stand in front, minor and patch may be missing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "Invalid Semantic Version".to_owned();
        let parts = Parts::read(text, |c| c.is_ascii_digit())
            .filter(|parts| parts.rest.is_empty())
            .ok_or_else(invalid)?;
        let number = |index: usize| {
            match parts.numbers.get(index) {
            None => Ok(0),
            Some(digits) => digits.parse::<u64>().map_err(|_| {
                format!("Error parsing version segment: strconv.ParseUint: parsing \"{digits}\": value out of range")
            }),
        }
        };
        let version = Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: parts.prerelease.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        let padded = |part: &str| part.len() > 1 && part.starts_with('0') && is_numeric(part);
        if version.prerelease.split('.').any(padded) {
            return Err("Version segment starts with 0".to_owned());
        }
        Ok(version)
    }

    /// Compares by precedence.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }

    /// The next version with another major number.
    pub(crate) fn next_major(&self) -> Self {
        self.next(self.major.wrapping_add(1), 0, 0)
    }

    /// The next version with another minor number.
    pub(crate) fn next_minor(&self) -> Self {
        self.next(self.major, self.minor.wrapping_add(1), 0)
    }

    /// The next version with another patch number, or the release of a prerelease.
    pub(crate) fn next_patch(&self) -> Self {
        let more = u64::from(self.prerelease.is_empty());
        self.next(self.major, self.minor, self.patch.wrapping_add(more))
    }

    fn next(&self, major: u64, minor: u64, patch: u64) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        let original = format!("{prefix}{major}.{minor}.{patch}");
        Self { major, minor, patch, prerelease: String::new(), metadata: String::new(), original }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl<'t> Parts<'t> {
    /// Reads as much as looks like a version; `in_number` says what numbers are made of.
    fn read(text: &'t str, in_number: fn(char) -> bool) -> Option<Self> {
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = Vec::with_capacity(3);
        while numbers.len() < 3 {
            let digits = match (numbers.len(), rest.strip_prefix('.')) {
                (0, _) => rest,
                (_, Some(behind)) => behind,
                (_, None) => break,
            };
            let length = digits.find(|c| !in_number(c)).unwrap_or(digits.len());
            if length == 0 {
                break;
            }
            numbers.push(&digits[..length]);
            rest = &digits[length..];
        }
        let prerelease = take_identifiers(&mut rest, '-');
        let metadata = take_identifiers(&mut rest, '+');
        (!numbers.is_empty()).then_some(Self { numbers, prerelease, metadata, rest })
    }
}

/// Takes identifiers with dots between them, behind their mark.
fn take_identifiers<'t>(rest: &mut &'t str, mark: char) -> &'t str {
    let Some(behind) = rest.strip_prefix(mark) else { return "" };
    let mut length = 0;
    loop {
        let start = if length == 0 { Some(behind) } else { behind[length..].strip_prefix('.') };
        let Some(start) = start else { break };
        let dot = usize::from(length > 0);
        let count = start.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        if count == 0 {
            break;
        }
        length += dot + count;
    }
    if length == 0 {
        return "";
    }
    *rest = &behind[length..];
    &behind[..length]
}

fn is_numeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => compare_identifiers(left, right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_identifiers(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

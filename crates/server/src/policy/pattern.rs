//! Patterns of names: `*` within a component, `**` for any number of components.

use std::fmt;
use std::str::FromStr;

use oras_spec::Quoted;

/// A pattern of repositories' names, or of tags.
///
/// `*` stands for any characters but `/`; a component `**` for any number of components, none
/// included. So `team/*` has the repositories directly under `team`, `team/**` also those deeper
/// and `team` itself, and `**` all there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no pattern: it may have letters, digits, \".\", \"_\", \"-\", \"/\", \"*\", and \"**\" as a component", Quoted(.0))]
pub struct PatternError(String);

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*/".contains(&byte);
        let whole = |component: &str| {
            !component.is_empty() && (component == "**" || !component.contains("**"))
        };
        if text.len() <= LONGEST && text.bytes().all(legal) && text.split('/').all(whole) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PatternError(text.to_owned()))
        }
    }
}

/// Longer ones match nothing.
const LONGEST: usize = 512;

impl Pattern {
    /// Reads a pattern of texts that are no names, with the same meaning of `*` and `**`.
    pub(crate) fn of_text(text: &str) -> Result<Self, PatternError> {
        let is_fine = !text.is_empty()
            && text.len() <= LONGEST
            && !text.chars().any(char::is_control)
            && text.split('/').all(|component| component == "**" || !component.contains("**"));
        is_fine.then(|| Self(text.to_owned())).ok_or_else(|| PatternError(text.to_owned()))
    }

    /// Tells whether `name` is one of those meant. Takes time in proportion to the lengths of both
    /// multiplied, at worst.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<&str> = self.0.split('/').collect();
        let name: Vec<&str> = name.split('/').collect();
        wild(
            &pattern,
            &name,
            |part| *part == "**",
            |part, component| {
                wild(
                    part.as_bytes(),
                    component.as_bytes(),
                    |byte| *byte == b'*',
                    |one, other| one == other,
                )
            },
        )
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Matches a sequence in which stars stand for any number of items. Only the last star seen needs
/// to be tried again, so there is no recursion.
fn wild<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    is_same: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some(part) if is_star(part) => {
                star = Some((at, place));
                at += 1;
            }
            Some(part) if is_same(part, &text[place]) => {
                at += 1;
                place += 1;
            }
            _ => match &mut star {
                None => return false,
                Some((starred, taken)) => {
                    *taken += 1;
                    (at, place) = (*starred + 1, *taken);
                }
            },
        }
    }
    pattern[at..].iter().all(is_star)
}

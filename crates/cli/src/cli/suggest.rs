//! Which command may have been meant.

use crate::command::Command;

/// Returns the names of `commands` that begin with `typed`, or become it by two edits or fewer.
pub(crate) fn similar(typed: &str, commands: &[&'static Command]) -> Vec<&'static str> {
    let typed = typed.to_lowercase();
    commands
        .iter()
        .map(|command| command.name)
        .filter(|name| name.starts_with(&typed) || distance(name, &typed) <= 2)
        .collect()
}

/// Counts the letters to insert, remove or replace on the way from `one` to `other`.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (one, other, edits) in
            [("push", "psh", 1), ("push", "push", 0), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), edits, "{one} {other}");
            assert_eq!(distance(other, one), edits, "{other} {one}");
        }
    }
}

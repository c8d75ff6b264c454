//! Which flags of which commands a line for the shell gives.

use std::collections::{BTreeMap, BTreeSet};

use oras_tests::Sandbox;

/// The flags of a command: their names, and the letter of each that has one.
pub(super) type Flags = BTreeMap<String, Option<char>>;

/// Every command of the program with its flags, as its help pages have them, and those that the
/// pages keep back.
pub(super) fn commands(sandbox: &Sandbox) -> BTreeMap<String, Flags> {
    let mut found = BTreeMap::new();
    let mut left = vec![String::new()];
    while let Some(command) = left.pop() {
        let page = sandbox.oras(&format!("{command} --help")).succeeds();
        let below = |title: &str| {
            let lines = page.lines().skip_while(|line| *line != title).skip(1);
            lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let members = below("Available Commands:");
        left.extend(members.iter().map(|line| {
            let name = line.split_whitespace().next().expect("a name");
            format!("{command} {name}").trim().to_owned()
        }));
        let mut flags: Flags = below("Flags:").iter().filter_map(|line| flag(line)).collect();
        if members.is_empty() {
            // What is deprecated shows nowhere, but is told from what is not there.
            let outcome = sandbox.oras(&format!("{command} --verbose=maybe"));
            if outcome.fails().contains("invalid argument \"maybe\"") {
                flags.insert("verbose".to_owned(), Some('v'));
            }
        }
        found.insert(command, flags);
    }
    found
}

/// Reads a line of the list of flags; nothing if it only goes on with the one above.
fn flag(line: &str) -> Option<(String, Option<char>)> {
    let (letter, rest) = match line.strip_prefix("  -").map(|rest| rest.split_once(", --")) {
        Some(Some((letter, rest))) if letter.len() == 1 => (letter.chars().next(), rest),
        _ => (None, line.strip_prefix("      --")?),
    };
    Some((rest.split(' ').next()?.to_owned(), letter))
}

/// A command, a flag of it, and whether it is given as a letter.
pub(super) type Use = (String, String, bool);

/// Returns the flags that a line gives to commands of the program.
pub(super) fn uses(line: &str, commands: &BTreeMap<String, Flags>) -> BTreeSet<Use> {
    let mut found = BTreeSet::new();
    for simple in simple_commands(line) {
        let Some(start) = simple.iter().position(|word| word == "oras") else { continue };
        let mut command = String::new();
        for word in &simple[start + 1..] {
            let longer = format!("{command} {word}").trim().to_owned();
            if commands.contains_key(&longer) {
                command = longer;
                continue;
            }
            if word == "--" {
                break;
            }
            let flags = &commands[&command];
            if let Some(name) = word.strip_prefix("--") {
                let name = name.split('=').next().unwrap_or(name);
                found.insert((command.clone(), name.to_owned(), false));
            } else if let Some(letter) = word.strip_prefix('-').and_then(|rest| rest.chars().next())
                && let Some((name, _)) = flags.iter().find(|(_, short)| **short == Some(letter))
            {
                found.insert((command.clone(), name.clone(), true));
            }
        }
    }
    found
}

/// Splits a line for the shell into commands, and those into words without their quotes.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, ' ' | ';' | '|' | '&' | '\n' | '(' | ')' | '>' | '<') => {
                if !word.is_empty() {
                    commands.last_mut().expect("there is one").push(std::mem::take(&mut word));
                }
                if matches!(character, ';' | '|' | '&' | '\n' | '(' | ')') {
                    commands.push(Vec::new());
                }
            }
            _ => word.push(character),
        }
    }
    commands.last_mut().expect("there is one").push(word);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_flags() {
        assert_eq!(flag("  -d, --debug   output"), Some(("debug".to_owned(), Some('d'))));
        assert_eq!(flag("      --ca-file string   x"), Some(("ca-file".to_owned(), None)));
        assert_eq!(flag("                  'json':  x --y"), None);
    }

    #[test]
    fn finds_flags_behind_their_command_only() {
        let flags = |names: &[(&str, Option<char>)]| -> Flags {
            names.iter().map(|(name, letter)| ((*name).to_owned(), *letter)).collect()
        };
        let commands = BTreeMap::from([
            (String::new(), flags(&[])),
            ("repo".to_owned(), flags(&[])),
            ("repo ls".to_owned(), flags(&[("last", None), ("header", Some('H'))])),
            ("pull".to_owned(), flags(&[("output", Some('o'))])),
        ]);
        let line = "rm -x; A=b oras pull a -oout | oras repo ls '--last=x y' -H 'a: b'; ls --zzz";
        let found = uses(line, &commands);
        let found: Vec<String> = found
            .iter()
            .map(|(command, name, letter)| format!("{command} {name} {letter}"))
            .collect();
        assert_eq!(found, ["pull output true", "repo ls header true", "repo ls last false"]);
    }
}

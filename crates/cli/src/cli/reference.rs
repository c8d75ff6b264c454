//! The reference of all commands, as one page of Markdown or as manual pages, from the tables that
//! the program itself works with.

mod man;
mod markdown;

use super::ROOT;
use crate::command::{Command, path};
use crate::context::Context;
use crate::error::{CliError, Result, system_text};

/// The word that asks for the reference; no command is called so.
const WORD: &str = "__docs";

const USAGE: &str = "oras __docs markdown | oras __docs man <directory>";

/// Tells whether `arguments` ask for the reference.
pub(super) fn is_wanted(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| word == WORD)
}

/// Prints the page of Markdown, or writes manual pages into a directory.
///
/// # Errors
///
/// If neither is asked for, or writing fails.
pub(super) fn write(arguments: &[String], context: &Context) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "markdown"] => context.printer.bytes(markdown::page(&topics()).as_bytes()),
        [_, "man", directory] => {
            let directory = context.environment.path(directory);
            for topic in topics() {
                let file = directory.join(format!("{}.1", topic.path.replace(' ', "-")));
                std::fs::write(&file, man::page(&topic)).map_err(|error| {
                    let text = system_text(&error);
                    CliError::new(format!("failed to write {}: {text}", file.display()))
                })?;
            }
            Ok(())
        }
        _ => Err(CliError::new("no such form of the reference").with_usage(USAGE)),
    }
}

/// One command, as the reference tells of it.
struct Topic {
    command: &'static Command,
    /// The names of its groups; empty for the program itself.
    parents: String,
    /// All words that call it.
    path: String,
    about: About,
}

/// What a description consists of.
#[derive(Debug, Default, PartialEq, Eq)]
struct About {
    paragraphs: Vec<&'static str>,
    examples: Vec<Example>,
}

#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// What it shows.
    title: &'static str,
    /// The lines to type.
    lines: Vec<&'static str>,
}

impl About {
    fn read(command: &Command) -> Self {
        let text =
            if command.description.is_empty() { command.summary } else { command.description };
        let mut about = Self::default();
        for block in text.split("\n\n").map(|block| block.trim_matches('\n')) {
            match block.strip_prefix("Example - ") {
                Some(example) => {
                    let (title, lines) = example.split_once('\n').unwrap_or((example, ""));
                    let title = title.trim_end_matches(':');
                    let lines = lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
                    about.examples.push(Example { title, lines: lines.collect() });
                }
                None if block.is_empty() => {}
                None => about.paragraphs.push(block),
            }
        }
        about
    }
}

/// All commands, groups before their members.
fn topics() -> Vec<Topic> {
    fn add(command: &'static Command, parents: &str, topics: &mut Vec<Topic>) {
        let path = path(parents, command);
        let about = About::read(command);
        topics.push(Topic { command, parents: parents.to_owned(), path: path.clone(), about });
        for member in command.members() {
            add(member, &path, topics);
        }
    }

    let mut topics = Vec::new();
    add(&ROOT, "", &mut topics);
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_paragraphs_and_examples() {
        let command = Command {
            name: "x",
            aliases: &[],
            synopsis: "x",
            summary: "",
            description: "Do it\n\nIn two ways.\n\nExample - One way:\n  oras a \\\n    b\n\n\
                          Example - Other:\n  oras c",
            flags: Vec::new,
            arguments: crate::command::Arguments::None,
            body: crate::command::Body::Group(&[]),
        };
        let about = About::read(&command);
        assert_eq!(about.paragraphs, ["Do it", "In two ways."]);
        let one = Example { title: "One way", lines: vec!["oras a \\", "  b"] };
        assert_eq!(about.examples, [one, Example { title: "Other", lines: vec!["oras c"] }]);
    }

    #[test]
    fn every_command_is_a_topic_once() {
        let mut paths: Vec<String> = topics().into_iter().map(|topic| topic.path).collect();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), count);
        for path in ["oras", "oras manifest", "oras manifest fetch", "oras completion bash"] {
            assert!(paths.iter().any(|found| found == path), "{path}");
        }
    }
}

//! What can come next on a command line, for the scripts of `oras completion`.
//!
//! The protocol is cobra's: a candidate on each line, with a tab and what it is for, and at the end
//! a colon and a number that says what else the shell may do.

use std::ffi::OsStr;

use super::{Found, ROOT, find};
use crate::command::completion::QUESTIONS;
use crate::command::help::all_flags;
use crate::command::{Arguments, Body, Command};
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CliError, Result};
use crate::flag::parse::Parsed;
use crate::flag::{Flag, Kind};

/// What a shell may do where there is no candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// Complete files.
    Default = 0,
    /// Nothing.
    NoFileComp = 4,
}

/// What can come next.
#[derive(Debug, PartialEq, Eq)]
struct Candidates {
    /// Words, each with what it is for.
    words: Vec<(String, String)>,
    directive: Directive,
    /// Why there are none, for those who look into it.
    trouble: Option<String>,
}

impl Candidates {
    fn new(words: Vec<(String, String)>, directive: Directive) -> Self {
        Self { words, directive, trouble: None }
    }
}

/// Tells whether `arguments` are a script's question rather than a command.
pub(super) fn is_question(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| QUESTIONS.contains(&word.as_str()))
}

/// Answers a script: `arguments` are its question, the words so far, and the one to complete, which
/// may be empty.
///
/// # Errors
///
/// If there is no word to complete, or nobody takes the answer.
pub(super) fn answer(arguments: &[String], context: &Context) -> Result<()> {
    let (question, words) = arguments.split_first().expect("it is a question");
    let Some((typed, before)) = words.split_last() else {
        return Err(CliError::new("requires at least 1 arg(s), only received 0"));
    };
    let found = candidates(before, typed);
    let is_described = question == QUESTIONS[0] && wants_descriptions(&context.environment);
    let mut lines = String::new();
    for (word, told) in found.words {
        lines.push_str(&word);
        // A shell shows one line for each.
        if let Some(told) = told.lines().next().filter(|_| is_described) {
            lines.push('\t');
            lines.push_str(told);
        }
        lines.push('\n');
    }
    context.printer.bytes(format!("{lines}:{}\n", found.directive as u8).as_bytes())?;
    if let Some(trouble) = found.trouble {
        context.printer.note(&trouble);
    }
    let directive = format!("ShellCompDirective{:?}", found.directive);
    context.printer.note(&format!("Completion ended with directive: {directive}"));
    Ok(())
}

/// Tells whether variables leave the descriptions in.
fn wants_descriptions(environment: &Environment) -> bool {
    let names = ["ORAS_COMPLETION_DESCRIPTIONS", "COBRA_COMPLETION_DESCRIPTIONS"];
    let value = names.iter().find_map(|name| environment.variable(name));
    !value
        .and_then(|value| OsStr::to_str(value))
        .is_some_and(|value| matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"))
}

/// Finds what can stand in the place of `typed`, behind the words `before`.
fn candidates(before: &[String], typed: &str) -> Candidates {
    let Found { command, mut rest, .. } = find(before);
    let flags = all_flags(command);
    let flags_end = before.iter().any(|word| word == "--");
    if !flags_end {
        if let Some(name) = typed.split_once('=').map(|(name, _)| name)
            && name.starts_with('-')
        {
            return match flag_of(&flags, name) {
                Some(_) => Candidates::new(Vec::new(), Directive::Default),
                None => unknown_flag(name),
            };
        }
        if !typed.starts_with('-')
            && let Some(&last) = rest.last()
            && last.starts_with('-')
            && !last.contains('=')
            && flag_of(&flags, last).is_some_and(Flag::takes_word)
        {
            // What is typed is the value of that flag.
            return Candidates::new(Vec::new(), Directive::Default);
        }
    }
    let parsed = match Parsed::read(flags.clone(), rest.drain(..), &mut Vec::new()) {
        Ok(parsed) => parsed,
        Err(why) => {
            let trouble = format!("Error while parsing flags from args {before:?}: {why}");
            return Candidates { trouble: Some(trouble), ..nothing(Directive::Default) };
        }
    };
    if parsed.switch("help") {
        return nothing(Directive::NoFileComp);
    }
    if typed.starts_with('-') && !flags_end {
        let required = required_flags(command, &parsed, typed);
        let words = if required.is_empty() { flag_words(&flags, &parsed, typed) } else { required };
        return Candidates::new(words, Directive::NoFileComp);
    }
    arguments(command, &parsed, typed)
}

fn nothing(directive: Directive) -> Candidates {
    Candidates::new(Vec::new(), directive)
}

fn unknown_flag(name: &str) -> Candidates {
    let trouble = format!("Subcommand does not support flag '{name}'");
    Candidates { trouble: Some(trouble), ..nothing(Directive::Default) }
}

/// Finds the flag that is called `--name` or, perhaps behind others, `-n`.
fn flag_of<'a>(flags: &'a [Flag], word: &str) -> Option<&'a Flag> {
    match word.strip_prefix("--") {
        Some(name) => flags.iter().find(|flag| flag.name == name),
        None => flags.iter().find(|flag| flag.short.is_some() && flag.short == word.chars().last()),
    }
}

/// The names of flags that begin as typed; those that count once are offered once.
fn flag_words(flags: &[Flag], parsed: &Parsed, typed: &str) -> Vec<(String, String)> {
    let is_open = |flag: &&Flag| {
        let repeats = matches!(flag.kind, Kind::List | Kind::CommaList);
        flag.deprecated.is_none() && (repeats || !parsed.given(&flag.name))
    };
    let mut flags: Vec<&Flag> = flags.iter().filter(is_open).collect();
    flags.sort_by(|one, other| one.name.cmp(&other.name));
    let names = |flag: &Flag| {
        let short = flag.short.map(|letter| format!("-{letter}"));
        let help = flag.help.clone().into_owned();
        [Some(format!("--{}", flag.name)), short]
            .into_iter()
            .flatten()
            .map(move |name| (name, help.clone()))
    };
    flags.into_iter().flat_map(names).filter(|(name, _)| name.starts_with(typed)).collect()
}

/// The flags that the command cannot do without and does not have yet.
fn required_flags(command: &Command, parsed: &Parsed, typed: &str) -> Vec<(String, String)> {
    let is_missing = |flag: &Flag| flag.required && !parsed.given(&flag.name);
    let flags: Vec<Flag> = (command.flags)().into_iter().filter(is_missing).collect();
    flag_words(&flags, parsed, typed)
}

/// Members of a group; for all others, files.
fn arguments(command: &Command, parsed: &Parsed, typed: &str) -> Candidates {
    let members = |group: &Command| -> Vec<(String, String)> {
        let members = group.members().iter().filter(|member| member.name.starts_with(typed));
        members.map(|member| (member.name.to_owned(), member.summary.to_owned())).collect()
    };
    if command.name == "help" {
        let Found { command: topic, rest, .. } = find(&parsed.arguments);
        let words = if rest.is_empty() { members(topic) } else { Vec::new() };
        return Candidates::new(words, Directive::NoFileComp);
    }
    match (&command.body, &command.arguments) {
        (Body::Group(_), _) if parsed.arguments.is_empty() => {
            Candidates::new(members(command), Directive::NoFileComp)
        }
        (Body::Group(_), _) if std::ptr::eq(command, &raw const ROOT) => {
            nothing(Directive::NoFileComp)
        }
        (_, Arguments::None) => nothing(Directive::NoFileComp),
        _ => Candidates::new(required_flags(command, parsed, typed), Directive::Default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that can come next, and the directive.
    fn next(line: &str) -> (Vec<String>, Directive) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (typed, before) = words.split_last().expect("a word");
        let found = candidates(before, typed);
        (found.words.into_iter().map(|(word, _)| word).collect(), found.directive)
    }

    #[test]
    fn offers_commands_then_flags_then_files() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(next("pu"), (words(&["pull", "push"]), Directive::NoFileComp));
        assert_eq!(next("repo "), (words(&["ls", "tags"]), Directive::NoFileComp));
        assert_eq!(next("-d repo l").0, words(&[]), "a flag the root does not have");
        assert_eq!(next("pull "), (words(&[]), Directive::Default));
        assert_eq!(next("pull --ou"), (words(&["--output"]), Directive::NoFileComp));
        assert_eq!(next("pull -o x --ou").0, words(&[]), "it was given");
        assert_eq!(next("push -a x=y --annotation-").0, words(&["--annotation-file"]));
        assert_eq!(next("push -a x=y --anno").0, words(&["--annotation", "--annotation-file"]));
        assert_eq!(next("pull --output "), (words(&[]), Directive::Default));
        assert_eq!(next("pull --output=d"), (words(&[]), Directive::Default));
        assert_eq!(next("pull --bogus --o"), (words(&[]), Directive::Default));
        assert_eq!(next("pull -- --ou"), (words(&[]), Directive::Default));
        assert_eq!(next("pull -h "), (words(&[]), Directive::NoFileComp));
        assert_eq!(next("pull --verb").0, words(&[]), "deprecated flags are not offered");
        assert_eq!(next("help repo t").0, words(&["tags"]));
        assert_eq!(next("completion bash "), (words(&[]), Directive::NoFileComp));
        assert_eq!(next("attach x "), (words(&["--artifact-type"]), Directive::Default));
        assert_eq!(next("attach -").0, words(&["--artifact-type"]), "first what it needs");
        assert_eq!(
            next("attach --artifact-type a/b --annotation-").0,
            words(&["--annotation-file"])
        );
    }
}

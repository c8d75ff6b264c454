//! Manual pages of section 1, in the `man` macros of roff.

use super::{Example, Topic};
use crate::command::help::{self, all_flags};
use crate::command::version::VERSION;
use crate::flag::{self, Flag};

/// Writes the page of a command.
pub(super) fn page(topic: &Topic) -> String {
    let Topic { command, parents, path, about } = topic;
    let name = path.replace(' ', "-");
    let summary = if command.summary.is_empty() { SUMMARY } else { command.summary };
    let mut parts = vec![format!(
        ".TH {} 1 \"\" \"oras {}\" \"oras manual\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n\
         .SH DESCRIPTION\n",
        text(&name.to_uppercase()),
        text(VERSION),
        text(&name),
        text(summary),
        text(&help::line(parents, command))
    )];
    if about.paragraphs.is_empty() {
        parts.push(line(summary));
    }
    let paragraph = |words: &&str| format!(".PP\n{}", words.lines().map(line).collect::<String>());
    parts.extend(about.paragraphs.iter().map(paragraph));
    if !command.aliases.is_empty() {
        parts.push(format!(".PP\nAlso called {}.\n", text(&command.aliases.join(", "))));
    }
    let mut flags: Vec<Flag> = all_flags(command);
    flags.retain(|flag| flag.deprecated.is_none());
    flags.sort_by(|one, other| one.name.cmp(&other.name));
    parts.push(".SH OPTIONS\n".to_owned());
    parts.extend(flags.iter().map(option));
    if !about.examples.is_empty() {
        parts.push(".SH EXAMPLES\n".to_owned());
        parts.extend(about.examples.iter().map(example));
    }
    let group = Some(parents.replace(' ', "-")).filter(|name| !name.is_empty());
    let members = command.members().iter().map(|member| format!("{name}-{}", member.name));
    let related = group.into_iter().chain(members);
    let related: Vec<String> = related.map(|name| format!("\\fB{}\\fR(1)", text(&name))).collect();
    if !related.is_empty() {
        parts.push(format!(".SH SEE ALSO\n{}\n", related.join(", ")));
    }
    parts.concat()
}

const SUMMARY: &str = "Push, pull, copy and serve artifacts in OCI registries";

fn option(flag: &Flag) -> String {
    let short = flag.short.map_or(String::new(), |letter| format!("\\fB\\-{letter}\\fR, "));
    let word =
        if flag.word.is_empty() { String::new() } else { format!(" \\fI{}\\fR", text(flag.word)) };
    let name = text(&flag.name);
    let help = format!("{}{}", flag::help::told(flag), flag::help::default(flag));
    let help: Vec<String> = help.lines().map(line).collect();
    format!(".TP\n{short}\\fB\\-\\-{name}\\fR{word}\n{}", help.join(".br\n"))
}

fn example(example: &Example) -> String {
    let lines: String = example.lines.iter().map(|typed| line(typed)).collect();
    format!(".PP\n{}:\n.PP\n.RS 4\n.EX\n{lines}.EE\n.RE\n", text(example.title))
}

/// A line of text that begins with no request.
fn line(words: &str) -> String {
    let guard = if words.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{}\n", text(words))
}

fn text(words: &str) -> String {
    words.replace('\\', "\\e").replace('-', "\\-").replace('\t', "    ").replace('"', "\\(dq")
}

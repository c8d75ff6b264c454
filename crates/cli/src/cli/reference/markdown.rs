//! The reference as a page of Markdown.

use std::fmt::Write as _;

use super::Topic;
use crate::command::help;
use crate::flag;

const HEAD: &str = "\
# Command line reference

All commands of `oras` with their flags, as `--help` shows them. This page is written by
`cargo xtask docs` from the program's own tables; a test fails where the two differ. The same tables
give manual pages: `oras __docs man <directory>` writes them.

| command | what it does |
| --- | --- |
";

/// Writes the page.
pub(super) fn page(topics: &[Topic]) -> String {
    let mut page = HEAD.to_owned();
    for Topic { command, path, .. } in topics.iter().skip(1) {
        let anchor = path.replace(' ', "-");
        writeln!(page, "| [`{path}`](#{anchor}) | {} |", command.summary.replace('|', "\\|"))
            .expect("a string takes all");
    }
    for topic in topics.iter().skip(1) {
        page.push('\n');
        page.push_str(&section(topic));
    }
    page
}

fn section(topic: &Topic) -> String {
    let Topic { command, parents, path, about } = topic;
    let mut blocks = vec![format!("## {path}\n")];
    blocks.extend(about.paragraphs.iter().map(|paragraph| {
        // Lines that are set off are to type.
        if paragraph.starts_with(['\t', ' ']) {
            format!("```sh\n{}\n```\n", paragraph.trim())
        } else {
            format!("{}\n", escaped(paragraph))
        }
    }));
    blocks.push(format!("```text\n{}\n```\n", help::line(parents, command)));
    if !command.aliases.is_empty() {
        let names: Vec<String> = command.aliases.iter().map(|name| format!("`{name}`")).collect();
        blocks.push(format!("Also called {}.\n", names.join(", ")));
    }
    let flags = (command.flags)();
    if !flags.is_empty() {
        blocks.push(format!("```text\n{}```\n", flag::help::block(&flags)));
    }
    if !about.examples.is_empty() {
        let examples: Vec<String> = about
            .examples
            .iter()
            .map(|example| format!("# {}\n{}\n", example.title, example.lines.join("\n")))
            .collect();
        blocks.push(format!("```sh\n{}```\n", examples.join("\n")));
    }
    blocks.join("\n")
}

/// What Markdown would take for markup stays text.
fn escaped(text: &str) -> String {
    text.replace('<', "\\<").replace("** ", "").replace(" **", "")
}

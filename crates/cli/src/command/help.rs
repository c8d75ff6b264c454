//! Help pages: what a command or a group is for, its flags and its members.

use std::fmt::Write as _;

use super::{Body, Command, path};
use crate::flag::{self, Flag};

/// Returns the whole page of a command.
pub(crate) fn page(parents: &str, command: &Command) -> String {
    let about = if command.description.is_empty() { command.summary } else { command.description };
    let about = about.trim_end();
    let gap = if about.is_empty() { "" } else { "\n\n" };
    format!("{about}{gap}{}", usage(parents, command))
}

/// Returns the page without what the command is for.
pub(crate) fn usage(parents: &str, command: &Command) -> String {
    let path = path(parents, command);
    let mut blocks = vec![format!("Usage:\n  {}\n", line(parents, command))];
    if !command.aliases.is_empty() {
        let names = [&[command.name], command.aliases].concat().join(", ");
        blocks.push(format!("Aliases:\n  {names}\n"));
    }
    let members = command.members();
    if !members.is_empty() {
        let width = members.iter().map(|member| member.name.len()).fold(11, usize::max);
        let mut block = "Available Commands:\n".to_owned();
        for member in members {
            writeln!(block, "  {:width$} {}", member.name, member.summary)
                .expect("a string takes all");
        }
        blocks.push(block);
    }
    blocks.push(format!("Flags:\n{}", flag::help::block(&all_flags(command))));
    if !members.is_empty() {
        blocks.push(format!(
            "Use \"{path} [command] --help\" for more information about a command.\n"
        ));
    }
    blocks.join("\n")
}

/// Returns how a command is called, on one line.
pub(crate) fn line(parents: &str, command: &Command) -> String {
    match command.body {
        Body::Group(_) => format!("{} [command]", path(parents, command)),
        Body::Quick(_) | Body::Waiting(_) | Body::Lasting(_) => {
            let flags = if command.synopsis.contains("[flags]") { "" } else { " [flags]" };
            format!("{parents} {}{flags}", command.synopsis)
        }
    }
}

/// Returns the flags of a command with the one that all have.
pub(crate) fn all_flags(command: &Command) -> Vec<Flag> {
    let mut flags = (command.flags)();
    let mut help = Flag::switch("help", "").short('h');
    help.help = format!("help for {}", command.name).into();
    flags.push(help);
    flags
}

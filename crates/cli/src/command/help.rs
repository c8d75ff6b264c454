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
    let mut page = "Usage:\n".to_owned();
    match command.body {
        Body::Group(_) => page.push_str(&format!("  {path} [command]\n")),
        Body::Quick(_) | Body::Waiting(_) | Body::Lasting(_) => {
            let flags = if command.synopsis.contains("[flags]") { "" } else { " [flags]" };
            page.push_str(&format!("  {parents} {}{flags}\n", command.synopsis));
        }
    }
    if !command.aliases.is_empty() {
        let names = [&[command.name], command.aliases].concat().join(", ");
        page.push_str(&format!("\nAliases:\n  {names}\n"));
    }
    let members = command.members();
    if !members.is_empty() {
        page.push_str("\nAvailable Commands:\n");
        let width = members.iter().map(|member| member.name.len()).fold(11, usize::max);
        for member in members {
            writeln!(page, "  {:width$} {}", member.name, member.summary)
                .expect("a string takes all");
        }
    }
    page.push_str("\nFlags:\n");
    page.push_str(&flag::help::block(&all_flags(command)));
    if !members.is_empty() {
        page.push_str(&format!(
            "\nUse \"{path} [command] --help\" for more information about a command.\n"
        ));
    }
    page
}

/// Returns the flags of a command with the one that all have.
pub(crate) fn all_flags(command: &Command) -> Vec<Flag> {
    let mut flags = (command.flags)();
    let mut help = Flag::switch("help", "").short('h');
    help.help = format!("help for {}", command.name).into();
    flags.push(help);
    flags
}

//! The tree of commands, and the way from arguments to the one that is meant.

mod complete;
mod reference;
mod suggest;

use std::ffi::OsString;

use oras_spec::Quoted;

use crate::args::stats;
use crate::command::help;
use crate::command::{Arguments, Body, Command, Invocation, path};
use crate::command::{
    attach, backup, blob, cache, completion, cp, discover, doctor, login, logout, manifest, pull,
    push, registry, repo, resolve, restore, serve, tag, version,
};
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::flag::parse::Parsed;
use crate::runtime;

/// The program itself.
static ROOT: Command = Command {
    name: "oras",
    aliases: &[],
    synopsis: "oras [command]",
    summary: "",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[
        &attach::COMMAND,
        &backup::COMMAND,
        &blob::COMMAND,
        &cache::COMMAND,
        &completion::COMMAND,
        &cp::COMMAND,
        &discover::COMMAND,
        &doctor::COMMAND,
        &HELP,
        &login::COMMAND,
        &logout::COMMAND,
        &manifest::COMMAND,
        &pull::COMMAND,
        &push::COMMAND,
        &registry::COMMAND,
        &repo::COMMAND,
        &resolve::COMMAND,
        &restore::COMMAND,
        &serve::COMMAND,
        &tag::COMMAND,
        &version::COMMAND,
    ]),
};

/// Shows the help page of another command.
static HELP: Command = Command {
    name: "help",
    aliases: &[],
    synopsis: "help [command]",
    summary: "Help about any command",
    description: "Help provides help for any command in the application.\n\
                  Simply type oras help [path to command] for full details.",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Quick(help),
};

/// Does what `arguments` say.
///
/// # Errors
///
/// What is to be printed before the program ends with 1.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>, context: &Context) -> Result<()> {
    let arguments = as_text(arguments)?;
    if complete::is_question(&arguments) {
        return complete::answer(&arguments, context);
    }
    if reference::is_wanted(&arguments) {
        return reference::write(&arguments, context);
    }
    let Found { command, parents, rest } = find(&arguments);
    if std::ptr::eq(command, &raw const ROOT)
        && let Some(name) = words(&rest, command).first()
    {
        return Err(unknown(name));
    }
    let mut notices = Vec::new();
    let parsed = Parsed::read(help::all_flags(command), rest, &mut notices);
    for notice in notices {
        context.printer.note(&notice);
    }
    let parsed = parsed.map_err(CliError::new)?;
    if parsed.switch("help") {
        return context.printer.bytes(help::page(&parents, command).as_bytes());
    }
    let invocation = Invocation { command, parents, parsed };
    invocation.check_count()?;
    match command.body {
        Body::Group(_) => {
            context.printer.bytes(help::page(&invocation.parents, command).as_bytes())
        }
        Body::Quick(run) => run(&invocation, context),
        Body::Waiting(run) => {
            runtime::wait(run(&invocation, context), context)?;
            stats::tell(&invocation, context);
            Ok(())
        }
        Body::Lasting(run) => runtime::last(run(&invocation, context)),
    }
}

fn as_text(arguments: impl IntoIterator<Item = OsString>) -> Result<Vec<String>> {
    let text = |argument: OsString| {
        argument.into_string().map_err(|argument| {
            CliError::new(format!("argument is not UTF-8 text: {}", argument.display()))
        })
    };
    arguments.into_iter().map(text).collect()
}

/// The command that arguments call.
struct Found<'a> {
    command: &'static Command,
    parents: String,
    /// The arguments without the words that call it.
    rest: Vec<&'a String>,
}

/// Goes down the tree as far as the words among `arguments` lead.
fn find(arguments: &[String]) -> Found<'_> {
    let mut found =
        Found { command: &ROOT, parents: String::new(), rest: arguments.iter().collect() };
    while let Some(&name) = words(&found.rest, found.command).first()
        && let Some(member) = found.command.member(name)
    {
        let index = found.rest.iter().position(|argument| std::ptr::eq(*argument, name));
        found.rest.remove(index.expect("the word is one of them"));
        found.parents = path(&found.parents, found.command);
        found.command = member;
    }
    found
}

/// Returns the arguments that are neither flags nor, as far as can be known before the command is
/// known, values of flags.
fn words<'a>(arguments: &[&'a String], command: &Command) -> Vec<&'a String> {
    let flags = (command.flags)();
    let is_switch = |flag: Option<&Flag>| flag.is_some_and(|flag| !flag.takes_word());
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        if argument == "--" {
            break;
        }
        let takes_next = if argument.contains('=') {
            false
        } else if let Some(name) = argument.strip_prefix("--") {
            !is_switch(flags.iter().find(|flag| flag.name == name))
        } else if let Some(letter) = argument.strip_prefix('-') {
            letter.len() == 1
                && !is_switch(
                    flags
                        .iter()
                        .find(|flag| flag.short.is_some_and(|short| letter.starts_with(short))),
                )
        } else {
            if !argument.is_empty() {
                words.push(argument);
            }
            continue;
        };
        if takes_next && rest.len() < 2 {
            break;
        }
        if takes_next {
            rest.next();
        }
    }
    words
}

fn unknown(name: &str) -> CliError {
    let mut message = format!("unknown command {} for \"oras\"", Quoted(name));
    let suggestions = suggest::similar(name, ROOT.members());
    if !suggestions.is_empty() {
        message.push_str("\n\nDid you mean this?\n");
        for suggestion in suggestions {
            message.push('\t');
            message.push_str(suggestion);
            message.push('\n');
        }
    }
    CliError::new(message).with_trailer("Run 'oras --help' for usage.")
}

/// `oras help [command]`.
fn help(invocation: &Invocation, context: &Context) -> Result<()> {
    let names = &invocation.parsed.arguments;
    let Found { command, parents, rest } = find(names);
    if std::ptr::eq(command, &raw const ROOT) && !rest.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let usage = help::usage("", &ROOT);
        context.printer.note(&format!(
            "Unknown help topic [{}]\n{}",
            names.join(" "),
            usage.trim_end()
        ));
        return Ok(());
    }
    context.printer.bytes(help::page(&parents, command).as_bytes())
}

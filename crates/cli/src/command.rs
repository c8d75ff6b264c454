//! What every command is: a name, a help page, flags, arguments and something to do.

pub(crate) mod attach;
pub(crate) mod backup;
pub(crate) mod blob;
pub(crate) mod cache;
pub(crate) mod completion;
pub(crate) mod cp;
pub(crate) mod discover;
pub(crate) mod doctor;
pub(crate) mod help;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manifest;
mod packing;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod registry;
pub(crate) mod repo;
pub(crate) mod resolve;
pub(crate) mod restore;
mod save;
pub(crate) mod serve;
pub(crate) mod tag;
mod transfer;
pub(crate) mod version;

use futures_util::future::LocalBoxFuture;

use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::flag::parse::Parsed;

/// A command, or a group of commands.
pub(crate) struct Command {
    /// The word it is called by.
    pub(crate) name: &'static str,
    /// Other words it can be called by.
    pub(crate) aliases: &'static [&'static str],
    /// Name, flags and arguments, as in usage lines behind the names of its groups.
    pub(crate) synopsis: &'static str,
    /// What it does, on one line.
    pub(crate) summary: &'static str,
    /// What it does, with examples; empty if the summary says it all.
    pub(crate) description: &'static str,
    /// The flags it takes, besides `--help`.
    pub(crate) flags: fn() -> Vec<Flag>,
    /// The arguments it takes.
    pub(crate) arguments: Arguments,
    /// What it does.
    pub(crate) body: Body,
}

/// How many arguments a command takes, and what they are.
pub(crate) enum Arguments {
    /// None at all.
    None,
    /// As many as there are.
    Any,
    /// So many, which are …
    Exactly(usize, &'static str),
    /// So many or more, which are …
    AtLeast(usize, &'static str),
}

/// What a command does.
pub(crate) enum Body {
    /// Nothing but hold further commands.
    Group(&'static [&'static Command]),
    /// Something that needs neither network nor waiting.
    Quick(fn(&Invocation, &Context) -> Result<()>),
    /// Something that waits; a signal cancels it.
    Waiting(Waiting),
    /// Something that goes on until a signal, which it hears itself, ends it well.
    Lasting(Waiting),
}

/// The function of a command that waits.
type Waiting = for<'a> fn(&'a Invocation, &'a Context) -> LocalBoxFuture<'a, Result<()>>;

impl Command {
    /// Returns the commands of the group; none if it is no group.
    pub(crate) fn members(&self) -> &'static [&'static Self] {
        match self.body {
            Body::Group(members) => members,
            Body::Quick(_) | Body::Waiting(_) | Body::Lasting(_) => &[],
        }
    }

    /// Finds a member of the group by its name or an alias.
    pub(crate) fn member(&self, name: &str) -> Option<&'static Self> {
        let is_called = |member: &&&Self| member.name == name || member.aliases.contains(&name);
        self.members().iter().find(is_called).copied()
    }
}

/// A command as it was called.
pub(crate) struct Invocation {
    /// The command.
    pub(crate) command: &'static Command,
    /// The names of the program and of the groups that the command is in, with blanks between.
    pub(crate) parents: String,
    /// The flags and arguments it was given.
    pub(crate) parsed: Parsed,
}

impl Invocation {
    /// Returns all words that call the command, such as `oras manifest fetch`.
    pub(crate) fn path(&self) -> String {
        path(&self.parents, self.command)
    }

    /// Returns the usage line.
    pub(crate) fn usage(&self) -> String {
        format!("{} {}", self.parents, self.command.synopsis)
    }

    /// Returns an argument; the number of them has been checked.
    pub(crate) fn argument(&self, index: usize) -> &str {
        &self.parsed.arguments[index]
    }

    /// Checks how many arguments there are.
    ///
    /// # Errors
    ///
    /// The message, with the usage line and what the arguments are.
    pub(crate) fn check_count(&self) -> Result<()> {
        let found = self.parsed.arguments.len();
        let (wanted, noun) = match self.command.arguments {
            Arguments::Any => return Ok(()),
            Arguments::None if found == 0 => return Ok(()),
            Arguments::None => {
                let path = self.path();
                return Err(CliError::new(format!("\"{path}\" takes no argument but got {found}"))
                    .with_usage(self.usage())
                    .with_recommendation(format!("Run \"{path} -h\" for options and examples")));
            }
            Arguments::Exactly(count, _) if found == count => return Ok(()),
            Arguments::AtLeast(count, _) if found >= count => return Ok(()),
            Arguments::Exactly(count, noun) => (format!("exactly {count} argument"), noun),
            Arguments::AtLeast(count, noun) => (format!("at least {count} argument"), noun),
        };
        let path = self.path();
        Err(CliError::new(format!("\"{path}\" requires {wanted} but got {found}"))
            .with_usage(self.usage())
            .with_recommendation(format!(
                "Please specify {wanted} as {noun}. Run \"{path} -h\" for more options and examples"
            )))
    }

    /// Checks that all flags were given that the command cannot do without, whatever their values.
    ///
    /// # Errors
    ///
    /// A message that names those that were not.
    pub(crate) fn require_flags(&self) -> Result<()> {
        let missing: Vec<String> =
            self.parsed.missing().into_iter().map(|name| format!("\"{name}\"")).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(CliError::new(format!("required flag(s) {} not set", missing.join(", "))))
    }

    /// Checks that at most one of the flags was given.
    ///
    /// # Errors
    ///
    /// A message that names all that were given.
    pub(crate) fn exclude(&self, names: &[&str]) -> Result<()> {
        let given: Vec<String> = names
            .iter()
            .filter(|name| self.parsed.given(name))
            .map(|name| format!("--{name}"))
            .collect();
        if given.len() < 2 {
            return Ok(());
        }
        Err(CliError::new(format!("{} cannot be used at the same time", given.join(", "))))
    }
}

/// Joins the names of the groups and of the command.
pub(crate) fn path(parents: &str, command: &Command) -> String {
    if parents.is_empty() { command.name.to_owned() } else { format!("{parents} {}", command.name) }
}

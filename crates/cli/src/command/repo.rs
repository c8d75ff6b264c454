//! `oras repo`: commands about repositories.

pub(crate) mod ls;
pub(crate) mod tags;

use super::{Arguments, Body, Command};

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "repo",
    aliases: &["repository"],
    synopsis: "repo [command]",
    summary: "Repository operations",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[&ls::COMMAND, &tags::COMMAND]),
};

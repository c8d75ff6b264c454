//! `oras blob`: commands about blobs.

pub(crate) mod delete;
pub(crate) mod fetch;
pub(crate) mod push;

use super::{Arguments, Body, Command};

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "blob",
    aliases: &[],
    synopsis: "blob [command]",
    summary: "Blob operations",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[&delete::COMMAND, &fetch::COMMAND, &push::COMMAND]),
};

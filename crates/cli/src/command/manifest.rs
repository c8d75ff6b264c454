//! `oras manifest`: commands about manifests.

pub(crate) mod delete;
pub(crate) mod fetch;
pub(crate) mod fetch_config;
pub(crate) mod index;
pub(crate) mod push;

use super::{Arguments, Body, Command};

/// The group.
pub(crate) static COMMAND: Command = Command {
    name: "manifest",
    aliases: &[],
    synopsis: "manifest [command]",
    summary: "Manifest operations",
    description: "",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Group(&[
        &delete::COMMAND,
        &fetch::COMMAND,
        &fetch_config::COMMAND,
        &index::COMMAND,
        &push::COMMAND,
    ]),
};

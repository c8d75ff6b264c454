//! `oras manifest`: commands about manifests.

pub(crate) mod fetch;

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
    body: Body::Group(&[&fetch::COMMAND]),
};

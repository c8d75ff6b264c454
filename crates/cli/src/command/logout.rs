//! `oras logout`: forgets the credentials for a registry.

use oras_client::auth::DockerConfig;
use oras_spec::RegistryName;

use super::{Arguments, Body, Command, Invocation};
use crate::advice::chain;
use crate::connect;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;

/// Logs out.
pub(crate) static COMMAND: Command = Command {
    name: "logout",
    aliases: &[],
    synopsis: "logout [flags] <registry>",
    summary: "Log out from a remote registry",
    description: "Log out from a remote registry

Example - Logout:
  oras logout localhost:5000",
    flags,
    arguments: Arguments::Exactly(1, "the registry you want to log out"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    vec![
        Flag::switch("debug", "debug mode").short('d'),
        Flag::list("registry-config", "path of the authentication file for the registry"),
    ]
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let typed = invocation.argument(0);
    // What is no name of a registry may still be a key, such as one that docker wrote long ago.
    let key = typed
        .parse::<RegistryName>()
        .map_or_else(|_| typed.to_owned(), |name| DockerConfig::key(&name));
    let configs = invocation.parsed.list("registry-config");
    let Some(config) = connect::stored(configs, context) else { return Ok(()) };
    let removed = config.remove_key(&key).await;
    removed.map_err(|error| {
        let what = format!("failed to delete the credential for {key}");
        CliError::new(format!("{what}: {}", chain(&error)))
    })
}

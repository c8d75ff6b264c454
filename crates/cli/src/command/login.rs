//! `oras login`: tries credentials at a registry and keeps them.

mod explain;

use oras_client::auth::{Credential, Credentials as _, DockerConfig};
use oras_spec::RegistryName;

use super::{Arguments, Body, Command, Invocation};
use crate::advice::{Advisor, chain};
use crate::args::remote::{self, Remote, Side};
use crate::args::{self, format};
use crate::connect;
use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flag::Flag;
use crate::streams::Silence;

/// Logs in.
pub(crate) static COMMAND: Command = Command {
    name: "login",
    aliases: &[],
    synopsis: "login [flags] <registry>",
    summary: "Log in to a remote registry",
    description: "Log in to a remote registry

Example - Log in with username and password from command line flags:
  oras login -u username -p password localhost:5000

Example - Log in with username and password from stdin:
  oras login -u username --password-stdin localhost:5000

Example - Log in with identity token from command line flags:
  oras login --identity-token token localhost:5000

Example - Log in with identity token from stdin:
  oras login --identity-token-stdin localhost:5000

Example - Log in with username and password in an interactive terminal:
  oras login localhost:5000

Example - Log in with username and password in an interactive terminal and no TLS check:
  oras login --insecure localhost:5000

Example - Log in and store the credential in another file:
  oras login --registry-config ./config.json localhost:5000

Example - Tell which file, key and helper a credential comes from, without asking the registry:
  oras login --explain localhost:5000",
    flags,
    arguments: Arguments::Exactly(1, "the registry to log in to"),
    body: Body::Waiting(|invocation, context| Box::pin(run(invocation, context))),
};

fn flags() -> Vec<Flag> {
    let mut flags = remote::flags(Side::Only);
    flags.extend([args::debug(), args::verbose("false")]);
    let explain =
        "tell where the credential for a registry or repository comes from, and do no more";
    flags.push(Flag::switch("explain", explain));
    flags.extend(format::flags());
    flags
}

async fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    if invocation.parsed.switch("explain") {
        return explain::run(invocation, context).await;
    }
    let mut remote = Remote::read(invocation, Side::Only, context).await?;
    if remote.secret.is_empty() {
        ask(&mut remote, context).await?;
    }
    let name: RegistryName = invocation
        .argument(0)
        .parse()
        .map_err(|error| CliError::new(format!("invalid reference: {error}")))?;
    let credential = connect::static_credential(&remote)
        .expect("there is a secret by now, from a flag or from the user");
    let registry = connect::registry(invocation, &remote, &name, context)?;
    registry.ping().await.map_err(|error| {
        let advisor = Advisor::of_registry(invocation, &name, None);
        let what = format!("failed to validate the credentials for {name}");
        advisor.explain(&error.context(what))
    })?;
    keep(&remote, &name, &credential, context).await?;
    context.printer.line("Login Succeeded")
}

/// Asks for what the flags do not say: a name, and a password for it or, without a name, a token.
async fn ask(remote: &mut Remote, context: &Context) -> Result<()> {
    if remote.username.is_empty() {
        context.printer.bytes(b"Username: ")?;
        context.input_line().await?.trim().clone_into(&mut remote.username);
    }
    let (prompt, required) = if remote.username.is_empty() {
        ("Token: ", "token required")
    } else {
        ("Password: ", "password required")
    };
    // Before the prompt: what is typed at its sight must not show.
    let silence = context.input_is_terminal.then(Silence::begin);
    context.printer.bytes(prompt.as_bytes())?;
    let secret = context.input_line().await;
    if silence.is_some() {
        context.printer.bytes(b"\n")?;
    }
    drop(silence);
    remote.secret = secret?;
    if remote.secret.is_empty() { Err(CliError::new(required)) } else { Ok(()) }
}

async fn keep(
    remote: &Remote,
    name: &RegistryName,
    credential: &Credential,
    context: &Context,
) -> Result<()> {
    let what = format!("failed to store the credentials for {}", DockerConfig::key(name));
    let Some(config) = connect::stored(&remote.registry_configs, context) else {
        return Err(CliError::new(format!("{what}: there is no home directory"))
            .with_recommendation("Use --registry-config to say which file to keep them in"));
    };
    let kept = config.put(name, credential).await;
    kept.map_err(|error| CliError::new(format!("{what}: {}", chain(&error))))
}

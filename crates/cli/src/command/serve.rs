//! `oras serve`: the registry we carry, on a port.

mod emulate;
mod log;
mod mirror;
mod upkeep;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use oras_server::Registry;
use oras_server::auth::Users;
use oras_server::serve::{ServeOptions, Server};

use self::log::AccessLog;
use super::registry::{self, root, root_flag};
use super::{Arguments, Body, Command, Invocation};
use crate::context::Context;
use crate::error::{CliError, Result, chain, system_text};
use crate::flag::Flag;

/// Serves a registry.
pub(crate) static COMMAND: Command = Command {
    name: "serve",
    aliases: &[],
    synopsis: "serve [flags]",
    summary: "Serve an OCI registry from a local directory",
    description: "Serve an OCI registry from a local directory

Everything the registry has acknowledged is on disk. It stops at an interrupt, when what it is doing is done.

Example - serve on localhost:5000, for everybody on this machine:
  oras serve

Example - serve another directory on a free port, which is printed:
  oras serve --addr 127.0.0.1:0 --root ./registry

Example - serve only the users in a file made by 'htpasswd -B':
  oras serve --htpasswd ./users

Example - keep what is pulled from Docker Hub, as localhost:5000/docker.io/library/alpine:
  oras serve --mirror docker.io

Example - behave as Quay does, to test a client:
  oras serve --emulate quay --emulate-ca ./ca.pem",
    flags,
    arguments: Arguments::None,
    body: Body::Lasting(run),
};

fn flags() -> Vec<Flag> {
    let mut flags = vec![
        Flag::switch("debug", "output debug logs of requests to mirrored registries").short('d'),
        Flag::text("addr", "IP address and port to listen on; port 0 takes a free one")
            .default("127.0.0.1:5000"),
        Flag::switch("allow-sparse", "take manifests although the blobs they name are missing"),
        Flag::text("htpasswd", "file of users and bcrypt hashes; nobody else is let in")
            .word("path"),
        Flag::switch(
            "insecure",
            "listen on an address that other machines can reach, although nothing is encrypted",
        ),
        root_flag(),
    ];
    flags.extend(mirror::flags());
    flags.extend(emulate::flags());
    flags.extend(upkeep::flags());
    flags
}

fn run<'a>(invocation: &'a Invocation, context: &'a Context) -> LocalBoxFuture<'a, Result<()>> {
    serve(invocation, context).boxed_local()
}

async fn serve(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let address = address(parsed.text("addr"), parsed.switch("insecure"))?;
    if let Some(name) = parsed.some_text("emulate") {
        return emulate::emulate(name, address, invocation, context).await;
    }
    let upkeep = upkeep::read(invocation)?;
    let root = root(parsed.some_text("root"), context)?;
    let log = Arc::new(AccessLog::new(Arc::clone(&context.printer), context.environment.clone()));
    let mut builder = Registry::builder().directory(&root).observer(Arc::clone(&log) as _);
    builder = builder.allow_sparse(parsed.switch("allow-sparse"));
    for mirror in mirror::mirrors(invocation, context)? {
        builder = builder.mirror(mirror);
    }
    if let Some(path) = parsed.some_text("htpasswd") {
        builder = builder.authenticator(Arc::new(users(path, context).await?));
    }
    let is_fast = parsed.text("durability") == "fast";
    let registry = registry::open(builder.wait_for_disk(!is_fast)).await?;
    let mut options = ServeOptions::default();
    options.observer = Arc::new(move |event| log.connection(&event));
    let server =
        Server::bind(address, registry.clone().into_service(), options).await.map_err(|error| {
            CliError::new(chain(&error))
                .with_recommendation("Use --addr to choose another address, such as 127.0.0.1:0")
        })?;
    context.printer.line(&format!("Serving http://{}", server.local_addr()))?;
    context.printer.line(&format!("Storing in {}", root.display()))?;
    if is_fast {
        let note = "Not waiting for the disk: a power cut may lose what was acknowledged";
        context.printer.note(note);
    }
    upkeep::start(upkeep, &registry, &context.printer);
    server.run(stop(context)).await.map_err(|error| CliError::new(chain(&error)))
}

/// Waits for a signal.
async fn stop(context: &Context) {
    if context.environment.obeys_signals() {
        crate::runtime::signal().await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Reads the address, and refuses one where passwords and content would cross a network in clear.
fn address(text: &str, insecure: bool) -> Result<SocketAddr> {
    let text =
        text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = text.parse().map_err(|_| {
        CliError::new(format!("invalid address \"{text}\": expected an IP address and a port"))
            .with_recommendation("Use an address such as 127.0.0.1:5000 or [::1]:5000")
    })?;
    if !insecure && !address.ip().is_loopback() {
        return Err(CliError::new(format!("other machines can reach {address}, and nothing is encrypted"))
            .with_recommendation(
                "Listen on a loopback address behind something that speaks TLS, or add --insecure if the network is yours",
            ));
    }
    Ok(address)
}

async fn users(path: &str, context: &Context) -> Result<Users> {
    let file = context.environment.path(path);
    let text = read(file).await.map_err(|error| {
        CliError::new(format!("failed to open {path}: {}", system_text(&error)))
    })?;
    Users::from_htpasswd(&text).map_err(|error| {
        CliError::new(format!("{path}: {}", chain(&error)))
            .with_recommendation("Make the file with 'htpasswd -B'")
    })
}

async fn read(file: PathBuf) -> std::io::Result<String> {
    let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(Path::new(&file)));
    reading.await.expect("reading does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listens_where_only_this_machine_can_reach_it_unless_forced() {
        for good in ["127.0.0.1:5000", "[::1]:0", "127.9.9.9:1", "localhost:5000"] {
            assert!(address(good, false).is_ok(), "{good}");
        }
        for open in ["0.0.0.0:5000", "[::]:5000", "192.0.2.1:80"] {
            let error = address(open, false).expect_err(open).to_string();
            assert!(error.contains("other machines can reach"), "{error}");
            assert!(address(open, true).is_ok(), "{open}");
        }
        for bad in ["", "5000", ":5000", "example.com:80", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(address(bad, true).is_err(), "{bad}");
        }
    }
}

//! `oras serve`: the registry we carry, on a port.

mod access;
mod emulate;
mod issuer;
mod limits;
mod listen;
mod log;
mod mirror;
mod reload;
mod self_signed;
mod upkeep;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, LocalBoxFuture, select};
use oras_server::serve::{ServeOptions, Server};
use oras_server::{Limits, Registry, RegistryBuilder};

use self::access::Access;
use self::log::AccessLog;
use super::registry::{self, root, root_flag};
use super::{Arguments, Body, Command, Invocation};
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;

/// How long a stop waits, behind everything else, for webhooks to hear of what was done.
const WEBHOOK_GRACE: Duration = Duration::from_secs(10);

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

Example - serve them over TLS to everybody in the house, and let anybody pull:
  oras serve --addr 0.0.0.0:5000 --tls-self-signed --htpasswd ./users --anonymous pull

Example - let the user 'ci' push to 'team', and others only pull:
  oras serve --htpasswd ./users --user 'ci:push,overwrite:team/**' --user '*:pull:**'

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
        Flag::switch("allow-sparse", "take manifests although the blobs they name are missing"),
        root_flag(),
    ];
    flags.extend(access::flags());
    flags.extend(listen::flags());
    flags.extend(limits::flags());
    flags.extend(log::flags());
    flags.extend(mirror::flags());
    flags.extend(emulate::flags());
    flags.extend(upkeep::flags());
    flags.extend(webhook::flags());
    flags
}

fn run<'a>(invocation: &'a Invocation, context: &'a Context) -> LocalBoxFuture<'a, Result<()>> {
    serve(invocation, context).boxed_local()
}

async fn serve(invocation: &Invocation, context: &Context) -> Result<()> {
    let parsed = &invocation.parsed;
    let place = listen::place(invocation, context)?;
    if let Some(name) = parsed.some_text("emulate") {
        return emulate::emulate(name, place.address, invocation, context).await;
    }
    let mut access = access::access(invocation, &place, context)?;
    let upkeep = upkeep::read(invocation)?;
    let root = root(parsed.some_text("root"), context)?;
    let log = Arc::new(AccessLog::open(invocation, context)?);
    let limits = limits::read(invocation)?;
    let builder = builder(invocation, &access, &limits, context)?.directory(&root);
    let builder = builder.observer(Arc::clone(&log) as _);
    let (webhooks, builder) = webhook::webhooks(invocation, builder, &log, context)?;
    access.tell(&webhooks);
    let is_fast = parsed.text("durability") == "fast";
    let registry = registry::open(builder.wait_for_disk(!is_fast)).await?;
    let tls = place.tls(&root, parsed.some_text("url"), context)?;
    let mut options = ServeOptions::within(&limits);
    options.tls.clone_from(&tls);
    let (metrics, observer) = (registry.metrics(), Arc::clone(&log));
    options.observer = Arc::new(move |event| {
        metrics.connection(&event);
        observer.connection(&event);
    });
    let server = Server::bind(place.address, registry.clone().into_service(), options).await;
    let server = server.map_err(|error| {
        CliError::new(chain(&error))
            .with_recommendation("Use --addr to choose another address, such as 127.0.0.1:0")
    })?;
    // Signals are heard from before anybody is told where we listen.
    let stop = stop(context).shared();
    let _ = stop.clone().now_or_never();
    for note in place.notes(server.local_addr(), &root) {
        context.printer.line(&note)?;
    }
    if is_fast {
        let note = "Not waiting for the disk: a power cut may lose what was acknowledged";
        context.printer.note(note);
    }
    upkeep::start(upkeep, &registry, &context.printer);
    let serving = std::pin::pin!(server.run(stop));
    let reading = std::pin::pin!(reload::keep_reading(access, tls, log));
    let outcome = match select(serving, reading).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), serving)) => serving.await,
    };
    webhooks.drain(WEBHOOK_GRACE).await;
    outcome.map_err(|error| CliError::new(chain(&error)))
}

/// Puts a registry together, but for where it stores and who hears of it.
fn builder(
    invocation: &Invocation,
    access: &Access,
    limits: &Limits,
    context: &Context,
) -> Result<RegistryBuilder> {
    let mut builder = Registry::builder().limits(limits.clone());
    builder = builder.allow_sparse(invocation.parsed.switch("allow-sparse"));
    for mirror in mirror::mirrors(invocation, context)? {
        builder = builder.mirror(mirror);
    }
    if let Some(logins) = &access.logins {
        builder = builder.authenticator(Arc::clone(logins) as _);
    }
    if let Some(policies) = &access.policies {
        builder = builder.policies(policies.clone());
    }
    Ok(builder)
}

/// Waits for a signal.
async fn stop(context: &Context) {
    if context.environment.obeys_signals() {
        crate::runtime::signal().await;
    } else {
        std::future::pending::<()>().await;
    }
}

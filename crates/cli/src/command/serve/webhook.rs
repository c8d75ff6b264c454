//! `--webhook`: other services that are told of changes, with our own client.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use oras_client::transport::{Body, Network, Transport as _};
use oras_server::policy::Policy;
use oras_server::webhook::{Messenger, Undelivered, Webhook, Webhooks};
use oras_server::{ChangeObserver, RegistryBuilder};

use super::log::AccessLog;
use crate::command::Invocation;
use crate::command::version::VERSION;
use crate::connect::network;
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CliError, Result, chain, system_text};
use crate::flag::Flag;

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::list(
            "webhook",
            "tell this URL of every push and deletion, as a CloudEvent; the policy can name others",
        )
        .word("url"),
        Flag::text(
            "webhook-secret",
            "file with the secret that events for --webhook are signed with",
        )
        .word("path"),
        Flag::text(
            "webhook-ca-file",
            "certificate authorities that receivers of events are held to",
        )
        .word("path"),
    ]
}

/// Who is told by the flags, and how files of secrets are found.
#[derive(Clone)]
pub(super) struct Hooks {
    typed: Vec<Webhook>,
    environment: Environment,
}

/// Reads the flags.
///
/// # Errors
///
/// If one is no address, or the secret cannot be read.
pub(super) fn read(invocation: &Invocation, context: &Context) -> Result<Hooks> {
    let parsed = &invocation.parsed;
    let environment = context.environment.clone();
    let urls = parsed.list("webhook");
    let secret = parsed.some_text("webhook-secret");
    if secret.is_some() && urls.is_empty() {
        return Err(CliError::new("--webhook-secret needs --webhook"));
    }
    let secret = secret.map(|name| read_secret(name, environment.path(name))).transpose()?;
    let typed = urls.iter().map(|url| {
        let hook = Webhook::new(url).map_err(|error| CliError::new(chain(&error)))?;
        Ok(match &secret {
            Some(secret) => hook.with_secret(secret.clone()),
            None => hook,
        })
    });
    Ok(Hooks { typed: typed.collect::<Result<_>>()?, environment })
}

impl Hooks {
    /// Tells nobody.
    #[cfg(test)]
    pub(super) fn none(environment: Environment) -> Self {
        Self { typed: Vec::new(), environment }
    }

    /// Returns all webhooks: those of the flags, and those of a policy with their secrets.
    ///
    /// # Errors
    ///
    /// If a secret cannot be read.
    pub(super) fn with(&self, policy: Option<&Policy>) -> Result<Vec<Webhook>> {
        let mut all = self.typed.clone();
        for hook in policy.into_iter().flat_map(Policy::webhooks) {
            let secret =
                hook.secret_file().map(|name| read_secret(name, self.environment.path(name)));
            all.push(match secret.transpose()? {
                Some(secret) => hook.clone().with_secret(secret),
                None => hook.clone(),
            });
        }
        Ok(all)
    }
}

/// Reads a secret; the end of its line is none of it.
fn read_secret(name: &str, path: PathBuf) -> Result<Vec<u8>> {
    let mut secret = std::fs::read(path).map_err(|error| {
        CliError::new(format!("failed to open {name}: {}", system_text(&error)))
    })?;
    while secret.pop_if(|last| matches!(last, b'\n' | b'\r')).is_some() {}
    if secret.is_empty() {
        return Err(CliError::new(format!("{name} holds no secret")));
    }
    Ok(secret)
}

/// Begins to tell them; nobody is told yet. Says in the log what is not delivered.
///
/// # Errors
///
/// If the authorities cannot be read.
pub(super) fn webhooks(
    invocation: &Invocation,
    builder: RegistryBuilder,
    log: &Arc<AccessLog>,
    context: &Context,
) -> Result<(Arc<Webhooks>, RegistryBuilder)> {
    let parsed = &invocation.parsed;
    let network = network(parsed.text("webhook-ca-file"), context)?;
    let log = Arc::clone(log);
    let report = move |lost: &Undelivered| {
        let Undelivered { receiver, id, reason, .. } = lost;
        log.note(&format!("webhook {receiver} does not hear of {id}: {reason}"));
    };
    let webhooks = Arc::new(Webhooks::new(
        Arc::new(Caller { network }),
        parsed.text("url"),
        builder.metrics(),
        Arc::new(report),
    ));
    let observer: Arc<dyn ChangeObserver> = Arc::<Webhooks>::clone(&webhooks);
    Ok((webhooks, builder.change_observer(observer)))
}

/// Calls receivers, once for each attempt: no redirect is followed.
#[derive(Debug)]
struct Caller {
    network: Network,
}

#[async_trait::async_trait]
impl Messenger for Caller {
    async fn send(&self, request: Request<Bytes>) -> std::result::Result<StatusCode, String> {
        let mut request = request.map(|body| Body::new(Full::new(body)));
        let agent = HeaderValue::from_str(&format!("oras/{VERSION}"));
        request.headers_mut().extend(agent.ok().map(|agent| (USER_AGENT, agent)));
        let response = self.network.send(request).await.map_err(|error| chain(&error))?;
        Ok(response.status())
    }
}

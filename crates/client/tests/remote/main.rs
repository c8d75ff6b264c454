//! The remote half against servers that do as they are told.

mod ahead;
mod auth;
mod config;
mod downloads;
mod layouts;
mod listing;
mod logged;
mod manifests;
mod network;
mod redirects;
mod repository;
mod retries;
mod server;
mod slate;
mod tokens;
mod uploads;

use std::sync::Arc;

use oras_client::auth::{Anonymous, Credentials};
use oras_client::remote::{Registry, RegistryOptions, Repository};
use oras_client::transport::{
    Authenticated, Logged, Network, NetworkOptions, Redirecting, Retrying, Transport,
};

use self::server::Server;

/// All the layers over a real network.
fn transport(credentials: impl Credentials) -> Arc<dyn Transport> {
    let logged = Logged::new(Network::new(NetworkOptions::default()), Arc::new(()));
    let redirecting = Redirecting::new(Retrying::new(logged));
    Arc::new(Authenticated::new(redirecting, Arc::new(credentials)))
}

fn plain_http() -> RegistryOptions {
    RegistryOptions { plain_http: true, ..RegistryOptions::default() }
}

fn registry(server: &Server, credentials: impl Credentials) -> Registry {
    Registry::new(server.name(), transport(credentials), plain_http())
}

fn repository(server: &Server) -> Repository {
    registry(server, Anonymous).repository("a/b".parse().expect("a name"))
}

/// The whole chain of causes, as users read it.
fn chain(error: &oras_client::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

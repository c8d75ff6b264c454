//! The network for what is no registry: issuers of tokens, receivers of events.

use oras_client::transport::{Network, NetworkOptions, Proxies};

use super::files;
use crate::advice::chain;
use crate::context::Context;
use crate::error::{CliError, Result};

/// Opens the network, through the proxies of the environment, trusting the authorities in `ca_file`,
/// or those of the system if that is empty.
///
/// # Errors
///
/// If the file cannot be read or has no certificate, or a proxy is none.
pub(crate) fn network(ca_file: &str, context: &Context) -> Result<Network> {
    Ok(Network::new(NetworkOptions {
        proxies: proxies(context)?,
        roots: files::roots(&context.environment, ca_file)?,
        ..NetworkOptions::default()
    }))
}

/// Reads which requests go through a proxy.
pub(super) fn proxies(context: &Context) -> Result<Proxies> {
    let [http, https, exceptions] = context.environment.proxies();
    Proxies::new(&http, &https, &exceptions).map_err(|error| CliError::new(chain(&error)))
}

//! Where to listen, and with which certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use oras_server::serve::tls::{Tls, TlsError, TlsFiles};

use super::self_signed;
use crate::command::Invocation;
use crate::context::Context;
use crate::error::{CliError, Result, chain};
use crate::flag::Flag;

/// Declares the group.
pub(super) fn flags() -> Vec<Flag> {
    vec![
        Flag::text("addr", "IP address and port to listen on; port 0 takes a free one")
            .default("127.0.0.1:5000"),
        Flag::switch(
            "insecure",
            "listen where other machines can reach it, although nothing is encrypted or nobody needs a password",
        ),
        Flag::text("tls-cert", "certificate to speak TLS with, read again when it changes")
            .word("path"),
        Flag::text("tls-key", "private key of the certificate").word("path"),
        Flag::text("tls-client-ca", "let in only clients with a certificate of these authorities")
            .word("path"),
        Flag::switch(
            "tls-self-signed",
            "speak TLS with a certificate made here, and say which authority to trust",
        ),
        Flag::text("url", "how clients reach the registry, such as https://registry.example")
            .word("url"),
    ]
}

/// Where to listen.
pub(super) struct Place {
    pub(super) address: SocketAddr,
    /// Whether the user takes the blame.
    pub(super) is_forced: bool,
    files: Option<TlsFiles>,
    is_self_signed: bool,
}

/// Reads the flags; opens nothing yet.
pub(super) fn place(invocation: &Invocation, context: &Context) -> Result<Place> {
    let parsed = &invocation.parsed;
    let path = |name: &str| parsed.some_text(name).map(|path| context.environment.path(path));
    let is_self_signed = parsed.switch("tls-self-signed");
    let client_authorities = path("tls-client-ca");
    let files = match (path("tls-cert"), path("tls-key")) {
        (Some(certificate), Some(key)) if !is_self_signed => {
            Some(TlsFiles { certificate, key, client_authorities })
        }
        (None, None) if client_authorities.is_none() => None,
        (None, None) => {
            return Err(CliError::new("--tls-client-ca needs --tls-cert and --tls-key"));
        }
        (Some(_), Some(_)) => {
            return Err(CliError::new("--tls-self-signed makes its own --tls-cert and --tls-key"));
        }
        _ => return Err(CliError::new("--tls-cert and --tls-key need each other")),
    };
    let is_forced = parsed.switch("insecure");
    let is_encrypted = is_self_signed || files.is_some();
    let address = address(parsed.text("addr"), is_forced || is_encrypted)?;
    Ok(Place { address, is_forced, files, is_self_signed })
}

impl Place {
    /// Tells whether only who is on this machine, or has a certificate, comes as far as a request.
    pub(super) fn is_closed(&self) -> bool {
        let asks = |files: &TlsFiles| files.client_authorities.is_some();
        self.address.ip().is_loopback() || self.files.as_ref().is_some_and(asks)
    }

    /// Reads the certificate, or makes one; says so if an authority is to be trusted.
    pub(super) fn tls(
        &self,
        root: &Path,
        url: Option<&str>,
        context: &Context,
    ) -> Result<Option<Tls>> {
        let files = match &self.files {
            Some(files) => files.clone(),
            None if self.is_self_signed => {
                let names = self_signed::names(self.address, url);
                let now = context.environment.now();
                self_signed::files(&root.join("tls"), &names, now)?
            }
            None => return Ok(None),
        };
        let tls = Tls::from_files(files).map_err(|error| unusable(&error))?;
        Ok(Some(tls))
    }

    /// Returns what is to be said when the registry is served, in the order it is said.
    pub(super) fn notes(&self, address: SocketAddr, root: &Path) -> Vec<String> {
        let is_encrypted = self.files.is_some() || self.is_self_signed;
        let scheme = if is_encrypted { "https" } else { "http" };
        let mut notes =
            vec![format!("Serving {scheme}://{address}"), format!("Storing in {}", root.display())];
        if self.is_self_signed {
            let authority = self_signed::authority(&root.join("tls"));
            notes.push(format!("Trust the authority in {}", authority.display()));
        }
        notes
    }
}

/// A certificate that cannot be used.
pub(super) fn unusable(error: &TlsError) -> CliError {
    CliError::new(chain(error))
}

/// The answer to connections, read anew when its files change.
pub(super) fn reload(tls: &Arc<Tls>) -> std::result::Result<bool, String> {
    tls.reload().map_err(|error| chain(&error))
}

/// Reads the address, and refuses one where passwords and content would cross a network in clear.
fn address(text: &str, is_fine: bool) -> Result<SocketAddr> {
    let text =
        text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = text.parse().map_err(|_| {
        CliError::new(format!("invalid address \"{text}\": expected an IP address and a port"))
            .with_recommendation("Use an address such as 127.0.0.1:5000 or [::1]:5000")
    })?;
    if !is_fine && !address.ip().is_loopback() {
        return Err(CliError::new(format!("other machines can reach {address}, and nothing is encrypted"))
            .with_recommendation(
                "Add --tls-cert and --tls-key or --tls-self-signed, listen on a loopback address behind something that speaks TLS, or add --insecure if the network is yours",
            ));
    }
    Ok(address)
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

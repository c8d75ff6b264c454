//! An authority of its own for each emulator, and one certificate by it.

use std::io;
use std::time::SystemTime;

use oras_server::serve::tls::{SelfSigned, Tls, TlsPem};

use crate::profile::Profile;

/// What a listener with TLS needs, and what its clients need.
pub(crate) struct Identity {
    pub(crate) tls: Tls,
    /// The certificate of the authority, as PEM.
    pub(crate) authority: String,
}

/// Makes a certificate for the names of a registry and for this machine.
pub(crate) fn issue(profile: &Profile) -> io::Result<Identity> {
    let own = ["localhost", "127.0.0.1", "::1"];
    let names: Vec<String> = profile.host_names().chain(own).map(str::to_owned).collect();
    let made = SelfSigned::new(&names, SystemTime::now()).map_err(io::Error::other)?;
    let tls = Tls::from_pem(TlsPem {
        certificate: made.certificate.as_bytes(),
        key: made.key.as_bytes(),
        client_authorities: None,
    });
    Ok(Identity { tls: tls.map_err(io::Error::other)?, authority: made.authority })
}

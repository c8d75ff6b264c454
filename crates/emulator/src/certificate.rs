//! An authority of its own for each emulator, and one certificate by it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::profile::Profile;

/// What a listener with TLS needs, and what its clients need.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate of the authority, as PEM.
    pub(crate) authority: String,
}

/// Makes a certificate for the names of a registry and for this machine.
pub(crate) fn issue(profile: &Profile) -> io::Result<Identity> {
    let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "oras emulator");
    let authority_key = KeyPair::generate().map_err(io::Error::other)?;
    let pem = authority.self_signed(&authority_key).map_err(io::Error::other)?.pem();

    let mut names: Vec<String> = profile.host_names().map(str::to_owned).collect();
    names.push("localhost".to_owned());
    let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, profile.title);
    leaf.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    leaf.subject_alt_names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let issuer = Issuer::from_params(&authority, &authority_key);
    let certificate = leaf.signed_by(&key, &issuer).map_err(io::Error::other)?;

    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), authority: pem })
}

//! Certificates for a laptop: an authority that signs one certificate and is then forgotten.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use super::TlsError;

/// A certificate for some names, and the authority that signed it, in PEM.
///
/// The authority's key is dropped as soon as it has signed: who trusts the authority trusts this
/// one certificate, and nobody can ever make another.
#[derive(Clone)]
#[non_exhaustive]
pub struct SelfSigned {
    /// The certificate of the authority, which clients are to trust.
    pub authority: String,
    /// The certificate of the listener.
    pub certificate: String,
    /// The private key of the listener.
    pub key: String,
    /// When clients stop believing it.
    pub expires: SystemTime,
}

/// The longest life of a certificate that all clients accept, less a day for their clocks.
const LIFE: Duration = Duration::from_hours(24 * 396);

impl SelfSigned {
    /// Makes a certificate for `names`, DNS names and IP addresses, that lives from a day before
    /// `now` for 396 days.
    ///
    /// # Errors
    ///
    /// [`TlsError::SelfSigned`] if a name is neither, or there is no randomness.
    pub fn new(names: &[String], now: SystemTime) -> Result<Self, TlsError> {
        Self::make(names, now).map_err(|error| TlsError::SelfSigned(error.into()))
    }

    fn make(names: &[String], now: SystemTime) -> Result<Self, rcgen::Error> {
        let expires = now + LIFE;
        let live = |params: &mut CertificateParams| {
            params.not_before = (now - Duration::from_hours(24)).into();
            params.not_after = expires.into();
        };
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name = named("oras registry, its own authority");
        // It may sign servers' certificates, and no authorities.
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        live(&mut authority);
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = named("oras registry");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        live(&mut params);
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Self { authority: authority_pem, certificate, key: key.serialize_pem(), expires })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Shows no key.
impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfSigned").field("expires", &self.expires).finish_non_exhaustive()
    }
}

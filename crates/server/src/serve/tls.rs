//! TLS on a listener: certificates from files, read anew when they change.

mod handshake;
mod self_signed;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use oras_spec::Digest;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

pub(super) use self::handshake::{Handshake, shake_hands};
pub use self::self_signed::SelfSigned;

/// What a listener proves itself with, and maybe asks its clients to prove themselves with.
///
/// Cheap to clone; clones are one: what [`reload`](Self::reload) reads holds for all of them, from
/// their next connection on. TLS 1.2 and 1.3; HTTP/2 is offered beside HTTP/1.1.
#[derive(Clone)]
pub struct Tls {
    current: Arc<RwLock<Current>>,
    files: Option<TlsFiles>,
    asks_clients: bool,
}

struct Current {
    config: Arc<ServerConfig>,
    /// Of everything the configuration was read from.
    digest: Digest,
}

/// Where the certificates are, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, then those between it and the authority that clients know.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The authorities one of which must have signed a client's certificate; without, no client
    /// is asked for one.
    pub client_authorities: Option<PathBuf>,
}

/// What the files of [`TlsFiles`] hold.
#[derive(Clone, Copy)]
pub struct TlsPem<'a> {
    /// As [`TlsFiles::certificate`].
    pub certificate: &'a [u8],
    /// As [`TlsFiles::key`].
    pub key: &'a [u8],
    /// As [`TlsFiles::client_authorities`].
    pub client_authorities: Option<&'a [u8]>,
}

/// Shows no key.
impl fmt::Debug for TlsPem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsPem").finish_non_exhaustive()
    }
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate in PEM where one must be.
    #[error("find a certificate in PEM")]
    Certificate,
    /// There is no private key in PEM.
    #[error("find a private key in PEM")]
    Key,
    /// The certificate is not one, or not the key's, or the key is of a kind nobody uses.
    #[error("use the certificate with its key")]
    Pair(#[source] rustls::Error),
    /// The authorities for clients' certificates are none.
    #[error("use the authorities of clients' certificates")]
    ClientAuthorities(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A certificate could not be made.
    #[error("make a certificate")]
    SelfSigned(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Tls {
    /// Reads the files. Blocks shortly.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names what is missing or does not go together.
    pub fn from_files(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Loaded::read(&files)?.into_current()?;
        let asks_clients = files.client_authorities.is_some();
        Ok(Self { current: Arc::new(RwLock::new(current)), files: Some(files), asks_clients })
    }

    /// Takes what such files hold.
    ///
    /// # Errors
    ///
    /// As [`from_files`](Self::from_files).
    pub fn from_pem(pem: TlsPem<'_>) -> Result<Self, TlsError> {
        let loaded = Loaded {
            certificate: pem.certificate.to_vec(),
            key: pem.key.to_vec(),
            client_authorities: pem.client_authorities.map(<[u8]>::to_vec),
        };
        let asks_clients = loaded.client_authorities.is_some();
        let current = Arc::new(RwLock::new(loaded.into_current()?));
        Ok(Self { current, files: None, asks_clients })
    }

    /// Reads the files again and uses them if they have changed; tells whether they had. Blocks
    /// shortly. Connections that are open stay as they are.
    ///
    /// # Errors
    ///
    /// As [`from_files`](Self::from_files); then everything stays as it was. A certificate that
    /// was replaced before its key is such an error, and gone at the next try.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.files else { return Ok(false) };
        let loaded = Loaded::read(files)?;
        let unchanged = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            current.digest == loaded.digest()
        };
        if unchanged {
            return Ok(false);
        }
        let fresh = loaded.into_current()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }

    /// Tells whether every client must have a certificate.
    pub fn asks_clients(&self) -> bool {
        self.asks_clients
    }

    fn config(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// The bytes of the files, before anybody has understood them.
struct Loaded {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

impl Loaded {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
        };
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_authorities: files.client_authorities.as_deref().map(read).transpose()?,
        })
    }

    fn digest(&self) -> Digest {
        let mut hasher = oras_spec::Algorithm::Sha256.hasher();
        let authorities = self.client_authorities.as_deref().unwrap_or_default();
        for bytes in [&self.certificate[..], &self.key, authorities] {
            hasher.update(&(bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
        hasher.finish()
    }

    fn into_current(self) -> Result<Current, TlsError> {
        let digest = self.digest();
        let provider = Arc::new(ring::default_provider());
        let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?;
        let certificates = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::Key)?;
        let clients = match &self.client_authorities {
            None => versions.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates_or(pem, || {
                    TlsError::ClientAuthorities(Box::from("no certificate in PEM"))
                })? {
                    let added = roots.add(authority);
                    added.map_err(|error| TlsError::ClientAuthorities(error.into()))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| TlsError::ClientAuthorities(error.into()))?;
                versions.with_client_cert_verifier(verifier)
            }
        };
        let mut config = clients.with_single_cert(certificates, key).map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), digest })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates_or(pem, || TlsError::Certificate)
}

fn certificates_or(
    pem: &[u8],
    none: impl Fn() -> TlsError,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(none()),
    }
}

#[cfg(test)]
mod tests;

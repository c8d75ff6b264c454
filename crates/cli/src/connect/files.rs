//! Certificates and keys in PEM files.

use std::path::Path;
use std::sync::Arc;

use oras_client::transport::TrustRoots;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::env::Environment;
use crate::error::{CliError, Result, system_text};

/// How large such a file may be, in bytes. The roots of a whole system are a quarter of a megabyte.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Returns the authorities in `file`, or those of the system if no file is named; the system's are
/// read when they are needed.
///
/// # Errors
///
/// If the file cannot be read or has no certificate.
pub(super) fn roots(environment: &Environment, file: &str) -> Result<TrustRoots> {
    if file.is_empty() {
        let paths = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
            .map(|name| environment.variable(name).map(|path| environment.path(path)));
        return Ok(TrustRoots::new(move || Ok(system_roots(&paths))));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(environment, file)?);
    if roots.is_empty() {
        return Err(CliError::new(format!("Failed to load certificate in file: {file}")));
    }
    let roots = Arc::new(roots);
    Ok(TrustRoots::new(move || Ok(RootCertStore::clone(&roots))))
}

/// A system without certificates trusts nobody, which the handshake then says.
fn system_roots(paths: &[Option<std::path::PathBuf>; 2]) -> RootCertStore {
    let found = match paths {
        [None, None] => rustls_native_certs::load_native_certs(),
        [file, directory] => {
            rustls_native_certs::load_certs_from_paths(file.as_deref(), directory.as_deref())
        }
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Reads a certificate of our own with what leads to its root, and its key.
///
/// # Errors
///
/// If a file cannot be read or does not hold what it should.
pub(super) fn identity(
    environment: &Environment,
    certificate: &str,
    key: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates(environment, certificate)?;
    if chain.is_empty() {
        let message = format!("no certificate in {certificate}");
        return Err(CliError::new(format!("failed to load client certificate: {message}")));
    }
    let pem = read(environment, key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        CliError::new(format!("failed to load client certificate: no private key in {key}"))
    })?;
    Ok((chain, key))
}

fn certificates(environment: &Environment, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(environment, file)?;
    // What is no certificate is passed over, as Go does.
    Ok(CertificateDer::pem_slice_iter(&pem).filter_map(std::result::Result::ok).collect())
}

fn read(environment: &Environment, file: &str) -> Result<Vec<u8>> {
    read_at_most(&environment.path(file), MAX_FILE)
        .map_err(|error| CliError::new(format!("open {file}: {}", system_text(&error))))
}

/// Reads a file of at most `limit` bytes.
fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

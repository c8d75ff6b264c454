//! TLS: whom we trust, who we are, and Go's words for what goes wrong.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::sniffed::Sniffed;
use super::{Failure, WebOrigin, alert};
use crate::Result;

/// Where the certificates come from that a server's certificate must lead to.
///
/// They are asked for when the first TLS connection is made, on a thread that may block, and only
/// then: who speaks plain HTTP never pays for loading them.
#[derive(Clone)]
pub struct TrustRoots(Arc<dyn Fn() -> Result<RootCertStore> + Send + Sync>);

impl TrustRoots {
    /// Makes a source of roots. `load` is called at most once for each [`Network`](super::Network).
    pub fn new(load: impl Fn() -> Result<RootCertStore> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }
}

/// Trusts nobody.
impl Default for TrustRoots {
    fn default() -> Self {
        Self::new(|| Ok(RootCertStore::empty()))
    }
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustRoots")
    }
}

/// A certificate we show to one registry, and to nobody a registry sends us to.
pub struct ClientIdentity {
    /// The only origin that gets to see it, such as `https://registry.example:5000`.
    pub origin: http::Uri,
    /// The certificate and what leads to its root, the certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the certificate.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for ClientIdentity {
    fn clone(&self) -> Self {
        Self { origin: self.origin.clone(), chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What TLS connections are made with, once the roots are loaded.
pub(super) struct Tls {
    anonymous: TlsConnector,
    identified: Option<(WebOrigin, TlsConnector)>,
}

impl Tls {
    pub(super) fn load(
        roots: &TrustRoots,
        insecure: bool,
        identity: Option<&ClientIdentity>,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn fmt::Display| Failure::Other(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if insecure {
            Arc::new(Unchecked(Arc::clone(&provider)))
        } else {
            let roots = Arc::new(roots.0().map_err(|error| failed(&error))?);
            Arc::new(Checked::new(roots, Arc::clone(&provider)).map_err(|error| failed(&error))?)
        };
        let builder = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .map(|builder| {
                    builder.dangerous().with_custom_certificate_verifier(Arc::clone(&verifier))
                })
                .map_err(|error| failed(&error))
        };
        let identified = match identity {
            None => None,
            Some(ClientIdentity { origin, chain, key }) => {
                let config = builder()?
                    .with_client_auth_cert(chain.clone(), key.clone_key())
                    .map_err(|error| failed(&error))?;
                WebOrigin::of(origin).map(|origin| (origin, connector(config)))
            }
        };
        Ok(Self { anonymous: connector(builder()?.with_no_client_auth()), identified })
    }

    /// Shakes hands with `origin` over `stream`.
    pub(super) async fn connect<S>(
        &self,
        origin: &WebOrigin,
        stream: S,
        protocols: &[&[u8]],
    ) -> Result<TlsStream<Sniffed<S>>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|_| Failure::Handshake(format!("invalid server name {:?}", origin.host)))?;
        let connector = match &self.identified {
            Some((owner, connector)) if owner == origin => connector,
            _ => &self.anonymous,
        };
        let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let handshake = connector.with_alpn(protocols).connect(name, Sniffed::new(stream));
        handshake.into_fallible().await.map_err(|(error, stream)| {
            if stream.is_plain_http() { Failure::PlainServer } else { failure(&error, origin) }
        })
    }
}

fn connector(config: ClientConfig) -> TlsConnector {
    TlsConnector::from(Arc::new(config))
}

fn failure(error: &io::Error, origin: &WebOrigin) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Failure::Certificate(reason(why, origin)),
        Some(other) => match alert::words(other) {
            Some(said) => Failure::Other(said),
            None => Failure::Handshake(other.to_string()),
        },
        None if error.kind() == io::ErrorKind::UnexpectedEof => Failure::Lost("EOF".to_owned()),
        None => Failure::Lost(super::failure::words(error)),
    }
}

/// Says why a certificate is no good, as Go's `crypto/x509` does.
fn reason(why: &CertificateError, origin: &WebOrigin) -> String {
    match why {
        // The latter is that of another authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "certificate has expired or is not yet valid".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            format!("certificate is valid for {}, not {}", names.join(", "), origin.host)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            match origin.address() {
                Some(address) => format!(
                    "cannot validate certificate for {address} because it doesn't contain any IP SANs"
                ),
                None => "certificate is not valid for any names".to_owned(),
            }
        }
        other => other.to_string(),
    }
}

/// Turns `DnsName("x")` and `IpAddress(1.2.3.4)` into the name alone.
fn plain_name(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

/// The usual checks, and Go's one exception to them: a certificate that is itself among the roots
/// may be a server's own, even if it says it is an authority, as self-made ones usually do.
#[derive(Debug)]
struct Checked {
    usual: Option<Arc<WebPkiServerVerifier>>,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Checked {
    fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let usual = if roots.is_empty() {
            None
        } else {
            let (roots, provider) = (Arc::clone(&roots), Arc::clone(&provider));
            Some(WebPkiServerVerifier::builder_with_provider(roots, provider).build()?)
        };
        Ok(Self { usual, roots, provider })
    }

    /// Tells whether `certificate` is one of the roots, by its subject and key.
    fn is_root(&self, certificate: &CertificateDer<'_>) -> bool {
        let mut alone = RootCertStore::empty();
        alone.add(certificate.clone().into_owned()).is_ok()
            && alone.roots.iter().any(|anchor| self.roots.roots.contains(anchor))
    }
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(usual) = &self.usual else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verdict =
            usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.is_root(end_entity) =>
            {
                super::validity::check(end_entity, now)?;
                let parsed = rustls::server::ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&parsed, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// No check of who the server is, because the user said so.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! Certificates for a registry that lets in only clients that show one, too.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// The name of the registry.
pub(super) const HOST: &str = "localhost";

/// Writes `ca.pem`, and `server` and `client` as `.pem` with their `.key`, into a directory.
pub(super) fn write(directory: &Path) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&authority_key).expect("signed").pem();
    let issuer = Issuer::new(authority, authority_key);
    let put = |name: &str, text: String| {
        std::fs::write(directory.join(name), text).expect("write a certificate");
    };
    put("ca.pem", pem);
    for (name, host, usage) in [
        ("server", HOST, ExtendedKeyUsagePurpose::ServerAuth),
        ("client", "ada", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.extended_key_usages = vec![usage];
        put(&format!("{name}.pem"), params.signed_by(&key, &issuer).expect("signed").pem());
        put(&format!("{name}.key"), key.serialize_pem());
    }
}

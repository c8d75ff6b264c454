//! The public keys of an issuer, as [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517) writes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// How a token is signed. There are no others: what a token names itself is looked up here, and
/// fits only keys that were made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// Reads the name of an algorithm, by [RFC 7518](https://www.rfc-editor.org/rfc/rfc7518#section-3.1)
    /// and [RFC 9864](https://www.rfc-editor.org/rfc/rfc9864).
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A key, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct KeyEntry {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// More keys than this nobody needs at a time.
const MOST_KEYS: usize = 100;

/// Reads a set of keys, those that we can use; nothing if it is none.
pub(super) fn parse(text: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(text).ok()?;
    let entries = set.keys.into_iter().take(MOST_KEYS);
    let entries = entries.filter_map(|entry| serde_json::from_value::<KeyEntry>(entry).ok());
    Some(entries.filter_map(Key::from_entry).collect())
}

impl Key {
    fn from_entry(entry: KeyEntry) -> Option<Self> {
        if entry.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let material = match (entry.kty.as_str(), entry.crv.as_deref()) {
            ("RSA", None) => {
                let modulus = bytes(&entry.n)?;
                let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
                Material::Rsa { modulus: modulus[zeros..].to_vec(), exponent: bytes(&entry.e)? }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&entry.x)?, bytes(&entry.y)?);
                (x.len() == 32 && y.len() == 32).then_some(())?;
                Material::P256([&[4], &x[..], &y[..]].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&entry.x)?),
            _ => return None,
        };
        let key = Self { id: entry.kid, material };
        let is_for = entry.alg.as_deref().map(Algorithm::named);
        is_for.is_none_or(|named| named == Some(key.algorithm())).then_some(key)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Tells whether the owner of the key signed `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified =
            match &self.material {
                Material::Rsa { modulus: n, exponent: e } => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
                Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature),
                Material::Ed25519(point) => {
                    UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
                }
            };
        verified.is_ok()
    }
}

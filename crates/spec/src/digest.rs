//! Content digests: parsing, printing and computing them. The only place that names a hash function.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

/// A hash algorithm that content can be addressed by.
///
/// See [digests](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#registered-algorithms);
/// `sha384` is not registered there but is accepted everywhere in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the one every implementation supports.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm, the most common first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name that stands before the colon of a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal characters follow the colon.
    pub const fn encoded_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// Starts hashing.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
            Self::Sha384 => State::Sha384(sha2::Sha384::new()),
            Self::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Goes on hashing from a [state](Hasher::state) that was saved; nothing if it is none of this
    /// algorithm's. A state that was tampered with gives another digest and no error.
    pub fn resume(self, state: &[u8]) -> Option<Hasher> {
        fn load<T: SerializableState>(state: &[u8]) -> Option<T> {
            T::deserialize(&SerializedState::<T>::try_from(state).ok()?).ok()
        }
        Some(Hasher(match self {
            Self::Sha256 => State::Sha256(load(state)?),
            Self::Sha384 => State::Sha384(load(state)?),
            Self::Sha512 => State::Sha512(load(state)?),
        }))
    }

    /// Hashes `bytes` in one go.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or(DigestError::Unsupported)
    }
}

/// A running hash, fed piece by piece; how the pieces are cut does not change the digest.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Adds `bytes` to what was hashed so far.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns what is needed to go on later, in another process; see [`Algorithm::resume`]. Only
    /// the same version of this crate is sure to understand it.
    pub fn state(&self) -> Vec<u8> {
        match &self.0 {
            State::Sha256(state) => state.serialize().to_vec(),
            State::Sha384(state) => state.serialize().to_vec(),
            State::Sha512(state) => state.serialize().to_vec(),
        }
    }

    /// Returns the digest of everything added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_hash(Algorithm::Sha256, &state.finalize()),
            State::Sha384(state) => Digest::from_hash(Algorithm::Sha384, &state.finalize()),
            State::Sha512(state) => Digest::from_hash(Algorithm::Sha512, &state.finalize()),
        }
    }

    /// Returns the algorithm this hash was started with.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha384(_) => Algorithm::Sha384,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm()).finish()
    }
}

/// The address of content: an algorithm and the lower-case hexadecimal hash. Cheap to clone.
///
/// Only exists valid: a known algorithm and exactly as many characters as it needs, so it is safe
/// in a path and in a URL. See [digests](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: Arc<str>,
    algorithm: Algorithm,
}

impl Digest {
    /// Computes the SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Algorithm::Sha256.digest(bytes)
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the part after the colon.
    pub fn encoded(&self) -> &str {
        &self.text[self.algorithm.name().len() + 1..]
    }

    /// Returns the whole text, `algorithm:encoded`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(algorithm.name().len() + 1 + hash.len() * 2);
        text.push_str(algorithm.name());
        text.push(':');
        for byte in hash {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Self { text: text.into(), algorithm }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, encoded) = text.split_once(':').ok_or(DigestError::Format)?;
        if name.is_empty() || encoded.is_empty() {
            return Err(DigestError::Format);
        }
        let Ok(algorithm) = name.parse::<Algorithm>() else {
            return Err(unknown_algorithm(name, encoded));
        };
        if encoded.len() != algorithm.encoded_length() {
            return Err(DigestError::Length);
        }
        if !encoded.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::Format);
        }
        Ok(Self { text: text.into(), algorithm })
    }
}

/// A well-formed digest of an algorithm we lack is unsupported; anything else is malformed.
fn unknown_algorithm(name: &str, encoded: &str) -> DigestError {
    let component = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let encoded_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-');
    if name.split(['.', '+', '_', '-']).all(component) && encoded.bytes().all(encoded_byte) {
        DigestError::Unsupported
    } else {
        DigestError::Format
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a digest. The words are those users of Go tools know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No colon, an empty part, upper-case hexadecimal, or other characters.
    #[error("invalid checksum digest format")]
    Format,
    /// Too few or too many characters for the algorithm.
    #[error("invalid checksum digest length")]
    Length,
    /// Well formed, but of an algorithm other than [`Algorithm::ALL`].
    #[error("unsupported digest algorithm")]
    Unsupported,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_the_empty_text_of_every_algorithm() {
        let expected = [
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ];
        for (algorithm, text) in Algorithm::ALL.into_iter().zip(expected) {
            let digest = algorithm.digest(b"");
            assert_eq!(digest.as_str(), text);
            assert_eq!(text.parse(), Ok(digest.clone()));
            assert_eq!(digest.encoded().len(), algorithm.encoded_length());
        }
    }

    #[test]
    fn refuses_what_is_not_a_digest_and_says_why() {
        let hex = "0".repeat(64);
        for (text, error) in [
            (String::new(), DigestError::Format),
            ("sha256".into(), DigestError::Format),
            (":".into(), DigestError::Format),
            ("sha256:".into(), DigestError::Format),
            (format!(":{hex}"), DigestError::Format),
            (format!("sha256:{}", "A".repeat(64)), DigestError::Format),
            (format!("sha256:{}", "/".repeat(64)), DigestError::Format),
            (format!("sha256:{}", "٣".repeat(32)), DigestError::Format),
            ("sha256:../../x".into(), DigestError::Length),
            (format!("sha256:{hex}0"), DigestError::Length),
            (format!("sha256:{}", &hex[1..]), DigestError::Length),
            (format!("sha256:{}", "0".repeat(10_000)), DigestError::Length),
            (format!("md5:{hex}"), DigestError::Unsupported),
            (format!("SHA256:{hex}"), DigestError::Format),
            (format!("a+b.c:{hex}"), DigestError::Unsupported),
            ("md5:../x".into(), DigestError::Format),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }

    #[test]
    fn hashes_the_same_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in Algorithm::ALL {
            let whole = algorithm.digest(&bytes);
            for size in [1, 7, 64, 4096] {
                let mut hasher = algorithm.hasher();
                bytes.chunks(size).for_each(|chunk| hasher.update(chunk));
                assert_eq!(hasher.finish(), whole);
            }
        }
    }

    #[test]
    fn goes_on_from_a_state_that_was_saved() {
        let bytes: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in Algorithm::ALL {
            for cut in [0, 1, 63, 64, 65, 128, 1000] {
                let mut hasher = algorithm.hasher();
                hasher.update(&bytes[..cut]);
                let state = hasher.state();
                let mut again = algorithm.resume(&state).expect("a state of its own");
                again.update(&bytes[cut..]);
                assert_eq!(again.finish(), algorithm.digest(&bytes));
                assert!(algorithm.resume(&state[1..]).is_none());
            }
            assert!(algorithm.resume(b"").is_none());
        }
    }
}

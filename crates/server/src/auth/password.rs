//! Hashes of passwords: bcrypt and argon2, by the forms that tools write them in.

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};

use super::htpasswd::HtpasswdProblem;

/// The most memory that checking one argon2 hash may take: 128 MiB, in KiB.
const MOST_MEMORY: u32 = 128 * 1024;
/// The most passes over it.
const MOST_PASSES: u32 = 16;
/// The most lanes.
const MOST_LANES: u32 = 16;

/// Tells whether `password` is the one that was hashed. Takes long, on purpose; never panics.
pub(super) fn is_right(password: &[u8], hash: &str) -> bool {
    if is_argon2(hash) {
        let Ok(parsed) = PasswordHash::new(hash) else { return false };
        return argon2(&parsed)
            .is_some_and(|argon2| argon2.verify_password(password, &parsed).is_ok());
    }
    bcrypt::verify(password, hash).unwrap_or(false)
}

/// Tells whether a hash is argon2's, of whatever variant.
pub(super) fn is_argon2(hash: &str) -> bool {
    hash.starts_with("$argon2")
}

/// Checks that an argon2 hash is whole and not made to keep us busy.
pub(super) fn check_argon2(hash: &str) -> Result<(), HtpasswdProblem> {
    let parsed = PasswordHash::new(hash).map_err(|_| HtpasswdProblem::Hash)?;
    if parsed.salt.is_none() || parsed.hash.is_none() {
        return Err(HtpasswdProblem::Hash);
    }
    let params = Params::try_from(&parsed).map_err(|_| HtpasswdProblem::Hash)?;
    if argon2(&parsed).is_none() {
        return Err(HtpasswdProblem::Scheme);
    }
    let is_bearable = params.m_cost() <= MOST_MEMORY
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() <= MOST_LANES;
    if is_bearable { Ok(()) } else { Err(HtpasswdProblem::Cost) }
}

/// Only the variant against both kinds of attack, in its last version.
fn argon2(hash: &PasswordHash) -> Option<Argon2<'static>> {
    let is_current = hash.version.is_none_or(|version| version == u32::from(Version::V0x13));
    (hash.algorithm.as_str() == "argon2id" && is_current)
        .then(|| Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `open-sesame`, by the reference implementation: `argon2 saltsalt -id -t 1 -k 64 -p 1 -e`.
    const SMALL: &str = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$";

    fn hash() -> String {
        let mut out = [0; 32];
        let params = Params::new(64, 1, 1, None).expect("parameters");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(b"open-sesame", b"saltsalt", &mut out).expect("hashed");
        let out = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, out);
        format!("{SMALL}{out}")
    }

    #[test]
    fn knows_a_password_hashed_with_argon2() {
        let hash = hash();
        assert_eq!(check_argon2(&hash), Ok(()));
        assert!(is_right(b"open-sesame", &hash));
        assert!(!is_right(b"open-sesame ", &hash));
        assert!(!is_right(b"", &hash));
        assert!(!is_right(b"open-sesame", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ"));
    }

    #[test]
    fn refuses_hashes_that_are_damaged_old_or_too_costly() {
        use HtpasswdProblem as Problem;
        for (from, to, problem) in [
            ("argon2id", "argon2i", Problem::Scheme),
            ("argon2id", "argon2d", Problem::Scheme),
            ("v=19", "v=16", Problem::Scheme),
            ("m=64", "m=4000000", Problem::Cost),
            ("t=1", "t=1000", Problem::Cost),
            ("p=1", "p=x", Problem::Hash),
            ("$c2FsdHNhbHQ", "", Problem::Hash),
        ] {
            assert_eq!(check_argon2(&hash().replace(from, to)), Err(problem), "{to}");
        }
    }
}

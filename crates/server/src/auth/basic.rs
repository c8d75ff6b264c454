//! Names and passwords as HTTP carries them.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// A name and a password that somebody claims to be theirs.
#[derive(PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) name: String,
    /// Any bytes, as [`is_password`] takes them.
    pub(super) password: Vec<u8>,
}

/// The longest password, in bytes, of which bcrypt sees every one.
pub(super) const LONGEST_PASSWORD: usize = 72;

/// Clients differ in whether they pad; no two texts mean the same all the same, as the bits that
/// padding makes superfluous must be zero.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads `Authorization: Basic`. Nothing if there is no such claim, or none that could be true.
///
/// [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617#section-2)
pub(super) fn claim(headers: &HeaderMap) -> Option<Claim> {
    let (name, password) = pair(headers)?;
    (is_name(&name) && is_password(&password)).then_some(Claim { name, password })
}

/// Reads what stands in place of a password, whatever it is.
pub(super) fn secret(headers: &HeaderMap) -> Option<String> {
    String::from_utf8(pair(headers)?.1).ok()
}

fn pair(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None; // two claims; a proxy may have looked at the other
    }
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64.decode(token.trim_matches(' ')).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(&pair[..colon]).ok()?.to_owned();
    Some((name, pair[colon + 1..].to_vec()))
}

/// Tells whether `name` can be a user's: not empty, and neither colon nor control character in it.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|character: char| character == ':' || character.is_control())
}

/// Tells whether bcrypt can tell `password` from every other.
///
/// It ends passwords at their first NUL and ignores what is beyond 72 bytes; such a one would be
/// as good as its beginning, so it is none.
pub(super) fn is_password(password: &[u8]) -> bool {
    !password.is_empty() && password.len() <= LONGEST_PASSWORD && !password.contains(&0)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<(String, Vec<u8>)> {
        let value = HeaderValue::from_str(value).expect("a header value");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        claim(&headers).map(|claim| (claim.name, claim.password))
    }

    fn basic(pair: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn reads_a_name_and_a_password() {
        let aladdin = Some(("Aladdin".to_owned(), b"open sesame".to_vec()));
        for value in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
            "BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ== ",
        ] {
            assert_eq!(read(value), aladdin, "{value}");
        }
        assert_eq!(read(&basic(b"a:b:c:")), Some(("a".to_owned(), b"b:c:".to_vec())));
        let umlaut = Some(("zo\u{eb}".to_owned(), "\u{fc}".as_bytes().to_vec()));
        assert_eq!(read(&basic("zo\u{eb}:\u{fc}".as_bytes())), umlaut);
        assert_eq!(read(&basic(b"a:\xff\xfe")), Some(("a".to_owned(), b"\xff\xfe".to_vec())));
    }

    #[test]
    fn refuses_what_is_no_claim() {
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Basic QWxhZGRpbg==",
            "BasicQWxhZGRpbjpvcGVu",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==",
            "Basic QWxh ZGRpbjpvcGVuIHNlc2FtZQ==",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        let long = format!("a:{}", "x".repeat(73));
        let pairs: [&[u8]; 7] = [b"", b":", b":b", b"a:", b"a\n:b", b"\xff:b", b"a:b\0c"];
        for pair in pairs.into_iter().chain([long.as_bytes()]) {
            assert_eq!(read(&basic(pair)), None, "{pair:?}");
        }
        assert!(read(&basic(&long.as_bytes()[..74])).is_some());
    }

    #[test]
    fn refuses_two_claims() {
        let value = HeaderValue::from_static("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, value.clone());
        assert!(claim(&headers).is_some());
        headers.append(AUTHORIZATION, value);
        assert!(claim(&headers).is_none());
    }

    proptest! {
        #[test]
        fn reads_every_pair_that_can_be_sent(name in "[^:\\p{Cc}]{1,20}", password in "[^\0]{1,18}") {
            let pair = STANDARD_NO_PAD.encode(format!("{name}:{password}"));
            prop_assert_eq!(read(&format!("Basic {pair}")), Some((name, password.into_bytes())));
        }

        #[test]
        fn never_panics(value in "[ -~]{0,60}") {
            read(&value);
        }
    }
}

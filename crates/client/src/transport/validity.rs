//! Reads from a certificate when it is valid, which the TLS library does not tell.

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};

/// Checks that `now` is within the validity of `certificate`.
pub(super) fn check(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let (not_before, not_after) = validity(certificate).ok_or(CertificateError::BadEncoding)?;
    if now.as_secs() < not_before {
        Err(CertificateError::NotValidYet)
    } else if now.as_secs() > not_after {
        Err(CertificateError::Expired)
    } else {
        Ok(())
    }
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Walks to the `validity` of [RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1).
fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    (rest, _) = element(rest, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = element(rest, VERSION)?;
    }
    (_, rest) = element(rest, INTEGER)?;
    (_, rest) = element(rest, SEQUENCE)?;
    (_, rest) = element(rest, SEQUENCE)?;
    let (times, _) = element(rest, SEQUENCE)?;
    let (not_before, times) = time(times)?;
    let (not_after, _) = time(times)?;
    Some((not_before, not_after))
}

/// Takes one element with the tag `tag`: what is in it, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, behind) = rest.split_at_checked(count)?;
        length = digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit));
        rest = behind;
    }
    let parts = rest.split_at_checked(length)?;
    (found == tag).then_some(parts)
}

/// Takes a time: seconds since 1970, and what is behind it.
fn time(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let tag = *bytes.first()?;
    let (text, rest) = element(bytes, tag)?;
    let digits = text.strip_suffix(b"Z")?;
    let digits: Vec<u64> = digits
        .iter()
        .map(|byte| byte.is_ascii_digit().then(|| u64::from(byte - b'0')))
        .collect::<Option<_>>()?;
    let (year, digits) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let short = digits[0] * 10 + digits[1];
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => {
            (digits[..4].iter().fold(0, |sum, digit| sum * 10 + digit), &digits[4..])
        }
        _ => return None,
    };
    let pairs: Vec<u64> = digits.chunks(2).map(|pair| pair[0] * 10 + pair[1]).collect();
    let [month, day, hour, minute, second] = pairs[..] else { return None };
    let days = days_since_1970(year, month, day)?;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second, rest))
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let before = *BEFORE_MONTH.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let leap_day = u64::from(month > 2 && is_leap(year));
    let years: u64 =
        (1970..year.min(10_000)).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    Some(years + before + leap_day + day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_spellings_of_a_time() {
        let utc = [&[UTC_TIME, 13][..], b"260131235959Z"].concat();
        assert_eq!(time(&utc).expect("a time").0, 1_769_903_999);
        let generalized = [&[GENERALIZED_TIME, 15][..], b"20520229000001Z"].concat();
        assert_eq!(time(&generalized).expect("a time").0, 2_592_777_601);
        for bad in [&b"\x17\x0dxx0131235959Z"[..], b"\x17\x02Z", b"", b"\x18", b"\x17\xff"] {
            assert_eq!(time(bad), None);
        }
    }

    #[test]
    fn reads_no_validity_from_nonsense() {
        for length in 0..40 {
            assert_eq!(validity(&vec![0x30; length]), None);
        }
    }
}

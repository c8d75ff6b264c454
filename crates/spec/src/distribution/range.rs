//! Ranges, in the two spellings registries use: that of HTTP for downloads, and a bare one for uploads.

use std::fmt;
use std::str::FromStr;

/// The value of a `Range` header with one range, as [RFC 9110] has it.
///
/// A range that ends before it begins is read too, because registries answer it like one behind
/// the end of the content: nothing [resolves](Self::resolve) it. Several ranges, other units and
/// everything else do not parse; a server may then answer as if the header were not there.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// `bytes=first-`: from an offset to the end.
    From(u64),
    /// `bytes=first-last`: both ends included.
    Within(u64, u64),
    /// `bytes=-count`: the last bytes.
    Last(u64),
}

impl ByteRange {
    /// Returns the offset and the length (bytes) of the range in content of `size` bytes, clipped
    /// to its end; nothing if the range cannot be satisfied.
    pub fn resolve(self, size: u64) -> Option<(u64, u64)> {
        match self {
            Self::From(first) if first < size => Some((first, size - first)),
            Self::Within(first, last) if first < size && first <= last => {
                Some((first, last.min(size - 1) - first + 1))
            }
            Self::Last(count) if count > 0 && size > 0 => {
                let length = count.min(size);
                Some((size - length, length))
            }
            Self::From(_) | Self::Within(..) | Self::Last(_) => None,
        }
    }
}

impl FromStr for ByteRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let range = text.split_once('=').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
        let (first, last) =
            range.and_then(|(_, range)| range.split_once('-')).ok_or(InvalidRange)?;
        match (first, last) {
            ("", count) => Ok(Self::Last(number(count)?)),
            (first, "") => Ok(Self::From(number(first)?)),
            (first, last) => Ok(Self::Within(number(first)?, number(last)?)),
        }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Within(first, last) => write!(f, "bytes={first}-{last}"),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

/// The value of a `Content-Range` header of a download, as [RFC 9110] has it.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#section-14.4
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentRange {
    /// `bytes first-last/size`, both ends included.
    Within {
        /// The offset of the first byte.
        first: u64,
        /// The offset of the last byte.
        last: u64,
        /// The size of the whole, if it is told.
        size: Option<u64>,
    },
    /// `bytes */size`: the range asked for cannot be satisfied.
    Unsatisfied(u64),
}

impl FromStr for ContentRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let range = text.split_once(' ').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
        let (range, size) = range.and_then(|(_, rest)| rest.split_once('/')).ok_or(InvalidRange)?;
        if range == "*" {
            return Ok(Self::Unsatisfied(number(size)?));
        }
        let (first, last) = range.split_once('-').ok_or(InvalidRange)?;
        let (first, last) = (number(first)?, number(last)?);
        let size = if size == "*" { None } else { Some(number(size)?) };
        if first > last || size.is_some_and(|size| last >= size) {
            return Err(InvalidRange);
        }
        Ok(Self::Within { first, last, size })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within { first, last, size: Some(size) } => {
                write!(f, "bytes {first}-{last}/{size}")
            }
            Self::Within { first, last, size: None } => write!(f, "bytes {first}-{last}/*"),
            Self::Unsatisfied(size) => write!(f, "bytes */{size}"),
        }
    }
}

/// `first-last` without a unit: the `Content-Range` of a chunk that is pushed.
///
/// See [pushing a blob in chunks](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadRange {
    /// The offset of the first byte.
    pub first: u64,
    /// The offset of the last byte; not before `first`.
    pub last: u64,
}

impl UploadRange {
    /// Returns how many bytes the range spans, if that is a number.
    pub fn length(self) -> Option<u64> {
        self.last.checked_sub(self.first)?.checked_add(1)
    }

    /// Reads how many bytes an upload holds from the `Range` header of its answers.
    ///
    /// Lenient, because registries are: `0-9` and `bytes=0-9` say ten bytes, `0-0`, `0--1` and
    /// `bytes=0--1` none (of one byte and no bytes, which `0-0` cannot tell apart, no bytes is
    /// the reading that loses nothing). Returns nothing for anything else.
    pub fn parse_held(text: &str) -> Option<u64> {
        let last = text.strip_prefix("bytes=").unwrap_or(text).strip_prefix("0-")?;
        match last {
            "0" | "-1" => Some(0),
            last => number(last).ok()?.checked_add(1),
        }
    }

    /// Prints the `Range` header for an upload that holds `size` bytes; `0-0` when it holds none.
    pub fn print_held(size: u64) -> String {
        format!("0-{}", size.saturating_sub(1))
    }
}

impl FromStr for UploadRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (first, last) = text.split_once('-').ok_or(InvalidRange)?;
        let (first, last) = (number(first)?, number(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(InvalidRange) }
    }
}

impl fmt::Display for UploadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Digits only: no sign, no blanks, no overflow.
fn number(text: &str) -> Result<u64, InvalidRange> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| InvalidRange)
    } else {
        Err(InvalidRange)
    }
}

/// A text that is no range, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid range")]
pub struct InvalidRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        for text in ["bytes=0-", "bytes=5-9", "bytes=-3"] {
            assert_eq!(text.parse::<ByteRange>().expect(text).to_string(), text);
        }
        for text in ["bytes 0-9/10", "bytes 5-9/*", "bytes */10"] {
            assert_eq!(text.parse::<ContentRange>().expect(text).to_string(), text);
        }
        assert_eq!("5-9".parse::<UploadRange>().expect("a range").to_string(), "5-9");
    }

    #[test]
    fn refuses_what_is_no_range() {
        for bad in [
            "",
            "bytes=",
            "bytes=-",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=+1-2",
            "0-1",
            "bytes=99999999999999999999-",
        ] {
            assert!(bad.parse::<ByteRange>().is_err(), "{bad}");
        }
        for bad in ["", "bytes 9-5/10", "bytes 0-10/10", "bytes 0-1", "0-1/2", "bytes */*"] {
            assert!(bad.parse::<ContentRange>().is_err(), "{bad}");
        }
        for bad in ["", "bytes=0-1", "bytes 0-1/2", "1-0", "-1", "0-"] {
            assert!(bad.parse::<UploadRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn resolves_against_a_size() {
        for (range, size, expected) in [
            ("bytes=0-", 10, Some((0, 10))),
            ("bytes=9-", 10, Some((9, 1))),
            ("bytes=10-", 10, None),
            ("bytes=2-4", 10, Some((2, 3))),
            ("bytes=2-400", 10, Some((2, 8))),
            ("bytes=0-18446744073709551615", 10, Some((0, 10))),
            ("bytes=-4", 10, Some((6, 4))),
            ("bytes=-40", 10, Some((0, 10))),
            ("bytes=-0", 10, None),
            ("bytes=0-0", 0, None),
            ("bytes=9-5", 10, None),
            ("Bytes=0-0", 10, Some((0, 1))),
        ] {
            assert_eq!(
                range.parse::<ByteRange>().expect(range).resolve(size),
                expected,
                "{range} of {size}"
            );
        }
    }

    #[test]
    fn measures_the_range_of_a_chunk() {
        assert_eq!(UploadRange { first: 5, last: 9 }.length(), Some(5));
        assert_eq!(UploadRange { first: 9, last: 5 }.length(), None);
        assert_eq!(UploadRange { first: 0, last: u64::MAX }.length(), None);
    }

    #[test]
    fn reads_what_an_upload_holds_however_it_is_spelled() {
        for (text, held) in [
            ("0-0", Some(0)),
            ("0-9", Some(10)),
            ("bytes=0-9", Some(10)),
            ("0--1", Some(0)),
            ("bytes=0--1", Some(0)),
            ("5-9", None),
            ("0-18446744073709551615", None),
            ("", None),
        ] {
            assert_eq!(UploadRange::parse_held(text), held, "{text}");
        }
        assert_eq!(UploadRange::print_held(0), "0-0");
        assert_eq!(UploadRange::print_held(10), "0-9");
    }
}

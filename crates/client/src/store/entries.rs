//! Reads a tarball entry by entry. What two readers could understand differently is refused.
//!
//! Known are ustar, GNU's long names and pax; sizes, names, links and times of extended headers
//! count. Sparse files, unknown types, global headers with a meaning, and headers that contradict
//! each other are errors, and so is anything malformed.

#[cfg(test)]
pub(crate) mod sample;

use std::io::{self, Read};

use tar::Header;

use crate::ErrorKind;

const BLOCK: usize = 512;

/// How many bytes one extended header may have: 1 MiB, as Go has it.
const MAX_EXTENDED: u64 = 1 << 20;

/// Why an archive is not read, or not further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("malformed archive: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("sparse files are not supported")]
    Sparse,
    #[error("{0} exceeds the limit")]
    TooLarge(&'static str),
    #[error("unexpected EOF")]
    Truncated,
    #[error("entries of type {0:#04x} are not supported")]
    UnknownType(u8),
}

impl Flaw {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge(_) => ErrorKind::LimitExceeded,
            Self::Sparse | Self::UnknownType(_) => ErrorKind::Unsupported,
            Self::Malformed(_) | Self::Read(_) | Self::Truncated => ErrorKind::Mismatch,
        }
    }
}

/// What a tarball is read from, front to back.
pub(crate) trait Tape: Read + Sized {
    /// Passes over bytes that nobody wants, and returns how many there were.
    fn pass(&mut self, count: u64) -> io::Result<u64> {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }
}

impl Tape for &[u8] {}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
    /// Another name of a file that came before.
    HardLink,
    /// A pipe or a device, which is not unpacked.
    Special,
    SymbolicLink,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Where a link leads.
    pub(crate) link: String,
    /// Permission bits and more.
    pub(crate) mode: u32,
    /// Seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// How many bytes follow.
    pub(crate) size: u64,
}

/// A tarball that is being read.
pub(crate) struct Entries<R> {
    reader: R,
    /// How many bytes of the entry are left, and how many that fill up its last block.
    left: u64,
    padding: u64,
}

/// What extended headers say of the entry behind them.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    modified: Option<(i64, u32)>,
    has_pax: bool,
}

impl<R: Tape> Entries<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, left: 0, padding: 0 }
    }

    /// Returns the next entry; nothing at the end of the archive. What is left of the entry before
    /// is skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Flaw> {
        self.skip()?;
        let mut extended = Extended::default();
        loop {
            let Some(header) = self.header()? else {
                return if extended.is_empty() {
                    Ok(None)
                } else {
                    malformed("nothing behind a header")
                };
            };
            let size = header.entry_size().map_err(|_| Flaw::Malformed("a size"))?;
            match header.as_bytes()[156] {
                b'L' => extended.set_name(self.text(size)?)?,
                b'K' => extended.set_link(self.text(size)?)?,
                b'x' => extended.read(&self.data(size)?)?,
                b'g' => check_global(&self.data(size)?)?,
                kind => {
                    let entry = extended.entry(kind, &header, size)?;
                    self.left = entry.size;
                    self.padding = entry.size.wrapping_neg() % BLOCK as u64;
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Returns what is read from; behind an entry's headers, it stands at the entry's first byte.
    pub(crate) fn tape(&self) -> &R {
        &self.reader
    }

    /// Reads from the entry; no bytes at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Flaw> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..room])?;
        if count == 0 {
            return Err(Flaw::Truncated);
        }
        self.left -= count as u64;
        Ok(count)
    }

    /// Reads everything behind the archive, which need not mean anything, and returns the reader.
    pub(crate) fn finish(mut self) -> Result<R, Flaw> {
        io::copy(&mut self.reader, &mut io::sink())?;
        Ok(self.reader)
    }

    fn skip(&mut self) -> Result<(), Flaw> {
        let wanted = self.left + self.padding;
        let skipped = self.reader.pass(wanted)?;
        (self.left, self.padding) = (0, 0);
        if skipped == wanted { Ok(()) } else { Err(Flaw::Truncated) }
    }

    /// Reads a header that is in order; nothing at the end, marked by two blocks of zeros or not.
    fn header(&mut self) -> Result<Option<Header>, Flaw> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block == [0; BLOCK] {
            return match self.block()? {
                Some(block) if block != [0; BLOCK] => malformed("a block of zeros inside"),
                _ => Ok(None),
            };
        }
        let header = Header::from_byte_slice(&block).clone();
        let sum =
            block[..148].iter().chain(&block[156..]).map(|&byte| u32::from(byte)).sum::<u32>();
        match header.cksum() {
            Ok(found) if found == sum + 8 * u32::from(b' ') => Ok(Some(header)),
            _ => malformed("a checksum"),
        }
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Flaw> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut block[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(Flaw::Truncated),
                count => filled += count,
            }
        }
        Ok(Some(block))
    }

    /// Reads the data of an extended header.
    fn data(&mut self, size: u64) -> Result<Vec<u8>, Flaw> {
        if size > MAX_EXTENDED {
            return Err(Flaw::TooLarge("an extended header"));
        }
        let mut data = Vec::new();
        (&mut self.reader).take(size).read_to_end(&mut data)?;
        if data.len() as u64 != size {
            return Err(Flaw::Truncated);
        }
        self.padding = size.wrapping_neg() % BLOCK as u64;
        self.skip()?;
        Ok(data)
    }

    /// Reads a text that ends at a NUL or at its end, as GNU's long names do.
    fn text(&mut self, size: u64) -> Result<String, Flaw> {
        let mut data = self.data(size)?;
        data.truncate(data.iter().position(|&byte| byte == 0).unwrap_or(data.len()));
        text(&data)
    }
}

impl Extended {
    fn is_empty(&self) -> bool {
        !self.has_pax && self.name.is_none() && self.link.is_none()
    }

    fn set_name(&mut self, name: String) -> Result<(), Flaw> {
        set(&mut self.name, name, "two long names")
    }

    fn set_link(&mut self, link: String) -> Result<(), Flaw> {
        set(&mut self.link, link, "two long links")
    }

    /// Reads the records of a pax header.
    fn read(&mut self, data: &[u8]) -> Result<(), Flaw> {
        if std::mem::replace(&mut self.has_pax, true) {
            return malformed("two extended headers");
        }
        for (key, value) in records(data)? {
            match key.as_str() {
                _ if value.is_empty() => {}
                "path" => self.set_name(value)?,
                "linkpath" => self.set_link(value)?,
                "size" => set(&mut self.size, number(&value)?, "two sizes")?,
                "mtime" => set(&mut self.modified, time(&value)?, "two times")?,
                _ if key.starts_with("GNU.sparse.") => return Err(Flaw::Sparse),
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts together what the headers say.
    fn entry(self, kind: u8, header: &Header, size: u64) -> Result<Entry, Flaw> {
        let size = match self.size {
            Some(stated) if size != 0 && size != stated => return malformed("two sizes"),
            stated => stated.unwrap_or(size),
        };
        let name = match self.name {
            Some(name) => name,
            None => text(&header.path_bytes())?,
        };
        let link = match self.link {
            Some(link) => link,
            None => text(&header.link_name_bytes().unwrap_or_default())?,
        };
        if name.contains('\0') || link.contains('\0') {
            return malformed("a NUL in a name");
        }
        let kind = kind_of(kind, &name)?;
        if kind != Kind::File && size != 0 {
            return malformed("bytes of what is no file");
        }
        let modified = match self.modified {
            Some(modified) => modified,
            None => (header.mtime().map_err(|_| Flaw::Malformed("a time"))?.cast_signed(), 0),
        };
        let mode = header.mode().map_err(|_| Flaw::Malformed("a mode"))?;
        Ok(Entry { kind, name, link, mode, modified, size })
    }
}

fn kind_of(kind: u8, name: &str) -> Result<Kind, Flaw> {
    match kind {
        b'\0' if name.ends_with('/') => Ok(Kind::Directory),
        b'0' if name.ends_with('/') => malformed("a file with the name of a directory"),
        b'0' | b'\0' => Ok(Kind::File),
        b'1' => Ok(Kind::HardLink),
        b'2' => Ok(Kind::SymbolicLink),
        b'3' | b'4' | b'6' => Ok(Kind::Special),
        b'5' => Ok(Kind::Directory),
        b'S' => Err(Flaw::Sparse),
        _ => Err(Flaw::UnknownType(kind)),
    }
}

/// Lets a global header pass that says nothing about the entries, such as that of `git archive`.
fn check_global(data: &[u8]) -> Result<(), Flaw> {
    if records(data)?.iter().all(|(key, _)| key == "comment") {
        Ok(())
    } else {
        malformed("a global header")
    }
}

/// Splits `length key=value` lines.
fn records(mut data: &[u8]) -> Result<Vec<(String, String)>, Flaw> {
    let bad = || Flaw::Malformed("an extended header");
    let mut records = Vec::new();
    while !data.is_empty() {
        let blank = data.iter().take(20).position(|&byte| byte == b' ').ok_or_else(bad)?;
        let length = usize::try_from(number(&text(&data[..blank])?)?).map_err(|_| bad())?;
        let line = data.get(blank + 1..length).ok_or_else(bad)?;
        let (Some(b'\n'), Some(equals)) = (line.last(), line.iter().position(|&byte| byte == b'='))
        else {
            return Err(bad());
        };
        let key = text(&line[..equals])?;
        // Only of these does the value matter, so only there must it be text.
        let matters = matches!(key.as_str(), "path" | "linkpath" | "size" | "mtime");
        let value = &line[equals + 1..line.len() - 1];
        let value = if matters { text(value)? } else { String::from("other") };
        records.push((key, value));
        data = &data[length..];
    }
    Ok(records)
}

fn number(text: &str) -> Result<u64, Flaw> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return malformed("a number");
    }
    text.parse().map_err(|_| Flaw::Malformed("a number"))
}

/// Reads seconds with a fraction, of which nine digits count.
fn time(text: &str) -> Result<(i64, u32), Flaw> {
    let (is_negative, digits) =
        text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let seconds = i64::try_from(number(seconds)?).map_err(|_| Flaw::Malformed("a time"))?;
    number(&fraction[..fraction.len().min(9)])?;
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().unwrap_or_default();
    Ok(match (is_negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

fn text(bytes: &[u8]) -> Result<String, Flaw> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => malformed("a name that is not UTF-8"),
    }
}

fn set<T>(place: &mut Option<T>, value: T, twice: &'static str) -> Result<(), Flaw> {
    if place.replace(value).is_some() { malformed(twice) } else { Ok(()) }
}

fn malformed<T>(what: &'static str) -> Result<T, Flaw> {
    Err(Flaw::Malformed(what))
}

#[cfg(test)]
mod tests;

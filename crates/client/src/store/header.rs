//! The headers of a tarball as Go writes them: ustar where everything fits, else pax.
//!
//! See [pax](https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13).

use std::collections::BTreeMap;

/// How long a header is, and what the bytes of a file are filled up to.
pub(crate) const LENGTH: usize = 512;

/// The first number that eleven octal digits cannot hold.
const TOO_LARGE: u64 = 1 << 33;

const NAME: usize = 100;
const PREFIX: usize = 155;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File = b'0' as isize,
    SymbolicLink = b'2' as isize,
    CharacterDevice = b'3' as isize,
    BlockDevice = b'4' as isize,
    Directory = b'5' as isize,
    Pipe = b'6' as isize,
}

/// One entry. The owner is always nobody in particular: user 0, group 0, no names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) link: &'a str,
    pub(crate) device: (u32, u32),
}

/// Writes the header of an entry, with an extended header before it if it needs one.
pub(crate) fn encode(entry: &Entry<'_>) -> Vec<u8> {
    let split = split(entry.name);
    let records = records(entry);
    let fits = |key: &str| key == "path" && split.is_some();
    if records.keys().all(|key| fits(key)) {
        let (prefix, name) = split.unwrap_or(("", entry.name));
        return main_header(entry, prefix, name).to_vec();
    }
    let mut out = extended(entry.name, &records);
    out.extend_from_slice(&main_header(entry, "", entry.name));
    out
}

/// Collects the fields that have no room in the main header.
fn records(entry: &Entry<'_>) -> BTreeMap<&'static str, String> {
    let mut records = BTreeMap::new();
    for (key, text) in [("path", entry.name), ("linkpath", entry.link)] {
        if !is_plain(text) || text.len() > NAME {
            records.insert(key, text.to_owned());
        }
    }
    if entry.size >= TOO_LARGE {
        records.insert("size", entry.size.to_string());
    }
    if u64::try_from(entry.modified).is_err() || entry.modified.unsigned_abs() >= TOO_LARGE {
        records.insert("mtime", entry.modified.to_string());
    }
    records
}

/// Splits a long name at a slash, so that both parts have room.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME || !is_plain(name) {
        return None;
    }
    let window = if name.len() > PREFIX + 1 { PREFIX + 1 } else { name.len() };
    let slash = name[..window].rfind('/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (slash > 0 && !rest.is_empty() && rest.len() <= NAME && prefix.len() <= PREFIX)
        .then_some((prefix, rest))
}

fn main_header(entry: &Entry<'_>, prefix: &str, name: &str) -> [u8; LENGTH] {
    let mut block = [0; LENGTH];
    put_text(&mut block[0..100], name);
    put_octal(&mut block[100..108], entry.mode.into());
    put_octal(&mut block[108..116], 0);
    put_octal(&mut block[116..124], 0);
    put_octal(&mut block[124..136], entry.size);
    put_octal(&mut block[136..148], u64::try_from(entry.modified).unwrap_or(0));
    block[156] = entry.kind as u8;
    put_text(&mut block[157..257], entry.link);
    put_octal(&mut block[329..337], entry.device.0.into());
    put_octal(&mut block[337..345], entry.device.1.into());
    put_text(&mut block[345..500], prefix);
    sealed(block)
}

/// Writes an extended header and its records. It has the name of the entry, marked.
fn extended(name: &str, records: &BTreeMap<&'static str, String>) -> Vec<u8> {
    let data: String = records.iter().map(|(key, value)| record(key, value)).collect();
    let (directory, file) = name.rsplit_once('/').map_or(("", name), |(d, f)| (d, f));
    let is_absolute = name.starts_with('/');
    let directory = directory.trim_matches('/');
    let slash = if directory.is_empty() { "" } else { "/" };
    let root = if is_absolute { "/" } else { "" };
    let marked = format!("{root}{directory}{slash}PaxHeaders.0/{file}");
    let marked = plain(&marked);
    let marked = marked[..marked.len().min(NAME)].trim_end_matches('/');
    let mut block = [0; LENGTH];
    put_text(&mut block[0..100], marked);
    for field in [100..108, 108..116, 116..124] {
        put_octal(&mut block[field], 0);
    }
    put_octal(&mut block[124..136], data.len() as u64);
    put_octal(&mut block[136..148], 0);
    block[156] = b'x';
    let mut out = sealed(block).to_vec();
    out.extend_from_slice(data.as_bytes());
    out.resize(out.len().next_multiple_of(LENGTH), 0);
    out
}

/// Writes `length key=value`, where the length counts its own digits.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    loop {
        let text = format!("{length}{rest}");
        if text.len() == length {
            return text;
        }
        length = text.len();
    }
}

/// Adds the magic and the checksum.
fn sealed(mut block: [u8; LENGTH]) -> [u8; LENGTH] {
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    put_octal(&mut block[148..155], sum);
    block
}

fn put_text(field: &mut [u8], text: &str) {
    let text = plain(text);
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
    if text.len() > field.len() && text.as_bytes()[length - 1] == b'/' {
        // A slash in the end would make old readers see a directory.
        let kept = text[..length].trim_end_matches('/').len();
        field[kept] = 0;
    }
}

/// Writes a number with leading zeros and a NUL behind; one that has no room becomes 0.
fn put_octal(field: &mut [u8], number: u64) {
    let digits = field.len() - 1;
    let number = if number >> (3 * digits) == 0 { number } else { 0 };
    let text = format!("{number:0digits$o}");
    field[..digits].copy_from_slice(text.as_bytes());
    field[digits] = 0;
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && byte != 0)
}

/// Leaves out what is not ASCII.
fn plain(text: &str) -> String {
    text.chars().filter(|character| character.is_ascii() && *character != '\0').collect()
}

#[cfg(test)]
mod tests {
    use oras_spec::Digest;

    use super::*;

    fn file(name: &str) -> Entry<'_> {
        Entry {
            name,
            kind: Kind::File,
            mode: 0o644,
            size: 0,
            modified: 1_600_000_000,
            link: "",
            device: (0, 0),
        }
    }

    /// Holds a header against the length and the beginning of the digest of what Go 1.26 writes for
    /// the same header.
    #[track_caller]
    fn check(entry: &Entry<'_>, length: usize, digest: &str) {
        let bytes = encode(entry);
        assert_eq!(bytes.len(), length, "{entry:?}");
        assert_eq!(Digest::of(&bytes).encoded()[..16], *digest, "{entry:?}");
    }

    #[test]
    fn writes_names_as_go_does() {
        let path = |first: usize, second: &str| format!("{}/{second}", "d".repeat(first));
        check(&file("dir/a"), 512, "6e3e9d6c501c586a");
        check(&file(&"n".repeat(100)), 512, "b0022269ca9a5d00");
        check(&file(&"n".repeat(101)), 1536, "d96266b0526d92be");
        check(&file(&path(100, &"n".repeat(100))), 512, "ad044f45ad8184c1");
        check(&file(&path(100, &"n".repeat(101))), 1536, "0165bc70e894b07c");
        check(&file("dir/ünïcödé 😀"), 1536, "6246908ac2b95972");
        check(&file("/abs/ü"), 1536, "147a0da91397f04d");
        let beyond = format!("{}ü", "e".repeat(30));
        check(&file(&path(88, &beyond)), 1536, "87816ae37b3c89c7");
        check(&file(&path(99, &beyond)), 1536, "850924f77d340b37");
    }

    #[test]
    fn writes_fields_as_go_does() {
        check(&Entry { size: (1 << 33) - 1, ..file("nearly") }, 512, "24fd1a37e827a8e1");
        check(&Entry { size: 1 << 33, ..file("big") }, 1536, "55d26357447cbc47");
        let name = format!("{}/{}", "d".repeat(100), "n".repeat(50));
        check(&Entry { size: 1 << 33, ..file(&name) }, 1536, "dd95f0c59399bbc6");
        check(&Entry { modified: -1, ..file("old") }, 1536, "eee8fa66b664dae9");
        check(&Entry { modified: 1 << 33, ..file("future") }, 1536, "1381f29f25b0418c");
        check(&Entry { mode: 0o7755, ..file("s") }, 512, "bf2c56d9ad3e490f");
        let device = Entry { kind: Kind::CharacterDevice, device: (1, 3), ..file("null") };
        check(&device, 512, "1cda5825aa09a322");
        let long = "l".repeat(101);
        let link = |link| Entry { kind: Kind::SymbolicLink, mode: 0o777, link, ..file("link") };
        check(&link(&long), 1536, "c0799e10d0d01712");
        check(&link("ü"), 1536, "c023e178ccbc48bf");
    }
}

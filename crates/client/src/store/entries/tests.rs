//! Honest archives are read as other readers read them; of the others none is.

use super::sample::Archive;
use super::*;

type Listed = Vec<(Kind, String, String, String)>;

/// Reads everything.
fn list(bytes: &[u8]) -> Result<Listed, String> {
    let mut entries = Entries::new(bytes);
    let mut found = Vec::new();
    while let Some(entry) = entries.next().map_err(|refusal| refusal.to_string())? {
        let mut data = Vec::new();
        let mut buffer = [0; 100];
        loop {
            match entries.read(&mut buffer).map_err(|refusal| refusal.to_string())? {
                0 => break,
                count => data.extend_from_slice(&buffer[..count]),
            }
        }
        let data = String::from_utf8_lossy(&data).into_owned();
        found.push((entry.kind, entry.name, entry.link, data));
    }
    Ok(found)
}

fn file(name: &str, data: &str) -> (Kind, String, String, String) {
    (Kind::File, name.into(), String::new(), data.into())
}

#[test]
fn reads_every_kind_of_entry() {
    let long = "x".repeat(600);
    let bytes = Archive::default()
        .directory("d/")
        .file("d/f", &long)
        .entry(b'\0', "old", "", b"1")
        .entry(b'\0', "old directory/", "", b"")
        .hard_link("h", "d/f")
        .symlink("s", "d")
        .entry(b'6', "pipe", "", b"")
        .file("empty", "")
        .end();
    let other = |kind, name: &str, link: &str| (kind, name.into(), link.into(), String::new());
    assert_eq!(
        list(&bytes),
        Ok(vec![
            other(Kind::Directory, "d/", ""),
            file("d/f", &long),
            file("old", "1"),
            other(Kind::Directory, "old directory/", ""),
            other(Kind::HardLink, "h", "d/f"),
            other(Kind::SymbolicLink, "s", "d"),
            other(Kind::Special, "pipe", ""),
            file("empty", ""),
        ])
    );
}

#[test]
fn extended_headers_say_more() {
    let name = "ü".repeat(300);
    let link = "l".repeat(300);
    let bytes = Archive::default()
        .pax(&[("path", &name), ("mtime", "-1.25"), ("size", "3"), ("uid", "7"), ("a.b", "c")])
        .changed(b'0', "cut", b"", |header| header.set_size(0));
    let mut bytes = bytes.0;
    bytes.extend_from_slice(b"abc");
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    let bytes = Archive(bytes)
        .pax(&[("linkpath", &link), ("path", "")])
        .symlink("s", "cut")
        .entry(b'L', "././@LongLink", "", format!("{name}\0").as_bytes())
        .entry(b'K', "././@LongLink", "", link.as_bytes())
        .hard_link("cut", "cut")
        .entry(b'g', "pax_global_header", "", b"18 comment=abcdef\n")
        .file("last", "1")
        .end();
    assert_eq!(
        list(&bytes),
        Ok(vec![
            file(&name, "abc"),
            (Kind::SymbolicLink, "s".into(), link.clone(), String::new()),
            (Kind::HardLink, name.clone(), link.clone(), String::new()),
            file("last", "1"),
        ])
    );
    let first = Entries::new(&bytes[..]).next().expect("read").expect("there");
    assert_eq!(first.modified, (-2, 750_000_000));
}

#[test]
fn ends_with_two_blocks_of_zeros_with_one_or_with_none() {
    let archive = Archive::default().file("a", "1");
    for zeros in [0, 512, 1024, 4096] {
        let mut bytes = archive.0.clone();
        bytes.resize(bytes.len() + zeros, 0);
        assert_eq!(list(&bytes), Ok(vec![file("a", "1")]));
    }
    let mut bytes = archive.clone().end();
    bytes.extend_from_slice(b"whatever follows is not read as an entry");
    assert_eq!(list(&bytes), Ok(vec![file("a", "1")]));
    let mut bytes = archive.0.clone();
    bytes.resize(bytes.len() + 512, 0);
    bytes.extend_from_slice(&archive.0);
    assert_eq!(list(&bytes), Err("malformed archive: a block of zeros inside".into()));
}

#[test]
fn an_archive_that_is_cut_is_noticed_wherever() {
    let bytes = Archive::default().pax(&[("path", "long")]).file("a", "1").0;
    for length in 1..bytes.len() {
        assert!(list(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let empty = Archive::default;
    let sizes = |stated: &str| empty().pax(&[("size", stated)]).file("a", "123").end();
    let mut damaged = empty().file("a", "1").end();
    damaged[0] = b'b';
    let huge = |header: &mut Header| header.set_size(1 << 30);
    for (what, bytes) in [
        ("sizes that contradict", sizes("512")),
        ("a size that is no number", sizes("0x3")),
        ("a size beyond numbers", sizes("99999999999999999999")),
        ("two paths", empty().pax(&[("path", "a"), ("path", "b")]).file("c", "").end()),
        (
            "two extended headers",
            empty().pax(&[("path", "a")]).pax(&[("uid", "1")]).file("c", "").end(),
        ),
        (
            "GNU's and pax' name",
            empty().pax(&[("path", "a")]).entry(b'L', "", "", b"b").file("c", "").end(),
        ),
        (
            "two long names",
            empty().entry(b'L', "", "", b"a").entry(b'L', "", "", b"b").file("c", "").end(),
        ),
        ("a header for nothing", empty().pax(&[("path", "a")]).end()),
        ("a global name", empty().entry(b'g', "", "", b"10 path=x\n").file("c", "").end()),
        ("a record too long", empty().entry(b'x', "", "", b"11 path=x\n").file("c", "").end()),
        ("a record too short", empty().entry(b'x', "", "", b"8 path=x\n").file("c", "").end()),
        ("a record without value", empty().entry(b'x', "", "", b"7 path\n").file("c", "").end()),
        ("a record without length", empty().entry(b'x', "", "", b"path=x\n").file("c", "").end()),
        ("a NUL in a path", empty().pax(&[("path", "a\0b")]).file("c", "").end()),
        ("a time that is none", empty().pax(&[("mtime", "now")]).file("c", "").end()),
        ("a wrong checksum", damaged),
        ("a directory with bytes", empty().entry(b'5', "d", "", b"1").end()),
        ("a link with bytes", empty().entry(b'1', "d", "c", b"1").end()),
        ("a file like a directory", empty().entry(b'0', "d/", "", b"1").end()),
        ("a sparse file", empty().entry(b'S', "s", "", b"").end()),
        (
            "a sparse file in pax",
            empty().pax(&[("GNU.sparse.realsize", "1152921504606846976")]).file("c", "").end(),
        ),
        ("another volume", empty().entry(b'M', "m", "", b"").end()),
        (
            "a name that is not UTF-8",
            empty().changed(b'0', "n", b"", |h| h.as_mut_bytes()[0] = 0xff).end(),
        ),
        ("a header of a gigabyte", empty().changed(b'x', "n", b"", huge).end()),
        ("a name of a gigabyte", empty().changed(b'L', "n", b"", huge).end()),
        (
            "a size of all bits",
            empty().changed(b'0', "n", b"", |h| h.as_mut_bytes()[124..136].fill(0xff)).end(),
        ),
        (
            "a size that is no octal number",
            empty().changed(b'0', "n", b"", |h| h.as_mut_bytes()[124] = b'9').end(),
        ),
    ] {
        assert!(list(&bytes).is_err(), "{what}: {:?}", list(&bytes));
    }
}

proptest::proptest! {
    /// No bytes make it panic, loop, or read more than there is.
    #[test]
    fn no_damage_does_harm(damage in proptest::collection::vec((0_usize..4096, 0_u8..=255), 0..8)) {
        let mut bytes = Archive::default()
            .pax(&[("path", "long"), ("size", "3")])
            .file("a", "123")
            .entry(b'L', "", "", b"longer")
            .symlink("s", "a")
            .end();
        for (place, byte) in damage {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        drop(list(&bytes));
    }
}

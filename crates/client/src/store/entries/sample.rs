//! Archives for tests, honest and otherwise, made of raw headers.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Header;

/// An archive that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

impl Archive {
    /// Adds an entry: its header, its bytes, and what fills up the last block.
    pub(crate) fn entry(mut self, kind: u8, name: &str, link: &str, data: &[u8]) -> Self {
        self.change(kind, name, link, data, |_| ());
        self
    }

    /// Adds a file.
    pub(crate) fn file(self, name: &str, data: &str) -> Self {
        self.entry(b'0', name, "", data.as_bytes())
    }

    /// Adds a directory.
    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(b'5', name, "", b"")
    }

    /// Adds a symbolic link.
    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, target, b"")
    }

    /// Adds another name of a file.
    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name, target, b"")
    }

    /// Adds an extended header of these records.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let mut data = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..=rest.len() + 20).find(|n| n.to_string().len() + rest.len() == *n);
            data += &length.expect("there is one").to_string();
            data += &rest;
        }
        self.entry(b'x', "pax", "", data.as_bytes())
    }

    /// Adds an entry with a header that is changed before it is sealed.
    pub(crate) fn changed(
        mut self,
        kind: u8,
        name: &str,
        data: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Self {
        self.change(kind, name, "", data, change);
        self
    }

    fn change(
        &mut self,
        kind: u8,
        name: &str,
        link: &str,
        data: &[u8],
        change: impl FnOnce(&mut Header),
    ) {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.as_mut_bytes()[156] = kind;
        header.set_mode(if kind == b'5' { 0o755 } else { 0o644 });
        header.set_mtime(1_600_000_000);
        header.set_size(data.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    /// Ends the archive.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// Ends the archive and compresses it.
    pub(crate) fn gzip(self) -> Vec<u8> {
        gzip(&self.end())
    }
}

/// Compresses bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

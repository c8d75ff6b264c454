//! Packs a directory: the tarball that Go's `oras` writes, byte for byte, in gzip.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::{Compression, GzBuilder, write::GzEncoder};
use oras_spec::{Algorithm, Digest, Hasher};
use rustix::fs::{Mode, OFlags};

use super::EntryMetadata;
use crate::store::directory::of_file;
pub(super) use crate::store::header::Kind;
use crate::store::header::{self, Entry};
use crate::store::reader::{Reading, Stamp, changed};
use crate::{Error, ErrorKind, Result};

/// How many bytes the compressor gets at a time. Its output depends on this: never change it.
const BLOCK: usize = 64 * 1024;

/// A packed directory.
pub(super) struct Tarball {
    /// The gzip file, which has no name.
    pub(super) reading: Reading,
    /// The digest of the gzip file.
    pub(super) digest: Digest,
    /// The digest of the tarball inside.
    pub(super) content: Digest,
}

/// Packs what stands at `path`, under the name `prefix`, into a nameless file in `temporary`.
///
/// Everything below goes in, in the order of names' bytes. Links are packed as links, several names
/// of one file as several files; of pipes and devices only the name; sockets are an error. What is
/// kept of times and permissions is said by `kept`.
pub(super) fn pack(
    path: &Path,
    prefix: &str,
    temporary: &Path,
    kept: EntryMetadata,
) -> Result<Tarball> {
    let file = tempfile::tempfile_in(temporary)
        .map_err(|error| of_file("make a file in", temporary, error))?;
    let copy = file.try_clone().map_err(|error| of_file("dup", temporary, error))?;
    let mut tape = Tape::new(copy, temporary, kept);
    walk(path, prefix, &mut tape)?;
    let (digest, content) = tape.finish()?;
    let reading = Reading::of(Arc::new(file), path)?;
    Ok(Tarball { reading, digest, content })
}

/// Visits a directory and everything below it, each before what comes behind it.
fn walk(root: &Path, prefix: &str, tape: &mut Tape<'_>) -> Result<()> {
    let metadata = root.metadata().map_err(|error| of_file("stat", root, error))?;
    let mut left = vec![(root.to_owned(), prefix.to_owned(), metadata)];
    while let Some((path, name, metadata)) = left.pop() {
        add(&path, &name, &metadata, tape)?;
        if !metadata.is_dir() {
            continue;
        }
        for child in children(&path)?.into_iter().rev() {
            let path = path.join(&child);
            let metadata =
                path.symlink_metadata().map_err(|error| of_file("lstat", &path, error))?;
            let name = if name == "." { child } else { format!("{name}/{child}") };
            left.push((path, name, metadata));
        }
    }
    Ok(())
}

/// Lists the names in a directory in the order of their bytes.
fn children(path: &Path) -> Result<Vec<String>> {
    let failed = |error| of_file("open", path, error);
    let mut names = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.into_string().map_err(|name| not_text(&path.join(name)))?);
    }
    names.sort_unstable();
    Ok(names)
}

/// Writes one entry, and the bytes of a file behind it.
fn add(path: &Path, name: &str, metadata: &Metadata, tape: &mut Tape<'_>) -> Result<()> {
    let file_type = metadata.file_type();
    let (kind, link) = if file_type.is_file() {
        return add_file(path, name, tape);
    } else if file_type.is_dir() {
        (Kind::Directory, PathBuf::new())
    } else if file_type.is_symlink() {
        let link = path.read_link().map_err(|error| of_file("readlink", path, error))?;
        (Kind::SymbolicLink, link)
    } else if file_type.is_fifo() {
        (Kind::Pipe, PathBuf::new())
    } else if file_type.is_char_device() {
        (Kind::CharacterDevice, PathBuf::new())
    } else if file_type.is_block_device() {
        (Kind::BlockDevice, PathBuf::new())
    } else {
        let message = format!("{}: archive/tar: sockets not supported", path.display());
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    let link = link.to_str().ok_or_else(|| not_text(path))?;
    tape.write(&header::encode(&Entry { link, ..tape.entry(name, kind, metadata) }))
}

fn add_file(path: &Path, name: &str, tape: &mut Tape<'_>) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let failed = |error: io::Error| of_file("open", path, error);
    let file: File =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?.into();
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(changed(path));
    }
    let stamp = Stamp::of(&file, path)?;
    let size = metadata.len();
    tape.write(&header::encode(&Entry { size, ..tape.entry(name, Kind::File, &metadata) }))?;
    let mut left = size;
    let mut buffer = vec![0; BLOCK];
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(BLOCK));
        let count =
            (&file).read(&mut buffer[..wanted]).map_err(|error| of_file("read", path, error))?;
        if count == 0 {
            return Err(changed(path));
        }
        tape.write(&buffer[..count])?;
        left -= count as u64;
    }
    if Stamp::of(&file, path)? != stamp {
        return Err(changed(path));
    }
    tape.pad(size)
}

fn not_text(path: &Path) -> Error {
    let name = path.as_os_str().as_bytes().escape_ascii();
    Error::new(ErrorKind::Invalid, format!("{name}: the name is not UTF-8"))
}

/// What the tarball is written to: hashed, compressed block by block, hashed again, and stored.
struct Tape<'a> {
    block: Vec<u8>,
    content: Hasher,
    gzip: GzEncoder<Hashed>,
    place: &'a Path,
    kept: EntryMetadata,
}

impl<'a> Tape<'a> {
    fn new(file: File, place: &'a Path, kept: EntryMetadata) -> Self {
        let file = Hashed { file, hasher: Algorithm::Sha256.hasher() };
        Self {
            block: Vec::with_capacity(BLOCK),
            content: Algorithm::Sha256.hasher(),
            // No name, no time, system 255: the header is the same ten bytes always.
            gzip: GzBuilder::new().operating_system(255).write(file, Compression::default()),
            place,
            kept,
        }
    }

    /// Fills in the fields that every kind of entry has.
    fn entry<'n>(&self, name: &'n str, kind: Kind, metadata: &Metadata) -> Entry<'n> {
        let up = i64::from(metadata.mtime_nsec() >= 500_000_000);
        let device = metadata.rdev();
        Entry {
            name,
            kind,
            mode: self.kept.mode(metadata.mode() & 0o7777, kind),
            size: 0,
            modified: self.kept.modified(metadata.mtime() + up),
            link: "",
            device: (rustix::fs::major(device), rustix::fs::minor(device)),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Fills up the last 512 bytes of a file of `size` bytes.
    fn pad(&mut self, size: u64) -> Result<()> {
        let zeros = [0; header::LENGTH];
        let over = usize::try_from(size % header::LENGTH as u64).unwrap_or_default();
        if over == 0 { Ok(()) } else { self.write(&zeros[over..]) }
    }

    fn flush(&mut self) -> Result<()> {
        self.content.update(&self.block);
        self.gzip
            .write_all(&self.block)
            .map_err(|error| of_file("write to a file in", self.place, error))?;
        self.block.clear();
        Ok(())
    }

    /// Ends the tarball and returns the digests of the gzip file and of the tarball.
    fn finish(mut self) -> Result<(Digest, Digest)> {
        self.write(&[0; 2 * header::LENGTH])?;
        self.flush()?;
        let place = self.place;
        let hashed =
            self.gzip.finish().map_err(|error| of_file("write to a file in", place, error))?;
        Ok((hashed.hasher.finish(), self.content.finish()))
    }
}

struct Hashed {
    file: File,
    hasher: Hasher,
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;

//! Drafts that another process may go on with: found again by the digest they are to have.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use oras_spec::image::Descriptor;
use oras_spec::{Digest, Hasher};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::directory::{Directory, file_type, of_file};
use super::draft::{Draft, PREFIX, SUFFIX};
use super::journal::{self, Journal};
use crate::Result;

/// How large content must be that another process may go on with, in bytes: 8 MiB. What is smaller
/// is fetched again in the time that it takes to look for it.
const MIN_SIZE: u64 = 8 * 1024 * 1024;

/// How many digits of a digest are in a name.
const DIGITS: usize = 32;

/// How long nobody may have written to a draft before a sweep removes it.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// How many bytes are read at a time.
const CHUNK: usize = 256 * 1024;

/// Returns how many bytes of `descriptor` are in a draft that was left behind in `directory`.
///
/// A hint: what comes of it is decided when the draft is [begun](begin).
pub(crate) fn left_behind(directory: &Directory, descriptor: &Descriptor) -> u64 {
    if descriptor.size < MIN_SIZE {
        return 0;
    }
    match directory.stat(name_of(&descriptor.digest)) {
        Ok(Some(stat)) if is_ours(&stat) => {
            let length = length(&stat);
            if length > descriptor.size { 0 } else { length }
        }
        _ => 0,
    }
}

/// Opens a draft for `descriptor`, which will be called `name`: one that was left behind if there
/// is one that nobody works on, else an empty one. Returns the hash of what is in it, too.
pub(crate) fn begin(
    directory: &Directory,
    descriptor: &Descriptor,
    name: &OsStr,
) -> Result<(Draft, Hasher)> {
    if descriptor.size >= MIN_SIZE
        && let Some(found) = take_up(directory, descriptor)?
    {
        return Ok(found);
    }
    let draft = Draft::create_for(directory, 0o666, name)?;
    Ok((draft, descriptor.digest.algorithm().hasher()))
}

/// Opens or makes the one draft of a digest; nothing if somebody else works on it, or if it is not
/// one of ours.
fn take_up(directory: &Directory, descriptor: &Descriptor) -> Result<Option<(Draft, Hasher)>> {
    let name = name_of(&descriptor.digest);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    let Ok(handle) = rustix::fs::openat(directory.handle(), &name, flags, mode) else {
        // Whatever is in the way: an ordinary draft says it better.
        return Ok(None);
    };
    let mut file = File::from(handle);
    if !lock(directory, &name, &file)? {
        return Ok(None);
    }
    let stat = stat(directory, &name, &file)?;
    let failed = |verb, error| of_file(verb, &directory.path_of(&name), error);
    let mut length = length(&stat);
    if length > descriptor.size {
        file.set_len(0).map_err(|error| failed("truncate", error))?;
        length = 0;
    }
    let mut journal = Journal::new(directory, journal::name_of(&name), descriptor, stat.st_ino);
    let noted = journal.read().filter(|(offset, _)| *offset <= length);
    let (offset, mut hasher) = noted.unwrap_or_else(|| (0, descriptor.digest.algorithm().hasher()));
    hash(&file, offset..length, &mut hasher).map_err(|error| failed("read", error))?;
    file.seek(SeekFrom::Start(length)).map_err(|error| failed("seek", error))?;
    Ok(Some((Draft::of(directory, name, file, length).journaled(journal), hasher)))
}

/// Locks a draft; `false` if somebody else has, or has just finished it, or it is not ours.
fn lock(directory: &Directory, name: &OsStr, file: &File) -> Result<bool> {
    let lock = FlockOperation::NonBlockingLockExclusive;
    // Without locks nobody could tell who works on it.
    if rustix::fs::flock(file, lock).is_err() {
        return Ok(false);
    }
    let opened = stat(directory, name, file)?;
    let named = directory.stat(name).ok().flatten();
    let is_there =
        named.is_some_and(|named| (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino));
    Ok(is_there && is_ours(&opened))
}

/// Tells whether a file can be a draft that we made: one that others made, or have another name
/// for, they could change after we have checked it.
fn is_ours(stat: &Stat) -> bool {
    file_type(stat) == FileType::RegularFile
        && stat.st_uid == rustix::process::geteuid().as_raw()
        && stat.st_nlink == 1
}

fn length(stat: &Stat) -> u64 {
    stat.st_size.try_into().unwrap_or_default()
}

fn stat(directory: &Directory, name: &OsStr, file: &File) -> Result<Stat> {
    rustix::fs::fstat(file).map_err(|error| of_file("stat", &directory.path_of(name), error))
}

fn hash(file: &File, range: std::ops::Range<u64>, hasher: &mut Hasher) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut at = range.start;
    while at < range.end {
        let room = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
        file.read_exact_at(&mut buffer[..room], at)?;
        hasher.update(&buffer[..room]);
        at += room as u64;
    }
    Ok(())
}

fn name_of(digest: &Digest) -> OsString {
    format!("{PREFIX}{}{SUFFIX}", &digest.encoded()[..DIGITS]).into()
}

/// Tells whether `name` is that of a draft that may be gone on with, or of its journal.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let draft = name.strip_suffix(b".journal").unwrap_or(name);
    draft
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()))
        .is_some_and(|middle| middle.len() == DIGITS && middle.iter().all(u8::is_ascii_hexdigit))
}

/// Removes a draft, or a journal, that nobody has written to for long. Best effort.
pub(crate) fn sweep(directory: &Directory, name: &OsStr) {
    if !is_name(name.as_bytes()) {
        return;
    }
    let Ok(file) = directory.read(name) else { return };
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    let lock = FlockOperation::NonBlockingLockExclusive;
    if age.is_some_and(|age| age > MAX_AGE)
        && rustix::fs::flock(&file, lock) != Err(Errno::WOULDBLOCK)
    {
        directory.remove(name).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;

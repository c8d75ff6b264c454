//! The file of a `config.json`: read whole, replaced whole, by one process at a time.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::system_text;
use crate::{Error, ErrorKind, Result};

/// How long to wait for other processes to finish with the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(5);
/// As many links as Linux follows.
const MAX_LINKS: usize = 40;
/// How often somebody who knows no lock may come in between.
const MAX_ROUNDS: usize = 20;

/// Reads the file; nothing if it is not there.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("open", path, &error)),
    }
}

/// Returns who may do what with the file; nothing if it is not there.
pub(super) fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|data| data.mode())
}

/// Replaces the text of the file by what `edit` makes of it, or leaves it alone if `edit` makes
/// nothing. Directories that are missing are made; the file a link leads to is what is replaced.
pub(super) fn replace(path: &Path, edit: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>) -> Result<()> {
    let path = followed(path)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| failed("create directory for", &path, &error))?;
    let _lock = Lock::take(&path)?;
    for _ in 0..MAX_ROUNDS {
        let before = state(&path);
        let Some(text) = edit(&read(&path)?)? else { return Ok(()) };
        let mut temporary = tempfile::Builder::new()
            .prefix("oras_credstore_temp_")
            .tempfile_in(&directory)
            .map_err(|error| failed("write", &path, &error))?;
        let write = temporary.write_all(&text).and_then(|()| temporary.as_file().sync_all());
        write.map_err(|error| failed("write", &path, &error))?;
        // Other tools write the file without our lock.
        if state(&path) != before {
            continue;
        }
        temporary.persist(&path).map_err(|error| failed("write", &path, &error.error))?;
        let synced = File::open(&directory).and_then(|directory| directory.sync_all());
        return synced.map_err(|error| failed("write", &path, &error));
    }
    Err(Error::new(ErrorKind::Io, format!("{} keeps changing", path.display())))
}

/// What changes when a file does.
fn state(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let parts = |data: Metadata| (data.ino(), data.size(), data.mtime(), data.mtime_nsec());
    fs::metadata(path).ok().map(parts)
}

/// Follows links, also one that leads to a file not there yet.
fn followed(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().map_or(target.clone(), |parent| parent.join(target)),
            Err(_) => return Ok(path),
        }
    }
    Err(Error::new(ErrorKind::Io, format!("{}: too many links", path.display())))
}

/// A lock beside the file, gone when it is released.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let started = Instant::now();
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(&lock)
                .map_err(|error| failed("lock", path, &error))?;
            match file.try_lock() {
                // Whoever had it may have removed it since we opened it.
                Ok(()) if is_at(&file, &lock) => return Ok(Self { path: lock, _file: file }),
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => {}
                Err(TryLockError::WouldBlock) => {
                    let why = format!("{} is locked by another process", path.display());
                    return Err(Error::new(ErrorKind::Io, why));
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock", path, &error)),
            }
            std::thread::sleep(LOCK_POLL);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held: who waits for it finds that it is gone and makes a new one.
        drop(fs::remove_file(&self.path));
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    let why = system_text(error);
    Error::new(ErrorKind::Io, format!("failed to {verb} config file {}: {why}", path.display()))
}

//! The root of a directory store: its lock, its marker, and what a crash left in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, MEMBERS, absent_as_none};
use super::file_name;
use crate::config::BuildError;
use crate::storage::{Condition, Durability, keys};

/// Says how the directory is laid out, so that no other program and no other version guesses.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    layout: String,
    version: u32,
}

const VERSION: u32 = 1;

impl Marker {
    fn ours() -> Self {
        Self { layout: "oras-registry".to_owned(), version: VERSION }
    }
}

/// Takes possession of `root`, making it if need be, and removes what no restart can use.
///
/// Looks at files in the making only, so the time does not grow with what is stored.
pub(super) fn open(root: &Path, upload_lifetime: Duration) -> Result<Disk, BuildError> {
    let failed = |source| BuildError::Io { root: root.to_owned(), source };
    let root = std::path::absolute(root).map_err(failed)?;
    make_root(&root).map_err(failed)?;
    let lock = lock(&root)?;
    let is_new = check_marker(&root)?;
    make_members(&root).map_err(failed)?;
    let disk = Disk::new(root.clone(), Some(lock));
    if is_new {
        let marker = oras_spec::json::to_vec(&Marker::ours());
        disk.put(&keys::marker(), &marker, &Condition::Any, Durability::Durable)
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    clean(&root, upload_lifetime).map_err(failed)?;
    Ok(disk)
}

/// Looks into `root`, whoever possesses it, and writes nothing.
pub(super) fn open_read_only(root: &Path) -> Result<Disk, BuildError> {
    let failed = |source| BuildError::Io { root: root.to_owned(), source };
    let root = std::path::absolute(root).map_err(failed)?;
    if check_marker(&root)? {
        return Err(BuildError::Layout { root, version: None });
    }
    Ok(Disk::new(root, None))
}

/// Makes the root and its parents, and their entries durable.
fn make_root(root: &Path) -> io::Result<()> {
    let new: Vec<&Path> = root.ancestors().take_while(|path| !path.is_dir()).collect();
    fs::create_dir_all(root)?;
    for parent in new.into_iter().filter_map(Path::parent) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Makes the directories that are always there, and their entries durable.
fn make_members(root: &Path) -> io::Result<()> {
    for member in MEMBERS {
        fs::create_dir_all(root.join(member))?;
    }
    File::open(root)?.sync_all()
}

fn lock(root: &Path) -> Result<File, BuildError> {
    let failed = |source| BuildError::Io { root: root.to_owned(), source };
    let path = root.join(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BuildError::Locked { root: root.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Refuses a directory that is laid out in another way; tells whether it is a new one.
fn check_marker(root: &Path) -> Result<bool, BuildError> {
    let path = root.join(keys::marker().name());
    let found = absent_as_none(fs::read(path))
        .map_err(|source| BuildError::Io { root: root.to_owned(), source })?;
    match found {
        // An empty marker was cut short before anything else was written.
        None => Ok(true),
        Some(text) if text.is_empty() => Ok(true),
        Some(text) => match serde_json::from_slice::<Marker>(&text).ok() {
            Some(marker) if marker == Marker::ours() => Ok(false),
            other => Err(BuildError::Layout {
                root: root.to_owned(),
                version: other.map(|marker| marker.version),
            }),
        },
    }
}

/// Removes temporary files, uploads that have expired, and files in the making that belong to no
/// upload.
fn clean(root: &Path, upload_lifetime: Duration) -> io::Result<()> {
    for entry in fs::read_dir(root.join("tmp"))? {
        absent_as_none(fs::remove_file(entry?.path()))?;
    }
    let uploads = root.join(keys::uploads().path());
    for entry in fs::read_dir(&uploads)? {
        let entry = entry?;
        // An age that cannot be told, such as of a file from the future, is no age.
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age >= upload_lifetime {
            absent_as_none(fs::remove_file(entry.path()))?;
        }
    }
    for entry in fs::read_dir(root.join("staging"))? {
        let entry = entry?;
        let name = entry.file_name();
        let is_name = name.to_str().is_some_and(|name| file_name::parse(name).is_some());
        if !is_name || !uploads.join(&name).is_file() {
            absent_as_none(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

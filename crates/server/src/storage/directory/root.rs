//! The root of a directory store: its lock, its marker, and what a crash left in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

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
pub(super) fn open(root: &Path) -> Result<Disk, BuildError> {
    let failed = |source| BuildError::Io { root: root.to_owned(), source };
    make_root(root).map_err(failed)?;
    let root: PathBuf = root.canonicalize().map_err(failed)?;
    let lock = lock(&root)?;
    let disk = Disk::new(root.clone(), lock);
    check_marker(&disk, &root)?;
    clean(&root).map_err(failed)?;
    Ok(disk)
}

/// As `create_dir_all`, with every new entry durable.
fn make_root(root: &Path) -> io::Result<()> {
    let mut new: Vec<&Path> = root.ancestors().take_while(|path| !path.is_dir()).collect();
    fs::create_dir_all(root)?;
    for directory in MEMBERS {
        fs::create_dir_all(root.join(directory))?;
    }
    new.insert(0, root);
    for directory in new {
        File::open(directory)?.sync_all()?;
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
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

fn check_marker(disk: &Disk, root: &Path) -> Result<(), BuildError> {
    let failed = |source| BuildError::Io { root: root.to_owned(), source };
    let key = keys::marker();
    let found = disk.get(&key).map_err(|error| failed(io::Error::other(error)))?;
    // An empty marker is one whose first writing was cut short, before anything else was written.
    if let Some(text) = found.filter(|text| !text.is_empty()) {
        let marker = serde_json::from_slice::<Marker>(&text).ok();
        return if marker == Some(Marker::ours()) {
            Ok(())
        } else {
            Err(BuildError::Layout {
                root: root.to_owned(),
                version: marker.map(|marker| marker.version),
            })
        };
    }
    let text = oras_spec::json::to_vec(&Marker::ours());
    disk.put(&key, &text, &Condition::Any, Durability::Durable)
        .map_err(|error| failed(io::Error::other(error)))?;
    Ok(())
}

/// Removes temporary files, and files in the making that belong to no upload.
fn clean(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root.join("tmp"))? {
        absent_as_none(fs::remove_file(entry?.path()))?;
    }
    let uploads = root.join(keys::uploads().path());
    for entry in fs::read_dir(root.join("staging"))? {
        let entry = entry?;
        let name = entry.file_name();
        let is_upload = name.to_str().is_some_and(|name| file_name::parse(name).is_some())
            && uploads.join(&name).is_file();
        if !is_upload {
            absent_as_none(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

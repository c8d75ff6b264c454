//! Turns an untrusted title into a directory handle and a name in it, or refuses.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::lexical::clean;
use crate::store::directory::{Directory, file_type, of_file};
use crate::store::draft::is_draft_name;
use crate::store::place::{Place, traversal, unwritable};
use crate::store::resume;
use crate::{Error, Result};

const MAX_COMPONENT: usize = 255;
const MAX_PATH: usize = 4095;

/// Returns the components of `title` beneath `root`, cleaned as text: without `.`, empty ones and
/// resolved `..`. Nothing is left of a title that means the root itself.
///
/// An absolute title may only lead into the root. No file is looked at.
pub(crate) fn beneath<'a>(root: &Path, title: &'a str) -> Result<Vec<&'a OsStr>> {
    if title.is_empty() {
        return Err(unwritable("the name is empty"));
    }
    if title.len() > 1 && title.ends_with('/') {
        return Err(unwritable("the name ends with a slash"));
    }
    let inner = if title.starts_with('/') {
        Path::new(title).strip_prefix(root).map_err(|_| traversal())?
    } else {
        Path::new(title)
    };
    let mut components = Vec::new();
    for component in inner.components() {
        match component {
            Component::Normal(name) => components.push(name),
            Component::CurDir => {}
            Component::ParentDir => drop(components.pop().ok_or_else(traversal)?),
            Component::RootDir | Component::Prefix(_) => return Err(traversal()),
        }
    }
    check_names(&components)?;
    Ok(components)
}

/// Refuses names that no file can have, before any directory is made for them.
pub(crate) fn check_names(components: &[&OsStr]) -> Result<()> {
    let mut length = 0;
    for name in components {
        let bytes = name.as_bytes();
        length += bytes.len() + 1;
        if bytes.contains(&0) {
            return Err(unwritable("the name has a NUL in it"));
        }
        if bytes.len() > MAX_COMPONENT || length > MAX_PATH {
            return Err(unwritable("file name too long"));
        }
        if is_draft_name(bytes) || resume::is_name(bytes) {
            return Err(unwritable(&format!("{} is a name of temporary files", name.display())));
        }
    }
    Ok(())
}

/// Opens the directory that `components` end in, from directory to directory, making those that
/// are missing. A symbolic link on the way is refused, wherever it leads.
pub(crate) fn descend(root: &Directory, components: &[&OsStr]) -> Result<Directory> {
    let mut directory = root.clone();
    for name in components {
        directory = match directory.child(name) {
            Ok(child) => child,
            Err(Errno::NOENT) => directory.make(name)?,
            Err(error) => return Err(obstacle(&directory, name, error)),
        };
    }
    Ok(directory)
}

/// Opens the directory that the file of a title is in, and tells its name in it; nothing if there is
/// no such directory.
pub(crate) fn look(root: &Path, title: &str) -> Option<(Directory, OsString)> {
    let components = beneath(root, title).ok()?;
    let (name, parents) = components.split_last()?;
    let root = Directory::open(root).ok()?;
    let directory = parents.iter().try_fold(root, |directory, name| directory.child(name).ok())?;
    Some((directory, (*name).to_owned()))
}

/// Finds the place of a title anywhere, links and `..` followed: the caller said that it may be.
pub(crate) fn anywhere(root: &Path, title: &str) -> Result<Place> {
    let mut path = clean(&root.join(title));
    let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    if is_link && let Ok(target) = path.canonicalize() {
        path = target;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            Ok(Place { directory: Directory::create(parent)?, name: name.to_owned() })
        }
        _ => Err(unwritable(&format!("{} is a directory", path.display()))),
    }
}

/// Says why a directory could not be opened: which of the names on the way is a link?
fn obstacle(directory: &Directory, name: &OsStr, error: Errno) -> Error {
    let path = directory.path_of(name);
    let is_link = |stat| file_type(&stat) == FileType::Symlink;
    if matches!(error, Errno::LOOP | Errno::NOTDIR)
        && directory.stat(name).ok().flatten().is_some_and(is_link)
    {
        return traversal();
    }
    of_file("open", &path, error)
}

//! Paths as texts: what they say, whatever is on the disk.

use std::path::{Component, Path, PathBuf};

/// Resolves `.` and `..` as text.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if cleaned.file_name().is_some() => drop(cleaned.pop()),
            Component::ParentDir if cleaned.has_root() => {}
            _ => cleaned.push(component),
        }
    }
    cleaned
}

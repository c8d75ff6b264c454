//! Notes as files of a directory, each locked while it is open.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oras_spec::Digest;
use rustix::fs::{FlockOperation, Mode, OFlags};

use super::directory::Directory;
use crate::note::{Note, Notebook};

/// How long a note counts that nobody has written to: a week. Registries forget sooner.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// How long a note may be, in bytes.
const MAX_NOTE: u64 = 64 * 1024;

/// A directory of notes, which is made with the first. Only its owner may read them.
#[derive(Clone, Debug)]
pub struct Notes {
    path: PathBuf,
}

impl Notes {
    /// Names the directory; nothing is made yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn directory(&self) -> Option<Directory> {
        if let Some(parent) = self.path.parent() {
            Directory::create(parent).ok()?;
        }
        // It may be there already.
        rustix::fs::mkdir(&self.path, Mode::RWXU).unwrap_or_default();
        Directory::open(&self.path).ok()
    }
}

impl Notebook for Notes {
    fn open(&self, name: &str) -> Option<Box<dyn Note>> {
        let directory = self.directory()?;
        // A file's name, whatever the note is called.
        let name = Digest::of(name.as_bytes()).encoded().to_owned();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let file = File::from(rustix::fs::openat(directory.handle(), &name, flags, mode).ok()?);
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        sweep(&directory, &name);
        Some(Box::new(FileNote { directory, name, file }))
    }
}

/// Removes notes that are too old, but for one.
fn sweep(directory: &Directory, but: &str) {
    for (name, _) in directory.list().unwrap_or_default() {
        let Some(file) = directory.read(&name).ok().filter(|_| name != *but) else { continue };
        if is_old(&file)
            && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            directory.remove(&name).unwrap_or_default();
        }
    }
}

fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age > MAX_AGE)
}

struct FileNote {
    directory: Directory,
    name: String,
    file: File,
}

impl Note for FileNote {
    fn read(&self) -> Option<String> {
        if is_old(&self.file) {
            return None;
        }
        let file = self.directory.read(&self.name).ok()?;
        let mut text = String::new();
        file.take(MAX_NOTE).read_to_string(&mut text).ok()?;
        // What a killed process has not written to its end counts for nothing.
        let text = text.strip_suffix('\n')?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn write(&mut self, text: &str) {
        let write = || -> std::io::Result<()> {
            self.file.set_len(0)?;
            self.file.write_all_at(format!("{text}\n").as_bytes(), 0)
        };
        write().unwrap_or_default();
    }

    fn remove(&mut self) {
        self.directory.remove(&self.name).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_there_for_the_next_process_and_for_one_at_a_time() {
        let place = tempfile::tempdir().expect("a directory");
        let notes = Notes::new(&place.path().join("a/notes"));
        let mut note = notes.open("x/y@z").expect("opened");
        assert_eq!(note.read(), None);
        note.write("a long text");
        note.write("short");
        assert!(notes.open("x/y@z").is_none(), "somebody has it");
        assert!(notes.open("other").is_some_and(|other| other.read().is_none()));
        drop(note);
        let mut note = notes.open("x/y@z").expect("free again");
        assert_eq!(note.read().as_deref(), Some("short"));
        note.remove();
        drop(note);
        assert_eq!(notes.open("x/y@z").expect("opened").read(), None);
    }

    #[test]
    fn an_old_note_does_not_count_and_goes() {
        let place = tempfile::tempdir().expect("a directory");
        let notes = Notes::new(place.path());
        notes.open("x").expect("opened").write("text");
        let file = place.path().join(Digest::of(b"x").encoded());
        let old = SystemTime::now() - MAX_AGE - Duration::from_mins(1);
        File::options().write(true).open(&file).expect("there").set_modified(old).expect("aged");
        assert_eq!(notes.open("x").expect("opened").read(), None);
        assert!(notes.open("y").is_some());
        assert!(!file.exists());
    }
}

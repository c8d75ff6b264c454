//! Unpacks a directory: apart at first, then into its place, and nothing outside of it.

mod limits;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use oras_spec::{Digest, Hasher};
use rustix::fs::{AtFlags, FileType, Mode, Timespec, Timestamps};
use rustix::io::Errno;

use super::path::check_names;
use crate::store::directory::{Directory, file_type, of_file};
use crate::store::entries::{Entries, Entry, Flaw, Kind, Tape};
use crate::store::tree::Tree;
use crate::{Error, ErrorKind, Result};
pub use limits::UnpackLimits;
use limits::{Counted, is_limit};

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("content digest mismatch")]
    Digest,
    #[error(transparent)]
    File(#[from] Error),
    #[error(transparent)]
    Archive(#[from] Flaw),
    #[error("no symbolic link allowed between {title:?} and {name:?}")]
    BelowLink { title: String, name: String },
    #[error("{name:?} is outside of {title:?}")]
    Outside { title: String, name: String },
}

/// What an archive is to become.
#[derive(Debug)]
pub(super) struct Unpacking<'a> {
    /// What the names of all entries begin with.
    pub(super) title: &'a str,
    /// The digest of the tarball, if it was stated.
    pub(super) digest: Option<Digest>,
    pub(super) limits: UnpackLimits,
    /// Where it goes, for people.
    pub(super) path: PathBuf,
}

impl Unpacking<'_> {
    /// Unpacks an archive, verified already, into a tree.
    ///
    /// No link is followed and none leads out. Permission bits are narrowed by the umask; the bits
    /// that change the user, pipes and devices are left out. Times are kept.
    pub(super) fn run(&self, archive: &File, tree: &Tree) -> Result<()> {
        let size = archive.metadata().map_err(|error| of_file("stat", &self.path, error))?.len();
        let mut extraction = Extraction {
            unpacking: self,
            root: tree.content().clone(),
            links: HashMap::new(),
            directories: HashMap::new(),
            entries: 0,
        };
        let wrap = |refusal| self.refuse(refusal);
        extraction.read(archive, size).map_err(wrap)?;
        extraction.finish().map_err(wrap)
    }

    fn refuse(&self, refusal: Refusal) -> Error {
        let message = format!("failed to extract tar to {}", self.path.display());
        let kind = match refusal {
            Refusal::File(error) => return error.context(message),
            Refusal::Archive(Flaw::Read(ref error)) if error.get_ref().is_some_and(is_limit) => {
                ErrorKind::LimitExceeded
            }
            Refusal::Archive(ref flaw) => flaw.kind(),
            Refusal::Outside { .. } | Refusal::BelowLink { .. } => ErrorKind::Invalid,
            Refusal::Digest => ErrorKind::Mismatch,
        };
        Error::new(kind, refusal.to_string()).context(message)
    }
}

/// An archive on its way into a tree.
struct Extraction<'a> {
    unpacking: &'a Unpacking<'a>,
    root: Directory,
    /// Symbolic links are made last: until then there is none that could be followed.
    links: HashMap<PathBuf, Link>,
    /// What directories get last, when nothing is written into them anymore.
    directories: HashMap<PathBuf, Finish>,
    entries: u64,
}

struct Link {
    target: String,
    modified: (i64, u32),
}

#[derive(Clone, Copy)]
struct Finish {
    mode: Option<u32>,
    modified: Option<(i64, u32)>,
}

impl Extraction<'_> {
    fn read(&mut self, archive: &File, size: u64) -> Result<(), Refusal> {
        let limit = self.unpacking.limits.bytes_of(size);
        let hasher = self.unpacking.digest.as_ref().map(|digest| digest.algorithm().hasher());
        let unzipped = MultiGzDecoder::new(BufReader::with_capacity(256 * 1024, archive));
        let mut entries = Entries::new(Counted { reader: unzipped, left: limit, hasher });
        while let Some(entry) = entries.next()? {
            self.entries += 1;
            if self.entries > self.unpacking.limits.entries {
                return Err(Flaw::TooLarge("the number of entries").into());
            }
            self.add(&entry, &mut entries)?;
        }
        // The digest speaks of everything, also of what stands behind the end of the archive.
        let counted = entries.finish()?;
        let found = counted.hasher.map(Hasher::finish);
        if found == self.unpacking.digest { Ok(()) } else { Err(Refusal::Digest) }
    }

    fn add<R: Tape>(&mut self, entry: &Entry, entries: &mut Entries<R>) -> Result<(), Refusal> {
        let components = self.inside(&entry.name)?;
        let Some((name, parents)) = components.split_last() else {
            if entry.kind != Kind::Directory {
                return Err(self.outside(&entry.name));
            }
            self.set_directory(&[], entry);
            return Ok(());
        };
        if entry.kind == Kind::Special {
            return Ok(());
        }
        let directory = self.descend(parents, &entry.name)?;
        let path = join(&components);
        if entry.kind == Kind::Directory {
            if self.links.contains_key(&path) {
                return Err(self.below_link(&entry.name));
            }
            Self::make(&directory, name)?;
            self.set_directory(&components, entry);
            return Ok(());
        }
        self.links.remove(&path);
        clear(&directory, name)?;
        match entry.kind {
            Kind::File => write(&directory, name, entry, entries),
            Kind::HardLink => self.link_file(&directory, name, &entry.link),
            _ => {
                self.check_link(parents, &entry.link)?;
                let link = Link { target: entry.link.clone(), modified: entry.modified };
                self.links.insert(path, link);
                Ok(())
            }
        }
    }

    /// Returns the components of an entry's name behind the title.
    fn inside<'n>(&self, name: &'n str) -> Result<Vec<&'n OsStr>, Refusal> {
        let title = self.unpacking.title;
        let wanted = components(title).ok_or_else(|| self.outside(name))?;
        let mut rest = components(name).ok_or_else(|| self.outside(name))?;
        if !rest.starts_with(&wanted) {
            return Err(self.outside(name));
        }
        rest.drain(..wanted.len());
        if name.starts_with('/') != title.starts_with('/') || rest.contains(&OsStr::new("..")) {
            return Err(self.outside(name));
        }
        check_names(&rest)?;
        if rest.len() > self.unpacking.limits.depth {
            return Err(Flaw::TooLarge("the depth of directories").into());
        }
        Ok(rest)
    }

    /// Opens the directory of an entry, making what is missing on the way.
    fn descend(&self, parents: &[&OsStr], name: &str) -> Result<Directory, Refusal> {
        let mut directory = self.root.clone();
        let mut path = PathBuf::new();
        for parent in parents {
            path.push(parent);
            if self.links.contains_key(&path) {
                return Err(self.below_link(name));
            }
            directory = Self::make(&directory, parent)?;
        }
        Ok(directory)
    }

    /// Opens a directory in another, or makes it: for now such that we can write to it.
    fn make(parent: &Directory, name: &OsStr) -> Result<Directory, Refusal> {
        match rustix::fs::mkdirat(parent.handle(), name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(of_file("mkdir", &parent.path_of(name), error).into()),
        }
        Ok(parent.child(name).map_err(|error| of_file("mkdir", &parent.path_of(name), error))?)
    }

    fn set_directory(&mut self, components: &[&OsStr], entry: &Entry) {
        let finish = Finish { mode: Some(entry.mode & 0o777), modified: Some(entry.modified) };
        self.directories.insert(join(components), finish);
    }

    /// Gives a file that came before another name. Nothing else can be linked to.
    fn link_file(&self, directory: &Directory, name: &OsStr, link: &str) -> Result<(), Refusal> {
        let target = self.inside(link)?;
        let Some((file, parents)) = target.split_last() else { return Err(self.outside(link)) };
        let mut from = self.root.clone();
        for parent in parents {
            from = from.child(parent).map_err(|_| self.outside(link))?;
        }
        match from.stat(file) {
            Ok(Some(stat)) if file_type(&stat) == FileType::RegularFile => {}
            _ => return Err(self.outside(link)),
        }
        let (from, to) = (from.handle(), directory.handle());
        rustix::fs::linkat(from, *file, to, name, AtFlags::empty())
            .map_err(|error| of_file("link", &directory.path_of(name), error).into())
    }

    /// Checks that a symbolic link leads to somewhere inside, whatever other links there are.
    ///
    /// It may first go up, through directories that are none but directories, and then down; never
    /// up again, because what it came down through may be a link, with another way up.
    fn check_link(&self, parents: &[&OsStr], target: &str) -> Result<(), Refusal> {
        let mut depth = parents.len();
        let mut is_down = false;
        for component in Path::new(target).components() {
            match component {
                Component::ParentDir if !is_down && depth > 0 => depth -= 1,
                Component::Normal(_) => is_down = true,
                Component::CurDir => {}
                _ => return Err(self.outside(target)),
            }
        }
        if target.is_empty() { Err(self.outside(target)) } else { Ok(()) }
    }

    /// Makes the links and gives directories what they get last, the inner ones first.
    fn finish(&mut self) -> Result<(), Refusal> {
        for (path, link) in &self.links {
            let (directory, name) = self.open_parent(path)?;
            rustix::fs::symlinkat(&link.target, directory.handle(), &name)
                .map_err(|error| of_file("symlink", &directory.path_of(&name), error))?;
            let times = times(link.modified);
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(directory.handle(), &name, &times, flags)
                .map_err(|error| of_file("utimes", &directory.path_of(&name), error))?;
        }
        let mut directories: Vec<(&PathBuf, &Finish)> = self.directories.iter().collect();
        directories.sort_by_key(|(path, _)| std::cmp::Reverse(path.components().count()));
        for (path, finish) in directories {
            let mut directory = self.root.clone();
            for name in path {
                directory = directory
                    .child(name)
                    .map_err(|error| of_file("open", &self.unpacking.path.join(path), error))?;
            }
            complete(&directory, *finish)?;
        }
        Ok(())
    }

    fn open_parent(&self, path: &Path) -> Result<(Directory, OsString), Refusal> {
        let mut directory = self.root.clone();
        let name = path.file_name().expect("a link has a name");
        for parent in path.parent().into_iter().flatten() {
            directory = directory
                .child(parent)
                .map_err(|error| of_file("open", &self.unpacking.path.join(path), error))?;
        }
        Ok((directory, name.to_owned()))
    }

    fn outside(&self, name: &str) -> Refusal {
        Refusal::Outside { title: self.unpacking.title.to_owned(), name: name.to_owned() }
    }

    fn below_link(&self, name: &str) -> Refusal {
        Refusal::BelowLink { title: self.unpacking.title.to_owned(), name: name.to_owned() }
    }
}

/// Splits a name; nothing if it goes up behind its beginning.
fn components(name: &str) -> Option<Vec<&OsStr>> {
    let mut found = Vec::new();
    let mut is_down = name.starts_with('/');
    for component in Path::new(name).components() {
        match component {
            Component::Normal(name) => {
                found.push(name);
                is_down = true;
            }
            Component::ParentDir if !is_down => found.push(OsStr::new("..")),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(found)
}

fn join(components: &[&OsStr]) -> PathBuf {
    components.iter().collect()
}

/// Removes what an earlier entry of the same name has left; directories stay and are in the way.
fn clear(directory: &Directory, name: &OsStr) -> Result<(), Refusal> {
    match directory.remove(name) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(of_file("remove", &directory.path_of(name), error).into()),
    }
}

fn write<R: Tape>(
    directory: &Directory,
    name: &OsStr,
    entry: &Entry,
    entries: &mut Entries<R>,
) -> Result<(), Refusal> {
    let failed = |verb, error: io::Error| of_file(verb, &directory.path_of(name), error);
    let mut file = directory
        .create_new(name, entry.mode & 0o777)
        .map_err(|error| failed("open", error.into()))?;
    let mut buffer = vec![0; usize::try_from(entry.size).unwrap_or(MAX_BUFFER).min(MAX_BUFFER)];
    loop {
        let count = entries.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(|error| failed("write", error))?;
    }
    rustix::fs::futimens(&file, &times(entry.modified))
        .map_err(|error| failed("utimes", error.into()))?;
    Ok(())
}

const MAX_BUFFER: usize = 256 * 1024;

/// Takes from a new directory the permissions that its entry does not give, and sets its time.
fn complete(directory: &Directory, finish: Finish) -> Result<(), Refusal> {
    let failed = |verb, error| of_file(verb, directory.path(), error);
    let stat = rustix::fs::fstat(directory.handle()).map_err(|error| failed("stat", error))?;
    if let Some(mode) = finish.mode
        && stat.st_mode & 0o777 & !mode != 0
    {
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777 & mode);
        rustix::fs::fchmod(directory.handle(), mode).map_err(|error| failed("chmod", error))?;
    }
    if let Some(modified) = finish.modified {
        rustix::fs::futimens(directory.handle(), &times(modified))
            .map_err(|error| failed("utimes", error))?;
    }
    Ok(())
}

fn times((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

#[cfg(test)]
mod tests;

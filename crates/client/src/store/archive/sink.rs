//! Writes an archive: a layout that is filled apart, then packed as a whole.

use std::io::Read as _;
use std::path::Path;

use oras_spec::Digest;
use oras_spec::image::layout::{BLOBS_DIRECTORY, INDEX_FILE, MARKER_FILE};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::store::Layout;
use crate::store::directory::{Directory, of_file};
use crate::store::draft::Draft;
use crate::store::header::{self, Entry, Kind};
use crate::store::intake::blocking;
use crate::store::place::Place;
use crate::store::reader::CHUNK;
use crate::store::tree::Tree;
use crate::{Error, ErrorKind, Result};

/// A tar file that a layout becomes when all of it is there: complete and durable, or not at all.
///
/// What stood under the name before stays until then. While it is filled, the layout is in a
/// directory beside, which goes with this, or with the next that is made there if the process was
/// killed.
#[derive(Debug)]
pub struct ArchiveSink {
    place: Place,
    tree: Tree,
    layout: Layout,
}

impl ArchiveSink {
    /// Makes an empty layout that will be a file at `path`. Its directory must be there; a link is
    /// followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if nothing can be written there, [`ErrorKind::Invalid`] if what stands
    /// there is not a file.
    pub async fn create(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let (place, tree) = blocking(move || {
            let place = Place::named(&path)?;
            place.inspect(true)?;
            // The name of the directory beside says nothing to people.
            let tree = Tree::create(&place.directory).map_err(|error| unmade(&path, &error))?;
            Ok((place, tree))
        })
        .await?;
        let layout = Layout::open(tree.content().path()).await?;
        Ok(Self { place, tree, layout })
    }

    /// Returns the layout that is to be filled.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes the archive and returns how many bytes it has. `modified` is the time that all
    /// entries get, in seconds since 1970: the same content with the same time gives the same file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if it cannot be written. What stood in its place is untouched then.
    pub async fn finish(self, modified: i64) -> Result<u64> {
        blocking(move || {
            let mode = self.place.inspect(true)?;
            let draft = Draft::create_for(&self.place.directory, 0o666, &self.place.name)?;
            let mut packing = Packing { draft, size: 0, modified };
            packing.layout(self.tree.content())?;
            if let Some(mode) = mode {
                packing.draft.set_mode(mode)?;
            }
            packing.draft.commit(&self.place.name, true)?;
            Ok(packing.size)
        })
        .await
    }
}

/// An archive that is being written.
struct Packing {
    draft: Draft,
    size: u64,
    modified: i64,
}

impl Packing {
    /// Writes the blobs, in the order of their names, then the list and the marker.
    fn layout(&mut self, root: &Directory) -> Result<()> {
        self.directory(&format!("{BLOBS_DIRECTORY}/"))?;
        let blobs = child(root, BLOBS_DIRECTORY)?;
        for algorithm in names(&blobs, FileType::Directory)? {
            self.directory(&format!("{BLOBS_DIRECTORY}/{algorithm}/"))?;
            let directory = child(&blobs, &algorithm)?;
            for encoded in names(&directory, FileType::RegularFile)? {
                if format!("{algorithm}:{encoded}").parse::<Digest>().is_ok() {
                    let name = format!("{BLOBS_DIRECTORY}/{algorithm}/{encoded}");
                    self.file(&directory, &encoded, &name, 0o444)?;
                }
            }
        }
        for name in [INDEX_FILE, MARKER_FILE] {
            self.file(root, name, name, 0o644)?;
        }
        self.write(&[0; 2 * header::LENGTH])
    }

    fn directory(&mut self, name: &str) -> Result<()> {
        self.header(name, Kind::Directory, 0o755, 0)
    }

    fn file(&mut self, directory: &Directory, from: &str, name: &str, mode: u32) -> Result<()> {
        let failed = |verb: &str, error| of_file(verb, &directory.path_of(from), error);
        let file = directory.read(from).map_err(|error| failed("open", error.into()))?;
        let size = file.metadata().map_err(|error| failed("stat", error))?.len();
        self.header(name, Kind::File, mode, size)?;
        let mut left = size;
        let mut buffer = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK)).max(1)];
        while left > 0 {
            let count =
                (&file).take(left).read(&mut buffer).map_err(|error| failed("read", error))?;
            if count == 0 {
                return Err(failed("read", std::io::ErrorKind::UnexpectedEof.into()));
            }
            self.write(&buffer[..count])?;
            left -= count as u64;
        }
        let over = usize::try_from(size % header::LENGTH as u64).unwrap_or_default();
        if over == 0 { Ok(()) } else { self.write(&[0; header::LENGTH][over..]) }
    }

    fn header(&mut self, name: &str, kind: Kind, mode: u32, size: u64) -> Result<()> {
        let entry =
            Entry { name, kind, mode, size, modified: self.modified, link: "", device: (0, 0) };
        self.write(&header::encode(&entry))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        self.draft.write(bytes)
    }
}

fn child(directory: &Directory, name: &str) -> Result<Directory> {
    directory.child(name).map_err(|error| of_file("open", &directory.path_of(name), error))
}

/// Lists what is of one kind, in the order of its names' bytes.
fn names(directory: &Directory, kind: FileType) -> Result<Vec<String>> {
    let listed =
        directory.list().map_err(|error: Errno| of_file("read", directory.path(), error))?;
    let right = listed.into_iter().filter(|(_, found)| *found == kind);
    let mut names: Vec<String> = right.filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Says of the file that it cannot be made, and why.
fn unmade(path: &Path, error: &Error) -> Error {
    let text = error.to_string();
    let why = text.rsplit(": ").next().unwrap_or_default();
    Error::new(ErrorKind::Io, format!("open {}: {why}", path.display()))
}

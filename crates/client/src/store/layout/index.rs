//! `index.json`: read when it has changed, rewritten as a whole under a lock.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oras_spec::image::layout::INDEX_FILE;
use oras_spec::image::{Descriptor, Index, annotation};
use oras_spec::{Digest, Tag, json};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::listing::{Listing, invalid};
use crate::Result;
use crate::store::directory::{Directory, of_file};
use crate::store::draft::Draft;
use crate::store::reader::{Reading, Stamp};

/// How large the file may be: 64 MiB, a few hundred thousand tags.
pub(in crate::store) const MAX_INDEX_SIZE: u64 = 64 * 1024 * 1024;

/// How long to wait for another process that is writing.
const PATIENCE: Duration = Duration::from_mins(1);

/// The file, and what it said when it was last read.
#[derive(Debug)]
pub(super) struct IndexFile {
    root: Directory,
    known: Mutex<Option<Known>>,
    /// Held while the lock on the directory is: that is only between processes, or stores.
    writing: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    listing: Arc<Listing>,
    /// Kept open, so that no later file can have the same stamp.
    _file: Arc<File>,
}

impl IndexFile {
    pub(super) fn new(root: Directory) -> Self {
        Self { root, known: Mutex::default(), writing: Mutex::default() }
    }

    /// Makes the file, listing nothing, if there is none.
    pub(super) fn create(&self) -> Result<()> {
        let _guard = self.lock()?;
        let path = self.root.path_of(INDEX_FILE);
        match self.root.stat(INDEX_FILE).map_err(|error| of_file("stat", &path, error))? {
            Some(_) => Ok(()),
            None => self.write(Index::new(Vec::new())),
        }
    }

    /// Reads the file, if it has changed since it was last read.
    pub(super) fn load(&self) -> Result<Arc<Listing>> {
        Ok(self.load_stamped()?.1)
    }

    /// As [`IndexFile::load`], with what tells this state of the file from others.
    pub(super) fn load_stamped(&self) -> Result<(Stamp, Arc<Listing>)> {
        let path = self.root.path_of(INDEX_FILE);
        let file = self.root.read(INDEX_FILE).map_err(|error| {
            let text = of_file("open", Path::new(INDEX_FILE), error).to_string();
            invalid(format!("failed to open index file: {text}"))
        })?;
        let reading = Reading::of(Arc::new(file), &path)?;
        let stamp = reading.stamp;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.stamp == stamp
        {
            return Ok((stamp, Arc::clone(&known.listing)));
        }
        let listing = Arc::new(Listing::parse(reading.read_at_most(MAX_INDEX_SIZE)?)?);
        let file = Arc::clone(&reading.file);
        *known = Some(Known { stamp, listing: Arc::clone(&listing), _file: file });
        Ok((stamp, listing))
    }

    /// Changes the list, in one step for whoever reads it. What `change` sees is what the file says
    /// now, whoever else writes. Nothing is written if it returns an error or changes nothing.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let _guard = self.lock()?;
        let old = Arc::clone(&self.load()?.decode()?.index);
        let mut new = Index::clone(&old);
        let result = change(&mut new)?;
        if new != *old {
            self.write(new)?;
        }
        Ok(result)
    }

    /// Writes the file, and knows from then on what it says.
    fn write(&self, index: Index) -> Result<()> {
        let bytes = json::to_vec(&index);
        let mut draft = Draft::create(&self.root, 0o666)?;
        draft.write(&bytes)?;
        let file = draft.commit(OsStr::new(INDEX_FILE), true)?;
        let reading = Reading::of(Arc::new(file), &self.root.path_of(INDEX_FILE))?;
        let listing = Arc::new(Listing::of(bytes, index)?);
        let known = Known { stamp: reading.stamp, listing, _file: reading.file };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(())
    }

    /// Waits until nobody else writes to the layout.
    fn lock(&self) -> Result<Guard<'_>> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let lock = FlockOperation::NonBlockingLockExclusive;
        let mut pause = Duration::from_millis(1);
        loop {
            match rustix::fs::flock(self.root.handle(), lock) {
                // A file system without locks is written to without.
                Ok(()) | Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => break,
                Err(Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(error) => return Err(of_file("lock", self.root.path(), error)),
            }
        }
        Ok(Guard { root: &self.root, _writing: writing })
    }
}

struct Guard<'a> {
    root: &'a Directory,
    _writing: std::sync::MutexGuard<'a, ()>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        rustix::fs::flock(self.root.handle(), FlockOperation::Unlock).unwrap_or_default();
    }
}

/// Returns the tag of an entry.
pub(super) fn tag_of(entry: &Descriptor) -> Option<Tag> {
    Tag::free_form(entry.annotations.get(annotation::REF_NAME)?).ok()
}

/// Finds the entry of a tag: the last one, should there be several.
fn find<'a>(index: &'a Index, tag: &Tag) -> Option<&'a Descriptor> {
    index.manifests.iter().rfind(|entry| tag_of(entry).as_ref() == Some(tag))
}

/// Tells whether a digest is listed, with a tag or without.
fn lists(index: &Index, digest: &Digest) -> bool {
    index.manifests.iter().any(|entry| entry.digest == *digest)
}

/// Lists a manifest, unless it is listed.
pub(super) fn add(index: &mut Index, descriptor: &Descriptor) {
    if !lists(index, &descriptor.digest) {
        index.manifests.push(untagged(descriptor));
    }
}

/// Points a tag at content. The entry takes the place of the tag's old one, or of the content's
/// entry without a tag, or comes last; what the tag pointed at before stays listed.
pub(super) fn set(index: &mut Index, descriptor: &Descriptor, tag: &Tag) {
    remove_tag(index, tag, Some(&descriptor.digest));
    let mut entry = descriptor.clone();
    entry.annotations.insert(annotation::REF_NAME.to_owned(), tag.as_str().to_owned());
    let without_tag = |other: &Descriptor| {
        other.digest == descriptor.digest && tag_of(other).is_none_or(|found| found == *tag)
    };
    match index.manifests.iter().position(without_tag) {
        Some(place) => index.manifests[place] = entry,
        None => index.manifests.push(entry),
    }
}

/// Removes a tag and returns whether there was one. Its manifest stays listed, a blob does not.
pub(super) fn unset(index: &mut Index, tag: &Tag) -> bool {
    let had = find(index, tag).is_some();
    remove_tag(index, tag, None);
    had
}

/// Removes every entry of a tag but that of `kept`, and lists manifests without it.
fn remove_tag(index: &mut Index, tag: &Tag, kept: Option<&Digest>) {
    let is_removed =
        |entry: &Descriptor| tag_of(entry).as_ref() == Some(tag) && Some(&entry.digest) != kept;
    while let Some(place) = index.manifests.iter().position(is_removed) {
        let entry = untagged(&index.manifests[place]);
        let is_listed_elsewhere = || {
            let others = index.manifests.iter().enumerate();
            others.clone().any(|(other, found)| other != place && found.digest == entry.digest)
        };
        if entry.media_type.is_document() && !is_listed_elsewhere() {
            index.manifests[place] = entry;
        } else {
            index.manifests.remove(place);
        }
    }
}

fn untagged(descriptor: &Descriptor) -> Descriptor {
    let mut entry = descriptor.clone();
    entry.annotations.remove(annotation::REF_NAME);
    entry
}

#[cfg(test)]
mod tests {
    use oras_spec::image::MediaType;

    use super::*;

    fn manifest(bytes: &[u8]) -> Descriptor {
        Descriptor::of(MediaType::IMAGE_MANIFEST, bytes)
    }

    fn tag(text: &str) -> Tag {
        Tag::free_form(text).expect("a tag")
    }

    /// Each entry as its tag and what it points at.
    fn listed(index: &Index) -> Vec<String> {
        let names = ["one", "two", "blob"];
        let name = |digest: &Digest| {
            names.iter().find(|name| Digest::of(name.as_bytes()) == *digest).copied()
        };
        let line = |entry: &Descriptor| {
            let tag = tag_of(entry).map(|tag| tag.to_string()).unwrap_or_default();
            format!("{tag}={}", name(&entry.digest).unwrap_or("?"))
        };
        index.manifests.iter().map(line).collect()
    }

    #[test]
    fn entries_keep_their_order_and_nothing_is_listed_twice() {
        let mut index = Index::new(Vec::new());
        let (one, two) = (manifest(b"one"), manifest(b"two"));
        add(&mut index, &one);
        add(&mut index, &two);
        add(&mut index, &one);
        assert_eq!(listed(&index), ["=one", "=two"]);
        set(&mut index, &one, &tag("a"));
        set(&mut index, &one, &tag("b"));
        assert_eq!(listed(&index), ["a=one", "=two", "b=one"]);
        set(&mut index, &one, &tag("a"));
        assert_eq!(listed(&index), ["a=one", "=two", "b=one"], "again changes nothing");
        set(&mut index, &two, &tag("b"));
        assert_eq!(listed(&index), ["a=one", "b=two"], "a tag is moved");
        set(&mut index, &two, &tag("a"));
        assert_eq!(listed(&index), ["=one", "b=two", "a=two"], "what it left stays listed");
        assert!(unset(&mut index, &tag("b")));
        assert!(unset(&mut index, &tag("a")));
        assert!(!unset(&mut index, &tag("a")));
        assert_eq!(listed(&index), ["=one", "=two"]);
    }

    #[test]
    fn a_blob_is_listed_while_it_is_tagged() {
        let mut index = Index::new(Vec::new());
        let blob = Descriptor::of("a/b".into(), b"blob");
        set(&mut index, &blob, &tag("weird+tag:x"));
        assert_eq!(listed(&index), ["weird+tag:x=blob"]);
        assert!(unset(&mut index, &tag("weird+tag:x")));
        assert_eq!(listed(&index), [""; 0]);
    }

    #[test]
    fn the_tag_of_another_place_is_not_taken_over() {
        let mut index = Index::new(Vec::new());
        let mut one = manifest(b"one");
        one.annotations.insert(annotation::REF_NAME.into(), "there".into());
        add(&mut index, &one);
        assert_eq!(listed(&index), ["=one"]);
        set(&mut index, &one, &tag("here"));
        assert_eq!(listed(&index), ["here=one"]);
    }
}

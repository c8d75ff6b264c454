//! The names of large collections, in their order, kept in memory from the first listing on.
//!
//! A directory is in no order: to list one page of it, all of it must be read. That is fast
//! enough for a thousand names, not for a million. This process is the only writer, so what it
//! remembers stays true as long as every writer tells, after the change is made on disk.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::{Collection, Result};

/// How many names make a collection worth remembering.
const LARGE: usize = 1024;

/// How many names are remembered before forgetting them all: some 64 bytes each.
const REMEMBERED: usize = 1 << 20;

/// The remembered collections.
#[derive(Debug)]
pub(super) struct Sorted {
    known: Mutex<Known>,
    large: usize,
}

#[derive(Debug, Default)]
struct Known {
    collections: HashMap<Collection, Arc<Mutex<Names>>>,
    /// How many names they have together.
    total: usize,
}

/// Nothing while the directory is being read for the first time.
type Names = Option<BTreeSet<Box<str>>>;

/// What happened to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Removed,
}

impl Default for Sorted {
    fn default() -> Self {
        Self { known: Mutex::default(), large: LARGE }
    }
}

impl Sorted {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, collection: &Collection) -> Option<Arc<Mutex<Names>>> {
        self.known().collections.get(collection).cloned()
    }

    /// Takes notice of a change. To be called after the change was made on disk, in the order of
    /// the changes of one name.
    pub(super) fn note(&self, collection: &Collection, name: &str, change: Change) {
        let Some(names) = self.find(collection) else { return };
        // While the directory is read this waits, and then repeats what was perhaps not seen.
        let mut names = lock(&names);
        let Some(names) = names.as_mut() else { return };
        match change {
            Change::Added if names.insert(name.into()) => self.known().grow(1),
            Change::Removed if names.remove(name) => {
                let mut known = self.known();
                known.total = known.total.saturating_sub(1);
                if names.is_empty() {
                    known.collections.remove(collection);
                }
            }
            Change::Added | Change::Removed => {}
        }
    }

    /// Returns a page of a remembered collection; nothing if it is not remembered.
    pub(super) fn list(
        &self,
        collection: &Collection,
        after: Option<&str>,
        limit: usize,
    ) -> Option<Vec<String>> {
        let names = self.find(collection)?;
        let names = lock(&names);
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = names.as_ref()?.range::<str, _>((lower, Bound::Unbounded));
        Some(behind.take(limit).map(ToString::to_string).collect())
    }

    /// Remembers a collection of `count` names if that is worth it. `read` reads all of them.
    pub(super) fn remember(
        &self,
        collection: &Collection,
        count: usize,
        read: impl FnOnce() -> Result<Vec<String>>,
    ) -> Result<()> {
        if count < self.large {
            return Ok(());
        }
        let names = {
            let mut known = self.known();
            Arc::clone(known.collections.entry(collection.clone()).or_default())
        };
        let mut names = lock(&names);
        if names.is_some() {
            return Ok(());
        }
        let found: BTreeSet<Box<str>> = read()?.into_iter().map(String::into_boxed_str).collect();
        self.known().grow(found.len());
        *names = Some(found);
        Ok(())
    }
}

impl Known {
    fn grow(&mut self, count: usize) {
        self.total += count;
        if self.total > REMEMBERED {
            // Who is using one of them has it still; who asks next reads the directory.
            self.collections.clear();
            self.total = 0;
        }
    }
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::keys;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn remembers_large_collections_and_follows_their_changes() {
        let sorted = Sorted { large: 3, ..Sorted::default() };
        let names = keys::names();
        sorted.remember(&names, 2, || panic!("too small to be read")).expect("nothing to do");
        assert_eq!(sorted.list(&names, None, 9), None);
        sorted.remember(&names, 3, || Ok(texts(&["c", "a", "b"]))).expect("remembered");
        sorted.remember(&names, 3, || panic!("known already")).expect("nothing to do");
        assert_eq!(sorted.list(&names, None, 2), Some(texts(&["a", "b"])));
        assert_eq!(sorted.list(&names, Some("b"), 2), Some(texts(&["c"])));
        sorted.note(&names, "bb", Change::Added);
        sorted.note(&names, "a", Change::Removed);
        sorted.note(&names, "x", Change::Removed);
        assert_eq!(sorted.list(&names, Some("a"), 9), Some(texts(&["b", "bb", "c"])));
        assert_eq!(sorted.known().total, 3);
        for name in ["b", "bb", "c"] {
            sorted.note(&names, name, Change::Removed);
        }
        assert_eq!((sorted.list(&names, None, 9), sorted.known().total), (None, 0));
    }

    #[test]
    fn forgets_everything_before_it_is_too_much() {
        let sorted = Sorted::default();
        let (names, uploads) = (keys::names(), keys::uploads());
        let many = || (0..REMEMBERED).map(|number| format!("{number:07}")).collect();
        sorted.remember(&names, REMEMBERED, || Ok(many())).expect("remembered");
        assert!(sorted.list(&names, None, 1).is_some());
        sorted.note(&names, "one more", Change::Added);
        assert_eq!(sorted.list(&names, None, 1), None);
        sorted.remember(&uploads, LARGE, || Ok(texts(&["a"]))).expect("remembered");
        assert!(sorted.list(&uploads, None, 1).is_some());
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_not_remembered() {
        let sorted = Sorted::default();
        let names = keys::names();
        let failed = || Err(std::io::Error::other("unreadable").into());
        sorted.remember(&names, LARGE, failed).expect_err("unreadable");
        assert_eq!(sorted.list(&names, None, 1), None);
        sorted.remember(&names, LARGE, || Ok(texts(&["a"]))).expect("remembered");
        assert_eq!(sorted.list(&names, None, 1), Some(texts(&["a"])));
    }
}

//! Small records that were read before: kept in memory, and held against the file before they are
//! believed.
//!
//! What a file is known by is its time and its size, which is asked of the system each time: that
//! costs a tenth of reading it on another thread. A file that was written a moment ago is not
//! remembered, because a clock may be too coarse to tell it from the next one.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::storage::Key;

/// Bytes of the largest record that is remembered.
const LARGEST: usize = 64 << 10;
/// Bytes that are remembered before all are forgotten, keys and all.
const MEMORY: usize = 8 << 20;
/// What a record costs beside its bytes, roughly.
const COST: usize = 300;
/// How old a file must be to be told from one that follows it.
const SETTLED: Duration = Duration::from_millis(50);

/// The remembered records.
#[derive(Debug, Default)]
pub(super) struct Records(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    records: HashMap<Key, (Stamp, Bytes)>,
    cost: usize,
}

/// What a file is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    size: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        Some(Self { modified: metadata.modified().ok()?, size: metadata.len() })
    }
}

impl Records {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is remembered of a record, if its file is still the same.
    pub(super) fn recall(&self, key: &Key, path: impl FnOnce() -> PathBuf) -> Option<Bytes> {
        let (stamp, value) = self.lock().records.get(key).cloned()?;
        let found = std::fs::metadata(path()).ok().as_ref().and_then(Stamp::of);
        (found == Some(stamp)).then_some(value)
    }

    /// Remembers a record that was read from a file of this stamp.
    pub(super) fn remember(&self, key: &Key, stamp: Stamp, value: &Bytes) {
        let age = SystemTime::now().duration_since(stamp.modified).unwrap_or_default();
        if value.len() > LARGEST || value.len() as u64 != stamp.size || age < SETTLED {
            return;
        }
        let mut known = self.lock();
        let cost = value.len() + COST;
        if known.cost + cost > MEMORY {
            *known = Known::default();
        }
        known.cost += cost;
        if let Some((_, old)) = known.records.insert(key.clone(), (stamp, value.clone())) {
            known.cost -= old.len() + COST;
        }
    }

    /// Forgets a record that is about to change.
    pub(super) fn forget(&self, key: &Key) {
        let mut known = self.lock();
        if let Some((_, old)) = known.records.remove(key) {
            known.cost -= old.len() + COST;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use oras_spec::Digest;

    use super::*;
    use crate::storage::keys;

    fn written(path: &Path, text: &str, age: Duration) -> Stamp {
        fs::write(path, text).expect("a file");
        let file = fs::File::options().write(true).open(path).expect("the file");
        file.set_modified(SystemTime::now() - age).expect("its time");
        Stamp::of(&file.metadata().expect("its metadata")).expect("a time")
    }

    #[test]
    fn remembers_what_has_not_changed_since() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = root.path().join("record");
        let key = keys::blob(&Digest::of(b"x"));
        let records = Records::default();
        let recall = || records.recall(&key, || path.clone());
        let stamp = written(&path, "one", Duration::from_mins(1));
        records.remember(&key, stamp, &Bytes::from_static(b"one"));
        assert_eq!(recall().as_deref(), Some(&b"one"[..]));
        written(&path, "two", Duration::from_secs(1));
        assert_eq!(recall(), None, "another file");
        let stamp = written(&path, "two", Duration::ZERO);
        records.remember(&key, stamp, &Bytes::from_static(b"two"));
        assert_eq!(recall(), None, "too young to be told from the next");
        let stamp = written(&path, "two", Duration::from_mins(1));
        records.remember(&key, stamp, &Bytes::from_static(b"two"));
        assert!(recall().is_some());
        fs::remove_file(&path).expect("the file");
        assert_eq!(recall(), None, "no file");
        records.forget(&key);
        assert_eq!(records.lock().cost, 0);
    }

    #[test]
    fn forgets_everything_before_it_is_too_much() {
        let records = Records::default();
        let stamp = Stamp { modified: SystemTime::UNIX_EPOCH, size: 60_000 };
        let value = Bytes::from(vec![1; 60_000]);
        for number in 0..1000_u32 {
            records.remember(&keys::blob(&Digest::of(&number.to_le_bytes())), stamp, &value);
            assert!(records.lock().cost <= MEMORY);
        }
        assert!(records.lock().records.len() > 1);
    }
}

//! Group commit: writers that need the same directory on stable storage share one sync of it.
//!
//! A sync that is under way may have begun too early for who comes now, so that one waits for the
//! next, together with all others that came in the meantime.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::storage::Result;

/// The directories that are being synced.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<HashMap<PathBuf, Arc<Group>>>);

#[derive(Debug, Default)]
struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many syncs have begun, and the last one that has ended.
    begun: u64,
    ended: u64,
    is_running: bool,
    /// Why the last one failed, if it did.
    failure: Option<crate::storage::StoreError>,
}

impl Groups {
    /// Syncs a directory by `sync`, or waits for another's sync of it that begins from now on.
    pub(super) fn sync(&self, directory: &Path, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let group = Arc::clone(self.lock().entry(directory.to_owned()).or_default());
        let synced = group.sync(sync);
        let mut groups = self.lock();
        // Only the two of us have it: nobody waits.
        if Arc::strong_count(&group) == 2 {
            groups.remove(directory);
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<Group>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync(&self, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut state = self.lock();
        let wanted = state.begun + 1;
        while state.is_running && state.ended < wanted {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended >= wanted {
            return state.failure.clone().map_or(Ok(()), Err);
        }
        state.is_running = true;
        state.begun += 1;
        let number = state.begun;
        drop(state);
        let synced = sync();
        let mut state = self.lock();
        state.is_running = false;
        state.ended = number;
        state.failure = synced.clone().err();
        drop(state);
        self.ended.notify_all();
        synced
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::storage::StoreError;

    #[test]
    fn who_comes_during_a_sync_shares_the_next() {
        let groups = Groups::default();
        let directory = Path::new("d");
        let count = AtomicUsize::new(0);
        let (go_on, wait) = mpsc::channel::<()>();
        let (has_begun, begun) = mpsc::channel();
        let sync = || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                groups.sync(directory, move || {
                    has_begun.send(()).expect("a listener");
                    wait.recv().expect("told to go on");
                    Ok(())
                })
            });
            begun.recv().expect("it begins");
            for _ in 0..8 {
                scope.spawn(|| groups.sync(directory, sync));
            }
            // All eight wait for the first, which therefore is not theirs.
            while groups.lock().get(directory).map_or(0, Arc::strong_count) < 10 {
                thread::yield_now();
            }
            assert_eq!(count.load(Ordering::SeqCst), 0);
            go_on.send(()).expect("it waits");
        });
        let count = count.load(Ordering::SeqCst);
        assert!((1..8).contains(&count), "{count} syncs for eight");
        assert!(groups.lock().is_empty());
    }

    #[test]
    fn a_failure_is_everybodys() {
        let groups = Groups::default();
        let failed = groups.sync(Path::new("d"), || Err(StoreError::ReadOnly));
        assert!(matches!(failed, Err(StoreError::ReadOnly)));
        groups.sync(Path::new("d"), || Ok(())).expect("another sync is another try");
    }
}

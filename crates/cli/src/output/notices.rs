//! What befalls transfers, on its way from where it is noticed to where it is shown.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oras_spec::Digest;

/// Something that people who watch transfers want to know.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice<'a> {
    /// Something is waited for.
    Waiting {
        /// What for, and why.
        why: &'a str,
        /// How long.
        delay: Duration,
    },
    /// An upload goes on behind bytes that the registry has.
    Resumed {
        /// What is under way.
        digest: &'a Digest,
        /// How many bytes need not be sent.
        offset: u64,
    },
}

type Hearer = Box<dyn Fn(Notice<'_>) + Send + Sync>;

/// Passes notices on to who draws transfers, if somebody does.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Option<Hearer>>);

impl Notices {
    /// Sends what comes from now on to `hearer`.
    pub(crate) fn send_to(&self, hearer: impl Fn(Notice<'_>) + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hearer));
    }

    /// Tells whether somebody draws, or has drawn.
    pub(crate) fn are_drawn(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Tells who draws; `false` if nobody does.
    pub(crate) fn tell(&self, notice: Notice<'_>) -> bool {
        let hearer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hearer.as_ref().is_some_and(|hearer| {
            hearer(notice);
            true
        })
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

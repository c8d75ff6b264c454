//! What the upstream said of a tag a moment ago, and who is asking it at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use oras_spec::{Digest, RepositoryName, Tag};
use tokio::time::Instant;

use super::UpstreamError;

/// How long an answer counts: long enough for the clients of one rollout to share it, too short
/// for people to notice.
const FRESH: Duration = Duration::from_secs(5);

/// How many answers are remembered before forgetting the old ones.
const REMEMBERED: usize = 1 << 12;

type Name = (RepositoryName, String);
type Turn = tokio::sync::Mutex<()>;

/// The upstreams' latest answers, and turns to ask for more.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// Why an upstream could not be asked, by what it is called.
    troubles: Mutex<HashMap<String, (UpstreamError, Instant)>>,
    answers: Mutex<HashMap<Name, (Digest, Instant)>>,
    turns: Mutex<HashMap<Name, Weak<Turn>>>,
}

impl Freshness {
    /// Returns what the upstream said a tag points at, if that is not long ago.
    pub(crate) fn latest(&self, repository: &RepositoryName, tag: &Tag) -> Option<Digest> {
        let name = (repository.clone(), tag.as_str().to_owned());
        let answers = lock(&self.answers);
        let (digest, at) = answers.get(&name)?;
        (at.elapsed() < FRESH).then(|| digest.clone())
    }

    /// Remembers what the upstream just said.
    pub(crate) fn note(&self, repository: &RepositoryName, tag: &Tag, digest: &Digest) {
        let mut answers = lock(&self.answers);
        if answers.len() >= REMEMBERED {
            answers.retain(|_, (_, at)| at.elapsed() < FRESH);
        }
        if answers.len() < REMEMBERED {
            let name = (repository.clone(), tag.as_str().to_owned());
            answers.insert(name, (digest.clone(), Instant::now()));
        }
    }

    /// Returns why an upstream could not be asked, if that is not long ago: who has something to
    /// serve does not wait for it to fail again.
    pub(crate) fn trouble(&self, host: &str) -> Option<UpstreamError> {
        let troubles = lock(&self.troubles);
        let (error, at) = troubles.get(host)?;
        (at.elapsed() < FRESH).then(|| error.clone())
    }

    /// Remembers that an upstream could not be asked.
    pub(crate) fn note_trouble(&self, host: &str, error: &UpstreamError) {
        lock(&self.troubles).insert(host.to_owned(), (error.clone(), Instant::now()));
    }

    /// Returns the turn to ask for a tag or a manifest: who waits for it finds, when it is his,
    /// what the one before him was told.
    pub(crate) fn turn(&self, repository: &RepositoryName, reference: &str) -> Arc<Turn> {
        let mut turns = lock(&self.turns);
        if turns.len() >= REMEMBERED {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let name = (repository.clone(), reference.to_owned());
        if let Some(turn) = turns.get(&name).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::default());
        turns.insert(name, Arc::downgrade(&turn));
        turn
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

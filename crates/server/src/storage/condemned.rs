//! What may be garbage, and who still relies on it: why removing garbage is safe while clients push.
//!
//! Everything that may be garbage is first condemned: noted here. Then whoever collects waits until
//! all [`Work`] that began before is done, and only then reads what refers to what, sparing what is
//! referred to. So a reference was either written by work that was done before the reading, which
//! sees it, or by work that began after the condemning, and that has called
//! [`rely_on`](Condemned::rely_on) before it looked whether a thing is there, which spares the thing
//! too. What is still condemned then is referred to by nobody. Being removed it is doomed, and who
//! comes to rely on it waits until it is gone.
//!
//! Clients are told of things before they refer to them, so a sentence also has a grace time. It is
//! counted from the condemning on by a clock that nobody sets, as long as a process runs: the age of
//! each sentence is [written down](Condemned::text) after every round, and
//! [remembered](Condemned::remember) by the next process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::Key;

/// How many things are condemned at most. What is more waits for another collection.
const MOST: usize = 1 << 17;

/// How long a process runs before anything goes that was condemned before it began. What an earlier
/// one told its clients after it last wrote down the ages is known to nobody.
const SETTLING: Duration = Duration::from_hours(1);

/// The keys of what may be garbage.
#[derive(Debug)]
pub(crate) struct Condemned {
    sentences: Mutex<Sentences>,
    /// How many there are. Most of the time none, and then nobody takes the lock.
    count: AtomicUsize,
    removed: Notify,
    generation: Mutex<Generation>,
    turn: tokio::sync::Mutex<()>,
    started: Instant,
    settling: Duration,
}

#[derive(Debug, Default)]
struct Sentences {
    of: HashMap<Key, Sentence>,
    /// Ages of sentences of an earlier process, by the text of their keys, until a round is over.
    earlier: HashMap<String, Duration>,
}

#[derive(Debug)]
struct Sentence {
    since: Instant,
    /// How old it was then.
    earlier: Duration,
    /// Condemned in this round too.
    is_renewed: bool,
    /// Being removed.
    is_doomed: bool,
}

impl Sentence {
    fn age(&self) -> Duration {
        self.since.elapsed().saturating_add(self.earlier)
    }
}

/// Closes when the last work of it is done.
#[derive(Debug)]
struct Generation {
    begin: mpsc::Sender<Infallible>,
    end: mpsc::Receiver<Infallible>,
}

impl Generation {
    fn new() -> Self {
        let (begin, end) = mpsc::channel(1);
        Self { begin, end }
    }
}

/// Work that may refer to things: from before it looks for them until the reference is written.
#[derive(Debug)]
pub(crate) struct Work(
    #[expect(dead_code, reason = "held, so that the other end stays open")]
    mpsc::Sender<Infallible>,
);

impl Default for Condemned {
    fn default() -> Self {
        Self {
            sentences: Mutex::default(),
            count: AtomicUsize::new(0),
            removed: Notify::new(),
            generation: Mutex::new(Generation::new()),
            turn: tokio::sync::Mutex::default(),
            started: Instant::now(),
            settling: SETTLING,
        }
    }
}

/// Returns the text of a key.
fn name(key: &Key) -> String {
    format!("{}/{}", key.collection().path(), key.name())
}

impl Sentences {
    /// Takes out what an earlier process has passed on a thing; returns how old that is.
    fn forget_earlier(&mut self, key: &Key) -> Option<Duration> {
        if self.earlier.is_empty() {
            return None;
        }
        self.earlier.remove(&name(key))
    }
}

impl Condemned {
    fn sentences(&self) -> MutexGuard<'_, Sentences> {
        self.sentences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> MutexGuard<'_, Generation> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, sentences: &Sentences) {
        self.count.store(sentences.of.len() + sentences.earlier.len(), Ordering::SeqCst);
    }

    /// Takes on the sentences of an earlier process, as it wrote them down. They are carried out
    /// only if they are passed again.
    pub(crate) fn remember(&self, text: &str) {
        let mut sentences = self.sentences();
        let read = |line: &str| {
            let (age, key) = line.split_once(' ')?;
            Some((key.to_owned(), Duration::from_secs(age.parse().ok()?)))
        };
        sentences.earlier = text.lines().filter_map(read).take(MOST).collect();
        self.count(&sentences);
    }

    /// Writes down all sentences: a line each, of the age in seconds and the key.
    pub(crate) fn text(&self) -> String {
        use std::fmt::Write as _;

        let sentences = self.sentences();
        let mut text = String::new();
        let mut line = |age: Duration, key: &str| {
            // Writing to a string never fails.
            writeln!(text, "{} {key}", age.as_secs()).unwrap_or_default();
        };
        for (key, sentence) in sentences.of.iter().filter(|(_, sentence)| !sentence.is_doomed) {
            line(sentence.age(), &name(key));
        }
        for (key, age) in &sentences.earlier {
            line(*age, key);
        }
        text
    }

    /// Begins work that refers to things. It must not be given up before what it has begun to
    /// write is written.
    pub(crate) fn begin(&self) -> Work {
        Work(self.generation().begin.clone())
    }

    /// Waits until all work is done that has begun so far.
    ///
    /// Must be waited for to the end: work that nobody has waited for is forgotten.
    pub(crate) async fn begun_is_done(&self) {
        let Generation { begin, mut end } =
            std::mem::replace(&mut *self.generation(), Generation::new());
        drop(begin);
        // Nothing is ever sent.
        while end.recv().await.is_some() {}
    }

    /// Spares a thing that is about to be referred to, or that a client is told of. To be called
    /// before looking whether it is there. Waits while it is being removed.
    pub(crate) async fn rely_on(&self, key: &Key) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        loop {
            let mut removed = std::pin::pin!(self.removed.notified());
            removed.as_mut().enable();
            if self.spare(key) {
                return;
            }
            removed.await;
        }
    }

    /// Waits for one's turn: only one may condemn and doom at a time.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Condemns a thing, unless it is already; tells whether it is new here.
    pub(crate) fn condemn(&self, key: &Key) -> bool {
        let mut sentences = self.sentences();
        if let Some(sentence) = sentences.of.get_mut(key) {
            sentence.is_renewed = true;
            return false;
        }
        if sentences.of.len() >= MOST {
            return false;
        }
        let earlier = sentences.forget_earlier(key).unwrap_or_default();
        let since = Instant::now();
        let sentence = Sentence { since, earlier, is_renewed: true, is_doomed: false };
        sentences.of.insert(key.clone(), sentence);
        self.count(&sentences);
        true
    }

    /// Begins a round in which everything that may be garbage is condemned.
    pub(crate) fn begin_round(&self) {
        self.sentences().of.values_mut().for_each(|sentence| sentence.is_renewed = false);
    }

    /// Ends a round: what was not condemned in it is not there any more.
    pub(crate) fn end_round(&self) {
        let mut sentences = self.sentences();
        sentences.of.retain(|_, sentence| sentence.is_renewed);
        sentences.earlier = HashMap::new();
        self.count(&sentences);
    }

    /// Spares a thing; tells whether it could, which it cannot once the thing is doomed.
    pub(crate) fn spare(&self, key: &Key) -> bool {
        let mut sentences = self.sentences();
        if sentences.of.get(key).is_some_and(|sentence| sentence.is_doomed) {
            return false;
        }
        sentences.of.remove(key);
        sentences.forget_earlier(key);
        self.count(&sentences);
        true
    }

    /// Tells whether a thing is condemned.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.count.load(Ordering::SeqCst) > 0 && self.sentences().of.contains_key(key)
    }

    /// Dooms a thing if it was condemned at least `grace` ago and not spared since.
    pub(crate) fn doom<'a>(&'a self, key: &'a Key, grace: Duration) -> Option<Doomed<'a>> {
        let mut sentences = self.sentences();
        let sentence = sentences.of.get_mut(key)?;
        if sentence.is_doomed || sentence.age() < grace {
            return None;
        }
        let is_restored = !sentence.earlier.is_zero();
        if is_restored && self.started.elapsed() < self.settling.min(grace) {
            return None;
        }
        sentence.is_doomed = true;
        Some(Doomed { condemned: self, key })
    }
}

/// A thing that is being removed, until this is dropped.
#[derive(Debug)]
pub(crate) struct Doomed<'a> {
    condemned: &'a Condemned,
    key: &'a Key,
}

impl Drop for Doomed<'_> {
    fn drop(&mut self) {
        let mut sentences = self.condemned.sentences();
        sentences.of.remove(self.key);
        self.condemned.count(&sentences);
        drop(sentences);
        self.condemned.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use oras_spec::Digest;

    use super::*;
    use crate::storage::keys;

    fn key() -> Key {
        keys::blob(&Digest::of(b"x"))
    }

    #[tokio::test]
    async fn what_is_relied_on_is_spared() {
        let condemned = Condemned::default();
        assert!(condemned.condemn(&key()) && !condemned.condemn(&key()));
        condemned.rely_on(&key()).await;
        assert!(condemned.doom(&key(), Duration::ZERO).is_none());
    }

    #[tokio::test]
    async fn who_comes_to_rely_on_what_is_being_removed_waits_until_it_is_gone() {
        let condemned = Condemned::default();
        condemned.condemn(&key());
        let (doomed_key, relied_key) = (key(), key());
        let doomed = condemned.doom(&doomed_key, Duration::ZERO).expect("condemned");
        let mut relying = Box::pin(condemned.rely_on(&relied_key));
        assert!(relying.as_mut().now_or_never().is_none());
        drop(doomed);
        relying.await;
        assert!(!condemned.contains(&key()));
    }

    #[tokio::test]
    async fn the_grace_begins_when_a_thing_is_condemned() {
        let condemned = Condemned::default();
        condemned.condemn(&key());
        assert!(condemned.doom(&key(), Duration::from_hours(1)).is_none());
        assert!(condemned.doom(&key(), Duration::ZERO).is_some());
    }

    #[tokio::test]
    async fn a_sentence_keeps_its_age_when_another_process_goes_on() {
        let hour = Duration::from_hours(1);
        let first = Condemned::default();
        first.condemn(&key());
        let text = first.text();
        assert_eq!(text, format!("0 blobs/sha256/2d/{}\n", key().name()));
        let aged = text.replacen('0', "3600", 1);

        let mut second = Condemned { settling: Duration::ZERO, ..Condemned::default() };
        second.remember(&aged);
        assert_eq!(second.text(), aged, "also before a round");
        assert!(
            !second.contains(&key()) && second.doom(&key(), hour).is_none(),
            "not passed again"
        );
        assert!(second.condemn(&key()));
        assert_eq!(second.text(), aged);
        assert!(second.doom(&key(), 2 * hour).is_none());
        second.settling = hour;
        assert!(second.doom(&key(), hour).is_none(), "it has only begun");
        second.settling = Duration::ZERO;
        assert!(second.doom(&key(), hour).is_some());

        let third = Condemned { settling: Duration::ZERO, ..Condemned::default() };
        third.remember(&aged);
        third.rely_on(&key()).await;
        third.condemn(&key());
        assert!(third.doom(&key(), hour).is_none(), "somebody has asked for it");

        let fourth = Condemned::default();
        fourth.remember(&aged);
        fourth.begin_round();
        fourth.end_round();
        assert_eq!(fourth.text(), "", "it was not there any more");
        fourth.remember("x\n-1 y\n\n7\n");
        assert_eq!(fourth.text(), "", "what is torn is nothing");
    }

    #[tokio::test]
    async fn only_work_that_has_begun_is_waited_for() {
        let condemned = Condemned::default();
        condemned.begun_is_done().await;
        let first = condemned.begin();
        let mut waiting = Box::pin(condemned.begun_is_done());
        assert!(waiting.as_mut().now_or_never().is_none());
        let second = condemned.begin();
        drop(first);
        waiting.await;
        drop(second);
    }
}

//! Drafts left behind: gone on with, left alone, or done without.

use bytes::Bytes;
use futures_util::StreamExt as _;
use oras_spec::Digest;
use oras_spec::image::MediaType;

use super::*;
use crate::store::FileSink;
use crate::store::fixture::{chain, names};
use crate::{Content, Error, ErrorKind, Result};

const SIZE: usize = 9 * 1024 * 1024;

fn text() -> Bytes {
    (0..SIZE).map(|at| u8::try_from(at % 251).expect("small")).collect()
}

fn large() -> Descriptor {
    Descriptor::of(MediaType::OCTET_STREAM, &text())
}

/// The content, from anywhere, whose line breaks after `end` bytes.
fn broken_at(end: usize, bytes: &Bytes) -> Content {
    let bytes = bytes.clone();
    let open = move |start: u64| {
        let start = usize::try_from(start).expect("small").min(end);
        let chunks: Vec<Result<Bytes>> = bytes[start..end]
            .chunks(100_000)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .chain((end < bytes.len()).then(|| Err(Error::new(ErrorKind::Network, "broken"))))
            .collect();
        crate::content::ByteStream::new(futures_util::stream::iter(chunks))
    };
    let first = open(0);
    Content::new(&large(), first).with_reopen_at(move |start| std::future::ready(Ok(open(start))))
}

/// Counts what of the content moves.
fn counted(content: Content) -> (Content, std::sync::Arc<std::sync::atomic::AtomicU64>) {
    let moved = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = std::sync::Arc::clone(&moved);
    let hear = move |count| {
        counter.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
    };
    (content.on_chunk(hear), moved)
}

fn draft_name() -> String {
    name_of(&large().digest).into_string().expect("text")
}

#[tokio::test]
async fn what_is_left_of_a_broken_attempt_is_not_fetched_again() {
    let place = tempfile::tempdir().expect("a directory");
    let sink = FileSink::new(place.path().join("out"));
    let error = sink.write(broken_at(5_000_000, &text())).await.expect_err("broken");
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(names(place.path()), [draft_name(), format!("{}.journal", draft_name())]);
    let (content, moved) = counted(broken_at(SIZE, &text()));
    sink.write(content).await.expect("whole");
    assert_eq!(names(place.path()), ["out"]);
    assert_eq!(std::fs::read(place.path().join("out")).expect("there"), text());
    let moved = moved.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(moved, (SIZE - 5_000_000) as u64);
}

#[tokio::test]
async fn a_draft_without_a_journal_is_hashed_and_gone_on_with() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join(draft_name()), &text()[..6_000_000]).expect("written");
    let sink = FileSink::new(place.path().join("out"));
    let (content, moved) = counted(broken_at(SIZE, &text()));
    sink.write(content).await.expect("whole");
    assert_eq!(std::fs::read(place.path().join("out")).expect("there"), text());
    let moved = moved.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(moved, (SIZE - 6_000_000) as u64);
}

#[tokio::test]
async fn a_complete_draft_only_needs_its_name() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join(draft_name()), text()).expect("written");
    let (content, moved) = counted(broken_at(SIZE, &text()));
    FileSink::new(place.path().join("out")).write(content).await.expect("whole");
    assert_eq!(names(place.path()), ["out"]);
    assert_eq!(moved.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_draft_of_wrong_bytes_costs_one_attempt_and_never_the_result() {
    let place = tempfile::tempdir().expect("a directory");
    let draft = place.path().join(draft_name());
    for wrong in [vec![0; 6_000_000], vec![0; SIZE], vec![0; SIZE + 1]] {
        std::fs::write(&draft, wrong).expect("written");
        let sink = FileSink::new(place.path().join("out"));
        sink.write(broken_at(SIZE, &text()).fickle()).await.expect("the second time");
        assert_eq!(std::fs::read(place.path().join("out")).expect("there"), text());
        assert_eq!(names(place.path()), ["out"]);
    }
    // What cannot be had again is refused, and the draft with it.
    std::fs::write(&draft, vec![0; 6_000_000]).expect("written");
    let sink = FileSink::new(place.path().join("new"));
    let error = sink.write(broken_at(SIZE, &text())).await.expect_err("wrong");
    assert!(chain(&error).ends_with("mismatched digest"), "{}", chain(&error));
    assert_eq!(names(place.path()), ["out"]);
}

#[tokio::test]
async fn a_draft_that_somebody_works_on_is_left_alone() {
    let place = tempfile::tempdir().expect("a directory");
    let draft = place.path().join(draft_name());
    std::fs::write(&draft, &text()[..6_000_000]).expect("written");
    let theirs = File::open(&draft).expect("opened");
    rustix::fs::flock(&theirs, FlockOperation::LockExclusive).expect("locked");
    let sink = FileSink::new(place.path().join("out"));
    sink.write(broken_at(SIZE, &text()).fickle()).await.expect("on its own");
    assert_eq!(std::fs::read(place.path().join("out")).expect("there"), text());
    assert_eq!(std::fs::metadata(&draft).expect("still there").len(), 6_000_000);
}

#[test]
fn what_others_could_change_behind_our_back_is_not_gone_on_with() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = Directory::open(place.path()).expect("opened");
    let draft = place.path().join(draft_name());
    std::fs::write(place.path().join("other"), &text()[..6_000_000]).expect("written");
    std::fs::hard_link(place.path().join("other"), &draft).expect("linked");
    assert_eq!(left_behind(&directory, &large()), 0);
    let (found, _) = begin(&directory, &large(), "out".as_ref()).expect("another draft");
    assert_eq!(found.written(), 0);
    drop(found);
    std::fs::remove_file(&draft).expect("removed");
    std::os::unix::fs::symlink("other", &draft).expect("linked");
    assert_eq!(left_behind(&directory, &large()), 0);
    assert_eq!(begin(&directory, &large(), "out".as_ref()).expect("another").0.written(), 0);
}

#[tokio::test]
async fn little_is_not_left_behind() {
    let place = tempfile::tempdir().expect("a directory");
    let sink = FileSink::new(place.path().join("out"));
    sink.write(broken_at(3_000_000, &text())).await.expect_err("broken");
    assert_eq!(names(place.path()), [""; 0]);
}

#[tokio::test]
async fn a_beginning_that_is_missing_is_not_taken_for_the_whole() {
    let content = broken_at(SIZE, &text()).starting_at(10).await.expect("opened");
    assert_eq!(content.start(), 10);
    let mut stream = content.into_stream();
    let error = stream.next().await.expect("an item").expect_err("no beginning");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let place = tempfile::tempdir().expect("a directory");
    let sink = FileSink::new(place.path().join("out"));
    let content = broken_at(SIZE, &text()).starting_at(10).await.expect("opened");
    assert_eq!(sink.write(content).await.expect_err("no beginning").kind(), ErrorKind::Mismatch);
    let content = broken_at(SIZE, &text()).fickle().starting_at(10).await.expect("opened");
    sink.write(content).await.expect("from the beginning");
    assert_eq!(
        Digest::of(&std::fs::read(place.path().join("out")).expect("there")),
        large().digest
    );
}

#[test]
fn only_old_drafts_are_swept() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = Directory::open(place.path()).expect("opened");
    let path = place.path().join(draft_name());
    let file = File::create(&path).expect("made");
    sweep(&directory, draft_name().as_ref());
    assert!(path.exists());
    let old = SystemTime::now() - MAX_AGE - Duration::from_mins(1);
    file.set_modified(old).expect("aged");
    rustix::fs::flock(&file, FlockOperation::LockExclusive).expect("locked");
    sweep(&directory, draft_name().as_ref());
    assert!(path.exists(), "somebody works on it");
    drop(file);
    sweep(&directory, draft_name().as_ref());
    assert!(!path.exists());
    let other = place.path().join("mine.partial");
    File::create(&other).expect("made").set_modified(old).expect("aged");
    sweep(&directory, "mine.partial".as_ref());
    assert!(other.exists());
}

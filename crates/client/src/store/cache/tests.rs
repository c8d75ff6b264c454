//! The cache: what it gives, what it does not, and how little it matters when it is broken.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::Duration;

use oras_spec::TagOrDigest;
use oras_spec::image::MediaType;
use tempfile::TempDir;

use super::*;
use crate::store::fixture::titled;
use crate::store::{Cached, Files, FilesOptions, Memory};
use crate::{Source, Target as _};

struct Place {
    directory: TempDir,
    troubles: Arc<Mutex<Vec<String>>>,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, troubles: Arc::default() }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn cache(&self, limit: Option<u64>) -> Cache {
        let troubles = Arc::clone(&self.troubles);
        let trouble = move |error: &Error| {
            troubles.lock().expect("no panic").push(error.to_string());
        };
        let options =
            CacheOptions { limit, share: 1, trouble: Arc::new(trouble), ..CacheOptions::default() };
        Cache::new(&self.root(), Some(&self.root()), options)
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.root().join("blobs/sha256").join(digest.encoded())
    }
}

fn small(number: u8) -> (Descriptor, Bytes) {
    let bytes = Bytes::from(vec![number; 1000]);
    (Descriptor::of(MediaType::OCTET_STREAM, &bytes), bytes)
}

fn large() -> (Descriptor, Bytes) {
    let bytes: Bytes = (0..5_000_000).map(|at| u8::try_from(at % 253).expect("small")).collect();
    (Descriptor::of(MediaType::OCTET_STREAM, &bytes), bytes)
}

async fn source_of(contents: &[(Descriptor, Bytes)]) -> Arc<Memory> {
    let memory = Memory::new();
    for (descriptor, bytes) in contents {
        let content = Content::from_bytes(descriptor, bytes.clone());
        memory.push(descriptor, content).await.expect("kept");
    }
    Arc::new(memory)
}

async fn read(source: &dyn Source, descriptor: &Descriptor) -> (bool, Result<Bytes>) {
    match source.fetch(descriptor).await {
        Ok(content) => (content.is_cached(), content.read_at_most(1 << 30).await),
        Err(error) => (false, Err(error)),
    }
}

#[tokio::test]
async fn what_has_passed_once_need_not_come_again() {
    let place = Place::new();
    let (descriptor, bytes) = small(1);
    let full =
        Cached::new(source_of(&[(descriptor.clone(), bytes.clone())]).await, place.cache(None));
    assert_eq!(read(&full, &descriptor).await.1.expect("fetched"), bytes);
    // A source that has nothing shows who gives.
    let empty = Cached::new(Arc::new(Memory::new()), place.cache(None));
    let (cached, found) = read(&empty, &descriptor).await;
    assert!(cached);
    assert_eq!(found.expect("from the cache"), bytes);
    // Whether it is there at all, only the source says.
    let reference = TagOrDigest::Digest(descriptor.digest.clone());
    assert!(empty.fetch_reference(&reference).await.is_err());
    let (_, content) = full.fetch_reference(&reference).await.expect("there");
    assert!(content.is_cached());
}

#[tokio::test]
async fn a_rotten_cache_never_changes_a_result() {
    let (descriptor, bytes) = small(1);
    let rots: [fn(&Path); 5] = [
        |path| std::fs::write(path, [2; 1000]).expect("written"),
        |path| std::fs::write(path, "").expect("written"),
        |path| std::fs::write(path, [1; 1001]).expect("written"),
        |path| {
            std::fs::remove_file(path).expect("removed");
            std::fs::create_dir(path).expect("made");
        },
        |path| {
            std::fs::remove_file(path).expect("removed");
            std::os::unix::fs::symlink("/dev/zero", path).expect("linked");
        },
    ];
    for rot in rots {
        let place = Place::new();
        let source = source_of(&[(descriptor.clone(), bytes.clone())]).await;
        let cached = Cached::new(source, place.cache(None));
        read(&cached, &descriptor).await.1.expect("fetched");
        let path = place.blob(&descriptor.digest);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("chmod");
        rot(&path);
        let (from_cache, found) = read(&cached, &descriptor).await;
        assert!(!from_cache);
        assert_eq!(found.expect("fetched again"), bytes);
    }
}

#[tokio::test]
async fn large_content_comes_from_where_it_was_pulled_to_until_that_changes() {
    let place = Place::new();
    let (blob, bytes) = large();
    let descriptor = titled("a.bin", &bytes);
    // Too small for a copy: only the place is known.
    let cache = place.cache(Some(1_000_000));
    let options = FilesOptions { cache: Some(cache.clone()), ..FilesOptions::default() };
    let out = place.directory.path().join("out");
    let files = Files::new(&out, options);
    let content = Content::from_bytes(&descriptor, bytes.clone());
    files.push(&descriptor, content).await.expect("written");
    assert_eq!(cache.entries().await.expect("listed"), []);

    let empty = Cached::new(Arc::new(Memory::new()), cache.clone());
    let (from_cache, found) = read(&empty, &blob).await;
    assert!(from_cache);
    assert_eq!(found.expect("from the file"), bytes);
    std::fs::write(out.join("a.bin"), vec![7; bytes.len()]).expect("changed");
    assert!(read(&empty, &blob).await.1.is_err());
    let full = Cached::new(source_of(&[(blob.clone(), bytes.clone())]).await, cache);
    assert_eq!(read(&full, &blob).await.1.expect("fetched"), bytes);
}

#[tokio::test]
async fn large_content_that_is_rotten_is_fetched_whoever_reads_it() {
    let place = Place::new();
    let (blob, bytes) = large();
    let cache = place.cache(None);
    let file = place.directory.path().join("file");
    std::fs::write(&file, &bytes).expect("written");
    let reading = Reading::open(&file).expect("opened");
    cache.adopt(&reading.file, &file, &reading.stamp, &blob.digest);
    assert_eq!(std::fs::read(place.blob(&blob.digest)).expect("copied"), bytes);
    let cached = Cached::new(source_of(&[(blob.clone(), bytes.clone())]).await, cache);
    assert!(read(&cached, &blob).await.0);

    let rot = || {
        let mut wrong = bytes.to_vec();
        wrong[4_999_999] ^= 1;
        std::fs::write(place.blob(&blob.digest), wrong).expect("written");
        std::fs::write(&file, "gone").expect("written");
    };
    rot();
    let (_, found) = read(&cached, &blob).await;
    assert_eq!(found.expect("from the source"), bytes);
    assert!(!place.blob(&blob.digest).exists(), "it is removed");
    std::fs::create_dir_all(place.root().join("blobs/sha256")).expect("made");
    rot();
    let out = Files::new(&place.directory.path().join("out"), FilesOptions::default());
    let descriptor = titled("a.bin", &bytes);
    let content = cached.fetch(&descriptor).await.expect("opened");
    out.push(&descriptor, content).await.expect("written");
    let written = std::fs::read(place.directory.path().join("out/a.bin")).expect("there");
    assert_eq!(written, bytes);
}

#[tokio::test]
async fn what_was_used_longest_ago_makes_room() {
    let place = Place::new();
    let cache = place.cache(Some(4000));
    let contents: Vec<_> = (0..9).map(small).collect();
    let source = source_of(&contents).await;
    let cached = Cached::new(source, cache.clone());
    for (age, (descriptor, _)) in (0..).zip(&contents[..3]) {
        read(&cached, descriptor).await.1.expect("fetched");
        let file = File::options().write(true).open(place.blob(&descriptor.digest));
        let then = SystemTime::now() - Duration::from_mins(90 - 10 * age);
        file.expect("opened").set_modified(then).expect("aged");
    }
    // The first is used again, so the second is the oldest.
    read(&cached, &contents[0].0).await.1.expect("there");
    read(&cached, &contents[3].0).await.1.expect("fetched");
    read(&cached, &contents[4].0).await.1.expect("fetched");
    let held: Vec<Digest> =
        cache.entries().await.expect("listed").into_iter().map(|entry| entry.digest).collect();
    assert!(held.len() <= 4 && held.contains(&contents[4].0.digest), "{held:?}");
    assert!(!held.contains(&contents[1].0.digest), "{held:?}");
    assert!(held.contains(&contents[0].0.digest), "{held:?}");
    // More than a quarter would throw out too much.
    let bytes = Bytes::from(vec![9; 1001]);
    let large = Descriptor::of(MediaType::OCTET_STREAM, &bytes);
    let cached = Cached::new(source_of(&[(large.clone(), bytes)]).await, cache);
    read(&cached, &large).await.1.expect("fetched");
    assert!(!place.blob(&large.digest).exists());
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_told_once_and_done_without() {
    let place = Place::new();
    std::fs::write(place.root(), "a file in its place").expect("written");
    let contents: Vec<_> = (0..3).map(small).collect();
    let cached = Cached::new(source_of(&contents).await, place.cache(Some(1 << 20)));
    for (descriptor, bytes) in &contents {
        assert_eq!(read(&cached, descriptor).await.1.expect("fetched"), bytes);
    }
    let troubles = place.troubles.lock().expect("no panic").clone();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
}

#[tokio::test]
async fn it_can_be_listed_checked_and_emptied() {
    let place = Place::new();
    let cache = place.cache(Some(1 << 20));
    assert_eq!(cache.verify().await.expect("nothing there"), CacheCheck::default());
    let contents: Vec<_> = (0..3).map(small).collect();
    let cached = Cached::new(source_of(&contents).await, cache.clone());
    for (descriptor, _) in &contents {
        read(&cached, descriptor).await.1.expect("fetched");
    }
    // Opened when there was nothing, the cache is seen nevertheless.
    let cache = place.cache(Some(1 << 20));
    assert_eq!(cache.entries().await.expect("listed").len(), 3);
    std::fs::write(place.root().join("blobs/sha256/stranger"), "x").expect("written");
    std::fs::write(place.blob(&contents[1].0.digest), "rotten").expect("written");
    let check = cache.verify().await.expect("checked");
    assert_eq!(check.wrong, [contents[1].0.digest.clone()]);
    assert_eq!(check.right, CacheUsage { blobs: 2, bytes: 2000 });
    assert_eq!(cache.prune(1500).await.expect("pruned"), CacheUsage { blobs: 1, bytes: 1000 });
    assert_eq!(cache.clear().await.expect("cleared"), CacheUsage { blobs: 1, bytes: 1000 });
    assert_eq!(cache.entries().await.expect("listed"), []);
}

#[tokio::test]
async fn a_layout_is_one_for_others_too() {
    let place = Place::new();
    let options = CacheOptions { limit: None, is_layout: true, ..CacheOptions::default() };
    let cache = Cache::new(&place.root(), None, options);
    let (descriptor, bytes) = small(1);
    let source = source_of(&[(descriptor.clone(), bytes.clone())]).await;
    read(&Cached::new(source, cache), &descriptor).await.1.expect("fetched");
    let layout = crate::store::Layout::open_read_only(&place.root()).await.expect("a layout");
    let content = layout.fetch(&descriptor).await.expect("there");
    assert_eq!(content.read_all().await.expect("right"), bytes);
}

#[test]
fn a_note_is_believed_only_of_a_file_that_was_at_rest() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    std::fs::write(&file, "abc").expect("written");
    let reading = Reading::open(&file).expect("opened");
    let (changed, _) = reading.stamp.last_change();
    assert!(!known::is_settled(&reading.stamp, changed));
    assert!(!known::is_settled(&reading.stamp, changed + 99_000_000));
    assert!(known::is_settled(&reading.stamp, changed + 2_200_000_000));

    let notes = Known::new(&place.root());
    let digest = Digest::of(b"abc");
    let then = SystemTime::UNIX_EPOCH + Duration::from_nanos(changed);
    notes.note(&reading.stamp, &digest, &file, then);
    assert_eq!(notes.digest(&reading.stamp), None, "hashed in the tick of its last change");
    assert_eq!(notes.suspected(&reading.stamp), Some(digest.clone()));
    notes.note(&reading.stamp, &digest, &file, then + Duration::from_secs(3));
    assert_eq!(notes.digest(&reading.stamp), Some(digest));
    std::fs::write(&file, "abd").expect("changed");
    File::open(&file).and_then(|file| file.set_modified(then)).unwrap_or_default();
    let other = Reading::open(&file).expect("opened").stamp;
    if other != reading.stamp {
        assert_eq!(notes.digest(&other), None);
    }
}

#[tokio::test]
async fn a_file_that_is_known_is_not_hashed_when_it_is_added() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    std::fs::write(&file, "abc").expect("written");
    let reading = Reading::open(&file).expect("opened");
    let (changed, _) = reading.stamp.last_change();
    let later = SystemTime::UNIX_EPOCH + Duration::from_nanos(changed) + Duration::from_secs(3);
    // What no hash would say shows that there was none.
    let noted = Digest::of(b"something else");
    Known::new(&place.root()).note(&reading.stamp, &noted, &file, later);
    let options = FilesOptions { cache: Some(place.cache(None)), ..FilesOptions::default() };
    let files = Files::new(place.directory.path(), options);
    let added = files.add(Path::new("file"), None, None).await.expect("added");
    assert_eq!(added.digest, noted);
    std::fs::write(&file, "abcd").expect("changed");
    let files = Files::new(
        place.directory.path(),
        FilesOptions { cache: Some(place.cache(None)), ..FilesOptions::default() },
    );
    let added = files.add(Path::new("file"), None, None).await.expect("added");
    assert_eq!(added.digest, Digest::of(b"abcd"));
}

#[tokio::test]
async fn a_file_that_is_what_it_is_to_become_is_left_alone() {
    let place = Place::new();
    let (_, bytes) = small(1);
    let descriptor = titled("a.bin", &bytes);
    let out = place.directory.path().join("out");
    let pull = async || {
        let options = FilesOptions { cache: Some(place.cache(None)), ..FilesOptions::default() };
        let files = Files::new(&out, options);
        let begun = files.begun(&descriptor).await.expect("looked");
        let content = Content::from_bytes(&descriptor, bytes.clone());
        let content = content.starting_at(begun).await.expect("opened");
        files.push(&descriptor, content).await.expect("pulled");
        begun
    };
    let inode =
        || std::os::unix::fs::MetadataExt::ino(&out.join("a.bin").metadata().expect("there"));
    assert_eq!(pull().await, 0);
    let first = inode();
    assert_eq!(pull().await, 1000);
    assert_eq!(inode(), first);
    std::fs::write(out.join("a.bin"), [2; 1000]).expect("changed");
    assert_eq!(pull().await, 0);
    assert_eq!(std::fs::read(out.join("a.bin")).expect("there"), bytes);
}

#[test]
fn notes_do_not_grow_without_end() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    std::fs::write(&file, "abc").expect("written");
    let stamp = Reading::open(&file).expect("opened").stamp;
    let notes = Known::new(&place.root());
    let now = SystemTime::now() + Duration::from_secs(10);
    for number in 0..1500_u32 {
        notes.note(&stamp, &Digest::of(&number.to_le_bytes()), &file, now);
    }
    assert_eq!(notes.digest(&stamp), Some(Digest::of(&1499_u32.to_le_bytes())));
    let part = place.root().join("files").read_dir().expect("notes").next().expect("a part");
    let length = part.expect("readable").metadata().expect("there").len();
    assert!(length <= 200_000, "{length}");
}

#[tokio::test]
async fn a_file_may_be_removed_while_it_is_read_but_not_be_changed() {
    let place = Place::new();
    let (blob, bytes) = large();
    let file = place.directory.path().join("file");
    let open = || {
        std::fs::write(&file, &bytes).expect("written");
        let reading = Reading::open(&file).expect("opened");
        Content::new(&blob, reading.stream_of_any_name(0))
    };
    let content = open();
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(content.read_at_most(1 << 30).await.expect("open still"), bytes);
    let content = open();
    // After any tick of the clock that file systems go by.
    std::thread::sleep(Duration::from_millis(30));
    std::fs::write(&file, &bytes).expect("written again");
    content.read_at_most(1 << 30).await.expect_err("changed");
}

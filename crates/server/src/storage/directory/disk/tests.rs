//! The disk on its own: what it refuses after a failure, and its lists under many writers.

use std::collections::BTreeSet;
use std::sync::Arc;

use oras_spec::{RepositoryName, Tag};

use super::*;
use crate::storage::keys;

fn disk() -> (tempfile::TempDir, Disk) {
    let root = tempfile::tempdir().expect("a temporary directory");
    for member in MEMBERS {
        fs::create_dir(root.path().join(member)).expect("a member");
    }
    let lock = File::create(root.path().join(".lock")).expect("a file");
    let disk = Disk::new(root.path().to_owned(), Some(lock));
    (root, disk)
}

fn tag(number: usize) -> Key {
    let repository: RepositoryName = "a".parse().expect("a name");
    let tag: Tag = format!("Tag-{number:05}").parse().expect("a tag");
    keys::tag(&repository, &tag)
}

fn put(disk: &Disk, key: &Key, value: &[u8]) -> Result<bool> {
    disk.put(key, value, &Condition::Any, Durability::Hint)
}

#[test]
fn nothing_is_written_after_a_sync_has_failed() {
    let (_root, disk) = disk();
    put(&disk, &tag(1), b"x").expect("written");
    disk.note_failure(Err(io::ErrorKind::StorageFull.into())).expect_err("full");
    put(&disk, &tag(2), b"x").expect("a full disk may have room again");
    disk.note_failure(Err(io::Error::other("EIO"))).expect_err("failed");
    assert!(matches!(put(&disk, &tag(1), b"y"), Err(StoreError::ReadOnly)));
    let deleted = disk.delete(&tag(1), None, Durability::Durable);
    assert!(matches!(deleted, Err(StoreError::ReadOnly)));
    let committed = disk.commit(Path::new("anything"), &tag(3));
    assert!(matches!(committed, Err(StoreError::ReadOnly)));
    assert_eq!(disk.get(&tag(1)).expect("reading goes on").as_deref(), Some(&b"x"[..]));
}

#[test]
fn writes_and_deletions_hold_to_their_conditions() {
    let (_root, disk) = disk();
    let create = |value| disk.put(&tag(1), value, &Condition::Absent, Durability::Durable);
    assert!(create(b"first").expect("written"));
    assert!(!create(b"second").expect("refused"));
    assert_eq!(disk.get(&tag(1)).expect("read").as_deref(), Some(&b"first"[..]));
    let delete = |expected| disk.delete(&tag(1), expected, Durability::Durable);
    assert!(!delete(Some(&b"second"[..])).expect("refused"));
    assert!(delete(Some(&b"first"[..])).expect("deleted"));
    assert!(!delete(None).expect("nothing there"));
    assert!(!delete(Some(&b""[..])).expect("nothing is not an empty record"));
    assert_eq!(fs::read_dir(disk.root.join("tmp")).expect("the directory").count(), 0);
}

#[test]
fn lists_stay_true_while_many_write() {
    let (_root, disk) = disk();
    let disk = Arc::new(disk);
    // Enough names that the list is remembered at its first reading, while they change.
    for number in 0..2000 {
        put(&disk, &tag(number), b"x").expect("written");
    }
    let writers = (0..4).map(|writer| {
        let disk = Arc::clone(&disk);
        std::thread::spawn(move || {
            for number in (writer..2400).step_by(4) {
                if number % 3 == 0 {
                    disk.delete(&tag(number), None, Durability::Hint).expect("deleted");
                } else {
                    put(&disk, &tag(number), b"y").expect("written");
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let collection = tag(0).collection().clone();
    while !writers.iter().all(std::thread::JoinHandle::is_finished) {
        let page = disk.list(&collection, Some("Tag-00500"), 100).expect("a page");
        assert!(page.is_sorted() && page.len() == 100 && page[0].as_str() > "Tag-00500");
    }
    for writer in writers {
        writer.join().expect("no writer failed");
    }
    let listed: BTreeSet<String> =
        disk.list(&collection, None, 9999).expect("the list").into_iter().collect();
    let there: io::Result<BTreeSet<String>> = disk.names(&collection).expect("names").collect();
    let expected: BTreeSet<String> = (0..2400)
        .filter(|number| number % 3 != 0)
        .map(|number| tag(number).name().to_owned())
        .collect();
    assert_eq!(there.expect("the directory"), expected);
    assert_eq!(listed, expected);
}

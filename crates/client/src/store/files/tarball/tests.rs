//! Trees become tarballs, always the same ones.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use flate2::read::GzDecoder;
use rustix::fs::{AtFlags, CWD, FileType, Timespec, Timestamps};

use super::*;
use crate::store::fixture::{chain, names};

/// A tree with something of everything, all of the same time but one.
fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("tree");
    fs::create_dir_all(root.join("sub/a.d")).expect("made");
    for (name, text, mode) in
        [("a", "hi\n", 0o644), ("a.txt", "", 0o4755), ("sub/é", "ünïcödé", 0o600)]
    {
        fs::write(root.join(name), text).expect("written");
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).expect("chmod");
    }
    fs::set_permissions(root.join("sub"), Permissions::from_mode(0o750)).expect("chmod");
    fs::set_permissions(root.join("sub/a.d"), Permissions::from_mode(0o1777)).expect("chmod");
    fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("chmod");
    symlink("../nowhere", root.join("sub/link")).expect("linked");
    fs::hard_link(root.join("a"), root.join("sub/b")).expect("linked");
    let pipe = root.join("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
    fs::set_permissions(pipe, Permissions::from_mode(0o640)).expect("chmod");
    for name in ["a", "a.txt", "pipe", "sub/a.d", "sub/b", "sub/link", "sub/é", "sub", ""] {
        set_time(&root.join(name), 1_600_000_000, 0);
    }
    directory
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("dated");
}

fn packed(directory: &Path, prefix: &str) -> Tarball {
    packed_keeping(directory, prefix, EntryMetadata::AsFound)
}

fn packed_keeping(directory: &Path, prefix: &str, kept: EntryMetadata) -> Tarball {
    pack(&directory.join("tree"), prefix, directory, kept).expect("packed")
}

/// The digest is that of what Go's `oras` makes of the same tree.
#[test]
fn a_tree_becomes_the_tarball_that_go_makes_of_it() {
    let directory = tree();
    let tarball = packed(directory.path(), "some/tree");
    assert_eq!(
        tarball.content.as_str(),
        "sha256:3c45e463fb084e5bf138ff0ca3d52c58c67225756c9bd2d790df32e09b0f3e76"
    );
    let tarball = packed(directory.path(), ".");
    assert_eq!(
        tarball.content.as_str(),
        "sha256:53a3a81224558b328eba1f6cb1756a1f195a0bf65ef1ee6c70e4d5f23eed3bb5"
    );
    assert_eq!(names(directory.path()), ["tree"], "nothing else has a name");
}

#[test]
fn the_archive_is_what_its_digests_say() {
    let directory = tree();
    let tarball = packed(directory.path(), "tree");
    let mut zipped = Vec::new();
    let mut file: &File = &tarball.reading.file;
    io::Seek::rewind(&mut file).expect("rewound");
    file.read_to_end(&mut zipped).expect("read");
    assert_eq!(zipped[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    assert_eq!(Digest::of(&zipped), tarball.digest);
    assert_eq!(zipped.len() as u64, tarball.reading.stamp.size());
    let mut unzipped = Vec::new();
    GzDecoder::new(&zipped[..]).read_to_end(&mut unzipped).expect("gzip");
    assert_eq!(Digest::of(&unzipped), tarball.content);
}

#[test]
fn the_compressor_is_fed_the_same_however_files_are_cut() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("tree");
    fs::create_dir(&root).expect("made");
    // Not of one kind, and longer than a block.
    let bytes: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| (number.wrapping_mul(number) / 7).to_le_bytes())
        .collect();
    fs::write(root.join("big"), &bytes).expect("written");
    let first = packed(directory.path(), "tree");
    let second = packed(directory.path(), "tree");
    assert_eq!(first.digest, second.digest);
    let file = tempfile::tempfile().expect("a file");
    let mut tape = Tape::new(file, directory.path(), EntryMetadata::AsFound);
    let mut zipped: &File = &first.reading.file;
    io::Seek::rewind(&mut zipped).expect("rewound");
    let mut unzipped = Vec::new();
    GzDecoder::new(zipped).read_to_end(&mut unzipped).expect("gzip");
    for piece in unzipped[..unzipped.len() - 1024].chunks(777) {
        tape.write(piece).expect("written");
    }
    assert_eq!(tape.finish().expect("finished"), (first.digest, first.content));
}

#[test]
fn times_are_rounded_to_the_nearest_second() {
    let of = |nanoseconds| {
        let directory = tree();
        set_time(&directory.path().join("tree/a"), 1_600_000_000, nanoseconds);
        packed(directory.path(), "tree").content
    };
    assert_eq!(of(0), of(499_999_999));
    assert_eq!(of(500_000_000), of(999_999_999));
    assert_ne!(of(0), of(500_000_000));
}

#[test]
fn says_what_cannot_be_packed() {
    let directory = tree();
    let root = directory.path().join("tree");
    let refused = || {
        pack(&root, "tree", directory.path(), EntryMetadata::AsFound)
            .map(drop)
            .expect_err("refused")
    };
    let socket = std::os::unix::net::UnixListener::bind(root.join("s")).expect("bound");
    assert_eq!(
        refused().to_string(),
        format!("{}/s: archive/tar: sockets not supported", root.display())
    );
    drop(socket);
    fs::remove_file(root.join("s")).expect("removed");

    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    fs::write(root.join(odd), "x").expect("written");
    assert_eq!(
        refused().to_string(),
        format!("{}/odd\\xff: the name is not UTF-8", root.display())
    );
    fs::remove_file(root.join(odd)).expect("removed");

    let nowhere = directory.path().join("nowhere");
    let error =
        pack(&root, "tree", &nowhere, EntryMetadata::AsFound).map(drop).expect_err("no place");
    assert_eq!(
        chain(&error),
        format!("make a file in {}: no such file or directory", nowhere.display())
    );
}

/// Gives everything in the tree another time, and permissions of another umask.
fn check_out_anew(root: &Path) {
    for (name, mode) in [("a", 0o600), ("a.txt", 0o711), ("pipe", 0o600), ("sub/é", 0o666)] {
        fs::set_permissions(root.join(name), Permissions::from_mode(mode)).expect("chmod");
    }
    for name in ["sub/a.d", "sub", ""] {
        fs::set_permissions(root.join(name), Permissions::from_mode(0o700)).expect("chmod");
    }
    for name in ["a", "a.txt", "pipe", "sub/a.d", "sub/b", "sub/link", "sub/é", "sub", ""] {
        set_time(&root.join(name), 1_700_000_000, 600_000_000);
    }
}

#[test]
fn uniform_entries_make_the_same_archive_of_two_checkouts() {
    let directory = tree();
    let root = directory.path().join("tree");
    let kept = EntryMetadata::Uniform(1_500_000_000);
    let once = packed_keeping(directory.path(), "tree", kept);
    check_out_anew(&root);
    let again = packed_keeping(directory.path(), "tree", kept);
    assert_eq!((once.digest, once.content), (again.digest.clone(), again.content));
    fs::set_permissions(root.join("a"), Permissions::from_mode(0o700)).expect("chmod");
    let program = packed_keeping(directory.path(), "tree", kept);
    assert_ne!(program.digest, again.digest, "a program is more than a file");
    let later = packed_keeping(directory.path(), "tree", EntryMetadata::Uniform(0));
    assert_ne!(later.digest, program.digest, "the time is the one that was asked for");
}

#[test]
fn times_can_be_kept_from_being_later_than_one() {
    let directory = tree();
    let root = directory.path().join("tree");
    let kept = EntryMetadata::NoLaterThan(1_600_000_001);
    let found = packed(directory.path(), "tree").digest;
    assert_eq!(packed_keeping(directory.path(), "tree", kept).digest, found);
    let touch = |seconds| set_time(&root.join("a"), seconds, 0);
    touch(1_600_000_001);
    let limit = packed(directory.path(), "tree").digest;
    assert_ne!(limit, found);
    touch(1_700_000_000);
    assert_eq!(packed_keeping(directory.path(), "tree", kept).digest, limit);
    assert_ne!(packed(directory.path(), "tree").digest, limit);
}

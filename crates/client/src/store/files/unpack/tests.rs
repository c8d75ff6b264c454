//! Archives become directories, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use oras_spec::Digest;
use oras_spec::image::{Descriptor, annotation};

use super::*;
use crate::store::entries::sample::{Archive, gzip};
use crate::store::files::{Files, FilesOptions};
use crate::store::fixture::{Yard, chain, claiming, names, titled};
use crate::{Source as _, Target as _};

/// The descriptor of an archive that is to be unpacked.
fn packed(title: &str, bytes: &[u8]) -> Descriptor {
    let mut descriptor = titled(title, bytes);
    descriptor.annotations.insert(annotation::CONTENT_UNPACK.into(), "true".into());
    descriptor
}

async fn push(files: &Files, title: &str, bytes: &[u8]) -> Result<()> {
    let descriptor = packed(title, bytes);
    files.push(&descriptor, claiming(&descriptor, bytes)).await
}

/// Unpacks, and demands that it is refused without a trace.
async fn refused(title: &str, archive: Archive) -> (ErrorKind, String) {
    let yard = Yard::new();
    let error = push(&yard.files(), title, &archive.gzip()).await.expect_err("refused");
    assert_eq!(names(&yard.out()), [""; 0], "nothing is left");
    yard.check();
    let text = chain(&error);
    let prefix = format!("failed to extract tar to {}: ", yard.out().join(title).display());
    let rest = text.strip_prefix(&prefix).unwrap_or_else(|| panic!("{text}"));
    (error.kind(), rest.to_owned())
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("there").mode() & 0o7777
}

#[tokio::test]
async fn a_directory_comes_back_as_it_was() {
    let (here, there) = (Yard::new(), Yard::new());
    let tree = here.out().join("tree");
    fs::create_dir_all(tree.join("sub/empty")).expect("made");
    fs::write(tree.join("ünïcödé"), "1").expect("written");
    fs::write(tree.join("sub/tool"), "2").expect("written");
    symlink("../ünïcödé", tree.join("sub/link")).expect("linked");
    for (name, mode) in
        [("ünïcödé", 0o640), ("sub/tool", 0o755), ("sub/empty", 0o555), ("sub", 0o750)]
    {
        let mode = Permissions::from_mode(here.allowed(mode));
        fs::set_permissions(tree.join(name), mode).expect("chmod");
    }
    let source = here.files();
    let descriptor = source.add(Path::new("tree"), Some("tree"), None).await.expect("added");
    let target = there.files();
    let content = source.fetch(&descriptor).await.expect("there");
    target.push(&descriptor, content).await.expect("unpacked");

    let found = there.out().join("tree");
    assert_eq!(names(&there.out()), ["tree"]);
    assert_eq!(names(&found), ["sub", "ünïcödé"]);
    assert_eq!(names(&found.join("sub")), ["empty", "link", "tool"]);
    assert_eq!(there.read("tree/ünïcödé"), "1");
    assert_eq!(there.read("tree/sub/tool"), "2");
    assert_eq!(there.read("tree/sub/link"), "1");
    for (name, expected) in
        [("ünïcödé", 0o640), ("sub/tool", 0o755), ("sub/empty", 0o555), ("sub", 0o750)]
    {
        assert_eq!(mode(&found.join(name)), there.allowed(expected), "{name}");
    }
    // Packed again, it is the same: names, bytes, modes and times, of directories and links too.
    let again = there.files().add(Path::new("tree"), Some("tree"), None).await.expect("added");
    let seconds = |path: &Path| path.symlink_metadata().expect("there").mtime();
    assert!((seconds(&found) - seconds(&tree)).abs() <= 1);
    assert_eq!(again.annotations, descriptor.annotations);
    there.check();
}

#[tokio::test]
async fn every_kind_of_entry_finds_its_place() {
    let yard = Yard::new();
    let archive = Archive::default()
        .file("d/implicit/parent", "1")
        .directory("d")
        .file("d/twice", "first")
        .file("d/twice", "second")
        .hard_link("d/other", "d/twice")
        .symlink("d/link", "implicit/parent")
        .symlink("d/replaced", "nowhere")
        .file("d/replaced", "by a file")
        .file("d/was a file", "x")
        .symlink("d/was a file", "./twice")
        .entry(b'6', "d/pipe", "", b"")
        .entry(b'3', "d/device", "", b"")
        .changed(b'0', "d/setuid", b"", |header| header.set_mode(0o7777))
        .gzip();
    push(&yard.files(), "d", &archive).await.expect("unpacked");
    let out = yard.out().join("d");
    assert_eq!(
        names(&out),
        ["implicit", "link", "other", "replaced", "setuid", "twice", "was a file"]
    );
    assert_eq!(yard.read("d/link"), "1");
    assert_eq!(yard.read("d/twice"), "second");
    assert_eq!(yard.read("d/other"), "second");
    assert_eq!(yard.read("d/replaced"), "by a file");
    assert_eq!(yard.read("d/was a file"), "second");
    let ino = |name: &str| out.join(name).metadata().expect("there").ino();
    assert_eq!(ino("twice"), ino("other"));
    let setuid = mode(&out.join("setuid"));
    assert_eq!(setuid, yard.allowed(0o777), "no bits that change the user, and the umask");
    assert_eq!(out.join("twice").metadata().expect("there").mtime(), 1_600_000_000);
    yard.check();
}

#[tokio::test]
async fn no_name_leads_out() {
    for name in
        ["x", "../x", "/x", "d/../../x", "d/../x", "d/a/../../../x", "/d/x", "dd/x", "", "."]
    {
        let (kind, text) = refused("d", Archive::default().file(name, "evil")).await;
        assert_eq!((kind, text), (ErrorKind::Invalid, format!("{name:?} is outside of \"d\"")));
    }
    let long = format!("d/{}", "x".repeat(256));
    let (_, text) = refused("d", Archive::default().pax(&[("path", &long)]).file("cut", "")).await;
    assert!(text.contains("file name too long"), "{text}");
    let (_, text) =
        refused("d", Archive::default().file("d/.oras-0123456789abcdef.partial", "")).await;
    assert!(text.contains("temporary"), "{text}");
}

#[tokio::test]
async fn nothing_takes_the_place_of_the_root() {
    for archive in [
        Archive::default().symlink("d", "../outside").file("d/x", "evil"),
        Archive::default().symlink("d/", "../outside"),
        Archive::default().file("d", "evil"),
        Archive::default().hard_link("d/.", "/etc/passwd"),
    ] {
        assert_eq!(refused("d", archive).await.0, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn no_link_leads_out() {
    let outside = |target: &str| (ErrorKind::Invalid, format!("{target:?} is outside of \"d\""));
    for target in
        ["..", "../x", "/etc/passwd", "a/../..", "sub/..", "./a/../x", "", "../../out/d/x"]
    {
        assert_eq!(refused("d", Archive::default().symlink("d/l", target)).await, outside(target));
    }
    assert_eq!(
        refused("d", Archive::default().symlink("d/s/l", "../../x")).await,
        outside("../../x")
    );
    // Each is harmless alone; together they lead out. The last needs `..` behind a name.
    let chain =
        Archive::default().directory("d/a").symlink("d/a/up", "..").symlink("d/out", "a/up/..");
    assert_eq!(refused("d", chain).await, outside("a/up/.."));
}

#[tokio::test]
async fn no_hard_link_leads_out() {
    let outside = |target: &str| (ErrorKind::Invalid, format!("{target:?} is outside of \"d\""));
    for target in [
        "../canary",
        "/etc/passwd",
        "canary",
        "d/../../canary",
        "d/missing",
        "d/later",
        "d",
        "d/s",
        "d/sub",
    ] {
        let archive = Archive::default()
            .directory("d/sub")
            .symlink("d/s", "sub")
            .hard_link("d/h", target)
            .file("d/later", "1");
        assert_eq!(refused("d", archive).await, outside(target));
    }
    let itself = Archive::default().hard_link("d/h", "d/h");
    assert_eq!(refused("d", itself).await, outside("d/h"));
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    for (archive, name) in [
        (Archive::default().symlink("d/l", "sub").file("d/l/x", "evil"), "d/l/x"),
        (Archive::default().symlink("d/l", "sub").directory("d/l/x"), "d/l/x"),
        (Archive::default().symlink("d/l", "sub").directory("d/l"), "d/l"),
        (Archive::default().symlink("d/l", "sub").symlink("d/l/x", "y"), "d/l/x"),
    ] {
        assert_eq!(
            refused("d", archive).await,
            (ErrorKind::Invalid, format!("no symbolic link allowed between \"d\" and {name:?}"))
        );
    }
    let (_, text) = refused("d", Archive::default().file("d/l/x", "1").symlink("d/l", "sub")).await;
    assert!(text.contains("is a directory"), "{text}");
}

#[tokio::test]
async fn bombs_are_stopped() {
    let yard = Yard::new();
    let small =
        UnpackLimits { bytes: 1 << 20, entries: 10, depth: 5, ratio: 50, unsuspicious: 9000 };
    let zeros = "\0".repeat(100_000);
    let many = (0..11).fold(Archive::default(), |archive, n| archive.file(&format!("d/{n}"), ""));
    let noise: String = (0..300_000_u32)
        .filter_map(|n| char::from_u32((n.wrapping_mul(n) >> 7) % 64 + 32))
        .collect();
    for (archive, what) in [
        (Archive::default().file("d/zeros", &zeros), "the unpacked size exceeds the limit"),
        (many, "the number of entries exceeds the limit"),
        (
            Archive::default().file("d/1/2/3/4/5/6", ""),
            "the depth of directories exceeds the limit",
        ),
        (
            (0..5).fold(Archive::default(), |archive, n| archive.file(&format!("d/{n}"), &noise)),
            "the unpacked size exceeds the limit",
        ),
    ] {
        let files = yard.files_with(|options| options.unpack = small);
        let error = push(&files, "d", &archive.gzip()).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(chain(&error).ends_with(what), "{}", chain(&error));
        assert_eq!(names(&yard.out()), [""; 0], "nothing is left");
    }
    let files = yard.files_with(|options| options.unpack = small);
    let honest = Archive::default().file("d/1/2/3/4/5", "deep enough").gzip();
    push(&files, "d", &honest).await.expect("within the limits");
}

#[tokio::test]
async fn the_digest_of_the_tarball_counts_to_its_very_end() {
    let yard = Yard::new();
    let mut tarball = Archive::default().file("d/f", "1").end();
    // What comes behind the end belongs to the digest and to nothing else.
    tarball.extend_from_slice(&vec![7; 100_000]);
    let bytes = gzip(&tarball);
    let mut descriptor = packed("d", &bytes);
    let mut state = |digest: Digest| {
        descriptor.annotations.insert(annotation::CONTENT_DIGEST.into(), digest.to_string());
        descriptor.clone()
    };
    let wrong = state(Digest::of(b"another"));
    let error = yard.files().push(&wrong, claiming(&wrong, &bytes)).await.expect_err("wrong");
    assert!(chain(&error).ends_with(": content digest mismatch"), "{}", chain(&error));
    assert_eq!(names(&yard.out()), [""; 0]);
    let right = state(Digest::of(&tarball));
    yard.files().push(&right, claiming(&right, &bytes)).await.expect("right");
    assert_eq!(yard.read("d/f"), "1");
}

#[tokio::test]
async fn bytes_that_are_not_what_was_promised_never_meet_the_unpacker() {
    let yard = Yard::new();
    let promised = Archive::default().file("d/f", "good").gzip();
    let given = Archive::default().file("d/f", "evil").gzip();
    let descriptor = packed("d", &promised);
    let error =
        yard.files().push(&descriptor, claiming(&descriptor, &given)).await.expect_err("a lie");
    assert!(chain(&error).starts_with("failed to copy content to "), "{}", chain(&error));
    for garbage in [&b"no gzip"[..], b"", &promised[..promised.len() - 9]] {
        push(&yard.files(), "d", garbage).await.expect_err("not an archive");
    }
    assert_eq!(names(&yard.out()), [""; 0]);
}

#[tokio::test]
async fn a_directory_that_is_there_is_added_to() {
    let yard = Yard::new();
    let out = yard.out().join("d");
    fs::create_dir_all(out.join("sub")).expect("made");
    fs::set_permissions(out.join("sub"), Permissions::from_mode(0o700)).expect("chmod");
    fs::write(out.join("sub/mine"), "mine").expect("written");
    fs::write(out.join("old"), "old").expect("written");
    fs::set_permissions(out.join("old"), Permissions::from_mode(0o600)).expect("chmod");
    fs::hard_link(out.join("old"), out.join("other name")).expect("linked");
    symlink("../../outside/canary", out.join("link")).expect("linked");
    let archive = || {
        Archive::default()
            .changed(b'5', "d/sub", b"", |header| header.set_mode(0o555))
            .file("d/sub/new", "new")
            .file("d/old", "new")
            .file("d/link", "a file now")
            .changed(b'5', "d/locked", b"", |header| header.set_mode(0o555))
            .file("d/locked/x", "1")
            .gzip()
    };
    push(&yard.files(), "d", &archive()).await.expect("unpacked");
    assert_eq!(names(&out), ["link", "locked", "old", "other name", "sub"]);
    assert_eq!(yard.read("d/sub/mine"), "mine");
    assert_eq!(yard.read("d/sub/new"), "new");
    assert_eq!(yard.read("d/old"), "new");
    assert_eq!(yard.read("d/other name"), "old");
    assert_eq!(yard.read("d/link"), "a file now");
    assert_eq!((mode(&out.join("old")), mode(&out.join("sub"))), (0o600, 0o700));
    assert_eq!(mode(&out.join("locked")), yard.allowed(0o555));
    fs::set_permissions(out.join("locked"), Permissions::from_mode(0o755)).expect("chmod");
    push(&yard.files(), "d", &archive()).await.expect("and once more");
    assert_eq!(names(&yard.out()), ["d"]);

    let keeping = yard.files_with(|options| options.keep_old_files = true);
    let error = push(&keeping, "d", &archive()).await.expect_err("it is there");
    assert_eq!(chain(&error), "failed to resolve path for writing: overwrite disallowed");
    yard.check();
}

#[tokio::test]
async fn what_is_in_the_way_is_found_before_anything_is_changed() {
    for (what, make) in [
        ("a directory", (|path: &Path| fs::create_dir(path).expect("made")) as fn(&Path)),
        ("a link", |path| symlink("../outside", path).expect("linked")),
        ("a file", |path| fs::write(path, "file").expect("written")),
    ] {
        let yard = Yard::new();
        let out = yard.out().join("d");
        fs::create_dir(&out).expect("made");
        make(&out.join("z"));
        let archive = match what {
            "a directory" => Archive::default().file("d/a", "1").file("d/z", "1"),
            _ => Archive::default().file("d/a", "1").file("d/z/x", "1"),
        };
        push(&yard.files(), "d", &archive.gzip()).await.expect_err(what);
        assert_eq!(names(&out), ["z"], "{what}");
        yard.check();
    }
    let yard = Yard::new();
    symlink("outside", yard.out().join("d")).expect("linked");
    let archive = Archive::default().file("d/a", "1").gzip();
    push(&yard.files(), "d", &archive).await.expect_err("a link");
    push(&yard.files(), "d/e", &Archive::default().file("d/e/a", "1").gzip())
        .await
        .expect_err("a link");
    yard.check();
}

#[tokio::test]
async fn the_root_itself_can_be_unpacked_into() {
    let yard = Yard::new();
    fs::write(yard.out().join("mine"), "mine").expect("written");
    let archive = Archive::default().directory(".").file("a", "1").file("./sub/b", "2").gzip();
    push(&yard.files(), ".", &archive).await.expect("unpacked");
    assert_eq!(names(&yard.out()), ["a", "mine", "sub"]);
    let deeper = Files::new(&yard.out().join("not/there/yet"), FilesOptions::default());
    push(&deeper, ".", &archive).await.expect("unpacked");
    assert_eq!(yard.read("not/there/yet/sub/b"), "2");
    yard.check();
}

#[tokio::test]
async fn a_title_with_permission_to_go_up_is_stripped_too() {
    let yard = Yard::new();
    let files = yard.files_with(|options| options.allow_path_traversal = true);
    let up = Archive::default().directory("../beside").file("../beside/a", "1").gzip();
    push(&files, "../beside", &up).await.expect("unpacked");
    assert_eq!(fs::read_to_string(yard.path("beside/a")).expect("there"), "1");
    let absolute = yard.path("elsewhere").display().to_string();
    let archive =
        Archive::default().pax(&[("path", &format!("{absolute}/a"))]).file("x", "1").gzip();
    push(&files, &absolute, &archive).await.expect("unpacked");
    assert_eq!(fs::read_to_string(yard.path("elsewhere/a")).expect("there"), "1");
    let evil = Archive::default().file("../beside/../x", "1").gzip();
    push(&files, "../beside", &evil).await.expect_err("not there");
}

#[tokio::test]
async fn stale_trees_are_swept() {
    let yard = Yard::new();
    let stale = yard.out().join(".oras-0123456789abcdef.partial");
    fs::create_dir_all(stale.join("content/sub")).expect("made");
    fs::write(stale.join("content/sub/x"), "x").expect("written");
    symlink("../../../outside", stale.join("content/link")).expect("linked");
    for locked in ["content/sub", "content"] {
        fs::set_permissions(stale.join(locked), Permissions::from_mode(0o555)).expect("chmod");
    }
    push(&yard.files(), "d", &Archive::default().file("d/a", "1").gzip()).await.expect("unpacked");
    assert_eq!(names(&yard.out()), ["d"]);
    yard.check();
}

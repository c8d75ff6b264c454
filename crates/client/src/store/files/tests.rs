//! Files in and out, and above all: not out of the directory.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::copy::{CopyOptions, copy};
use crate::pack::{Artifact, PackOptions, pack};
use crate::store::PATH_TRAVERSAL_DISALLOWED;
use crate::store::draft::is_draft_name;
use crate::store::fixture::{Yard, chain, claiming, names, titled};

async fn push(files: &Files, title: &str, bytes: &[u8]) -> Result<Descriptor> {
    let descriptor = titled(title, bytes);
    files.push(&descriptor, claiming(&descriptor, bytes)).await?;
    Ok(descriptor)
}

async fn refusal(files: &Files, title: &str, bytes: &[u8]) -> String {
    chain(&push(files, title, bytes).await.expect_err(title))
}

#[tokio::test]
async fn two_spellings_of_one_path_are_one_title() {
    let yard = Yard::new();
    let files = yard.files();
    push(&files, "x", b"1").await.expect("written");
    let inside = yard.out().join("x");
    for title in ["./x", "y/../x", inside.to_str().expect("UTF-8")] {
        push(&files, title, b"1").await.expect("the same file again");
        assert_eq!(refusal(&files, title, b"2").await, format!("{title}: duplicate name"));
    }
    assert_eq!(fs::read(inside).expect("there"), b"1");
}

#[tokio::test]
async fn a_file_is_read_from_where_it_is() {
    let yard = Yard::new();
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(yard.out().join("big"), &bytes).expect("written");
    let files = yard.files();
    let descriptor = files.add(Path::new("big"), Some("a/big"), None).await.expect("added");
    assert_eq!(descriptor, titled("a/big", &bytes));
    let content = files.fetch(&descriptor).await.expect("there");
    let again = content.reopen().await.expect("reopened").expect("reopenable");
    assert_eq!(content.read_all().await.expect("whole"), bytes);
    assert_eq!(again.read_all().await.expect("whole"), bytes);
    assert_eq!(names(&yard.out()), ["big"], "nothing was copied");
}

#[tokio::test]
async fn a_stream_is_kept_until_it_is_read_and_has_no_name_meanwhile() {
    let yard = Yard::new();
    let files = yard.files();
    let stream = || {
        let chunks = [&b"hel"[..], b"", b"lo"];
        futures_util::stream::iter(chunks.map(|chunk| Ok(bytes::Bytes::from_static(chunk))))
    };
    let descriptor = files.add_stream(stream(), "a", None).await.expect("added");
    assert_eq!(descriptor, titled("a", b"hello"));
    for _ in 0..2 {
        let content = files.fetch(&descriptor).await.expect("there");
        assert_eq!(content.read_all().await.expect("whole"), &b"hello"[..]);
    }
    assert_eq!(names(&yard.out()), [""; 0], "nothing has a name");
    let error = files.add_stream(stream(), "./a", None).await.expect_err("the title is taken");
    assert_eq!(chain(&error), "./a: duplicate name");
    let broken = futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"hel")),
        Err(Error::new(ErrorKind::Io, "read /dev/stdin: input/output error")),
    ]);
    let error = files.add_stream(broken, "b", None).await.expect_err("it broke");
    assert_eq!(chain(&error), "read /dev/stdin: input/output error");
}

#[tokio::test]
async fn a_file_that_changes_is_noticed() {
    type Change = fn(&Path);
    let changes: [Change; 4] = [
        // As long as before; even where the clock of the file system is coarse, the time tells.
        |path| {
            fs::write(path, "other").expect("written");
            let file = File::options().write(true).open(path).expect("open");
            file.set_modified(std::time::UNIX_EPOCH).expect("dated");
        },
        |path| drop(File::options().append(true).open(path).expect("open").write(b"x")),
        |path| File::options().write(true).open(path).expect("open").set_len(1).expect("cut"),
        |path| {
            fs::write(path.with_extension("new"), "12345").expect("written");
            fs::rename(path.with_extension("new"), path).expect("renamed");
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let yard = Yard::new();
        let path = yard.out().join("file");
        fs::write(&path, "12345").expect("written");
        let files = yard.files();
        let descriptor = files.add(Path::new("file"), None, None).await.expect("added");
        let before = files.fetch(&descriptor).await.expect("there");
        change(&path);
        // An open file that was replaced is still what it was; the others have changed under us.
        let read = before.read_all().await;
        if index < 3 {
            assert!(chain(&read.expect_err("changed")).contains("file changed while reading"));
        }
        let error = files.fetch(&descriptor).await.expect_err("changed");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert_eq!(chain(&error), format!("{}: file changed while reading", path.display()));
    }
}

#[tokio::test]
async fn says_why_a_file_cannot_be_added() {
    let yard = Yard::new();
    let files = yard.files();
    let fifo = yard.out().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("made");
    for (path, why) in [
        (
            "missing",
            format!("stat {}: no such file or directory", yard.out().join("missing").display()),
        ),
        (
            "./x/../missing",
            format!("stat {}: no such file or directory", yard.out().join("missing").display()),
        ),
        ("pipe", format!("{}: not a regular file", fifo.display())),
    ] {
        let error = files.add(Path::new(path), None, None).await.expect_err(path);
        assert_eq!(chain(&error), why);
    }
    fs::write(yard.out().join("one"), "1").expect("written");
    fs::write(yard.out().join("two"), "2").expect("written");
    files.add(Path::new("one"), Some("name"), None).await.expect("added");
    for again in ["one", "two"] {
        let error = files.add(Path::new(again), Some("name"), None).await.expect_err(again);
        let expected = (ErrorKind::AlreadyExists, "name: duplicate name".into());
        assert_eq!((error.kind(), chain(&error)), expected, "{again}");
    }
    files.add(Path::new("two"), Some("two"), Some("a/b".into())).await.expect("added");
}

#[tokio::test]
async fn titles_become_files() {
    let yard = Yard::new();
    let files = yard.files();
    let absolute = yard.out().join("absolute").display().to_string();
    for (title, name) in [
        ("plain", "plain"),
        ("a/b/c", "a/b/c"),
        ("./d//e", "d/e"),
        ("x/../y", "y"),
        ("ünïcödé 😀\\<>&", "ünïcödé 😀\\<>&"),
        ("...", "..."),
        (absolute.as_str(), "absolute"),
    ] {
        let descriptor = push(&files, title, title.as_bytes()).await.expect(title);
        assert_eq!(yard.read(name), title);
        assert!(files.exists(&descriptor).await.expect("known"));
        let content = files.fetch(&descriptor).await.expect("there");
        assert_eq!(content.read_all().await.expect("whole"), title.as_bytes());
    }
    assert!(!yard.out().join("x").exists(), "only what is needed is made");
    yard.check();
}

#[tokio::test]
async fn the_root_is_made_when_it_is_needed() {
    let yard = Yard::new();
    let root = yard.out().join("deep/er");
    let files = Files::new(&root, FilesOptions::default());
    assert!(!yard.out().join("deep").exists());
    push(&files, "x", b"1").await.expect("pushed");
    assert_eq!(yard.read("deep/er/x"), "1");
}

#[tokio::test]
async fn no_title_leads_out() {
    let yard = Yard::new();
    let files = yard.files();
    let absolute = yard.path("outside/x").display().to_string();
    let nearly = format!("{}-not/x", yard.out().display());
    for title in [
        "../x",
        "..",
        "a/../../x",
        "../out/../x",
        "a/b/../../../x",
        "/x",
        "/",
        "/etc/../x",
        &absolute,
        &nearly,
    ] {
        assert_eq!(
            refusal(&files, title, b"1").await,
            format!("failed to resolve path for writing: {PATH_TRAVERSAL_DISALLOWED}"),
            "{title}"
        );
    }
    let long = "x".repeat(256);
    let far = format!("{}x", "abcdefgh/".repeat(500));
    for title in
        ["", ".", "./", "a/", "a//", "a/..", "a\0b", &long, &far, ".oras-0123456789abcdef.partial"]
    {
        let text = refusal(&files, title, b"1").await;
        assert!(text.starts_with("failed to resolve path for writing: "), "{title}: {text}");
    }
    assert_eq!(names(&yard.out()), [""; 0], "refused before anything was written");
    yard.check();
}

#[tokio::test]
async fn no_link_is_followed() {
    let yard = Yard::new();
    let files = yard.files();
    let out = yard.out();
    fs::create_dir(out.join("real")).expect("made");
    fs::write(out.join("real/file"), "old").expect("written");
    for (link, target) in [
        ("up", ".."),
        ("outside", "../outside"),
        ("inside", "real"),
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("canary", "../outside/canary"),
        ("full", "/dev/full"),
        ("full-path", "/"),
    ] {
        symlink(target, out.join(link)).expect("linked");
        for title in [link.to_owned(), format!("{link}/x"), format!("{link}/x/y")] {
            assert_eq!(
                refusal(&files, &title, b"1").await,
                format!("failed to resolve path for writing: {PATH_TRAVERSAL_DISALLOWED}"),
                "{title}"
            );
        }
    }
    assert_eq!(names(&out.join("real")), ["file"]);
    assert_eq!(yard.read("real/file"), "old");
    yard.check();
}

#[tokio::test]
async fn what_is_no_file_stays() {
    let yard = Yard::new();
    let files = yard.files();
    let out = yard.out();
    fs::create_dir(out.join("directory")).expect("made");
    fs::write(out.join("file"), "old").expect("written");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        out.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("made");
    let path = |name: &str| out.join(name).display().to_string();
    for (title, why) in [
        ("directory", format!("open {}: is a directory", path("directory"))),
        ("file/x", format!("open {}: not a directory", path("file"))),
        (
            "pipe",
            format!("failed to resolve path for writing: {} is not a regular file", path("pipe")),
        ),
    ] {
        assert_eq!(refusal(&files, title, b"1").await, why);
    }
    assert_eq!(names(&out), ["directory", "file", "pipe"]);
    assert_eq!(yard.read("file"), "old");
}

#[tokio::test]
async fn with_permission_titles_lead_anywhere() {
    let yard = Yard::new();
    let files = yard.files_with(|options| options.allow_path_traversal = true);
    let absolute = yard.path("elsewhere/x").display().to_string();
    symlink("../outside", yard.out().join("link")).expect("linked");
    symlink("../outside/canary", yard.out().join("last")).expect("linked");
    push(&files, &absolute, b"1").await.expect("absolute");
    push(&files, "../beside", b"2").await.expect("up");
    push(&files, "link/new", b"3").await.expect("over a link");
    push(&files, "last", b"4").await.expect("through a link");
    for (path, text) in
        [("elsewhere/x", "1"), ("beside", "2"), ("outside/new", "3"), ("outside/canary", "4")]
    {
        assert_eq!(fs::read_to_string(yard.path(path)).expect(path), text);
    }
    assert!(yard.out().join("last").is_symlink());
}

#[tokio::test]
async fn a_good_old_file_outlives_bad_new_content() {
    let yard = Yard::new();
    let out = yard.out();
    fs::write(out.join("file"), "good").expect("written");
    fs::set_permissions(out.join("file"), Permissions::from_mode(0o4640)).expect("chmod");
    fs::hard_link(out.join("file"), out.join("other name")).expect("linked");
    let files = yard.files();
    let path = out.join("file").display().to_string();
    let descriptor = titled("file", b"right");
    for (bytes, why) in [
        (&b"wrong"[..], "mismatched digest"),
        (b"right and more", "trailing data"),
        (b"rig", "copy failed: unexpected EOF"),
        (b"", "copy failed: unexpected EOF"),
    ] {
        let error = files.push(&descriptor, claiming(&descriptor, bytes)).await.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert_eq!(chain(&error), format!("failed to copy content to {path}: {why}"));
    }
    let broken = futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"ri")),
        Err(Error::new(ErrorKind::Network, "connection reset")),
    ]);
    let error =
        files.push(&descriptor, Content::new(&descriptor, broken)).await.expect_err("broken");
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(
        chain(&error),
        format!("failed to copy content to {path}: copy failed: connection reset")
    );
    assert_eq!(yard.read("file"), "good");
    assert_eq!(names(&out), ["file", "other name"]);
    assert!(!files.exists(&descriptor).await.expect("known"));

    files.push(&descriptor, claiming(&descriptor, b"right")).await.expect("good at last");
    assert_eq!(yard.read("file"), "right");
    assert_eq!(yard.read("other name"), "good", "the other name keeps its bytes");
    let mode = out.join("file").metadata().expect("there").mode();
    assert_eq!(mode & 0o7777, 0o640, "the permission bits stay, and no others");
}

#[tokio::test]
async fn old_files_are_kept_on_request() {
    let yard = Yard::new();
    fs::write(yard.out().join("file"), "old").expect("written");
    symlink("nowhere", yard.out().join("link")).expect("linked");
    let files = yard.files_with(|options| options.keep_old_files = true);
    let disallowed = "failed to resolve path for writing: overwrite disallowed";
    for title in ["file", "link"] {
        assert_eq!(refusal(&files, title, b"new").await, disallowed);
    }
    push(&files, "new", b"1").await.expect("not there before");
    assert_eq!(yard.read("file"), "old");
}

#[tokio::test]
async fn one_title_has_one_content() {
    let yard = Yard::new();
    let files = yard.files();
    let first = push(&files, "name", b"1").await.expect("pushed");
    push(&files, "name", b"1").await.expect("the same again");
    assert_eq!(refusal(&files, "name", b"2").await, "name: duplicate name");
    assert_eq!(yard.read("name"), "1");
    let restored = Descriptor { annotations: titled("second", b"").annotations, ..first };
    assert!(files.restore(&restored).await.expect("restored"));
    assert_eq!(yard.read("second"), "1");
    let unknown = titled("third", b"3");
    assert!(!files.restore(&unknown).await.expect("not there"), "the bytes are needed");
}

#[tokio::test]
async fn content_without_title_is_kept_in_memory_if_it_is_small() {
    let yard = Yard::new();
    let files = yard.files();
    let mut descriptor = Descriptor::of("a/b".into(), b"x");
    files.push(&descriptor, claiming(&descriptor, b"x")).await.expect("kept");
    assert!(files.exists(&descriptor).await.expect("known"));
    assert_eq!(names(&yard.out()), [""; 0]);
    descriptor.size = 5_000_000;
    let error = files.push(&descriptor, claiming(&descriptor, b"x")).await.expect_err("large");
    assert_eq!(
        chain(&error),
        "content size 5000000 exceeds push size limit 4194304: size exceeds limit"
    );
}

/// Waits, without sleeping, until `is_so`.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed().as_secs() < 30, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stale_drafts_are_swept_and_busy_ones_are_not() {
    let yard = Yard::new();
    let out = yard.out();
    let stale = ".oras-0123456789abcdef.partial";
    fs::write(out.join(stale), "half").expect("written");
    fs::write(out.join(".oras-mine.partial"), "mine").expect("written");
    let files = yard.files();
    let bytes = vec![7; 700_000];
    let descriptor = titled("slow", &bytes);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let body = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    sender.send(Ok(bytes::Bytes::from(bytes).slice(..600_000))).expect("listened to");
    let drafts = || names(&out).into_iter().filter(|name| is_draft_name(name.as_bytes())).count();

    let mut slow = Box::pin(files.push(&descriptor, Content::new(&descriptor, body)));
    assert!(futures_util::poll!(&mut slow).is_pending());
    // The stale one goes when the first draft of this process comes.
    until("a draft", || !out.join(stale).exists() && drafts() == 1).await;
    push(&yard.files(), "quick", b"1").await.expect("pushed beside it");
    assert_eq!(drafts(), 1, "the other store has left it alone");
    assert!(!out.join("slow").exists());

    // Given up, it leaves nothing.
    drop(slow);
    until("no draft", || drafts() == 0).await;
    assert_eq!(names(&out), [".oras-mine.partial", "quick"]);
    push(&files, "slow", b"another").await.expect("the title is free again");
}

#[tokio::test]
async fn two_contents_of_one_title_are_refused_before_either_is_written() {
    let yard = Yard::new();
    let source = Memory::new();
    let mut layers = Vec::new();
    for (title, bytes) in [("other", b"0"), ("name", b"1"), ("name", b"2")] {
        let layer = titled(title, bytes);
        source.push(&layer, claiming(&layer, bytes)).await.expect("pushed");
        layers.push(layer);
    }
    let artifact = Artifact { artifact_type: "a/b".into(), layers, ..Artifact::default() };
    let manifest = pack(&source, artifact, &PackOptions::default()).await.expect("packed");
    let options = CopyOptions::default();
    let from = manifest.digest.into();
    let error = copy(&source, &from, &yard.files(), None, &options).await.expect_err("refused");
    assert_eq!(
        (error.kind(), chain(&error)),
        (ErrorKind::AlreadyExists, "name: duplicate name".into())
    );
    assert_eq!(names(&yard.out()), [""; 0]);
    copy(&source, &from, &Memory::new(), None, &options).await.expect("names mean nothing there");
}

/// Somebody keeps exchanging a directory for a link that leads out, while we write into it.
#[tokio::test]
async fn a_path_that_is_bent_meanwhile_leads_nowhere_else() {
    let yard = Yard::new();
    let out = yard.out();
    fs::create_dir(out.join("real")).expect("made");
    symlink("../outside", out.join("link")).expect("linked");
    let stop = Arc::new(AtomicBool::new(false));
    let bend = {
        let (stop, out) = (Arc::clone(&stop), out.clone());
        let exchange = move |name: &str| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let (from, to) = (out.join(name), out.join("real"));
            rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, flags)
        };
        std::thread::spawn(move || {
            let mut count = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                exchange("link").expect("exchanged");
                count += 1;
            }
            count
        })
    };
    let mut written = 0;
    for number in 0..300 {
        let title = format!("real/{number}/x");
        written += u32::from(push(&yard.files(), &title, b"evil").await.is_ok());
    }
    stop.store(true, Ordering::Relaxed);
    assert!(bend.join().expect("no panic") > 0);
    yard.check();
    let inside = ["real", "link"].map(|name| out.join(name));
    let real = inside.iter().find(|path| !path.is_symlink()).expect("one is the directory");
    assert!(names(real).len() >= written as usize, "what was written is where it should be");
}

#[tokio::test]
async fn an_artifact_goes_out_of_one_directory_and_into_another() {
    let (here, there) = (Yard::new(), Yard::new());
    fs::write(here.out().join("one"), "same").expect("written");
    fs::write(here.out().join("two"), "same").expect("written");
    let source = here.files();
    let one = source.add(Path::new("one"), Some("one"), None).await.expect("added");
    let two = source.add(Path::new("two"), Some("sub/two"), None).await.expect("added");
    let artifact =
        Artifact { artifact_type: "a/b".into(), layers: vec![one, two], ..Artifact::default() };
    let manifest = pack(&source, artifact, &PackOptions::default()).await.expect("packed");
    let (middle, target) = (Memory::new(), there.files());
    let tag: Tag = "v1".parse().expect("a tag");
    let from = manifest.digest.clone().into();
    let options = CopyOptions::default();
    let pushed = copy(&source, &from, &middle, Some(&tag), &options).await.expect("pushed");
    assert_eq!(pushed, manifest);
    copy(&middle, &tag.into(), &target, None, &options).await.expect("pulled");
    assert_eq!(there.read("one"), "same");
    assert_eq!(there.read("sub/two"), "same");
    there.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the title: it is a file beneath the root, or nothing happens.
    #[test]
    fn every_title_stays_beneath_the_root(title in r"(\.\.|\.|/|a|link|up|\x00|\\|é|~|C:){0,8}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let yard = Yard::new();
        symlink("../outside", yard.out().join("link")).expect("linked");
        symlink("..", yard.out().join("up")).expect("linked");
        let written = runtime.block_on(push(&yard.files(), &title, b"1"));
        if written.is_err() {
            prop_assert_eq!(names(&yard.out()), ["link", "up"]);
        }
        yard.check();
    }
}

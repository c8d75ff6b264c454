//! The cache: used without a word, looked after by commands, harmless when it is broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;

use crate::sandbox::{Listener, Sandbox, oras_in};

/// The paths of the blobs in the cache.
fn blobs(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let directory = sandbox.home(".cache/oras/blobs/sha256");
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    entries.map(|entry| entry.expect("readable").path()).collect()
}

/// Counts the requests for blobs in a debug log.
fn blob_requests(log: &str) -> usize {
    log.lines().filter(|line| line.contains("/blobs/")).count()
}

#[test]
fn what_was_pulled_once_is_not_fetched_again() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    let first = sandbox.oras("pull HOST/a:1 -o one --debug");
    assert!(first.stderr.contains("/blobs/"), "{first:?}");
    let second = sandbox.oras("pull HOST/a:1 -o two --debug");
    assert_eq!(second.code, 0, "{second:?}");
    assert_eq!(blob_requests(&second.stderr), 0, "{}", second.stderr);
    assert_eq!(sandbox.read("two/hi.txt"), "hi");
    // Blobs of one digest are one, wherever they come from; the lines stay what they were.
    let lines = |text: &str| text.replace("/one", "").replace("/two", "");
    assert_eq!(lines(&first.stdout), lines(&second.stdout));
    let third = sandbox.oras("pull HOST/a:1 -o three --no-cache --debug");
    assert!(third.stderr.contains("/blobs/"), "{third:?}");
}

#[test]
fn a_rotten_cache_is_healed_without_a_word() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    sandbox.oras("pull HOST/a:1 -o out").succeeds();
    for path in blobs(&sandbox) {
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "xx").expect("written");
    }
    sandbox.oras("pull HOST/a:1 -o again").succeeds();
    assert_eq!(sandbox.read("again/hi.txt"), "hi");
    let page = sandbox.oras("cache verify").succeeds();
    assert!(!page.contains("Removed"), "{page}");
}

#[test]
fn a_cache_that_cannot_be_written_is_warned_of_once() {
    let sandbox = Sandbox::new();
    sandbox.write("a.txt", "a");
    sandbox.write("b.txt", "b");
    sandbox.oras("push HOST/a:1 a.txt b.txt --no-cache").succeeds();
    std::fs::create_dir_all(sandbox.home(".cache")).expect("made");
    std::fs::write(sandbox.home(".cache/oras"), "a file in its place").expect("written");
    let outcome = sandbox.oras("pull HOST/a:1 -o out");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.stderr.matches("nothing is added to the cache").count(), 1, "{outcome:?}");
    assert_eq!(sandbox.read("out/a.txt") + &sandbox.read("out/b.txt"), "ab");
}

#[test]
fn the_cache_is_looked_after_by_commands() {
    let sandbox = Sandbox::new();
    let nothing = sandbox.oras("cache info").succeeds();
    assert!(nothing.ends_with("Blobs: 0\nSize: 0  B (0 bytes)\n"), "{nothing}");
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    sandbox.oras("pull HOST/a:1 -o out").succeeds();
    let digest = oras_spec::Digest::of(b"hi");
    let list = sandbox.oras("cache ls").succeeds();
    assert!(list.lines().any(|line| line == format!("{digest} 2")), "{list}");
    let count = list.lines().count();
    let verified = sandbox.oras("cache verify").succeeds();
    assert!(verified.starts_with(&format!("Verified {count} blobs, ")), "{verified}");
    sandbox.oras("cache prune --keep 1x").fails();
    let pruned = sandbox.oras("cache prune --keep 0").succeeds();
    assert!(pruned.starts_with(&format!("Removed {count} blobs, ")), "{pruned}");
    assert_eq!(sandbox.oras("cache clear").succeeds(), "Removed 0 blobs, 0  B\n");
    assert_eq!(sandbox.oras("cache ls").succeeds(), "");
}

#[test]
fn the_cache_stays_below_what_the_flag_says() {
    let sandbox = Sandbox::new();
    for number in 0..20_u8 {
        sandbox.write(&format!("{number}.bin"), vec![number; 1000]);
        sandbox.oras(&format!("push HOST/a:{number} {number}.bin")).succeeds();
        sandbox.oras(&format!("pull HOST/a:{number} -o out --cache-max 8000")).succeeds();
    }
    let sizes = blobs(&sandbox).into_iter().map(|path| path.metadata().expect("there").len());
    let (count, bytes) = sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));
    assert!(bytes <= 8000 && count > 1, "{count} blobs of {bytes} bytes");
    assert!(sandbox.oras("pull HOST/a:1 --cache-max much").fails().contains("invalid size"));
}

#[test]
fn the_variable_names_a_layout_that_keeps_everything() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    let line = format!("pull {}/a:1 -o out", sandbox.host());
    let words: Vec<&str> = line.split(' ').collect();
    let environment = sandbox.environment().with("ORAS_CACHE", "kept");
    oras_in(environment, &words, "").succeeds();
    for name in ["oci-layout", "index.json"] {
        assert!(sandbox.path("kept").join(name).exists(), "{name}");
    }
    let digest = oras_spec::Digest::of(b"hi");
    let blob = sandbox.path("kept/blobs/sha256").join(digest.encoded());
    assert_eq!(std::fs::read(blob).expect("kept"), b"hi");
    assert_eq!(blobs(&sandbox), [""; 0].map(std::path::PathBuf::from));
    let off = sandbox.environment().with("ORAS_CACHE", "");
    oras_in(off, &words, "").succeeds();
    assert_eq!(blobs(&sandbox), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn without_a_home_there_is_no_cache() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    let environment = || oras_cli::Environment::new(sandbox.path(""));
    let reference = format!("{}/a:1", sandbox.host());
    oras_in(environment(), &["pull", &reference, "-o", "out"], "").succeeds();
    assert!(oras_in(environment(), &["cache", "info"], "").fails().contains("there is no cache"));
}

/// Whether content is there at all is for the registry to say, not for a cache.
#[test]
fn what_the_registry_no_longer_has_is_not_found() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    let digest = oras_spec::Digest::of(b"hi");
    sandbox.oras(&format!("blob fetch HOST/a@{digest} -o out")).succeeds();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let empty = Listener::answering(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Response::builder().status(404).body("").expect("an answer")
    });
    let line = format!("blob fetch {}/a@{digest} -o other", empty.host());
    assert!(sandbox.oras(&line).fails().contains("not found"));
    assert!(requests.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_push_notes_which_digests_files_have() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let notes = sandbox.home(".cache/oras/files");
    sandbox.oras("push HOST/a:1 hi.txt --no-cache").succeeds();
    assert!(!notes.exists());
    sandbox.oras("push HOST/a:1 hi.txt").succeeds();
    assert_eq!(notes.read_dir().expect("notes").count(), 1);
    // One that has changed is another file.
    sandbox.write("hi.txt", "ho");
    let digest = oras_spec::Digest::of(b"ho");
    let pushed = sandbox.oras("push HOST/a:2 hi.txt").succeeds();
    assert!(pushed.contains(&digest.encoded()[..12]), "{pushed}");
}

/// Content that is too large to be put into the cache while it passes.
fn large(seed: u8) -> Vec<u8> {
    (0..5_u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed).collect()
}

#[test]
fn what_was_backed_up_once_is_not_fetched_again() {
    let sandbox = Sandbox::new();
    sandbox.write("small.txt", "small");
    sandbox.write("large.bin", large(1));
    sandbox.oras("push HOST/a:1 small.txt large.bin --no-cache").succeeds();
    let first = sandbox.oras("backup HOST/a:1 -o one --debug");
    assert!(blob_requests(&first.stderr) > 0, "{first:?}");
    let second = sandbox.oras("backup HOST/a:1 -o two --debug");
    assert_eq!((second.code, blob_requests(&second.stderr)), (0, 0), "{second:?}");
    let third = sandbox.oras("pull HOST/a:1 -o out --debug");
    assert_eq!((third.code, blob_requests(&third.stderr)), (0, 0), "{third:?}");
    assert!(std::fs::read(sandbox.path("out/large.bin")).expect("there") == large(1), "altered");
    let without = sandbox.oras("backup HOST/a:1 -o three --no-cache --debug");
    assert!(blob_requests(&without.stderr) > 0, "{without:?}");
}

#[test]
fn a_large_blob_in_a_layout_is_found_there_until_it_changes() {
    let sandbox = Sandbox::new();
    sandbox.write("large.bin", large(2));
    sandbox.oras("push HOST/a:1 large.bin --no-cache").succeeds();
    sandbox.oras("cp HOST/a:1 --to-oci-layout one:1").succeeds();
    let second = sandbox.oras("cp HOST/a:1 --to-oci-layout two:1 --debug");
    assert_eq!((second.code, blob_requests(&second.stderr)), (0, 0), "{second:?}");

    // Rot, as far as a program can make it: the notes on both are of no use any more.
    for layout in ["one", "two"] {
        let digest = oras_spec::Digest::of(&large(2));
        let path = sandbox.path(format!("{layout}/blobs/sha256/{}", digest.encoded()));
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, large(3)).expect("written");
    }
    let third = sandbox.oras("pull HOST/a:1 -o out --debug");
    assert!(third.code == 0 && blob_requests(&third.stderr) > 0, "{third:?}");
    assert!(std::fs::read(sandbox.path("out/large.bin")).expect("there") == large(2), "altered");
}

#[test]
fn what_was_moved_and_saved_is_said_when_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let push = sandbox.oras("push HOST/a:1 hi.txt --stats");
    assert!(push.stderr.starts_with("Sent ") && push.stderr.contains(", received "), "{push:?}");
    assert!(!push.stdout.contains("Sent "), "{push:?}");
    sandbox.write("new.txt", "new");
    let again = sandbox.oras("push HOST/a:2 hi.txt new.txt --stats");
    assert!(again.stderr.contains("there already "), "{again:?}");
    let pull = |flags: &str| sandbox.oras(&format!("pull HOST/a:1 {flags}"));
    let stats = |text: &str| {
        let report: serde_json::Value = serde_json::from_str(text).expect("JSON");
        report["stats"].clone()
    };
    assert!(stats(&pull("-o one --format json").succeeds()).is_null());
    let second = pull("-o two --format json --stats");
    assert_eq!(second.stderr, "", "{second:?}");
    let second = stats(&second.stdout);
    assert_eq!(second["bytesSaved"]["cache"].as_u64(), Some(2), "{second}");
    assert_eq!(second["bytesSaved"]["total"], second["bytesSaved"]["cache"]);
    assert_eq!((&second["bytesSent"], &second["retries"]), (&0.into(), &0.into()));
    let third = stats(&pull("-o three --no-cache --format json --stats").succeeds());
    assert!(third["bytesReceived"].as_u64() > Some(2), "{third}");
    assert_eq!(third["bytesSaved"]["total"], 0);
    let template = "--format go-template={{.stats.bytesSent}}";
    assert_eq!(pull(&format!("-o four --stats {template}")).succeeds(), "0");
}

//! `oras registry`: the directory of a registry, while it serves and after.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use oras_spec::Digest;
use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;

/// A registry of the real program on the directory `r`.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(sandbox: &Sandbox, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
            .args(["serve", "--addr", "127.0.0.1:0", "--root", "r"])
            .args(flags)
            .env_clear()
            .current_dir(sandbox.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("text");
        let address = line.strip_prefix("Serving http://").expect("where it listens").to_owned();
        Self { child, address }
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it is there");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Without effect on one that has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn blob_path(sandbox: &Sandbox, digest: &Digest) -> std::path::PathBuf {
    let encoded = digest.encoded();
    sandbox.path("r/blobs/sha256").join(&encoded[..2]).join(encoded)
}

#[test]
fn gc_shows_each_piece_with_its_reason_and_removes_it_once_nobody_serves() {
    let sandbox = Sandbox::new();
    sandbox.write("kept.txt", "kept");
    sandbox.write("stray.txt", "stray");
    let serving = Serving::start(&sandbox, &[]);
    let address = &serving.address;
    sandbox.oras(&format!("push {address}/a:v1 kept.txt")).succeeds();
    sandbox.oras(&format!("blob push {address}/a stray.txt")).succeeds();
    let stray = Digest::of(b"stray");
    let expected = format!(
        "Would remove blob {stray} of a: no manifest of the repository refers to it\n\
         Would remove blob {stray} (5 bytes): no repository has it\n\
         Would free 5  B\n"
    );
    assert_eq!(sandbox.oras("registry gc --dry-run --root r").succeeds(), expected);
    let complaint = sandbox.oras("registry gc --root r").fails();
    assert!(complaint.contains("is in use by another registry"), "{complaint}");
    serving.stop();

    let removed = expected.replace("Would remove", "Removed").replace("Would free", "Freed");
    assert_eq!(sandbox.oras("registry gc --root r").succeeds(), removed);
    assert!(!blob_path(&sandbox, &stray).exists());
    assert!(blob_path(&sandbox, &Digest::of(b"kept")).exists());
    assert_eq!(sandbox.oras("registry gc --root r").succeeds(), "Freed 0  B\n");
}

#[test]
fn gc_keeps_the_tags_that_it_is_told_to() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let serving = Serving::start(&sandbox, &[]);
    sandbox.oras(&format!("push {}/a:v1,main,old hi.txt", serving.address)).succeeds();
    serving.stop();
    let complaint = sandbox.oras("registry gc --root r --keep-matching v*").fails();
    assert!(complaint.contains("--keep-newest"), "{complaint}");
    let complaint = sandbox.oras("registry gc --root r --grace soon").fails();
    assert!(complaint.contains("invalid argument \"soon\" for \"--grace\" flag"), "{complaint}");
    let line = "registry gc --root r --keep-newest 0 --keep-matching v* --dry-run";
    let shown = sandbox.oras(line).succeeds();
    assert_eq!(
        shown,
        "Would remove tag a:main: the rules for tags do not keep it\n\
         Would remove tag a:old: the rules for tags do not keep it\n\
         Would free 0  B\n"
    );
}

#[test]
fn a_deleted_manifest_is_restored_unless_its_garbage_was_collected() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let serving = Serving::start(&sandbox, &[]);
    let address = &serving.address;
    sandbox.oras(&format!("push {address}/a:v1 hi.txt")).succeeds();
    let digest = sandbox.oras(&format!("resolve {address}/a:v1")).succeeds().trim().to_owned();
    sandbox.oras(&format!("manifest delete --force {address}/a@{digest}")).succeeds();
    sandbox.oras(&format!("resolve {address}/a@{digest}")).fails();
    serving.stop();
    let restore = format!("registry restore --root r a@{digest}");
    assert_eq!(sandbox.oras(&restore).succeeds(), format!("Restored a@{digest}\n"));
    let serving = Serving::start(&sandbox, &[]);
    sandbox.oras(&format!("pull {}/a:v1 -o out", serving.address)).succeeds();
    assert_eq!(sandbox.read("out/hi.txt"), "hi");
    let address = &serving.address;
    sandbox.oras(&format!("manifest delete --force {address}/a@{digest}")).succeeds();
    serving.stop();
    sandbox.oras("registry gc --root r").succeeds();
    assert!(sandbox.oras(&restore).fails().contains("no such deleted manifest"));
    assert!(sandbox.oras("registry restore --root r a:v1").fails().contains("<repository>@"));
}

#[test]
fn fsck_finds_what_is_broken_and_a_push_mends_it() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let serving = Serving::start(&sandbox, &[]);
    sandbox.oras(&format!("push {}/a:v1 hi.txt", serving.address)).succeeds();
    let digest = Digest::of(b"hi");
    std::fs::write(blob_path(&sandbox, &digest), "ho").expect("the blob's file");
    let outcome = sandbox.oras("registry fsck --root r");
    assert_eq!(outcome.code, 1);
    let rotten = format!("blob {digest}: its bytes have changed\n");
    assert!(outcome.stdout.starts_with(&rotten), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("Checked 2 blobs (4  B), 1 manifests and 1 tags\n"));
    assert!(outcome.stderr.starts_with("Error: 1 faults\n"), "{}", outcome.stderr);
    serving.stop();

    let outcome = sandbox.oras("registry fsck --root r --repair");
    assert!(outcome.stdout.contains("Repaired 1 of "), "{}", outcome.stdout);
    let serving = Serving::start(&sandbox, &[]);
    sandbox.oras(&format!("blob push {}/a hi.txt", serving.address)).succeeds();
    serving.stop();
    assert!(sandbox.oras("registry fsck --root r").succeeds().starts_with("Checked 2 blobs"));
    let complaint = sandbox.oras("registry fsck --root nowhere").fails();
    assert!(complaint.contains("is no registry of 'oras serve'"), "{complaint}");
}

#[test]
fn a_fast_registry_says_what_it_does_not_promise() {
    let sandbox = Sandbox::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_oras"))
        .args(["serve", "--addr", "127.0.0.1:0", "--root", "r", "--durability", "fast"])
        .env_clear()
        .current_dir(sandbox.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = lines.next().expect("a line").expect("text");
    drop(child.kill());
    drop(child.wait());
    assert_eq!(line, "Not waiting for the disk: a power cut may lose what was acknowledged");
    let complaint = sandbox.oras("serve --durability none").fails();
    assert!(complaint.contains("durability"), "{complaint}");
}

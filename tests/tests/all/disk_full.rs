//! Disks that are full: an error that says so, space given back, and old files as they were.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use oras_tests::{OrasServer, Part, Sandbox, noise};

const SIZE: usize = 8 << 20;

/// How many files and directories fit.
const FILES: usize = 400;

/// A file system of 8 MiB in the sandbox; unmounted when dropped.
struct SmallDisk<'a> {
    sandbox: &'a Sandbox,
    name: &'a str,
}

impl<'a> SmallDisk<'a> {
    /// Mounts it; nothing if this machine does not let us.
    fn mount(sandbox: &'a Sandbox, name: &'a str) -> Option<Self> {
        let path = sandbox.path(name);
        std::fs::create_dir(&path).expect("make the directory");
        Part::Mount.find()?;
        let mut mount = sandbox.command("mount");
        let limits = format!("size={SIZE},nr_inodes={FILES}");
        mount.args(["-t", "tmpfs", "-o", &limits, "small"]).arg(&path);
        if !sandbox.run(&mut mount).status.success() {
            Part::Mount.miss();
            return None;
        }
        Some(Self { sandbox, name })
    }

    fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.sandbox.path(self.name)).expect("ask the file system");
        stat.f_bavail * stat.f_frsize
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let mut unmount = self.sandbox.command("umount");
        drop(self.sandbox.run(unmount.arg("--lazy").arg(self.sandbox.path(self.name))));
    }
}

#[test]
fn a_pull_that_does_not_fit_gives_the_space_back_and_spares_old_files() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(&sandbox, "small") else { return };
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/a:1", server.host());
    sandbox.write("old.bin", noise(1, 2 * SIZE));
    sandbox.oras(&format!("push {reference} old.bin")).succeeds();
    sandbox.write("small/old.bin", "old");
    let before = disk.free_bytes();
    let complaint = sandbox.oras(&format!("pull {reference} -o small")).fails();
    assert!(complaint.contains("no space left on device"), "{complaint}");
    assert!(complaint.contains("work/small/"), "the place is not named: {complaint}");
    assert_eq!(sandbox.list("small"), ["old.bin"]);
    assert_eq!(sandbox.text("small/old.bin"), "old");
    assert_eq!(disk.free_bytes(), before);
}

#[test]
fn a_fetch_a_copy_or_a_backup_that_does_not_fit_gives_the_space_back() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(&sandbox, "small") else { return };
    let server = OrasServer::start(&sandbox);
    let (host, bytes) = (server.host(), noise(1, 2 * SIZE));
    sandbox.write("large.bin", &bytes);
    sandbox.write("few.bin", "few");
    sandbox.oras(&format!("push {host}/a:1 large.bin")).succeeds();
    sandbox.oras(&format!("push {host}/a:few few.bin")).succeeds();
    sandbox.oras(&format!("cp {host}/a:few --to-oci-layout small/layout:few")).succeeds();
    sandbox.write("small/old.bin", "old");
    let before = disk.free_bytes();
    let digest = oras_spec::Digest::of(&bytes);
    for line in [
        format!("blob fetch {host}/a@{digest} -o small/old.bin"),
        format!("cp {host}/a:1 --to-oci-layout small/layout:1"),
        format!("backup {host}/a:1 -o small/layout"),
        format!("backup {host}/a:1 -o small/archive.tar"),
    ] {
        let complaint = sandbox.oras(&line).fails();
        assert!(complaint.contains("no space left on device"), "{line}: {complaint}");
        assert_eq!(disk.free_bytes(), before, "{line}: {:?}", sandbox.list("small"));
        assert_eq!(sandbox.text("small/old.bin"), "old", "{line}");
        assert!(!sandbox.path("small/archive.tar").exists(), "{line}");
        sandbox.oras("pull --oci-layout small/layout:few -o out").succeeds();
        assert_eq!(sandbox.text("out/few.bin"), "few", "{line}");
    }
}

#[test]
fn a_registry_on_a_full_disk_refuses_but_still_gives() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(&sandbox, "small") else { return };
    let root = sandbox.path("small/registry");
    let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &[]);
    let host = server.host();
    sandbox.write("kept.bin", noise(1, SIZE / 4));
    sandbox.write("large.bin", noise(2, 2 * SIZE));
    sandbox.oras(&format!("push {host}/a:kept kept.bin")).succeeds();
    let before = disk.free_bytes();
    let complaint = sandbox.oras(&format!("push {host}/a:large large.bin")).fails();
    assert!(complaint.starts_with("Error"), "{complaint}");
    assert_eq!(sandbox.oras(&format!("repo tags {host}/a")).succeeds(), "kept\n");
    sandbox.oras(&format!("pull {host}/a:kept -o out")).succeeds();
    assert!(sandbox.read("out/kept.bin") == noise(1, SIZE / 4), "altered");

    // What was refused takes no space, at the latest after a restart.
    server.stop();
    let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &[]);
    assert!(disk.free_bytes() + (64 << 10) >= before, "{} of {before}", disk.free_bytes());
    sandbox.write("fits.bin", noise(3, SIZE / 4));
    sandbox.oras(&format!("push {}/a:fits fits.bin", server.host())).succeeds();
    server.stop();
}

/// Sends one request without a body; returns the whole answer.
fn ask(server: &OrasServer, line: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    let request =
        format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Takes all that is left on a disk: bytes, or with `inodes` numbers of files.
fn fill(disk: &SmallDisk<'_>, inodes: bool) {
    let place = disk.sandbox.path(disk.name);
    if inodes {
        let mut made = (0..).map(|number| std::fs::File::create(place.join(format!("{number}"))));
        assert!(made.any(|file| file.is_err()));
        return;
    }
    let mut ballast = std::fs::File::create(place.join("ballast")).expect("a file");
    for size in [64 << 10, 1 << 10, 1] {
        while ballast.write_all(&vec![1; size]).is_ok() {}
    }
    assert_eq!(disk.free_bytes(), 0);
}

#[test]
fn a_registry_on_a_full_disk_can_be_emptied_by_its_clients() {
    for inodes in [false, true] {
        let sandbox = Sandbox::new();
        let Some(disk) = SmallDisk::mount(&sandbox, "small") else { return };
        let root = sandbox.path("small/registry");
        let users = sandbox
            .write("users", "me:$2y$05$cJmM41Zsyg31gmA.lSV56uIteJWhS74ltApihuk8WEGdrlBPC909y\n");
        let flags = ["--htpasswd", users.to_str().expect("UTF-8"), "--anonymous", "push"];
        let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &flags);
        let host = server.host();
        for (tag, seed) in [("kept", 1), ("gone", 2)] {
            sandbox.write("a.bin", noise(seed, SIZE / 4));
            sandbox.oras(&format!("push {host}/a:{tag} a.bin")).succeeds();
        }
        let resolve = |tag: &str| sandbox.oras(&format!("resolve {host}/a:{tag}")).succeeds();
        let [gone, kept] = ["gone", "kept"].map(resolve);
        fill(&disk, inodes);

        // Nothing fits any more, and that is said.
        let full = ask(&server, "POST /v2/a/blobs/uploads/");
        assert!(full.starts_with("HTTP/1.1 507 "), "{full}");
        assert!(full.contains("\"errors\":[{\"code\":"), "{full}");
        // What is there is served, and whoever has a password is let in.
        sandbox.oras(&format!("pull {host}/a:kept -o out")).succeeds();
        assert!(sandbox.read("out/a.bin") == noise(1, SIZE / 4), "altered");
        sandbox.oras(&format!("login {host} -u me -p open-sesame")).succeeds();
        // What is not wanted can be deleted, and its room be had.
        for what in ["kept", gone.trim(), kept.trim()] {
            let deleted = ask(&server, &format!("DELETE /v2/a/manifests/{what}"));
            assert!(deleted.starts_with("HTTP/1.1 202 "), "{deleted}");
        }
        assert_eq!(sandbox.oras(&format!("repo tags {host}/a")).succeeds(), "");
        server.stop();
        sandbox.oras(&format!("registry gc --root {}", root.display())).succeeds();
        let server = OrasServer::start_at(&sandbox, &root, "127.0.0.1:0", &flags);
        sandbox.write("a.bin", noise(3, SIZE / 4));
        sandbox.oras(&format!("push {}/a:new a.bin", server.host())).succeeds();
        server.stop();
    }
}

#[test]
fn what_is_packed_on_a_full_disk_is_not_pushed_and_gives_the_space_back() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(&sandbox, "small") else { return };
    sandbox.write("dir/large.bin", noise(1, 2 * SIZE));
    let before = disk.free_bytes();
    let large = std::fs::File::open(sandbox.path("dir/large.bin")).expect("it is there");
    for files in ["dir", "-"] {
        let mut push = sandbox.oras_command(&format!("push --oci-layout out:1 {files}"));
        push.env("TMPDIR", sandbox.path("small")).stdin(large.try_clone().expect("one more"));
        let complaint = sandbox.run(&mut push).fails();
        let place = sandbox.path("small");
        let wanted = format!("write to a file in {}: no space left on device\n", place.display());
        assert!(complaint.ends_with(&wanted), "{complaint}");
        assert_eq!(disk.free_bytes(), before);
        sandbox.oras("resolve --oci-layout out:1").fails();
    }
}

/// Without any right to mount: a limit on the size of files breaks writes as a full disk does.
#[test]
fn a_pull_beyond_the_limit_of_file_sizes_leaves_nothing() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/a:1", server.host());
    sandbox.write("large.bin", noise(1, SIZE));
    sandbox.oras(&format!("push {reference} large.bin")).succeeds();
    // In blocks of 512 bytes; the signal would end the program before it could tidy up.
    let line = format!("trap '' XFSZ; ulimit -f 2048; exec \"$0\" pull {reference} -o out");
    let mut shell = sandbox.command("sh");
    shell.arg("-c").arg(line).arg(oras_tests::sandbox::binary());
    let complaint = sandbox.run(&mut shell).fails();
    assert!(complaint.to_lowercase().contains("file too large"), "{complaint}");
    assert!(sandbox.list("out").is_empty(), "{:?}", sandbox.list("out"));
}

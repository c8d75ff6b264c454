//! Files of every kind, pushed: what can be read comes back, what cannot is refused by name.

use std::os::unix::net::UnixListener;

use oras_tests::{Direction, Fault, OrasServer, Outcome, Proxy, Sandbox, noise};
use rustix::fs::{CWD, FileType, Mode};

/// Runs a line with so many open files at most.
fn with_open_files(sandbox: &Sandbox, limit: u32, line: &str) -> Outcome {
    let mut shell = sandbox.command("sh");
    shell.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\" {line}"));
    sandbox.run(shell.arg(oras_tests::sandbox::binary()))
}

#[test]
fn what_is_neither_file_nor_directory_is_refused_without_waiting() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let reference = format!("{}/a:1", server.host());
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, sandbox.path("pipe"), FileType::Fifo, mode, 0).expect("a pipe");
    let _socket = UnixListener::bind(sandbox.path("socket")).expect("a socket");
    std::os::unix::fs::symlink("pipe", sandbox.path("link")).expect("a link");
    for file in ["pipe", "socket", "link", "/dev/null", "/dev/zero"] {
        let push = format!("push --disable-path-validation {reference}");
        let path = sandbox.path(file);
        let wanted = format!("Error: {}: not a regular file\n", path.display());
        assert_eq!(sandbox.oras(&format!("{push} {file}")).fails(), wanted);
        assert_eq!(sandbox.oras(&format!("{push} --config {file}")).fails(), wanted);
    }
    sandbox.oras(&format!("resolve {reference}")).fails();
}

#[test]
fn a_file_of_the_kernel_that_claims_to_be_empty_is_refused() {
    let sandbox = Sandbox::new();
    let line = "push --disable-path-validation --oci-layout out:1 /proc/version";
    let complaint = sandbox.oras(line).fails();
    assert_eq!(complaint, "Error: /proc/version: there is more in it than its size says\n");
}

#[test]
fn empty_files_and_files_with_holes_come_back() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    sandbox.write("empty", "");
    let holes = std::fs::File::create(sandbox.path("holes")).expect("make a file");
    holes.set_len(3 << 20).expect("make it long");
    std::os::unix::fs::FileExt::write_all_at(&holes, b"end", 3 << 20).expect("written");
    let reference = format!("{}/a:1", server.host());
    sandbox.oras(&format!("push {reference} empty holes")).succeeds();
    sandbox.oras(&format!("pull {reference} -o out")).succeeds();
    assert_eq!(sandbox.read("out/empty"), b"");
    assert!(sandbox.read("out/holes") == sandbox.read("holes"), "altered");
}

type Change = fn(&std::path::Path);

#[test]
fn a_file_that_changes_while_it_is_pushed_sets_no_tag() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let changes: [(&str, Change); 3] = [
        ("cut", |path| {
            let file = std::fs::File::options().write(true).open(path);
            file.and_then(|file| file.set_len(1000)).expect("cut");
        }),
        ("rewritten", |path| std::fs::write(path, noise(9, 8 << 20)).expect("written")),
        ("replaced", |path| {
            let other = path.with_extension("other");
            std::fs::write(&other, noise(8, 8 << 20)).expect("written");
            std::fs::rename(&other, path).expect("renamed");
        }),
    ];
    for (name, change) in changes {
        let path = sandbox.write("large.bin", noise(1, 8 << 20));
        // The line breaks in the middle, so that the file must be read once more.
        let plan = |_| Fault::Reset(Direction::Up, 1 << 20);
        let proxy = Proxy::start_with(server.address(), plan, move || change(&path));
        let complaint = sandbox.oras(&format!("push {}/{name}:1 large.bin", proxy.host())).fails();
        let wanted =
            format!("{}: file changed while reading\n", sandbox.path("large.bin").display());
        assert!(complaint.ends_with(&wanted), "{name}: {complaint}");
        sandbox.oras(&format!("resolve {}/{name}:1", server.host())).fails();
    }
}

#[test]
fn a_thousand_files_are_pushed_and_pulled() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..1000).map(|number| format!("{number:03}.txt")).collect();
    for name in &names {
        sandbox.write(&format!("in/{name}"), name);
    }
    let mut push =
        sandbox.oras_command(&format!("push --oci-layout ../layout:1 {}", names.join(" ")));
    sandbox.run(push.current_dir(sandbox.path("in"))).succeeds();
    sandbox.oras("pull --oci-layout layout:1 -o out").succeeds();
    assert_eq!(sandbox.list("out"), names);
    assert!(names.iter().all(|name| sandbox.text(&format!("out/{name}")) == *name));
}

#[test]
fn few_open_files_are_enough() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let names: Vec<String> = (0..60).map(|number| format!("{number}.txt")).collect();
    for name in &names {
        sandbox.write(name, name);
    }
    let reference = format!("{}/a:1", server.host());
    let line = format!("push --concurrency 30 {reference} {}", names.join(" "));
    with_open_files(&sandbox, 32, &line).succeeds();
    with_open_files(&sandbox, 32, &format!("pull --concurrency 30 {reference} -o out")).succeeds();
    assert!(names.iter().all(|name| sandbox.text(&format!("out/{name}")) == *name));
}

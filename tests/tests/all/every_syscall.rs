//! Killed at each system call that changes a file, one after the other.

mod changes;

use std::path::PathBuf;
use std::process::Command;

use oras_tests::sandbox::binary;
use oras_tests::{OrasServer, Outcome, Part, Sandbox, default_root, noise};

/// The calls that make, fill, name or remove files; with the most often that each is hit.
const CALLS: [(&str, u32); 7] = [
    ("write,pwrite64,writev", 40),
    ("fsync,fdatasync,sync_file_range", 20),
    ("rename,renameat,renameat2", 20),
    ("link,linkat,symlinkat", 10),
    ("mkdir,mkdirat", 10),
    ("unlink,unlinkat", 10),
    ("ftruncate,fallocate", 10),
];

/// Makes a command that runs the program under test and is killed at the `at`-th of `calls`.
fn killed_at(sandbox: &Sandbox, strace: &PathBuf, calls: &str, at: u32) -> Command {
    let mut command = sandbox.command(strace);
    // Detached, so that the program is our own child and not a grandchild.
    command.args(["-D", "-f", "-qqq", "-o", "/dev/null"]);
    command.arg("-e").arg(format!("trace={calls}"));
    command.arg("-e").arg(format!("inject={calls}:signal=SIGKILL:when={at}"));
    command.arg(binary());
    command
}

/// Runs a line killed at every call in turn; checks after each.
fn sweep(sandbox: &Sandbox, line: &str, mut check: impl FnMut(&Outcome)) {
    let Some(strace) = Part::Strace.find() else { return };
    let mut kills = 0;
    for (calls, most) in CALLS {
        for at in 1..=most {
            let mut command = killed_at(sandbox, &strace, calls, at);
            let outcome = sandbox.run(command.args(line.split_whitespace()));
            check(&outcome);
            if outcome.status.success() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 0, "strace killed nothing");
}

#[test]
fn a_pull_killed_at_any_call_leaves_old_or_new_files() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    let new = noise(1, 600_000);
    sandbox.write("a.bin", &new);
    sandbox.write("dir/hi.txt", "new");
    sandbox.oras(&format!("push {host}/a:1 a.bin dir/hi.txt")).succeeds();
    sandbox.write("out/dir/hi.txt", "old");
    sweep(&sandbox, &format!("pull {host}/a:1 -o out --concurrency 1"), |outcome| {
        let text = sandbox.text("out/dir/hi.txt");
        assert!(text == "old" || text == "new", "{text:?} after {outcome:?}");
        if sandbox.path("out/a.bin").exists() {
            assert!(sandbox.read("out/a.bin") == new, "incomplete after {outcome:?}");
            std::fs::remove_file(sandbox.path("out/a.bin")).expect("clear the output");
        }
        sandbox.write("out/dir/hi.txt", "old");
    });
    sandbox.oras(&format!("pull {host}/a:1 -o out")).succeeds();
    assert_eq!(sandbox.list("out"), ["a.bin", "dir/", "dir/hi.txt"]);
}

#[test]
fn a_login_killed_at_any_call_leaves_the_old_or_the_new_configuration() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let old = "{\n\t\"auths\": {\n\t\t\"other\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t}\n\t},\n\t\"kept\": 1\n}";
    let host = server.host();
    std::fs::write(sandbox.docker_config(), old).expect("write the old configuration");
    sweep(&sandbox, &format!("login {host} -u me -p x"), |outcome| {
        let found = std::fs::read_to_string(sandbox.docker_config()).expect("it is there");
        let json: serde_json::Value = serde_json::from_str(&found)
            .unwrap_or_else(|error| panic!("{error} in {found:?} after {outcome:?}"));
        assert_eq!(json["kept"], 1);
        assert_eq!(json["auths"]["other"]["auth"], "eDp5");
        if found != old {
            assert_eq!(json["auths"][&host]["auth"], "bWU6eA==");
        }
        std::fs::write(sandbox.docker_config(), old).expect("write the old configuration");
    });
}

/// Demands that the layout has the old tag, or both, and what they stand for.
fn is_usable(sandbox: &Sandbox, outcome: &Outcome) {
    let tags = sandbox.oras("repo tags --oci-layout layout");
    assert!(tags.status.success(), "{tags:?} after {outcome:?}");
    let expected = ["old\n", "new\nold\n"];
    assert!(expected.contains(&tags.stdout.as_str()), "{tags:?} after {outcome:?}");
    for tag in tags.stdout.lines() {
        sandbox.oras(&format!("pull --oci-layout layout:{tag} -o out")).succeeds();
    }
}

#[test]
fn a_push_to_a_layout_killed_at_any_call_leaves_it_usable() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.write("bye.txt", "bye");
    sandbox.oras("push --oci-layout layout:old hi.txt").succeeds();
    let push = "push --oci-layout layout:new hi.txt bye.txt";
    sweep(&sandbox, push, |outcome| is_usable(&sandbox, outcome));
    sandbox.oras(push).succeeds();
}

#[test]
fn a_copy_into_a_layout_killed_at_any_call_leaves_it_usable() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    sandbox.write("bye.txt", "bye");
    sandbox.oras("push --oci-layout layout:old hi.txt").succeeds();
    sandbox.oras("push --oci-layout source:1 hi.txt bye.txt").succeeds();
    sandbox.oras("attach --oci-layout source:1 --artifact-type a/b bye.txt").succeeds();
    let copy = "cp -r --from-oci-layout source:1 --to-oci-layout layout:new";
    sweep(&sandbox, copy, |outcome| is_usable(&sandbox, outcome));
    sandbox.oras(copy).succeeds();
    let discovered = sandbox.oras("discover --oci-layout layout:new --format json").succeeds();
    assert!(discovered.contains("\"a/b\""), "{discovered}");
}

#[test]
fn a_backup_killed_at_any_call_leaves_the_old_or_the_new_archive() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {host}/a:old hi.txt")).succeeds();

    std::fs::create_dir(sandbox.path("place")).expect("make a directory");
    let first = format!("backup {host}/a:old -o place/bk.tar");
    let mut is_there = false;
    sweep(&sandbox, &format!("backup {host}/a:old -o place/bk.tar"), |outcome| {
        is_there |= check_archive(&sandbox, is_there, &["old\n"], outcome);
    });
    sandbox.oras(&first).succeeds();
    sandbox.oras(&format!("tag {host}/a:old new")).succeeds();
    sweep(&sandbox, &format!("backup {host}/a -o place/bk.tar"), |outcome| {
        check_archive(&sandbox, true, &["old\n", "new\nold\n"], outcome);
    });
    sandbox.oras(&first).succeeds();
    assert_eq!(sandbox.list("place"), ["bk.tar"], "what the killed have left is swept");
}

/// Demands that the archive is whole, and there if it was; tells whether it is there.
#[track_caller]
fn check_archive(sandbox: &Sandbox, was_there: bool, states: &[&str], outcome: &Outcome) -> bool {
    if !sandbox.path("place/bk.tar").exists() {
        assert!(!was_there, "gone after {outcome:?}");
        return false;
    }
    let tags = sandbox.oras("repo tags --oci-layout place/bk.tar");
    assert!(states.contains(&tags.stdout.as_str()), "{tags:?} after {outcome:?}");
    for tag in tags.stdout.lines() {
        sandbox.oras(&format!("pull --oci-layout place/bk.tar:{tag} -o out")).succeeds();
    }
    true
}

#[test]
fn a_restore_killed_at_any_call_is_completed_by_the_next() {
    let sandbox = Sandbox::new();
    let server = OrasServer::start(&sandbox);
    let host = server.host();
    sandbox.write("hi.txt", "hi");
    sandbox.oras(&format!("push {host}/a:1 hi.txt")).succeeds();
    sandbox.oras(&format!("attach {host}/a:1 --artifact-type x/y hi.txt")).succeeds();
    sandbox.oras(&format!("backup {host}/a:1 -o bk.tar --include-referrers")).succeeds();
    let Some(strace) = Part::Strace.find() else { return };
    for (number, at) in (1..60).step_by(3).enumerate() {
        let line = format!("restore --input bk.tar {host}/r{number}");
        let calls = "sendto,sendmsg,writev";
        let mut command = killed_at(&sandbox, &strace, calls, at);
        sandbox.run(command.args(line.split_whitespace()));
        sandbox.oras(&line).succeeds();
        sandbox.oras(&format!("pull {host}/r{number}:1 -o out")).succeeds();
        let found = sandbox.oras(&format!("discover {host}/r{number}:1")).succeeds();
        assert!(found.contains("x/y"), "{found} after {at}");
    }
}

#[test]
fn a_registry_killed_at_any_call_keeps_what_it_acknowledged() {
    let sandbox = Sandbox::new();
    let Some(strace) = Part::Strace.find() else { return };
    sandbox.write("a.bin", noise(5, 200_000));
    sandbox.write("b.bin", noise(6, 100_000));
    let mut kills = 0;
    for (calls, most) in CALLS {
        for at in (1..=most).step_by(2) {
            let root = default_root(&sandbox);
            let mut command = killed_at(&sandbox, &strace, calls, at);
            command.args(["serve", "--addr", "127.0.0.1:0", "--root"]).arg(&root);
            let Some(server) = OrasServer::try_start(command) else {
                kills += 1;
                continue;
            };
            let acknowledged = work(&sandbox, &server.host());
            let was_killed = acknowledged.len() < 3;
            drop(server);
            verify(&sandbox, &acknowledged, &format!("{at} of {calls}"));
            std::fs::remove_dir_all(&root).expect("clear the registry");
            if !was_killed {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 0, "strace killed nothing");
}

/// Pushes, tags and pushes again; returns the tags that were acknowledged before the first failure.
fn work(sandbox: &Sandbox, host: &str) -> Vec<&'static str> {
    let lines = [
        ("first", format!("push {host}/a:first a.bin")),
        ("second", format!("push {host}/a:second a.bin b.bin")),
        ("third", format!("tag {host}/a:first third")),
    ];
    let mut acknowledged = Vec::new();
    for (tag, line) in lines {
        if !sandbox.oras(&line).status.success() {
            break;
        }
        acknowledged.push(tag);
    }
    acknowledged
}

/// Starts the registry again and demands that everything acknowledged is there, and that the work
/// can be done again.
fn verify(sandbox: &Sandbox, acknowledged: &[&str], when: &str) {
    let server = OrasServer::start(sandbox);
    let host = server.host();
    for tag in acknowledged {
        let outcome = sandbox.oras(&format!("pull {host}/a:{tag} -o out"));
        assert!(outcome.status.success(), "{outcome:?} after {when}");
        assert!(sandbox.read("out/a.bin") == noise(5, 200_000), "altered after {when}");
    }
    let again = work(sandbox, &host);
    assert_eq!(again, ["first", "second", "third"], "after {when}");
    server.stop();
}

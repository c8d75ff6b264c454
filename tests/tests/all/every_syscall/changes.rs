//! A registry killed at each system call while it deletes, moves tags, mounts, and takes chunks.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use oras_spec::Digest;
use oras_tests::{OrasServer, Part, Sandbox, default_root};

use super::{CALLS, killed_at};

/// An answer, as far as it came.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Sends one request on a connection of its own; nothing if no answer comes.
fn ask(address: SocketAddr, line: &str, fields: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

const TYPE: &str = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";

/// An index of nothing, told from others by its name.
fn index(name: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{{"name":"{name}"}}}}"#
    )
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

const CHUNKS: [&str; 2] = ["the first chunk, ", "and the last"];

/// Fills a registry with what is changed later: two tags, two manifests, a blob.
fn prepare(address: SocketAddr) {
    for (tag, name) in [("moves", "old"), ("stays", "old"), ("goes", "gone")] {
        let put = ask(address, &format!("PUT /v2/a/manifests/{tag}"), TYPE, &index(name));
        assert_eq!(put.expect("an answer").status, 201);
    }
    let push = format!("POST /v2/a/blobs/uploads/?digest={}", digest("shared"));
    assert_eq!(ask(address, &push, "", "shared").expect("an answer").status, 201);
}

/// One change after the other until one is not acknowledged; returns how many were.
fn change(address: SocketAddr) -> usize {
    let is = |line: &str, fields: &str, body: &str, status: u16| {
        ask(address, line, fields, body).is_some_and(|answer| answer.status == status)
    };
    let (gone, shared) = (digest(&index("gone")), digest("shared"));
    let mount = format!("POST /v2/b/blobs/uploads/?mount={shared}&from=a");
    let upload = || {
        let opened = ask(address, "POST /v2/a/blobs/uploads/", "", "")?;
        let location = opened.header("location")?.to_owned();
        let patched = ask(address, &format!("PATCH {location}"), "", CHUNKS[0])?;
        let close = format!("PUT {location}?digest={}", digest(&CHUNKS.concat()));
        (patched.status == 202).then(|| is(&close, "", CHUNKS[1], 201))
    };
    let steps: [&dyn Fn() -> bool; 5] = [
        &|| is("PUT /v2/a/manifests/moves", TYPE, &index("new"), 201),
        &|| is(&format!("DELETE /v2/a/manifests/{gone}"), "", "", 202),
        &|| is(&mount, "", "", 201),
        &|| upload().unwrap_or(false),
        &|| is("DELETE /v2/a/manifests/stays", "", "", 202),
    ];
    steps.iter().take_while(|step| step()).count()
}

/// Demands that so many changes are there, and that the next one is there or not.
fn verify(address: SocketAddr, acknowledged: usize, when: &str) {
    let get = |target: &str| ask(address, &format!("GET {target}"), "", "").expect("an answer");
    // What a change leaves behind, and what was there before, each as status and body.
    let (old, new, gone) = (index("old"), index("new"), index("gone"));
    let chunks = CHUNKS.concat();
    let blob = |repository: &str, text: &str| format!("/v2/{repository}/blobs/{}", digest(text));
    let by_digest = format!("/v2/a/manifests/{}", digest(&gone));
    let changes = [
        ("/v2/a/manifests/moves".to_owned(), Some(old.as_str()), Some(new.as_str())),
        (by_digest, Some(gone.as_str()), None),
        (blob("b", "shared"), None, Some("shared")),
        (blob("a", &chunks), None, Some(chunks.as_str())),
        ("/v2/a/manifests/stays".to_owned(), Some(old.as_str()), None),
    ];
    for (number, (target, before, after)) in changes.into_iter().enumerate() {
        let found = get(&target);
        let found = (found.status == 200).then_some(found.body.as_str());
        let is_right = match number {
            _ if number < acknowledged => found == after,
            _ if number == acknowledged => found == before || found == after,
            _ => found == before,
        };
        assert!(is_right, "{target} has {found:?} after {acknowledged} and {when}");
    }
    // A tag never outlives its manifest: it goes first. What was not touched is as it was.
    let is_there = |reference: &str| get(&format!("/v2/a/manifests/{reference}")).status == 200;
    assert!(!is_there("goes") || is_there(&digest(&gone).to_string()), "after {when}");
    let untouched = get(&format!("/v2/a/manifests/{}", digest(&old)));
    assert_eq!((untouched.status, untouched.body), (200, old), "after {when}");
    assert_eq!(get(&blob("a", "shared")).body, "shared", "after {when}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a file");
        }
    }
}

#[test]
fn a_registry_killed_at_any_call_keeps_the_changes_it_acknowledged() {
    let sandbox = Sandbox::new();
    let Some(strace) = Part::Strace.find() else { return };
    let root = default_root(&sandbox);
    let server = OrasServer::start(&sandbox);
    prepare(server.address());
    server.stop();
    let prepared = sandbox.path("prepared");
    std::fs::rename(&root, &prepared).expect("moved aside");
    let mut kills = 0;
    for (calls, most) in CALLS {
        for at in 1..=most {
            copy(&prepared, &root);
            let mut command = killed_at(&sandbox, &strace, calls, at);
            command.args(["serve", "--addr", "127.0.0.1:0", "--root"]).arg(&root);
            let acknowledged =
                OrasServer::try_start(command).map(|server| change(server.address()));
            let when = format!("{at} of {calls}");
            let server = OrasServer::start(&sandbox);
            verify(server.address(), acknowledged.unwrap_or(0), &when);
            server.stop();
            // Nothing is left in the way, and nothing needs mending.
            let left = std::fs::read_dir(root.join("tmp")).expect("it is there").count();
            assert_eq!(left, 0, "temporary files after {when}");
            sandbox.oras(&format!("registry fsck --root {}", root.display())).succeeds();
            std::fs::remove_dir_all(&root).expect("clear the registry");
            if acknowledged == Some(5) {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 10, "strace killed {kills} times");
}

//! The same files make the same artifact, whenever and wherever they were checked out.

use std::fs::{File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use crate::sandbox::{Outcome, Sandbox, oras_in};

/// Checks a tree out: directories and files with the permissions of a umask, all of one time.
fn check_out(sandbox: &Sandbox, umask: u32, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for (name, mode) in [("tree/run", 0o777), ("tree/sub/hi.txt", 0o666)] {
        let path = sandbox.write(name, name);
        std::fs::set_permissions(path, Permissions::from_mode(mode & !umask)).expect("chmod");
    }
    for name in ["tree/run", "tree/sub/hi.txt", "tree/sub", "tree"] {
        let path = sandbox.path(name);
        let file = File::open(&path).expect("it is ours");
        if path.is_dir() {
            file.set_permissions(Permissions::from_mode(0o777 & !umask)).expect("chmod");
        }
        file.set_times(FileTimes::new().set_modified(time)).expect("dated");
    }
}

/// Runs a line at a time of the sandbox's clock, with `SOURCE_DATE_EPOCH` if there is one.
fn oras_at(sandbox: &Sandbox, clock: u64, epoch: Option<&str>, line: &str) -> Outcome {
    let environment = sandbox
        .environment()
        .with_clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock))
        .with("SOURCE_DATE_EPOCH", epoch.unwrap_or_default());
    let line = line.replace("HOST", &sandbox.host());
    oras_in(environment, &line.split_whitespace().collect::<Vec<_>>(), "")
}

/// Pushes and attaches the tree from a fresh checkout, and returns both digests.
fn digests(umask: u32, time: u64, epoch: Option<&str>, flag: &str) -> (String, String) {
    let sandbox = Sandbox::new();
    check_out(&sandbox, umask, time);
    let run = |line: &str| {
        let said = oras_at(&sandbox, time + 60, epoch, line).succeeds();
        said.lines().find_map(|line| line.strip_prefix("Digest: ")).expect("a digest").to_owned()
    };
    let pushed = run(&format!("push {flag} HOST/a:v1 tree"));
    sandbox.seed("b", "v1", "subject");
    let attached = run(&format!("attach {flag} --artifact-type test/a HOST/b:v1 tree"));
    (pushed, attached)
}

const EARLY: u64 = 1_600_000_000;
const LATE: u64 = 1_700_000_000;

#[test]
fn a_reproducible_push_or_attach_has_the_same_digest_from_every_checkout() {
    for epoch in [None, Some("1500000000")] {
        let once = digests(0o022, EARLY, epoch, "--reproducible");
        let again = digests(0o077, LATE, epoch, "--reproducible");
        assert_eq!(once, again, "{epoch:?}");
    }
    let plain = digests(0o022, EARLY, None, "");
    assert_ne!(plain, digests(0o022, LATE, None, ""), "without the flag times count");
    assert_ne!(plain, digests(0o077, EARLY, None, ""), "and permissions");
}

#[test]
fn the_epoch_of_the_source_is_the_latest_time_in_what_is_pushed() {
    let epoch = Some("1500000000");
    assert_eq!(digests(0o022, EARLY, epoch, ""), digests(0o022, LATE, epoch, ""));
    let sandbox = Sandbox::new();
    check_out(&sandbox, 0o022, 1_400_000_000);
    oras_at(&sandbox, LATE, epoch, "push HOST/a:v1 tree").succeeds();
    let manifest: serde_json::Value =
        serde_json::from_str(&sandbox.oras("manifest fetch HOST/a:v1").succeeds()).expect("JSON");
    let created = &manifest["annotations"]["org.opencontainers.image.created"];
    assert_eq!(created, "2017-07-14T02:40:00Z");
    sandbox.oras("pull HOST/a:v1 -o out").succeeds();
    let modified = sandbox.path("out/tree/run").metadata().expect("there").modified();
    let earlier = SystemTime::UNIX_EPOCH + Duration::from_secs(1_400_000_000);
    assert_eq!(modified.expect("a time"), earlier, "what is older stays");
}

#[test]
fn an_epoch_that_is_no_time_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    check_out(&sandbox, 0o022, EARLY);
    let complaint = oras_at(&sandbox, LATE, Some("yesterday"), "push HOST/a:v1 tree").fails();
    assert_eq!(
        complaint,
        "Error: invalid SOURCE_DATE_EPOCH: \"yesterday\"\n\
         It is a number of seconds since 1970, such as 1700000000\n"
    );
    assert_eq!(sandbox.digest("a", "v1"), None);
}

#[test]
fn a_dash_among_the_files_is_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write("hi.txt", "hi");
    let said = sandbox.oras_reading("push HOST/a:v1 hi.txt -:text/plain", "from a pipe").succeeds();
    assert!(said.contains("Preparing stdin\n"), "{said}");
    sandbox.oras("pull HOST/a:v1 -o out").succeeds();
    assert_eq!(sandbox.read("out/stdin"), "from a pipe");
    sandbox.oras_reading("push HOST/a:v2 - --stdin-filename db/dump.sql", "rows").succeeds();
    sandbox.oras("pull HOST/a:v2 -o out").succeeds();
    assert_eq!(sandbox.read("out/db/dump.sql"), "rows");
    sandbox
        .oras_reading("attach --artifact-type test/a HOST/a:v1 - --stdin-filename sig", "signed")
        .succeeds();
    let said = sandbox.oras("discover --format json HOST/a:v1").succeeds();
    assert!(said.contains("\"artifactType\": \"test/a\""), "{said}");
    sandbox.write("notes.json", r#"{"-":{"org.opencontainers.image.title":"named"}}"#);
    let line = "push HOST/a:v3 - --annotation-file notes.json";
    sandbox.oras_reading(line, "named by a note").succeeds();
    sandbox.oras("pull HOST/a:v3 -o out").succeeds();
    assert_eq!(sandbox.read("out/named"), "named by a note");
}

#[test]
fn a_file_that_is_called_dash_is_reached_by_its_path() {
    let sandbox = Sandbox::new();
    sandbox.write("-", "a file");
    sandbox.oras_reading("push HOST/a:v1 ./-", "standard input").succeeds();
    sandbox.oras("pull HOST/a:v1 -o out").succeeds();
    assert_eq!(sandbox.read("out/-"), "a file");
}

#[test]
fn standard_input_is_one_file_or_one_secret() {
    let sandbox = Sandbox::new();
    let refused = |line: &str| sandbox.oras_reading(line, "x").fails();
    assert_eq!(
        refused("push HOST/a:v1 - -:text/plain"),
        "Error: `-` reads standard input, which cannot be read twice\n\
         A file of that name is ./-\n"
    );
    assert_eq!(
        refused("push HOST/a:v1 - -u me --password-stdin"),
        "Error: `-` read file from input and `--password-stdin` read password from input \
         cannot be both used\n"
    );
    assert_eq!(
        refused("attach --artifact-type t/t HOST/a:v1 - --stdin-filename="),
        "Error: `--stdin-filename` must not be empty\n"
    );
    assert_eq!(sandbox.digest("a", "v1"), None);
}

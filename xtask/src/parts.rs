//! The real registries and clients that tests run against: finds them, and installs them if it may.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{ask, find, root, run, target};

/// The version of `oras` for Python that is tested against.
const ORAS_PYTHON: &str = "oras==0.2.43";

/// The conformance suite, as a module of Go, and the version that is tested with.
const CONFORMANCE: &str =
    "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111";

/// One real part, by the name that tests know it by.
#[derive(Debug)]
pub(crate) struct Part {
    /// The name, as in the message of a test that lacks it.
    pub(crate) name: &'static str,
    /// The environment variable that tells tests where it is.
    pub(crate) variable: &'static str,
    /// Where it is; nothing if it is missing.
    pub(crate) path: Option<PathBuf>,
}

/// Finds all parts, after trying to install those that are missing.
pub(crate) fn prepare() -> Vec<Part> {
    let packages = [
        "curl",
        "docker-registry",
        "fish",
        "podman",
        "prometheus",
        "skopeo",
        "strace",
        "tmux",
        "zsh",
    ];
    if packages.iter().any(|package| find(package).is_none()) {
        install_debian(&packages);
    }
    let part = |name, variable| Part { name, variable, path: find(name) };
    vec![
        part("curl", "ORAS_TEST_CURL"),
        part("docker-registry", "ORAS_TEST_DOCKER_REGISTRY"),
        part("fish", "ORAS_TEST_FISH"),
        part("podman", "ORAS_TEST_PODMAN"),
        part("promtool", "ORAS_TEST_PROMTOOL"),
        part("zsh", "ORAS_TEST_ZSH"),
        part("skopeo", "ORAS_TEST_SKOPEO"),
        part("strace", "ORAS_TEST_STRACE"),
        part("tmux", "ORAS_TEST_TMUX"),
        Part { name: "conformance", variable: "ORAS_TEST_CONFORMANCE", path: conformance() },
        Part { name: "oras-python", variable: "ORAS_TEST_PYTHON", path: oras_python() },
    ]
}

/// Installs Debian packages, where that is possible without asking anybody.
fn install_debian(packages: &[&str]) {
    let is_root = ask(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !is_root || find("apt-get").is_none() {
        println!("note: not installing {}: not root, or no apt-get", packages.join(", "));
        return;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(arguments).stdin(Stdio::null());
        run(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // Whatever fails here shows as a missing part.
    let install = ["install", "--yes", "--no-install-recommends"];
    let done = apt(&["update"]).and_then(|()| apt(&[&install, packages].concat()));
    if let Err(failure) = done {
        println!("note: {failure}");
    }
}

/// Returns a Python that has `oras`, from a virtual environment in the target directory.
fn oras_python() -> Option<PathBuf> {
    let home = target().join("oras-python");
    let python = home.join("bin").join("python");
    // The marker is written last, so a half-made environment is made anew.
    let marker = home.join(ORAS_PYTHON);
    if marker.is_file() {
        return Some(python);
    }
    drop(std::fs::remove_dir_all(&home));
    let make = || {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&home).current_dir(root());
        run(&mut venv)
    };
    if make().is_err() {
        install_debian(&["python3", "python3-venv"]);
        make().ok()?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ORAS_PYTHON]);
    if let Err(failure) = run(&mut pip) {
        println!("note: {failure}");
        return None;
    }
    std::fs::write(&marker, "").ok()?;
    Some(python)
}

/// Returns the conformance suite, built from source with Go, in the target directory.
fn conformance() -> Option<PathBuf> {
    let home = target().join("conformance");
    let suite = home.join("conformance");
    // Written last, so that another version is built anew.
    let marker = home.join("version");
    if std::fs::read_to_string(&marker).is_ok_and(|version| version == CONFORMANCE) {
        return Some(suite);
    }
    let go = find("go")?;
    let mut install = Command::new(go);
    install.args(["install", CONFORMANCE]).env("GOBIN", &home).current_dir(std::env::temp_dir());
    if let Err(failure) = run(&mut install) {
        println!("note: {failure}");
        return None;
    }
    std::fs::write(&marker, CONFORMANCE).ok()?;
    Some(suite)
}

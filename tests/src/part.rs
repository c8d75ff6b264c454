//! The real parts that some tests need and not every machine has.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A program of other makers, or an ability of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The CNCF distribution registry, as Debian's `docker-registry`.
    Distribution,
    /// The shell `fish`.
    Fish,
    /// The shell `zsh`.
    Zsh,
    /// `skopeo`.
    Skopeo,
    /// A Python that has the `oras` package.
    OrasPython,
    /// `podman`.
    Podman,
    /// `curl`.
    Curl,
    /// `promtool`, of Debian's `prometheus`.
    Promtool,
    /// `strace`, which breaks system calls at will.
    Strace,
    /// `tmux`, a terminal that tests can look at.
    Tmux,
    /// The conformance suite of the distribution specification.
    Conformance,
    /// The right to mount a small file system of our own.
    Mount,
}

impl Part {
    /// Finds the part. Where it is missing, says so for all to see, has it counted, and returns
    /// nothing: the test must then return. With `CI=true` a missing part fails the test.
    pub fn find(self) -> Option<PathBuf> {
        let found = self.locate();
        if found.is_none() {
            self.miss();
        }
        found
    }

    /// Says that the running test cannot be exercised for want of this part.
    pub fn miss(self) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test").to_owned();
        let name = self.name();
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "{name} is missing, and nothing may be missing where CI=true"
        );
        // Not captured, unlike what `eprintln!` prints.
        drop(writeln!(std::io::stderr(), "NOT EXERCISED: {test}: {name} is missing"));
        if let Some(file) = std::env::var_os("ORAS_TEST_SKIPS") {
            let file = OpenOptions::new().append(true).create(true).open(file);
            let line = format!("{name}\t{test}\n");
            file.and_then(|mut file| file.write_all(line.as_bytes()))
                .expect("note what is missing");
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Distribution => "docker-registry",
            Self::Fish => "fish",
            Self::Zsh => "zsh",
            Self::Skopeo => "skopeo",
            Self::OrasPython => "oras-python",
            Self::Podman => "podman",
            Self::Curl => "curl",
            Self::Promtool => "promtool",
            Self::Strace => "strace",
            Self::Tmux => "tmux",
            Self::Conformance => "conformance",
            Self::Mount => "mount",
        }
    }

    fn locate(self) -> Option<PathBuf> {
        let variable = match self {
            Self::Distribution => "ORAS_TEST_DOCKER_REGISTRY",
            Self::Fish => "ORAS_TEST_FISH",
            Self::Zsh => "ORAS_TEST_ZSH",
            Self::Skopeo => "ORAS_TEST_SKOPEO",
            Self::OrasPython => "ORAS_TEST_PYTHON",
            Self::Podman => "ORAS_TEST_PODMAN",
            Self::Curl => "ORAS_TEST_CURL",
            Self::Promtool => "ORAS_TEST_PROMTOOL",
            Self::Strace => "ORAS_TEST_STRACE",
            Self::Tmux => "ORAS_TEST_TMUX",
            Self::Conformance => "ORAS_TEST_CONFORMANCE",
            Self::Mount => return rustix::process::geteuid().is_root().then(|| "/".into()),
        };
        if let Some(path) = std::env::var_os(variable) {
            return Some(path.into());
        }
        if self == Self::OrasPython {
            let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
            let python = tests.join("../target/oras-python/bin/python");
            return python.is_file().then_some(python);
        }
        if self == Self::Conformance {
            let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
            let suite = tests.join("../target/conformance/conformance");
            return suite.is_file().then_some(suite);
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|directory| directory.join(self.name()))
            .find(|p| p.is_file())
    }
}

//! `cargo xtask docs`: has the program write its own reference.

use crate::Failure;
use crate::process::{cargo, root, run};

/// Writes `docs/cli.md`, and manual pages into `target/man`.
pub(crate) fn write() -> Result<(), Failure> {
    let oras = |arguments: &[&str]| {
        let mut command = cargo();
        command.args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "oras-cli",
            "--bin",
            "oras",
            "--",
        ]);
        command.args(arguments);
        command
    };
    let page = oras(&["__docs", "markdown"]).output().map_err(|error| format!("cargo: {error}"))?;
    if !page.status.success() {
        return Err(String::from_utf8_lossy(&page.stderr).into_owned());
    }
    let file = root().join("docs/cli.md");
    std::fs::write(&file, page.stdout).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("wrote {}", file.display());
    let pages = crate::process::target().join("man");
    std::fs::create_dir_all(&pages).map_err(|error| format!("{}: {error}", pages.display()))?;
    let directory = pages.to_str().ok_or("the target directory has a name that is no text")?;
    run(&mut oras(&["__docs", "man", directory]))
}

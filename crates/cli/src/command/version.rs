//! `oras version`: what was built, by what, for what.

use super::{Arguments, Body, Command, Invocation};
use crate::context::Context;
use crate::error::Result;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Shows versions.
pub(crate) static COMMAND: Command = Command {
    name: "version",
    aliases: &[],
    synopsis: "version [flags]",
    summary: "Show the oras version information",
    description: "Show the oras version information

Example - print version:
  oras version",
    flags: Vec::new,
    arguments: Arguments::Any,
    body: Body::Quick(run),
};

fn run(invocation: &Invocation, context: &Context) -> Result<()> {
    let arguments = &invocation.parsed.arguments;
    if !arguments.is_empty() {
        let arguments = arguments.join(",");
        context.printer.note(&format!(
            "warning: `oras version` requires no argument, \"{arguments}\" will be ignored"
        ));
    }
    let system = format!("{}/{}", system(), architecture());
    let mut rows = vec![
        ("Version", VERSION),
        ("Rust version", env!("ORAS_RUST_VERSION")),
        ("OS/Arch", &system),
    ];
    // Set by whoever builds a release.
    rows.extend(option_env!("ORAS_GIT_COMMIT").map(|commit| ("Git commit", commit)));
    rows.extend(option_env!("ORAS_GIT_TREE_STATE").map(|state| ("Git tree state", state)));
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    let line = |(label, value)| format!("{:width$}{value}\n", format!("{label}:"));
    context.printer.bytes(rows.into_iter().map(line).collect::<String>().as_bytes())
}

/// The operating system, in the words of Go.
fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The architecture, in the words of Go and so of the image specification.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "386",
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "mips64" if cfg!(target_endian = "little") => "mips64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

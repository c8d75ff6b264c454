//! `oras`: pushes, pulls and serves OCI artifacts.

use std::process::ExitCode;

use oras_cli::{Environment, Streams};

#[expect(clippy::disallowed_methods, reason = "arguments enter the program here")]
fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    oras_cli::run(arguments, Environment::of_process(), Streams::of_process()).into()
}

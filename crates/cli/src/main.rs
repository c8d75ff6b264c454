//! `oras`: pushes, pulls and serves OCI artifacts.

use std::process::ExitCode;

use oras_cli::{Environment, Streams};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    oras_cli::run(arguments, Environment::of_process(), Streams::of_process()).into()
}

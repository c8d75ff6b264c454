//! The project's commands `tour`, `test`, `bench` and `docs`; std only, so that they start soon.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program for developers")]
#![expect(clippy::disallowed_methods, reason = "it runs in the surroundings of its developer")]

mod bench;
mod docs;
mod parts;
mod process;
mod soak;
mod tally;
mod test;
mod tour;

use std::process::ExitCode;

/// What went wrong, as a sentence for whoever ran the command; empty if that has been told already.
type Failure = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tour"] => tour::run(),
        ["test"] => test::run(),
        ["docs"] => docs::write(),
        ["bench", names @ ..] => bench::run(names),
        ["soak"] => soak::run_soak("soak::"),
        ["soak", "cache"] => soak::run_soak("shared_cache::"),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_empty() => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
Usage: cargo xtask <command>

Commands:
  tour            build oras, then push to and pull from its own registry, step by step
  test            run all tests, with real registries and clients where they can be had
  docs            write docs/cli.md and manual pages from the program's own tables
  soak            transfer over lines that break, by processes that are killed
  soak cache      let many processes use, prune and spoil one cache
  bench [NAME..]  measure start, size, speed and memory; see xtask/src/bench.rs for the names";

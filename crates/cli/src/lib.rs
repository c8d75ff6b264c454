//! The `oras` program as a function: arguments, surroundings and streams in, an exit code out.
//!
//! The binary is three lines around [`run`]; tests call it without a process.

mod advice;
mod args;
mod cli;
mod command;
mod connect;
mod context;
mod env;
mod error;
mod flag;
mod output;
mod report;
mod runtime;
mod signals;
mod streams;
mod tally;
mod template;
mod visible;

use std::ffi::OsString;

pub use env::Environment;
pub use streams::{Size, Streams};

/// Runs the program with `arguments`, the program's name not among them. Returns its exit code: 0
/// if all went well, 1 if not, and more than 128 if a signal other than an interrupt ended it.
///
/// Starts an asynchronous runtime of its own where a command needs one, so it must not be called
/// from within another.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    streams: Streams,
) -> u8 {
    let context = context::Context::new(environment, streams);
    match cli::run(arguments, &context) {
        Ok(()) => 0,
        Err(error) => {
            context.printer.failure(&error);
            error.code()
        }
    }
}

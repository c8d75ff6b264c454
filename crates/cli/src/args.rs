//! The groups of flags that commands share.

pub(crate) mod cache;
pub(crate) mod confirmation;
pub(crate) mod dating;
pub(crate) mod distribution;
pub(crate) mod file_reference;
pub(crate) mod format;
pub(crate) mod garbage;
pub(crate) mod packer;
pub(crate) mod patience;
pub(crate) mod platform;
pub(crate) mod remote;
pub(crate) mod selection;
pub(crate) mod stats;
pub(crate) mod target;
pub(crate) mod terminal;

use crate::command::Invocation;
use crate::flag::Flag;

/// `--debug`, which nearly all commands have.
pub(crate) fn debug() -> Flag {
    Flag::switch("debug", "output debug logs (implies --no-tty)").short('d')
}

/// `--verbose`, which is accepted and hidden; `default` is what it is where it still matters.
pub(crate) fn verbose(default: &'static str) -> Flag {
    Flag::switch("verbose", "")
        .short('v')
        .default(default)
        .deprecated("and will be removed in a future release.")
}

/// `--descriptor`.
pub(crate) fn descriptor(help: &'static str) -> Flag {
    Flag::switch("descriptor", help)
}

/// `--pretty`.
pub(crate) fn pretty() -> Flag {
    Flag::switch("pretty", "prettify JSON objects printed to stdout")
}

/// `--concurrency`.
pub(crate) fn concurrency(default: &'static str) -> Flag {
    Flag::number("concurrency", default, "concurrency level")
}

/// Returns how many small things may be on their way beyond that: 13, unless the user says how much
/// may be, or the system lets us open few files.
pub(crate) fn further_small(invocation: &Invocation) -> usize {
    if invocation.parsed.given("concurrency") {
        return 0;
    }
    concurrency_of(0, 18).saturating_sub(5)
}

/// Returns how much may be done at once; 0 and less mean `otherwise`. It is less where the system
/// lets us open few files.
pub(crate) fn concurrency_of(number: i64, otherwise: usize) -> usize {
    let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let wanted = usize::try_from(number).ok().filter(|&count| count > 0).unwrap_or(otherwise);
    wanted.min(open_files.map_or(usize::MAX, room))
}

/// How many open files the program has besides those of transfers.
const OTHER_FILES: u64 = 16;
/// How many open files a transfer has: a connection, a file, and directories on the way to it.
const FILES_EACH: u64 = 4;

/// Returns for how many transfers so many open files have room.
fn room(open_files: u64) -> usize {
    let count = open_files.saturating_sub(OTHER_FILES) / FILES_EACH;
    usize::try_from(count).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_open_files_have_room_for_few_transfers() {
        assert_eq!([0, 16, 32, 1024].map(room), [1, 1, 4, 252]);
        assert_eq!((concurrency_of(2, 3), concurrency_of(0, 3), concurrency_of(-1, 3)), (2, 3, 3));
    }
}

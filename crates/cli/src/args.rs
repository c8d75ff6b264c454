//! The groups of flags that commands share.

pub(crate) mod cache;
pub(crate) mod confirmation;
pub(crate) mod dating;
pub(crate) mod distribution;
pub(crate) mod file_reference;
pub(crate) mod format;
pub(crate) mod garbage;
pub(crate) mod packer;
pub(crate) mod platform;
pub(crate) mod remote;
pub(crate) mod selection;
pub(crate) mod target;
pub(crate) mod terminal;

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

/// Returns how much may be done at once; 0 and less mean `otherwise`.
pub(crate) fn concurrency_of(number: i64, otherwise: usize) -> usize {
    usize::try_from(number).ok().filter(|&count| count > 0).unwrap_or(otherwise)
}

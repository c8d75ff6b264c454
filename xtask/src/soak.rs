//! `cargo xtask soak`: transfers over lines that break, by processes that are killed, or many processes
//! on one cache, with the release build. What the variables say is in `docs/transfers.md` and
//! `docs/caching.md`.

use crate::Failure;
use crate::process::{build_release, cargo, run};

/// Runs the tests whose names begin so.
pub(crate) fn run_soak(tests: &str) -> Result<(), Failure> {
    let program = build_release()?;
    let mut test = cargo();
    test.args(["test", "--quiet", "--locked", "--package", "oras-tests", "--test", "all"]);
    test.args(["--", "--ignored", "--nocapture", tests]);
    run(test.env("ORAS_BIN", program))
}

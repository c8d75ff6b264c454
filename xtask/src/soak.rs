//! `cargo xtask soak`: transfers over lines that break, by processes that are killed, with the release
//! build. `ORAS_SOAK_RUNS`, `ORAS_SOAK_BYTES`, `ORAS_SOAK_CUT` and `ORAS_SOAK_KILLS` say how much.

use crate::Failure;
use crate::process::{build_release, cargo, run};

/// Runs it.
pub(crate) fn run_soak() -> Result<(), Failure> {
    let program = build_release()?;
    let mut test = cargo();
    test.args(["test", "--quiet", "--locked", "--package", "oras-tests", "--test", "all"]);
    test.args(["--", "--ignored", "--nocapture", "soak::"]);
    run(test.env("ORAS_BIN", program))
}

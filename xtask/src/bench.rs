//! `cargo xtask bench`: placeholder until there is something to measure.

use crate::Failure;

/// Runs the named benchmarks, or all.
pub(crate) fn run(_names: &[&str]) -> Result<(), Failure> {
    Err("nothing to measure yet".to_owned())
}

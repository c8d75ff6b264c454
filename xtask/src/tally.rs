//! Counts the tests that ran, from what `cargo test` prints.

/// How many tests passed, failed, and ran without the real part they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ran and held.
    pub(crate) passed: usize,
    /// Tests that ran and did not hold, and test programs that died.
    pub(crate) failed: usize,
    /// Tests marked as ignored, and tests that lacked a real part.
    pub(crate) skipped: usize,
}

impl Tally {
    /// Adds what one line of `cargo test` says; most lines say nothing.
    pub(crate) fn hear(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result: ") else { return };
        let Some((_verdict, counts)) = counts.split_once(". ") else { return };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<usize>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<usize>().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse::<usize>().unwrap_or(0),
                _ => {}
            }
        }
    }

    /// Moves `count` tests that cargo took for passed to those that were skipped.
    pub(crate) fn skip(&mut self, count: usize) {
        self.passed = self.passed.saturating_sub(count);
        self.skipped += count;
    }
}

/// Prints `N passed, M failed`, and `, K skipped` if any were.
impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_result_lines_of_cargo_test() {
        let mut tally = Tally::default();
        for line in [
            "test result::: no",
            "test name::of_a_test ... ok",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.01s",
        ] {
            tally.hear(line);
        }
        assert_eq!(tally, Tally { passed: 15, failed: 2, skipped: 1 });
        assert_eq!(tally.to_string(), "15 passed, 2 failed, 1 skipped");
        tally.skip(4);
        assert_eq!(tally, Tally { passed: 11, failed: 2, skipped: 5 });
        assert_eq!(Tally { passed: 1, ..Tally::default() }.to_string(), "1 passed, 0 failed");
    }
}

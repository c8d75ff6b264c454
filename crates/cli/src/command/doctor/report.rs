//! What was found, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::visible::visible;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It works.
    Ok,
    /// It does not.
    Refused,
    /// Nobody looked.
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    why: String,
    advice: String,
    /// Whether all of it is in vain without this.
    is_needed: bool,
}

/// Everything that was looked at, in order.
#[derive(Debug)]
pub(super) struct Report {
    subject: String,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(subject: &str) -> Self {
        Self { subject: subject.to_owned(), checks: Vec::new() }
    }

    /// Notes what came of a check.
    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome, why: impl Into<String>) {
        let why = why.into();
        self.checks.push(Check { name, outcome, why, advice: String::new(), is_needed: false });
    }

    /// Notes that something works.
    pub(super) fn ok(&mut self, name: &'static str, why: impl Into<String>) {
        self.add(name, Outcome::Ok, why);
    }

    /// Notes that something is not to be had, and that the rest goes without.
    pub(super) fn lacks(&mut self, name: &'static str, why: impl Into<String>, advice: &str) {
        self.add(name, Outcome::Refused, why);
        self.advise(advice, false);
    }

    /// Notes that something does not work, and that nothing goes without.
    pub(super) fn fails(&mut self, name: &'static str, why: impl Into<String>, advice: &str) {
        self.add(name, Outcome::Refused, why);
        self.advise(advice, true);
    }

    fn advise(&mut self, advice: &str, is_needed: bool) {
        if let Some(check) = self.checks.last_mut() {
            advice.clone_into(&mut check.advice);
            check.is_needed = is_needed;
        }
    }

    /// Returns what all of it failed at.
    pub(super) fn first_refusal(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Refused && check.is_needed)
    }

    /// Returns the report for programs.
    pub(super) fn json(&self) -> Value {
        let check = |check: &Check| {
            json!({
                "check": check.name,
                "result": check.outcome.word(),
                "needed": check.is_needed,
                "why": check.why,
                "advice": check.advice,
            })
        };
        json!({
            "reference": self.subject,
            "works": self.first_refusal().is_none(),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
        })
    }

    /// Returns the report for people.
    pub(super) fn table(&self) -> String {
        let widest = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        let mut text = format!("{:widest$}  RESULT   WHY\n", "CHECK");
        let indent = " ".repeat(widest + "  skipped  ".len());
        for check in &self.checks {
            let word = check.outcome.word();
            let why = visible(&check.why);
            let line = format!("{:widest$}  {word:7}  {why}", check.name);
            writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
            for advice in check.advice.lines() {
                let advice = visible(advice);
                writeln!(text, "{indent}-> {advice}").expect("a string takes everything");
            }
        }
        text
    }
}

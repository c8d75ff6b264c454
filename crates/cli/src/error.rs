//! The error a command ends with, and how it is printed.

use std::fmt;
use std::io;

/// What a command returns.
pub(crate) type Result<T, E = CliError> = std::result::Result<T, E>;

/// What went wrong, for people: a message, perhaps how the command is used, perhaps what to do.
#[derive(Debug)]
pub(crate) struct CliError {
    prefix: String,
    message: String,
    usage: Option<String>,
    recommendation: Option<String>,
    trailer: Option<&'static str>,
    is_about_reference: bool,
    code: u8,
}

impl CliError {
    /// Makes an error that says `message`.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            prefix: "Error:".to_owned(),
            message: message.into(),
            usage: None,
            recommendation: None,
            trailer: None,
            is_about_reference: false,
            code: 1,
        }
    }

    /// Says how the command is used.
    #[must_use]
    pub(crate) fn with_usage(mut self, usage: impl Into<String>) -> Self {
        self.usage = Some(usage.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub(crate) fn with_recommendation(mut self, recommendation: impl Into<String>) -> Self {
        self.recommendation = Some(recommendation.into());
        self
    }

    /// Says one thing more to do, on a line of its own.
    #[must_use]
    pub(crate) fn with_further_recommendation(mut self, recommendation: &str) -> Self {
        self.recommendation = Some(match self.recommendation {
            Some(first) => format!("{first}\n{recommendation}"),
            None => recommendation.to_owned(),
        });
        self
    }

    /// Puts `words` before what to do.
    #[must_use]
    pub(crate) fn with_recommendation_behind(mut self, words: &str) -> Self {
        self.recommendation = Some(words.to_owned() + &self.recommendation.unwrap_or_default());
        self
    }

    /// Replaces the first words, `Error:`.
    #[must_use]
    pub(crate) fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Adds a last line that stands by itself.
    #[must_use]
    pub(crate) fn with_trailer(mut self, trailer: &'static str) -> Self {
        self.trailer = Some(trailer);
        self
    }

    /// Puts `context` and a colon before the message.
    #[must_use]
    pub(crate) fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Marks it as being about a reference that does not parse, which some commands say more about.
    #[must_use]
    pub(crate) fn about_reference(mut self) -> Self {
        self.is_about_reference = true;
        self
    }

    /// Tells whether it is about a reference that does not parse.
    pub(crate) fn is_about_reference(&self) -> bool {
        self.is_about_reference
    }

    /// Makes the program end with another exit code than 1.
    #[must_use]
    pub(crate) fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Returns the exit code of a program that ends with it.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Adds a line to the message.
    #[must_use]
    pub(crate) fn with_line(mut self, line: &str) -> Self {
        self.message = format!("{}\n{line}", self.message);
        self
    }
}

/// Prints the lines that users see, without the last line end.
impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.prefix, self.message)?;
        if let Some(usage) = &self.usage {
            write!(f, "\nUsage: {usage}")?;
        }
        if let Some(recommendation) = &self.recommendation {
            write!(f, "\n{recommendation}")?;
        }
        if let Some(trailer) = self.trailer {
            write!(f, "\n{trailer}")?;
        }
        Ok(())
    }
}

/// Says what the system says, in the words of Go: lower case, without the number.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Joins an error and everything that caused it by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_message_usage_and_recommendation_on_lines_of_their_own() {
        let error = CliError::new("no tag").context("hello").with_usage("oras pull");
        let error = error.with_recommendation("Add one.");
        assert_eq!(error.to_string(), "Error: hello: no tag\nUsage: oras pull\nAdd one.");
    }

    #[test]
    fn says_what_the_system_says_as_go_does() {
        let missing = std::fs::read("/nonexistent/file").expect_err("there is no such file");
        assert_eq!(system_text(&missing), "no such file or directory");
    }
}

//! What goes wrong when a template is read or rendered, in Go's words.

use std::fmt;

/// Why a template could not be read or rendered.
///
/// `Display` prints what Go's `text/template` would print, for example
/// `template: format output:1: unclosed action`. One pointer wide.
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    message: String,
    line: usize,
    column: Option<usize>,
}

impl TemplateError {
    /// Makes the error for text that is no template.
    pub(crate) fn syntax(name: &str, line: usize, message: &str) -> Self {
        let message = format!("template: {name}:{line}: {message}");
        Self(Box::new(Inner { message, line, column: None }))
    }

    /// Makes the error for a template that fails on its data; `message` is whole.
    pub(crate) fn execution(line: usize, column: usize, message: String) -> Self {
        Self(Box::new(Inner { message, line, column: Some(column) }))
    }

    /// The line of the template's text, from 1; 0 if the error belongs to none.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The column, in bytes from 0. Only errors of rendering have one.
    pub fn column(&self) -> Option<usize> {
        self.0.column
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateError").field(&self.0.message).finish()
    }
}

impl std::error::Error for TemplateError {}

/// Why a function refused its arguments; what called it adds where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

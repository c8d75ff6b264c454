//! Text in the making, with an end to how long it can get.

use std::fmt::{self, Write as _};

use crate::error::Failure;
use crate::value::Value;

/// Adds formatted text to a string.
pub(crate) fn append(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string does not fail");
}

/// The most bytes that a template may print, or that a text may have: 64 MiB.
pub(crate) const MAX_TEXT: usize = 64 << 20;

/// Bytes that refuse to become more than [`MAX_TEXT`].
#[derive(Debug, Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        let bytes = bytes.as_ref();
        self.reserve(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds the same byte many times.
    pub(crate) fn fill(&mut self, byte: u8, count: usize) -> Result<(), Failure> {
        self.reserve(count)?;
        self.0.resize(self.0.len() + count, byte);
        Ok(())
    }

    fn reserve(&self, more: usize) -> Result<(), Failure> {
        if more > MAX_TEXT - self.0.len() {
            return Err(format!("the text exceeds {MAX_TEXT} bytes").into());
        }
        Ok(())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn into_value(self) -> Value {
        Value::text(self.0)
    }
}

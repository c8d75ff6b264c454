//! Number constants, with the rules of Go's untyped constants.

use crate::ast::Number;
use crate::number;
use crate::quote::{quote, unquote_char};

/// Reads a character constant with its quotes: a number.
pub(crate) fn character(text: &str) -> Result<Number, String> {
    let (code, rest) = text.strip_prefix('\'').and_then(unquote_char).ok_or("invalid syntax")?;
    if rest != "'" {
        return Err(format!("malformed character constant: {text}"));
    }
    Ok(Number { text: text.to_owned(), int: Some(i64::from(code)), float: f64::from(code) })
}

/// Reads a number constant.
pub(crate) fn parse(text: &str) -> Result<Number, String> {
    let illegal = || format!("illegal number syntax: {}", quote(text.as_bytes()));
    let number = |int, float| Ok(Number { text: text.to_owned(), int, float });
    if let Ok(int) = number::parse_int(text, 0) {
        return number(Some(int), number::int_to_float(int));
    }
    if let Ok(uint) = number::parse_uint(text, 0) {
        // Only a parameter of an unsigned type could take it, and no function has one.
        return number(None, number::uint_to_float(uint));
    }
    let float = number::parse_float(text).ok_or_else(illegal)?;
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quote(text.as_bytes())));
    }
    number(number::exact_int(float), float)
}

impl Number {
    /// Tells whether the constant, where nothing else decides, is a floating-point number.
    pub(crate) fn is_written_as_float(&self) -> bool {
        let hexadecimal = self.text.len() > 2
            && (self.text.starts_with("0x") || self.text.starts_with("0X"))
            && !self.text.contains(['p', 'P']);
        !hexadecimal
            && !self.text.starts_with('\'')
            && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

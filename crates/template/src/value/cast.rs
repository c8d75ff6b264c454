//! The lenient conversions of the sprig functions.

use super::Value;
use crate::number::{float_to_int, int_to_float, parse_float, parse_int, uint_to_float};

impl Value {
    /// Makes a whole number of nearly anything; what is no number becomes 0.
    pub(crate) fn to_int(&self) -> i64 {
        match self {
            Self::Int(value) | Self::Int64(value) => *value,
            Self::Uint8(value) => i64::from(*value),
            Self::Uint64(value) => value.cast_signed(),
            Self::Float(value) => float_to_int(*value),
            Self::Bool(value) => i64::from(*value),
            Self::Text(text) => parse_int(without_zero_decimals(&text.to_str()), 0).unwrap_or(0),
            _ => 0,
        }
    }

    /// Makes a floating-point number of nearly anything; what is no number becomes 0.
    pub(crate) fn to_float(&self) -> f64 {
        match self {
            Self::Int(value) | Self::Int64(value) => int_to_float(*value),
            Self::Uint8(value) => f64::from(*value),
            Self::Uint64(value) => uint_to_float(*value),
            Self::Float(value) => *value,
            Self::Bool(value) => f64::from(u8::from(*value)),
            Self::Text(text) => parse_float(&text.to_str()).unwrap_or(0.0),
            _ => 0.0,
        }
    }
}

/// Takes `.00` off the end of a number, as long as there is at least one zero.
fn without_zero_decimals(text: &str) -> &str {
    let whole = text.trim_end_matches('0');
    if whole.len() == text.len() { text } else { whole.strip_suffix('.').unwrap_or(text) }
}

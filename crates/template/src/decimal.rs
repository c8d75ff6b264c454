//! Decimal arithmetic, in which 0.1 and 0.2 make 0.3.

use crate::error::Failure;
use crate::number::{parse_float, shortest_digits};

/// A decimal number, exact up to 38 digits. Where it would need more it goes on as a float.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decimal {
    /// An integer, times a power of ten.
    Exact(i128, i32),
    Float(f64),
}

/// How many digits behind the point a quotient has.
const QUOTIENT_DIGITS: i32 = 16;

impl Decimal {
    /// Takes the shortest decimal number that the float could be written as.
    pub(crate) fn from_float(float: f64) -> Result<Self, Failure> {
        if !float.is_finite() {
            let shown = crate::number::format_float(float, 'g', None);
            return Err(format!("Cannot create a Decimal from {shown}").into());
        }
        let (digits, exponent) = shortest_digits(float);
        let magnitude: i128 = digits.parse().expect("a float has seventeen digits at most");
        Ok(Self::Exact(if float < 0.0 { -magnitude } else { magnitude }, exponent))
    }

    /// The float that is nearest.
    pub(crate) fn to_float(self) -> f64 {
        match self {
            Self::Exact(digits, exponent) => {
                parse_float(&format!("{digits}e{exponent}")).unwrap_or(0.0)
            }
            Self::Float(float) => float,
        }
    }

    pub(crate) fn add(self, other: Self) -> Self {
        self.combine(other, i128::checked_add, |left, right| left + right)
    }

    pub(crate) fn subtract(self, other: Self) -> Self {
        self.combine(other, i128::checked_sub, |left, right| left - right)
    }

    pub(crate) fn multiply(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exact(left, power), Self::Exact(right, other_power)) => left
                .checked_mul(right)
                .map_or(Self::Float(self.to_float() * other.to_float()), |product| {
                    Self::Exact(product, power + other_power)
                }),
            _ => Self::Float(self.to_float() * other.to_float()),
        }
    }

    /// Divides, to sixteen digits behind the point, halves away from zero.
    pub(crate) fn divide(self, other: Self) -> Result<Self, Failure> {
        let floats = Self::Float(self.to_float() / other.to_float());
        if other.to_float() == 0.0 {
            return Err("decimal division by 0".into());
        }
        let (Self::Exact(left, power), Self::Exact(right, other_power)) = (self, other) else {
            return Ok(floats);
        };
        let shift = power - other_power + QUOTIENT_DIGITS;
        let (dividend, divisor) = if shift < 0 {
            (Some(left), scaled(right, shift.unsigned_abs()))
        } else {
            (scaled(left, shift.unsigned_abs()), Some(right))
        };
        let (Some(dividend), Some(divisor)) = (dividend, divisor) else { return Ok(floats) };
        let (quotient, rest) = (dividend / divisor, dividend % divisor);
        let up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
        let sign = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        Ok(Self::Exact(quotient + if up { sign } else { 0 }, -QUOTIENT_DIGITS))
    }

    /// Combines two numbers of the same power of ten.
    fn combine(
        self,
        other: Self,
        exact: fn(i128, i128) -> Option<i128>,
        float: fn(f64, f64) -> f64,
    ) -> Self {
        let floats = || Self::Float(float(self.to_float(), other.to_float()));
        let (Self::Exact(left, power), Self::Exact(right, other_power)) = (self, other) else {
            return floats();
        };
        let least = power.min(other_power);
        let left = scaled(left, power.abs_diff(least));
        let right = scaled(right, other_power.abs_diff(least));
        let combined = left.zip(right).and_then(|(left, right)| exact(left, right));
        combined.map_or_else(floats, |digits| Self::Exact(digits, least))
    }
}

/// Multiplies by a power of ten, if the result has room.
fn scaled(digits: i128, power: u32) -> Option<i128> {
    if digits == 0 {
        return Some(0);
    }
    10_i128.checked_pow(power)?.checked_mul(digits)
}

//! Numbers. What is no number counts as 0.

use super::lists::MAX_ITEMS;
use super::{Call, Function, Type};
use crate::decimal::Decimal;
use crate::error::Failure;
use crate::number::parse_int;
use crate::print::to_text;
use crate::value::{Element, Value};

use Type::{Any, Float, Int};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("int", &[Any], |call| Ok(Value::Int(call.any(0).to_int()))),
    Function::fixed("int64", &[Any], |call| Ok(Value::Int64(call.any(0).to_int()))),
    Function::fixed("float64", &[Any], |call| Ok(Value::Float(call.any(0).to_float()))),
    Function::fixed("toDecimal", &[Any], |call| {
        let text = to_text(call.any(0))?;
        let octal = parse_int(&String::from_utf8_lossy(&text), 8);
        Ok(Value::Int64(octal.unwrap_or(0)))
    }),
    Function::fixed("add1", &[Any], |call| Ok(Value::Int64(call.any(0).to_int().wrapping_add(1)))),
    Function::variadic("add", &[Any], |call| {
        let numbers = call.values.iter().map(Value::to_int);
        Ok(Value::Int64(numbers.fold(0, i64::wrapping_add)))
    }),
    Function::fixed("sub", &[Any, Any], |call| {
        Ok(Value::Int64(call.any(0).to_int().wrapping_sub(call.any(1).to_int())))
    }),
    Function::variadic("mul", &[Any, Any], |call| {
        let numbers = call.values.iter().map(Value::to_int);
        Ok(Value::Int64(numbers.fold(1, i64::wrapping_mul)))
    }),
    Function::fixed("div", &[Any, Any], |call| divide(call, i64::wrapping_div)),
    Function::fixed("mod", &[Any, Any], |call| divide(call, i64::wrapping_rem)),
    Function::variadic("max", &[Any, Any], max),
    Function::variadic("biggest", &[Any, Any], max),
    Function::variadic("min", &[Any, Any], |call| {
        Ok(Value::Int64(call.values.iter().map(Value::to_int).min().unwrap_or(0)))
    }),
    Function::variadic("maxf", &[Any, Any], |call| extreme(call, |left, right| right > left)),
    Function::variadic("minf", &[Any, Any], |call| extreme(call, |left, right| right < left)),
    Function::fixed("ceil", &[Any], |call| Ok(Value::Float(call.any(0).to_float().ceil()))),
    Function::fixed("floor", &[Any], |call| Ok(Value::Float(call.any(0).to_float().floor()))),
    Function::variadic("round", &[Any, Int, Float], round),
    Function::fixed("add1f", &[Any], |call| {
        let number = Decimal::from_float(call.any(0).to_float())?;
        Ok(Value::Float(number.add(Decimal::from_float(1.0)?).to_float()))
    }),
    Function::variadic("addf", &[Any], |call| {
        fold(Decimal::from_float(0.0)?, call.values, |sum, number| Ok(sum.add(number)))
    }),
    Function::variadic("subf", &[Any, Any], |call| {
        fold_from_first(call, |rest, number| Ok(rest.subtract(number)))
    }),
    Function::variadic("mulf", &[Any, Any], |call| {
        fold_from_first(call, |product, number| Ok(product.multiply(number)))
    }),
    Function::variadic("divf", &[Any, Any], |call| fold_from_first(call, Decimal::divide)),
    Function::fixed("until", &[Int], |call| {
        let count = call.int(0);
        steps(0, count, if count < 0 { -1 } else { 1 }).map(int_list)
    }),
    Function::fixed("untilStep", &[Int, Int, Int], |call| {
        steps(call.int(0), call.int(1), call.int(2)).map(int_list)
    }),
    Function::variadic("seq", &[Int], seq),
];

fn divide(call: &Call<'_>, divide: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match call.any(1).to_int() {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(Value::Int64(divide(call.any(0).to_int(), divisor))),
    }
}

fn max(call: &Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Int64(call.values.iter().map(Value::to_int).max().unwrap_or(0)))
}

/// Takes the number that is beyond all others; one that is none beats all.
fn extreme(call: &Call<'_>, is_beyond: fn(f64, f64) -> bool) -> Result<Value, Failure> {
    let numbers = call.values.iter().map(Value::to_float);
    let found = numbers.reduce(
        |left, right| {
            if right.is_nan() || is_beyond(left, right) { right } else { left }
        },
    );
    Ok(Value::Float(found.unwrap_or(0.0)))
}

/// Rounds to so many digits behind the point; up from the third argument, or from a half.
fn round(call: &Call<'_>) -> Result<Value, Failure> {
    let up_from = if call.values.len() > 2 { call.float(2) } else { 0.5 };
    let places = i32::try_from(call.int(1).clamp(-400, 400)).unwrap_or(0);
    let power = 10_f64.powi(places);
    let scaled = power * call.any(0).to_float();
    let rounded = if scaled.fract() >= up_from { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / power))
}

fn fold(
    start: Decimal,
    values: &[Value],
    combine: impl Fn(Decimal, Decimal) -> Result<Decimal, Failure>,
) -> Result<Value, Failure> {
    let combined = values
        .iter()
        .try_fold(start, |sum, value| combine(sum, Decimal::from_float(value.to_float())?))?;
    Ok(Value::Float(combined.to_float()))
}

fn fold_from_first(
    call: &Call<'_>,
    combine: impl Fn(Decimal, Decimal) -> Result<Decimal, Failure>,
) -> Result<Value, Failure> {
    let start = Decimal::from_float(call.any(0).to_float())?;
    fold(start, call.from(1), combine)
}

/// The numbers from `start` up, or down, to before `end`.
fn steps(start: i64, end: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let mut numbers = Vec::new();
    let mut number = start;
    while if end < start { step < 0 && number > end } else { step > 0 && number < end } {
        if numbers.len() == MAX_ITEMS {
            return Err(format!("the list exceeds {MAX_ITEMS} items").into());
        }
        numbers.push(number);
        match number.checked_add(step) {
            Some(next) => number = next,
            None => break,
        }
    }
    Ok(numbers)
}

fn int_list(numbers: Vec<i64>) -> Value {
    Value::list_of(Element::Int, numbers.into_iter().map(Value::Int).collect())
}

/// Prints numbers up to and with the last, as the `seq` of shells does.
fn seq(call: &Call<'_>) -> Result<Value, Failure> {
    let numbers: Vec<i64> = (0..call.values.len()).map(|index| call.int(index)).collect();
    let (start, step, end) = match numbers[..] {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] if !(end < start && step > 0) => (start, Some(step), end),
        _ => return Ok(Value::text("")),
    };
    let direction = if end < start { -1 } else { 1 };
    let numbers = steps(start, end.saturating_add(direction), step.unwrap_or(direction))?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(Value::text(texts.join(" ")))
}

//! Truth and deep equality.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{MAX_NESTING, Value, too_deep};
use crate::error::Failure;

/// Tells whether `if` would take the value for true: it is not the zero of its type.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Missing | Value::Nil => false,
        Value::Bool(value) => *value,
        Value::Int(value) | Value::Int64(value) => *value != 0,
        Value::Uint8(value) => *value != 0,
        Value::Uint64(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(list) => !list.items().is_empty(),
        Value::Map(map) => map.len() > 0,
        Value::Date(_) | Value::Version(_) => true,
    }
}

/// Compares as Go's `reflect.DeepEqual`: types must be the same, too.
pub(crate) fn deep_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    equal_at(left, right, &mut Steps { left: MOST_STEPS, depth: 0 })
}

/// More comparisons than any sensible value needs, but a shared part costs each time it is seen.
const MOST_STEPS: usize = 10_000_000;

struct Steps {
    left: usize,
    depth: usize,
}

fn equal_at(left: &Value, right: &Value, steps: &mut Steps) -> Result<bool, Failure> {
    if steps.depth > MAX_NESTING {
        return Err(too_deep());
    }
    steps.left = steps.left.checked_sub(1).ok_or("the values are too large to compare")?;
    Ok(match (left, right) {
        (left, right) if left.is_nil() && right.is_nil() => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(left), Value::Int(right)) | (Value::Int64(left), Value::Int64(right)) => {
            left == right
        }
        (Value::Uint8(left), Value::Uint8(right)) => left == right,
        (Value::Uint64(left), Value::Uint64(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => {
            left.partial_cmp(right).is_some_and(Ordering::is_eq)
        }
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Date(left), Value::Date(right)) => left == right,
        (Value::Version(left), Value::Version(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            let shape = |list: &super::List| (list.element(), list.is_nil(), list.items().len());
            if shape(left) != shape(right) {
                return Ok(false);
            }
            Rc::ptr_eq(left, right) || all_equal(left.items().iter().zip(right.items()), steps)?
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.element() != right.element() || left.len() != right.len() {
                return Ok(false);
            }
            let (left_entries, right_entries) = (left.entries(), right.entries());
            Rc::ptr_eq(left, right)
                || (left_entries.keys().eq(right_entries.keys())
                    && all_equal(left_entries.values().zip(right_entries.values()), steps)?)
        }
        _ => false,
    })
}

fn all_equal<'v>(
    mut pairs: impl Iterator<Item = (&'v Value, &'v Value)>,
    steps: &mut Steps,
) -> Result<bool, Failure> {
    steps.depth += 1;
    let unequal = pairs.find_map(|(left, right)| match equal_at(left, right, steps) {
        Ok(true) => None,
        Ok(false) => Some(Ok(false)),
        Err(failure) => Some(Err(failure)),
    });
    steps.depth -= 1;
    unequal.unwrap_or(Ok(true))
}

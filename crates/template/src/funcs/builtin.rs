//! The functions of Go's `text/template` itself.

use std::cmp::Ordering;

use super::{Body, Call, Function, Type};
use crate::buffer::Buffer;
use crate::error::Failure;
use crate::print;
use crate::quote::is_print;
use crate::value::{Element, Value, is_true};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "and",
        parameters: &[Type::Raw, Type::Raw],
        is_variadic: true,
        body: Body::And,
    },
    Function { name: "or", parameters: &[Type::Raw, Type::Raw], is_variadic: true, body: Body::Or },
    // Only told apart by its name: no value here is a function that could be called.
    Function::variadic("call", &[Type::Raw, Type::Raw], |_| Ok(Value::Missing)),
    Function::fixed("not", &[Type::Raw], |call| Ok(Value::Bool(!is_true(call.any(0))))),
    Function::fixed("len", &[Type::Raw], len),
    Function::variadic("index", &[Type::Raw, Type::Raw], index),
    Function::variadic("print", &[Type::Any], |call| print::print(call.values).map(Value::text)),
    Function::variadic("println", &[Type::Any], |call| {
        print::println(call.values).map(Value::text)
    }),
    Function::variadic("printf", &[Type::Text, Type::Any], |call| {
        print::printf(call.bytes(0), call.from(1)).map(Value::text)
    }),
    Function::variadic("html", &[Type::Any], html),
    Function::variadic("js", &[Type::Any], js),
    Function::variadic("urlquery", &[Type::Any], urlquery),
    Function::variadic("eq", &[Type::Raw, Type::Raw], |call| eq(call).map(Value::Bool)),
    Function::fixed("ne", &[Type::Raw, Type::Raw], |call| eq(call).map(|eq| Value::Bool(!eq))),
    Function::fixed("lt", &[Type::Raw, Type::Raw], |call| less(call).map(Value::Bool)),
    Function::fixed("le", &[Type::Raw, Type::Raw], |call| at_most(call).map(Value::Bool)),
    Function::fixed("gt", &[Type::Raw, Type::Raw], |call| {
        at_most(call).map(|at_most| Value::Bool(!at_most))
    }),
    Function::fixed("ge", &[Type::Raw, Type::Raw], |call| {
        less(call).map(|less| Value::Bool(!less))
    }),
];

fn len(call: &Call<'_>) -> Result<Value, Failure> {
    let length = match call.any(0) {
        Value::Text(text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        Value::Missing => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Nil => return Err("len of nil pointer".into()),
        other => return Err(format!("len of type {}", pointed_to(other)).into()),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(call: &Call<'_>) -> Result<Value, Failure> {
    let mut item = call.any(0).clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for index in call.from(1) {
        item = match &item {
            Value::Nil => return Err("index of nil pointer".into()),
            Value::Text(text) => {
                let position = position(index, text.len())?;
                let byte = text.as_bytes().get(position).copied().ok_or_else(out_of_string)?;
                Value::Uint8(byte)
            }
            Value::List(list) => {
                let position = position(index, list.items().len())?;
                list.items().get(position).cloned().ok_or("reflect: slice index out of range")?
            }
            Value::Map(map) => match index {
                Value::Text(key) => map.get(key.as_bytes()).unwrap_or(match map.element() {
                    Element::Text => Value::text(""),
                    _ => Value::Nil,
                }),
                index if index.is_nil() => {
                    return Err("value is nil; should be of type string".into());
                }
                index => {
                    let name = index.type_name();
                    return Err(format!("value has type {name}; should be string").into());
                }
            },
            other => return Err(format!("can't index item of type {}", pointed_to(other)).into()),
        };
    }
    Ok(item)
}

/// The name of the type; of what it points to, if it is a pointer.
fn pointed_to(value: &Value) -> &'static str {
    value.type_name().trim_start_matches('*')
}

fn out_of_string() -> Failure {
    "reflect: string index out of range".into()
}

/// Checks an index. One behind the last passes, as in Go, and fails later in other words.
fn position(index: &Value, length: usize) -> Result<usize, Failure> {
    let Some(number) = index.as_integer() else {
        return Err(if index.is_nil() {
            "cannot index slice/array with nil".into()
        } else {
            format!("cannot index slice/array with type {}", index.type_name()).into()
        });
    };
    usize::try_from(number)
        .ok()
        .filter(|&number| number <= length)
        .ok_or_else(|| format!("index out of range: {number}").into())
}

/// The basic kinds of values that can be compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Float,
    Int,
    Text,
    Uint,
}

fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Bool(_) => Kind::Bool,
        Value::Float(_) => Kind::Float,
        Value::Int(_) | Value::Int64(_) => Kind::Int,
        Value::Text(_) => Kind::Text,
        Value::Uint8(_) | Value::Uint64(_) => Kind::Uint,
        _ => return None,
    })
}

fn incompatible(left: &Value, right: &Value) -> Failure {
    let (left, right) = (left.type_name(), right.type_name());
    format!("incompatible types for comparison: {left} and {right}").into()
}

fn eq(call: &Call<'_>) -> Result<bool, Failure> {
    let left = call.any(0);
    if call.values.len() < 2 {
        return Err("missing argument for comparison".into());
    }
    for right in call.from(1) {
        if is_equal(left, right)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_equal(left: &Value, right: &Value) -> Result<bool, Failure> {
    match (kind(left), kind(right)) {
        (None, None) => {
            // An empty list of no origin is nil as well.
            let nil = |value: &Value| {
                value.is_nil() || matches!(value, Value::List(list) if list.is_nil())
            };
            if left.is_nil() || right.is_nil() {
                return Ok(nil(left) == nil(right));
            }
            if left.kind_name() != right.kind_name() {
                let types = (left.type_name(), right.type_name());
                let other = String::from_utf8_lossy(&print::to_text(right)?).into_owned();
                let shown = shown(left)?;
                return Err(format!(
                    "non-comparable types {shown}: {}, {}: {other}",
                    types.0, types.1
                )
                .into());
            }
            if nil(left) || nil(right) {
                return Ok(nil(left) == nil(right));
            }
            match (left, right) {
                (Value::Version(left), Value::Version(right)) => {
                    Ok(std::rc::Rc::ptr_eq(left, right))
                }
                (Value::Date(left), Value::Date(right)) => Ok(left == right),
                _ => {
                    let name = right.type_name();
                    Err(format!("non-comparable type {}: {name}", shown(right)?).into())
                }
            }
        }
        (left_kind, right_kind) if left_kind == right_kind => Ok(match (left, right) {
            (Value::Bool(left), Value::Bool(right)) => left == right,
            _ => order(left, right) == Some(Ordering::Equal),
        }),
        (Some(Kind::Int), Some(Kind::Uint)) | (Some(Kind::Uint), Some(Kind::Int)) => {
            Ok(left.as_integer() == right.as_integer())
        }
        _ if left.is_nil() && !matches!(left, Value::Nil) => Ok(false),
        _ if right.is_nil() || left.is_nil() => Ok(false),
        _ => Err(incompatible(left, right)),
    }
}

/// The value as `%s` prints it, whether or not it is text: so it stands in Go's messages.
fn shown(value: &Value) -> Result<String, Failure> {
    let shown = print::printf(b"%s", std::slice::from_ref(value))?;
    Ok(String::from_utf8_lossy(&shown).into_owned())
}

/// Orders two values of the same kind. Nothing for NaN.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => Some(left.as_integer()?.cmp(&right.as_integer()?)),
    }
}

fn less(call: &Call<'_>) -> Result<bool, Failure> {
    let (left, right) = (call.any(0), call.any(1));
    let invalid = "invalid type for comparison";
    let kinds = (kind(left).ok_or(invalid)?, kind(right).ok_or(invalid)?);
    match kinds {
        (Kind::Bool, Kind::Bool) => Err(invalid.into()),
        (Kind::Int, Kind::Uint) | (Kind::Uint, Kind::Int) => {
            Ok(left.as_integer() < right.as_integer())
        }
        (left_kind, right_kind) if left_kind != right_kind => Err(incompatible(left, right)),
        _ => Ok(order(left, right) == Some(Ordering::Less)),
    }
}

fn at_most(call: &Call<'_>) -> Result<bool, Failure> {
    Ok(less(call)? || eq(call)?)
}

/// The text to escape: the only argument if it is text, all of them as they print otherwise.
fn printed(call: &Call<'_>) -> Result<Vec<u8>, Failure> {
    // What is nil says so here, as in the output of a template.
    let values: Vec<Value> = call
        .values
        .iter()
        .map(|value| if value.is_nil() { Value::text("<no value>") } else { value.clone() })
        .collect();
    print::print(&values)
}

fn html(call: &Call<'_>) -> Result<Value, Failure> {
    let mut out = Buffer::default();
    for byte in printed(call)? {
        match byte {
            0 => out.push("\u{fffd}")?,
            b'"' => out.push("&#34;")?,
            b'\'' => out.push("&#39;")?,
            b'&' => out.push("&amp;")?,
            b'<' => out.push("&lt;")?,
            b'>' => out.push("&gt;")?,
            _ => out.push([byte])?,
        }
    }
    Ok(out.into_value())
}

fn js(call: &Call<'_>) -> Result<Value, Failure> {
    let mut out = Buffer::default();
    for character in String::from_utf8_lossy(&printed(call)?).chars() {
        match character {
            '\\' | '\'' | '"' => out.push(format!("\\{character}"))?,
            '<' | '>' | '&' | '=' | '\0'..' ' => {
                out.push(format!("\\u{:04X}", u32::from(character)))?;
            }
            _ if character.is_ascii() || is_print(character) => {
                out.push(character.encode_utf8(&mut [0; 4]))?;
            }
            _ => out.push(format!("\\u{:04X}", u32::from(character)))?,
        }
    }
    Ok(out.into_value())
}

fn urlquery(call: &Call<'_>) -> Result<Value, Failure> {
    let mut out = Buffer::default();
    for byte in printed(call)? {
        match byte {
            b' ' => out.push("+")?,
            b'-' | b'_' | b'.' | b'~' => out.push([byte])?,
            _ if byte.is_ascii_alphanumeric() => out.push([byte])?,
            _ => out.push(format!("%{byte:02X}"))?,
        }
    }
    Ok(out.into_value())
}

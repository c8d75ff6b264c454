//! Lists.

use std::rc::Rc;

use super::{Call, Function, NIL_POINTER, Type};
use crate::error::Failure;
use crate::value::{Element, List, MAX_NESTING, Map, Value, deep_equal, is_true, too_deep};

use Type::{Any, Int};

/// The most items that a function makes a list of.
pub(super) const MAX_ITEMS: usize = 1 << 22;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("list", &[Any], |call| Ok(Value::list(call.values.to_vec()))),
    Function::variadic("tuple", &[Any], |call| Ok(Value::list(call.values.to_vec()))),
    Function::fixed("first", &[Any], first),
    Function::fixed("mustFirst", &[Any], first),
    Function::fixed("last", &[Any], last),
    Function::fixed("mustLast", &[Any], last),
    Function::fixed("rest", &[Any], rest),
    Function::fixed("mustRest", &[Any], rest),
    Function::fixed("initial", &[Any], initial),
    Function::fixed("mustInitial", &[Any], initial),
    Function::fixed("append", &[Any, Any], append),
    Function::fixed("mustAppend", &[Any, Any], append),
    Function::fixed("push", &[Any, Any], append),
    Function::fixed("mustPush", &[Any, Any], append),
    Function::fixed("prepend", &[Any, Any], prepend),
    Function::fixed("mustPrepend", &[Any, Any], prepend),
    Function::variadic("concat", &[Any], concat),
    Function::fixed("reverse", &[Any], reverse),
    Function::fixed("mustReverse", &[Any], reverse),
    Function::fixed("uniq", &[Any], unique),
    Function::fixed("mustUniq", &[Any], unique),
    Function::variadic("without", &[Any, Any], without),
    Function::variadic("mustWithout", &[Any, Any], without),
    Function::fixed("has", &[Any, Any], has),
    Function::fixed("mustHas", &[Any, Any], has),
    Function::fixed("compact", &[Any], compact),
    Function::fixed("mustCompact", &[Any], compact),
    Function::variadic("slice", &[Any, Any], slice),
    Function::variadic("mustSlice", &[Any, Any], slice),
    Function::fixed("chunk", &[Int, Any], chunk),
    Function::fixed("mustChunk", &[Int, Any], chunk),
    Function::fixed("deepCopy", &[Any], copy),
    Function::fixed("mustDeepCopy", &[Any], copy),
];

/// The list in a value; `what` says for what one was wanted.
fn list<'v>(value: &'v Value, what: &str) -> Result<&'v Rc<List>, Failure> {
    match value {
        Value::List(list) => Ok(list),
        value if value.is_nil() => Err(NIL_POINTER.into()),
        value => Err(format!("Cannot {what} type {}", value.kind_name()).into()),
    }
}

fn first(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find first on")?;
    Ok(list.items().first().cloned().unwrap_or(Value::Nil))
}

fn last(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find last on")?;
    Ok(list.items().last().cloned().unwrap_or(Value::Nil))
}

fn rest(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find rest on")?;
    Ok(match list.items() {
        [] => Value::nil_list(Element::Any),
        [_, rest @ ..] => Value::list(rest.to_vec()),
    })
}

fn initial(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find initial on")?;
    Ok(match list.items() {
        [] => Value::nil_list(Element::Any),
        [initial @ .., _] => Value::list(initial.to_vec()),
    })
}

fn append(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "push on")?;
    Ok(Value::list([list.items(), call.from(1)].concat()))
}

fn prepend(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "prepend on")?;
    Ok(Value::list([call.from(1), list.items()].concat()))
}

fn concat(call: &Call<'_>) -> Result<Value, Failure> {
    let mut items = Vec::new();
    for value in call.values {
        let Value::List(list) = value else {
            return Err(match value {
                value if value.is_nil() => NIL_POINTER.into(),
                value => format!("Cannot concat type {} as list", value.kind_name()).into(),
            });
        };
        if items.len() + list.items().len() > MAX_ITEMS {
            return Err(format!("the list exceeds {MAX_ITEMS} items").into());
        }
        items.extend_from_slice(list.items());
    }
    Ok(if items.is_empty() { Value::nil_list(Element::Any) } else { Value::list(items) })
}

fn reverse(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find reverse on")?;
    Ok(Value::list(list.items().iter().rev().cloned().collect()))
}

/// Tells whether a value equals one of a list.
fn is_among(value: &Value, values: &[Value], call: &Call<'_>) -> Result<bool, Failure> {
    call.session.spend(values.len() / 8)?;
    for other in values {
        if deep_equal(value, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unique(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find uniq on")?;
    let mut kept = Vec::new();
    for item in list.items() {
        if !is_among(item, &kept, call)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn without(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "find without on")?;
    let mut kept = Vec::new();
    for item in list.items() {
        if !is_among(item, call.from(1), call)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn has(call: &Call<'_>) -> Result<Value, Failure> {
    if call.any(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = list(call.any(1), "find has on")?;
    is_among(call.any(0), list.items(), call).map(Value::Bool)
}

fn compact(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(0), "compact on")?;
    Ok(Value::list(list.items().iter().filter(|item| is_true(item)).cloned().collect()))
}

fn slice(call: &Call<'_>) -> Result<Value, Failure> {
    let list = match call.any(0) {
        Value::List(list) => list,
        value if value.is_nil() => return Err(NIL_POINTER.into()),
        value => {
            let kind = value.kind_name();
            return Err(format!("list should be type of slice or array but {kind}").into());
        }
    };
    let items = list.items();
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let index = |at: usize, otherwise: usize| match call.values.get(at) {
        Some(value) => usize::try_from(value.to_int()).ok(),
        None => Some(otherwise),
    };
    let bounds = index(1, 0).zip(index(2, items.len())).filter(|(start, end)| start <= end);
    let slice = bounds.and_then(|(start, end)| items.get(start..end));
    let slice = slice.ok_or("reflect.Value.Slice: slice index out of bounds")?;
    Ok(list.with_items(slice.to_vec()))
}

fn chunk(call: &Call<'_>) -> Result<Value, Failure> {
    let list = list(call.any(1), "chunk")?;
    let size = usize::try_from(call.int(0)).ok().filter(|&size| size > 0);
    let size = size.ok_or("runtime error: makeslice: len out of range")?;
    let chunks = list.items().chunks(size).map(|items| Value::list(items.to_vec())).collect();
    Ok(Value::list_of(Element::List, chunks))
}

fn copy(call: &Call<'_>) -> Result<Value, Failure> {
    if call.any(0).is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    deep_copy(call.any(0), call, 0)
}

/// Copies a value whose dicts can then be changed without a trace in the original.
fn deep_copy(value: &Value, call: &Call<'_>, depth: usize) -> Result<Value, Failure> {
    if depth > MAX_NESTING {
        return Err(too_deep());
    }
    match value {
        Value::List(list) => {
            call.session.spend(list.items().len())?;
            let items = list.items().iter().map(|item| deep_copy(item, call, depth + 1));
            let items = items.collect::<Result<_, _>>()?;
            Ok(if list.is_nil() { value.clone() } else { list.with_items(items) })
        }
        Value::Map(map) => {
            call.session.spend(map.len())?;
            let entries = map.snapshot().into_iter();
            let entries =
                entries.map(|(key, value)| Ok((key, deep_copy(&value, call, depth + 1)?)));
            let entries = entries.collect::<Result<_, Failure>>()?;
            Ok(Value::Map(Rc::new(Map::new(map.element(), entries))))
        }
        value => Ok(value.clone()),
    }
}

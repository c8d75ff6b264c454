//! Dicts. Those that `set`, `unset` and the merges change, they change for everybody who has them.

use std::rc::Rc;

use super::{Call, Function, Type, map_of};
use crate::error::Failure;
use crate::print::to_text;
use crate::value::{Element, MAX_NESTING, Map, Text, Value, is_true, too_deep};

use Type::{Any, Map as Dict, Text as Str};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("dict", &[Any], dict),
    Function::fixed("get", &[Dict, Str], |call| {
        Ok(call.map(0).get(call.bytes(1)).unwrap_or_else(|| Value::text("")))
    }),
    Function::fixed("set", &[Dict, Str, Any], |call| {
        if call.any(0).is_nil() {
            return Err("assignment to entry in nil map".into());
        }
        call.map(0).insert(call.text(1).clone(), call.any(2).clone())?;
        Ok(call.any(0).clone())
    }),
    Function::fixed("unset", &[Dict, Str], |call| {
        let map = call.map(0);
        map.remove(call.bytes(1));
        Ok(Value::Map(map))
    }),
    Function::fixed("hasKey", &[Dict, Str], |call| {
        Ok(Value::Bool(call.map(0).get(call.bytes(1)).is_some()))
    }),
    Function::variadic("pluck", &[Str, Dict], |call| {
        let values = call.from(1).iter().filter_map(|map| map_of(map).get(call.bytes(0)));
        Ok(Value::list(values.collect()))
    }),
    Function::variadic("keys", &[Dict], |call| {
        let keys = call.values.iter().flat_map(|map| map_of(map).snapshot());
        Ok(Value::texts(keys.map(|(key, _)| key)))
    }),
    Function::fixed("values", &[Dict], |call| {
        Ok(Value::list(call.map(0).snapshot().into_iter().map(|(_, value)| value).collect()))
    }),
    Function::variadic("pick", &[Dict, Str], pick),
    Function::variadic("omit", &[Dict, Str], omit),
    Function::variadic("merge", &[Dict, Dict], |call| merge_all(call, false)),
    Function::variadic("mustMerge", &[Dict, Dict], |call| merge_all(call, false)),
    Function::variadic("mergeOverwrite", &[Dict, Dict], |call| merge_all(call, true)),
    Function::variadic("mustMergeOverwrite", &[Dict, Dict], |call| merge_all(call, true)),
    Function::variadic("dig", &[Any], dig),
];

fn dict(call: &Call<'_>) -> Result<Value, Failure> {
    let mut entries = Vec::with_capacity(call.values.len() / 2 + 1);
    for pair in call.values.chunks(2) {
        let key = Text::from(to_text(&pair[0])?);
        entries.push((key, pair.get(1).cloned().unwrap_or_else(|| Value::text(""))));
    }
    Ok(Value::map(entries))
}

/// The keys that arguments from the second on name.
fn names<'c>(call: &'c Call<'_>) -> impl Iterator<Item = &'c Text> {
    call.from(1).iter().filter_map(|value| match value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

fn pick(call: &Call<'_>) -> Result<Value, Failure> {
    let map = call.map(0);
    let entry = |name: &Text| map.get(name.as_bytes()).map(|value| (name.clone(), value));
    Ok(Value::map(names(call).filter_map(entry)))
}

fn omit(call: &Call<'_>) -> Result<Value, Failure> {
    let omitted: Vec<&Text> = names(call).collect();
    let entries = call.map(0).snapshot().into_iter().filter(|(key, _)| !omitted.contains(&key));
    Ok(Value::map(entries))
}

fn merge_all(call: &Call<'_>, overwrites: bool) -> Result<Value, Failure> {
    let target = call.map(0);
    for source in call.from(1) {
        merge(&target, &map_of(source), overwrites, call, 0)?;
    }
    Ok(Value::Map(target))
}

/// Fills what is missing or empty in `target`, or overwrites all, and goes into dicts of dicts.
fn merge(
    target: &Rc<Map>,
    source: &Map,
    overwrites: bool,
    call: &Call<'_>,
    depth: usize,
) -> Result<(), Failure> {
    if depth > MAX_NESTING {
        return Err(too_deep());
    }
    call.session.spend(source.len())?;
    for (key, value) in source.snapshot() {
        let before = target.get(key.as_bytes());
        let is_filled = before.as_ref().is_some_and(is_true);
        if value.is_nil() {
            if overwrites {
                target.insert(key, value)?;
            }
            continue;
        }
        if let (Some(Value::Map(inner)), Value::Map(from)) = (&before, &value) {
            merge(inner, from, overwrites, call, depth + 1)?;
            if is_filled {
                continue;
            }
        }
        if overwrites || !is_filled {
            if !fits(target, &value) {
                return Err(NOT_TEXT.into());
            }
            target.insert(key, value)?;
        }
    }
    Ok(())
}

const NOT_TEXT: &str =
    "reflect.Value.SetMapIndex: value of type interface {} is not assignable to type string";

/// Tells whether a dict can hold a value of this type.
fn fits(map: &Map, value: &Value) -> bool {
    map.element() == Element::Any || matches!(value, Value::Text(_))
}

/// Follows keys into dicts of dicts; the last but one argument is for keys that are not there.
fn dig(call: &Call<'_>) -> Result<Value, Failure> {
    let [keys @ .., otherwise, map] = call.values else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut value = dict_in(map)?;
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        let Value::Text(name) = key else { return Err(conversion(key, "string")) };
        names.push(name);
    }
    for (index, name) in names.iter().enumerate() {
        let Some(step) = value.get(name.as_bytes()) else { return Ok(otherwise.clone()) };
        if index + 1 == names.len() {
            return Ok(step);
        }
        value = dict_in(&step)?;
    }
    Ok(otherwise.clone())
}

fn dict_in(value: &Value) -> Result<Rc<Map>, Failure> {
    match value {
        Value::Map(map) if map.element() == Element::Any => Ok(Rc::clone(map)),
        other => Err(conversion(other, "map[string]interface {}")),
    }
}

fn conversion(value: &Value, wanted: &str) -> Failure {
    let found = if value.is_nil() { "nil" } else { value.type_name() };
    format!("interface conversion: interface {{}} is {found}, not {wanted}").into()
}

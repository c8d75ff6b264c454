//! The functions of sprig that make sense for what a command reports.

mod lists;
mod strings;

use std::sync::Arc;

use gotmpl::{FuncMap, TemplateError, Value};
use oras_spec::json;

type Outcome = gotmpl::Result<Value>;
type Function = fn(&[Value]) -> Outcome;

/// Returns all functions by name.
pub(super) fn all() -> FuncMap {
    [&lists::FUNCTIONS[..], &strings::FUNCTIONS, &FUNCTIONS]
        .into_iter()
        .flatten()
        .map(|&(name, function)| (name.to_owned(), guarded(name, function)))
        .collect()
}

const FUNCTIONS: [(&str, Function); 16] = [
    ("coalesce", |values| {
        Ok(values.iter().find(|value| value.is_truthy()).cloned().unwrap_or(Value::Nil))
    }),
    ("default", |values| {
        let [default, value] = exactly(values)?;
        Ok(if value.is_truthy() { value.clone() } else { default.clone() })
    }),
    ("dict", |values| {
        let pairs = values.chunks(2);
        let pair = |pair: &[Value]| {
            (shown(&pair[0]).into(), pair.get(1).cloned().unwrap_or_else(|| text("")))
        };
        Ok(Value::Map(Arc::new(pairs.map(pair).collect())))
    }),
    ("empty", |values| exactly(values).map(|[value]| Value::Bool(!value.is_truthy()))),
    ("fail", |values| {
        let [message] = exactly(values)?;
        Err(TemplateError::Exec(shown(message)))
    }),
    ("fromJson", |values| {
        let [source] = exactly(values)?;
        let json = serde_json::from_str(&shown(source));
        Ok(json.as_ref().map_or(Value::Nil, super::to_value))
    }),
    ("get", |values| {
        let [map, key] = exactly(values)?;
        Ok(map.field(&shown(key)).cloned().unwrap_or_else(|| text("")))
    }),
    ("hasKey", |values| {
        let [map, key] = exactly(values)?;
        Ok(Value::Bool(map.field(&shown(key)).is_some()))
    }),
    ("int", |values| exactly(values).map(|[value]| Value::Int(integer(value)))),
    ("int64", |values| exactly(values).map(|[value]| Value::Int(integer(value)))),
    ("keys", |values| {
        let keys = values.iter().filter_map(fields).flat_map(|map| map.keys().cloned());
        Ok(list(keys.map(Value::String).collect()))
    }),
    ("ternary", |values| {
        let [yes, no, condition] = exactly(values)?;
        Ok(if condition.is_truthy() { yes.clone() } else { no.clone() })
    }),
    ("toJson", |values| {
        let [value] = exactly(values)?;
        Ok(text(&String::from_utf8_lossy(&json::to_vec(&to_json(value)))))
    }),
    ("toPrettyJson", |values| {
        let [value] = exactly(values)?;
        Ok(text(&String::from_utf8_lossy(&json::to_vec_pretty(&to_json(value)))))
    }),
    ("toRawJson", |values| exactly(values).map(|[value]| text(&to_json(value).to_string()))),
    ("values", |values| {
        let [map] = exactly(values)?;
        Ok(list(fields(map).into_iter().flat_map(|map| map.values().cloned()).collect()))
    }),
];

/// Says which function an error is about.
fn guarded(name: &'static str, function: Function) -> gotmpl::ValueFunc {
    Arc::new(move |values| {
        function(values)
            .map_err(|error| TemplateError::Exec(format!("error calling {name}: {}", bare(&error))))
    })
}

fn bare(error: &TemplateError) -> String {
    match error {
        TemplateError::Exec(message) => message.clone(),
        other => other.to_string(),
    }
}

/// Takes apart the arguments of a function that wants so many.
fn exactly<const N: usize>(values: &[Value]) -> gotmpl::Result<&[Value; N]> {
    values.try_into().map_err(|_| {
        TemplateError::Exec(format!("wrong number of args: want {N} got {}", values.len()))
    })
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn list(values: Vec<Value>) -> Value {
    Value::List(values.into())
}

fn fields(value: &Value) -> Option<&std::collections::BTreeMap<Arc<str>, Value>> {
    match value {
        Value::Map(fields) => Some(fields),
        _ => None,
    }
}

fn items(value: &Value) -> gotmpl::Result<&[Value]> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(TemplateError::Exec(format!("{} is no list", other.type_name()))),
    }
}

/// The text of a value, as printing it gives.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}

fn integer(value: &Value) -> i64 {
    match value {
        // Casts saturate; what is no number is 0, as in sprig.
        #[expect(clippy::cast_possible_truncation, reason = "fractions are cut off, as in sprig")]
        Value::Float(number) => *number as i64,
        Value::String(text) => text.parse().unwrap_or(0),
        Value::Bool(yes) => i64::from(*yes),
        other => other.as_int().unwrap_or(0),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::Uint(number) => (*number).into(),
        Value::Float(number) => number_to_json(*number),
        Value::String(text) => text.as_ref().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.to_string(), to_json(value)));
            serde_json::Value::Object(fields.collect())
        }
        _ => serde_json::Value::Null,
    }
}

/// Whole numbers are written as such, as Go does.
fn number_to_json(number: f64) -> serde_json::Value {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= LARGEST {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        return (number as i64).into();
    }
    number.into()
}

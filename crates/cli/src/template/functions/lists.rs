//! Lists: what is first, what is last, what is in them.

use gotmpl::Value;

use super::{Function, Outcome, exactly, items, list, shown, text};

pub(super) const FUNCTIONS: [(&str, Function); 13] = [
    ("append", |values| {
        let [all, value] = exactly(values)?;
        Ok(list([items(all)?, std::slice::from_ref(value)].concat()))
    }),
    ("concat", |values| {
        let mut all = Vec::new();
        for value in values {
            all.extend_from_slice(items(value)?);
        }
        Ok(list(all))
    }),
    ("compact", |values| only(values, |_, value| value.is_truthy())),
    ("first", |values| one(values, <[Value]>::first)),
    ("has", |values| {
        let [wanted, all] = exactly(values)?;
        Ok(Value::Bool(items(all)?.contains(wanted)))
    }),
    ("initial", |values| some(values, |all| &all[..all.len().saturating_sub(1)])),
    ("last", |values| one(values, <[Value]>::last)),
    ("list", |values| Ok(list(values.to_vec()))),
    ("rest", |values| some(values, |all| all.get(1..).unwrap_or_default())),
    ("reverse", |values| {
        let [all] = exactly(values)?;
        Ok(list(items(all)?.iter().rev().cloned().collect()))
    }),
    ("sortAlpha", |values| {
        let [all] = exactly(values)?;
        let mut words: Vec<String> = match all {
            Value::List(all) => all.iter().map(shown).collect(),
            other => vec![shown(other)],
        };
        words.sort_unstable();
        Ok(list(words.iter().map(|word| text(word)).collect()))
    }),
    ("uniq", |values| only(values, |before, value| !before.contains(value))),
    ("without", |values| {
        let Some((all, unwanted)) = values.split_first() else { return Ok(list(Vec::new())) };
        only(std::slice::from_ref(all), |_, value| !unwanted.contains(value))
    }),
];

/// Returns one item, or nil if there is none.
fn one(values: &[Value], pick: fn(&[Value]) -> Option<&Value>) -> Outcome {
    let [all] = exactly(values)?;
    Ok(pick(items(all)?).cloned().unwrap_or(Value::Nil))
}

/// Returns neighboring items.
fn some(values: &[Value], pick: fn(&[Value]) -> &[Value]) -> Outcome {
    let [all] = exactly(values)?;
    Ok(list(pick(items(all)?).to_vec()))
}

/// Returns the items that `keep`, given those kept so far, says yes to.
fn only(values: &[Value], keep: impl Fn(&[Value], &Value) -> bool) -> Outcome {
    let [all] = exactly(values)?;
    let mut kept = Vec::new();
    for value in items(all)? {
        if keep(&kept, value) {
            kept.push(value.clone());
        }
    }
    Ok(list(kept))
}

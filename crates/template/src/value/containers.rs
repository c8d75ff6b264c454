//! Lists and dicts, which can neither hold themselves nor overflow the stack when they go.

use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::mem::take;
use std::rc::Rc;

use super::{Text, Value};
use crate::error::Failure;

/// What a list or a dict can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// Values of any type: `interface {}`.
    Any,
    /// Numbers that `until` made: `int`.
    Int,
    /// Parts of a list: `[]interface {}`.
    List,
    /// `string`
    Text,
}

/// A list. Never changes.
#[derive(Debug)]
pub(crate) struct List {
    element: Element,
    items: Vec<Value>,
    /// Go tells an empty list from none at all; both have no items.
    is_nil: bool,
}

impl List {
    pub(super) fn new(element: Element, items: Vec<Value>) -> Self {
        Self { element, items, is_nil: false }
    }

    pub(super) fn nil(element: Element) -> Self {
        Self { element, items: Vec::new(), is_nil: true }
    }

    /// Makes a list of the same type.
    pub(crate) fn with_items(&self, items: Vec<Value>) -> Value {
        Value::List(Rc::new(Self::new(self.element, items)))
    }

    pub(crate) fn element(&self) -> Element {
        self.element
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.is_nil
    }

    pub(crate) fn items(&self) -> &[Value] {
        &self.items
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.element {
            Element::Any => "[]interface {}",
            Element::Int => "[]int",
            Element::List => "[][]interface {}",
            Element::Text => "[]string",
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        bury(take(&mut self.items));
    }
}

/// A dict. Whoever has it sees the changes that others make.
#[derive(Debug)]
pub(crate) struct Map {
    element: Element,
    entries: RefCell<BTreeMap<Text, Value>>,
}

impl Map {
    pub(crate) fn new(element: Element, entries: BTreeMap<Text, Value>) -> Self {
        Self { element, entries: RefCell::new(entries) }
    }

    /// Makes a dict that can hold text only: Go's `map[string]string`.
    pub(crate) fn of_texts(entries: impl IntoIterator<Item = (Text, Text)>) -> Value {
        let entries = entries.into_iter().map(|(key, text)| (key, Value::Text(text))).collect();
        Value::Map(Rc::new(Self::new(Element::Text, entries)))
    }

    pub(crate) fn element(&self) -> Element {
        self.element
    }

    /// Returns the entries in the order of their keys. Do not run anything while holding them.
    pub(crate) fn entries(&self) -> Ref<'_, BTreeMap<Text, Value>> {
        self.entries.borrow()
    }

    /// Returns a copy of the entries as they are now.
    pub(crate) fn snapshot(&self) -> Vec<(Text, Value)> {
        self.entries().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries().get(key).cloned()
    }

    /// Sets an entry.
    ///
    /// Fails if the dict would contain itself: Go goes on, and dies when it prints it.
    pub(crate) fn insert(self: &Rc<Self>, key: Text, value: Value) -> Result<(), Failure> {
        if reaches(&value, self) {
            return Err("a dict cannot contain itself".into());
        }
        let before = self.entries.borrow_mut().insert(key, value);
        drop(before);
        Ok(())
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        let before = self.entries.borrow_mut().remove(key);
        drop(before);
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.element {
            Element::Text => "map[string]string",
            _ => "map[string]interface {}",
        }
    }
}

/// An empty dict of any values.
impl Default for Map {
    fn default() -> Self {
        Self::new(Element::Any, BTreeMap::new())
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        bury(take(self.entries.get_mut()).into_values().collect());
    }
}

/// Tells whether `wanted` is in `value`, at any depth.
fn reaches(value: &Value, wanted: &Rc<Map>) -> bool {
    let mut seen = HashSet::new();
    let mut pending = vec![value.clone()];
    while let Some(value) = pending.pop() {
        match &value {
            Value::Map(map) if Rc::ptr_eq(map, wanted) => return true,
            Value::Map(map) if seen.insert(Rc::as_ptr(map).cast::<()>()) => {
                pending.extend(map.entries().values().filter(|value| is_container(value)).cloned());
            }
            Value::List(list) if seen.insert(Rc::as_ptr(list).cast::<()>()) => {
                pending.extend(list.items.iter().filter(|value| is_container(value)).cloned());
            }
            _ => {}
        }
    }
    false
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

/// Drops values level by level: dropping a list in a list in a list would take stack for each.
fn bury(values: Vec<Value>) {
    let mut pending: Vec<Value> = values.into_iter().filter(is_container).collect();
    while let Some(value) = pending.pop() {
        let inner = match value {
            Value::List(list) => {
                Rc::into_inner(list).map(|mut list| take(&mut list.items)).unwrap_or_default()
            }
            Value::Map(map) => Rc::into_inner(map)
                .map(|mut map| take(map.entries.get_mut()).into_values().collect())
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        pending.extend(inner.into_iter().filter(is_container));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Rc<Map> {
        Rc::new(Map::new(Element::Any, BTreeMap::new()))
    }

    #[test]
    fn drops_deep_nests_without_stack() {
        let mut value = Value::Nil;
        for index in 0..1_000_000 {
            value = match index % 2 {
                0 => Value::list(vec![value]),
                _ => Value::map([(Text::from("k"), value)]),
            };
        }
        drop(value);
    }

    #[test]
    fn refuses_a_dict_that_would_contain_itself() {
        let outer = empty();
        let inner = empty();
        outer.insert("inner".into(), Value::Map(Rc::clone(&inner))).expect("no cycle yet");
        assert!(
            inner.insert("x".into(), Value::list(vec![Value::Map(Rc::clone(&outer))])).is_err()
        );
        assert!(outer.insert("self".into(), Value::Map(Rc::clone(&outer))).is_err());
        assert_eq!(inner.len(), 0);
    }

    #[test]
    fn looks_once_at_what_is_shared() {
        let mut value = Value::list(Vec::new());
        for _ in 0..100 {
            value = Value::list(vec![value.clone(), value]);
        }
        assert!(empty().insert("k".into(), value).is_ok());
    }
}

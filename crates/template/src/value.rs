//! The values that templates work on, with the types that Go would give them.

mod cast;
mod compare;
mod containers;

use std::borrow::{Borrow, Cow};
use std::rc::Rc;

pub(crate) use compare::{deep_equal, is_true};
pub(crate) use containers::{Element, List, Map};

use crate::date::Date;
use crate::error::Failure;
use crate::version::Version;

/// A value. Cheap to clone; two clones of a dict are the same dict, as in Go.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// No value at all, as for a key that is not there.
    Missing,
    /// `null`, the nil interface.
    Nil,
    Bool(bool),
    /// A constant, a length, an index: Go's `int`.
    Int(i64),
    /// What arithmetic returns: Go's `int64`.
    Int64(i64),
    /// A byte of a text.
    Uint8(u8),
    /// A part of a version.
    Uint64(u64),
    /// Every number of JSON.
    Float(f64),
    Text(Text),
    List(Rc<List>),
    Map(Rc<Map>),
    Date(Rc<Date>),
    Version(Rc<Version>),
}

impl Value {
    /// Makes text of anything that is text.
    pub(crate) fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a list of values of any type.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::list_of(Element::Any, items)
    }

    /// Makes a list of values of one type.
    pub(crate) fn list_of(element: Element, items: Vec<Self>) -> Self {
        Self::List(Rc::new(List::new(element, items)))
    }

    /// Makes a list that can hold text only: Go's `[]string`.
    pub(crate) fn texts(items: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        let items = items.into_iter().map(|item| Self::Text(item.into())).collect();
        Self::list_of(Element::Text, items)
    }

    /// Makes a list out of nothing at all, which JSON writes as `null`.
    pub(crate) fn nil_list(element: Element) -> Self {
        Self::List(Rc::new(List::nil(element)))
    }

    /// Makes a dict of values of any type.
    pub(crate) fn map(entries: impl IntoIterator<Item = (Text, Self)>) -> Self {
        Self::Map(Rc::new(Map::new(Element::Any, entries.into_iter().collect())))
    }

    /// Takes over JSON. Every number becomes a float, as in Go.
    pub(crate) fn from_json(json: &serde_json::Value, depth: usize) -> Result<Self, Failure> {
        use serde_json::Value as Json;
        if depth > MAX_NESTING {
            return Err(too_deep());
        }
        Ok(match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => {
                let items = items.iter().map(|item| Self::from_json(item, depth + 1));
                Self::list(items.collect::<Result<_, _>>()?)
            }
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    Ok((Text::from(key.as_str()), Self::from_json(value, depth + 1)?))
                });
                Self::map(entries.collect::<Result<Vec<_>, Failure>>()?)
            }
        })
    }

    /// The name of the type in Go, as `%T` prints it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Uint64(_) => "uint64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(list) => list.type_name(),
            Self::Map(map) => map.type_name(),
            Self::Date(_) => "time.Time",
            Self::Version(_) => "*semver.Version",
        }
    }

    /// The name of the kind of type in Go, as `reflect` prints it.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Date(_) => "struct",
            Self::Version(_) => "ptr",
            _ => self.type_name(),
        }
    }

    /// Tells whether this is nothing: no value, or nil.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// The whole number in this, if it is of a type for whole numbers.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Int(value) | Self::Int64(value) => Some(i128::from(*value)),
            Self::Uint8(value) => Some(i128::from(*value)),
            Self::Uint64(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

/// How deep values may be nested for functions that go all the way down.
pub(crate) const MAX_NESTING: usize = 200;

/// The failure of a function that went down [`MAX_NESTING`] levels.
pub(crate) fn too_deep() -> Failure {
    format!("the value is nested deeper than {MAX_NESTING} levels").into()
}

/// Text as Go has it: bytes, nearly always UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(Rc<[u8]>);

impl Text {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub(crate) fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

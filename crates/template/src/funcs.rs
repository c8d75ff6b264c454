//! The functions that templates can call, with the parameters that Go gives them.

#![expect(
    clippy::unnecessary_wraps,
    reason = "functions of a table have one type, and most can fail"
)]

mod builtin;
mod casing;
mod chance;
mod dates;
mod dicts;
mod encoding;
mod json;
mod lists;
mod logic;
mod math;
mod methods;
mod paths;
mod regexes;
mod strings;
mod urls;

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

pub(crate) use chance::why_not_offered;
pub(crate) use methods::method;

use crate::date::Date;
use crate::error::Failure;
use crate::value::{Map, Text, Value};
use crate::version::Version;
use crate::world::Session;

/// A function: its name, what it takes and what it does.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// The parameters. The last may come any number of times if the function is variadic.
    pub(crate) parameters: &'static [Type],
    pub(crate) is_variadic: bool,
    pub(crate) body: Body,
}

/// How a function gets its result.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// `and`, which evaluates no more arguments than it needs.
    And,
    /// `or`, likewise.
    Or,
    /// From all its arguments.
    Call(fn(&Call<'_>) -> Result<Value, Failure>),
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any value; what is missing becomes nil.
    Any,
    Bool,
    Date,
    Float,
    Int,
    /// A dict of any values; nil is an empty one.
    Map,
    /// Any value, or none.
    Raw,
    Text,
    Version,
}

impl Type {
    /// The name of the type in Go.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Date => "time.Time",
            Self::Float => "float64",
            Self::Int => "int",
            Self::Map => "map[string]interface {}",
            Self::Raw => "reflect.Value",
            Self::Text => "string",
            Self::Version => "*semver.Version",
        }
    }

    /// Tells whether nil, or nothing, can be given for it.
    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Map | Self::Raw | Self::Version)
    }
}

impl Function {
    /// Makes a function of a fixed number of arguments.
    const fn fixed(
        name: &'static str,
        parameters: &'static [Type],
        body: fn(&Call<'_>) -> Result<Value, Failure>,
    ) -> Self {
        Self { name, parameters, is_variadic: false, body: Body::Call(body) }
    }

    /// Makes a function whose last parameter may come any number of times.
    const fn variadic(
        name: &'static str,
        parameters: &'static [Type],
        body: fn(&Call<'_>) -> Result<Value, Failure>,
    ) -> Self {
        Self { name, parameters, is_variadic: true, body: Body::Call(body) }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

/// Finds a function by its name. Those of sprig come first, as Go's table has them.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

fn all() -> impl Iterator<Item = &'static Function> {
    let tables: [&[Function]; 14] = [
        strings::FUNCTIONS,
        casing::FUNCTIONS,
        lists::FUNCTIONS,
        dicts::FUNCTIONS,
        logic::FUNCTIONS,
        math::FUNCTIONS,
        json::FUNCTIONS,
        encoding::FUNCTIONS,
        regexes::FUNCTIONS,
        dates::FUNCTIONS,
        paths::FUNCTIONS,
        urls::FUNCTIONS,
        methods::FUNCTIONS,
        builtin::FUNCTIONS,
    ];
    tables.into_iter().flatten()
}

/// The arguments of a call, of the types that the function's parameters have.
pub(crate) struct Call<'c> {
    pub(crate) values: &'c [Value],
    pub(crate) session: &'c Session<'c>,
}

impl Call<'_> {
    /// The argument as it is; nil if there is none.
    fn any(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Nil)
    }

    /// All arguments from `index` on.
    fn from(&self, index: usize) -> &[Value] {
        self.values.get(index..).unwrap_or_default()
    }

    fn text(&self, index: usize) -> &Text {
        match self.any(index) {
            Value::Text(text) => text,
            other => unreachable_type(other, Type::Text),
        }
    }

    fn bytes(&self, index: usize) -> &[u8] {
        self.text(index).as_bytes()
    }

    fn str(&self, index: usize) -> Cow<'_, str> {
        self.text(index).to_str()
    }

    fn int(&self, index: usize) -> i64 {
        match self.any(index) {
            Value::Int(int) => *int,
            other => unreachable_type(other, Type::Int),
        }
    }

    fn bool(&self, index: usize) -> bool {
        matches!(self.any(index), Value::Bool(true))
    }

    fn float(&self, index: usize) -> f64 {
        match self.any(index) {
            Value::Float(float) => *float,
            other => unreachable_type(other, Type::Float),
        }
    }

    fn date(&self, index: usize) -> &Date {
        match self.any(index) {
            Value::Date(date) => date,
            other => unreachable_type(other, Type::Date),
        }
    }

    fn version(&self, index: usize) -> Result<&Version, Failure> {
        match self.any(index) {
            Value::Version(version) => Ok(version),
            _ => Err(NIL_POINTER.into()),
        }
    }

    /// The dict; an empty one for nil.
    fn map(&self, index: usize) -> Rc<Map> {
        map_of(self.any(index))
    }
}

/// What Go says when nil is used for something.
const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

fn map_of(value: &Value) -> Rc<Map> {
    match value {
        Value::Map(map) => Rc::clone(map),
        _ => Rc::new(Map::default()),
    }
}

/// Arguments are checked against the parameters before a function sees them.
fn unreachable_type(value: &Value, wanted: Type) -> ! {
    unreachable!("{} is not {}: the arguments were checked", value.type_name(), wanted.name())
}

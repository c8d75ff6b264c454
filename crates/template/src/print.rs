//! Prints values as Go's `fmt` does.

mod directive;
mod scalar;

use std::borrow::Cow;

pub(crate) use directive::printf;

use crate::buffer::Buffer;
use crate::error::Failure;
use crate::value::{List, MAX_NESTING, Map, Value, too_deep};
use crate::version::Version;

/// Prints values one behind the other, with a blank between two that are not text: `Sprint`.
pub(crate) fn print(values: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut printer = Printer::default();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !after_text && !is_text {
            printer.out.push(" ")?;
        }
        printer.argument(value, 'v')?;
        // The first value has no blank before it, whatever it is.
        after_text = is_text;
    }
    Ok(printer.out.into_bytes())
}

/// Prints values with blanks between them and a newline behind: `Sprintln`.
pub(crate) fn println(values: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut printer = Printer::default();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.out.push(" ")?;
        }
        printer.argument(value, 'v')?;
    }
    printer.out.push("\n")?;
    Ok(printer.out.into_bytes())
}

/// Prints one value into `out`, as an action of a template does.
pub(crate) fn print_into(out: &mut Buffer, value: &Value) -> Result<(), Failure> {
    let mut printer = Printer { out: std::mem::take(out), flags: Flags::default() };
    let result = printer.argument(value, 'v');
    *out = printer.out;
    result
}

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a template may write")]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%#v`: as the value would be written in a program.
    source: bool,
}

#[derive(Default)]
struct Printer {
    out: Buffer,
    flags: Flags,
}

impl Printer {
    /// Prints one argument.
    fn argument(&mut self, value: &Value, verb: char) -> Result<(), Failure> {
        match (value, verb) {
            (Value::Missing | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (_, 'T') => self.text(value.type_name().as_bytes(), 's', value),
            (_, 'w' | 'p') => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Result<(), Failure> {
        if depth > MAX_NESTING {
            return Err(too_deep());
        }
        match value {
            Value::Missing | Value::Nil if depth == 0 => self.bad_verb(value, verb),
            Value::Missing | Value::Nil => {
                self.out.push(if self.flags.source { "interface {}(nil)" } else { "<nil>" })
            }
            Value::Bool(bool) if matches!(verb, 't' | 'v') => {
                self.pad(if *bool { b"true" } else { b"false" })
            }
            Value::Int(int) | Value::Int64(int) => {
                self.integer(int.unsigned_abs(), *int < 0, verb, value)
            }
            Value::Uint8(uint) => self.integer(u64::from(*uint), false, verb, value),
            Value::Uint64(uint) => self.integer(*uint, false, verb, value),
            Value::Float(float) => self.float(*float, verb, value),
            Value::Text(text) => self.text(text.as_bytes(), verb, value),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Date(_) | Value::Version(_) if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') => {
                self.text(text_of(value).as_bytes(), verb, value)
            }
            Value::Version(version) => self.version(version, verb),
            Value::Bool(_) | Value::Date(_) => self.bad_verb(value, verb),
        }
    }

    /// Prints the parts of a version, with a verb that does not take it as a whole.
    fn version(&mut self, version: &Version, verb: char) -> Result<(), Failure> {
        let numbers = [version.major, version.minor, version.patch].map(Value::Uint64);
        let texts = [&version.prerelease, &version.metadata, &version.original];
        let texts = texts.map(|text| Value::text(&**text));
        self.out.push("&")?;
        let mut before = "{";
        for part in numbers.iter().chain(&texts) {
            self.out.push(before)?;
            self.value(part, verb, 1)?;
            before = " ";
        }
        self.out.push("}")
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) -> Result<(), Failure> {
        let (open, between, close) = if self.flags.source {
            let name = list.type_name();
            if list.is_nil() {
                return self.out.push(format!("{name}(nil)"));
            }
            (Cow::Owned(format!("{name}{{")), ", ", "}")
        } else {
            (Cow::Borrowed("["), " ", "]")
        };
        self.out.push(&*open)?;
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.out.push(between)?;
            }
            self.value(item, verb, depth + 1)?;
        }
        self.out.push(close)
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) -> Result<(), Failure> {
        let (open, between, close) = if self.flags.source {
            (Cow::Owned(format!("{}{{", map.type_name())), ", ", "}")
        } else {
            (Cow::Borrowed("map["), " ", "]")
        };
        self.out.push(&*open)?;
        for (index, (key, value)) in map.entries().iter().enumerate() {
            if index > 0 {
                self.out.push(between)?;
            }
            self.text(key.as_bytes(), verb, &Value::Text(key.clone()))?;
            self.out.push(":")?;
            self.value(value, verb, depth + 1)?;
        }
        self.out.push(close)
    }

    /// Says that the verb does not fit the value.
    fn bad_verb(&mut self, value: &Value, verb: char) -> Result<(), Failure> {
        self.out.push(format!("%!{verb}("))?;
        if value.is_nil() {
            self.out.push("<nil>")?;
        } else {
            self.out.push(value.type_name())?;
            self.out.push("=")?;
            match value {
                Value::Version(version) => self.version(version, 'v')?,
                value => self.value(value, 'v', 0)?,
            }
        }
        self.out.push(")")
    }

    /// Writes text, filled up to the width.
    fn pad(&mut self, text: &[u8]) -> Result<(), Failure> {
        let Some(width) = self.flags.width else { return self.out.push(text) };
        let missing = width.saturating_sub(String::from_utf8_lossy(text).chars().count());
        if self.flags.minus {
            self.out.push(text)?;
            return self.out.fill(b' ', missing);
        }
        self.out.fill(if self.flags.zero { b'0' } else { b' ' }, missing)?;
        self.out.push(text)
    }
}

/// The text that a date or a version prints itself as.
fn text_of(value: &Value) -> String {
    match value {
        Value::Date(date) => date.to_string(),
        Value::Version(version) => version.to_string(),
        _ => String::new(),
    }
}

/// Prints a value as `%v`, and leaves text as it is.
pub(crate) fn to_text(value: &Value) -> Result<Vec<u8>, Failure> {
    match value {
        Value::Text(text) => Ok(text.as_bytes().to_vec()),
        _ => print(std::slice::from_ref(value)),
    }
}

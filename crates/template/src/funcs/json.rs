//! JSON, written byte for byte as Go's `encoding/json`.

use super::{Call, Function, Type};
use crate::buffer::Buffer;
use crate::error::Failure;
use crate::number::format_float;
use crate::value::{MAX_NESTING, Text, Value, too_deep};

use Type::Any;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("toJson", &[Any], |call| to_json(call, HTML_SAFE).or_else(nothing)),
    Function::fixed("mustToJson", &[Any], |call| to_json(call, HTML_SAFE)),
    Function::fixed("toPrettyJson", &[Any], |call| to_json(call, PRETTY).or_else(nothing)),
    Function::fixed("mustToPrettyJson", &[Any], |call| to_json(call, PRETTY)),
    Function::fixed("toRawJson", &[Any], |call| to_json(call, RAW)),
    Function::fixed("mustToRawJson", &[Any], |call| to_json(call, RAW)),
    Function::fixed("fromJson", &[Type::Text], |call| from_json(call).or(Ok(Value::Nil))),
    Function::fixed("mustFromJson", &[Type::Text], from_json),
];

/// How JSON is written.
#[derive(Clone, Copy)]
struct Style {
    escapes_html: bool,
    indents: bool,
}

const HTML_SAFE: Style = Style { escapes_html: true, indents: false };
const PRETTY: Style = Style { escapes_html: true, indents: true };
const RAW: Style = Style { escapes_html: false, indents: false };

/// What sprig makes of a value that cannot be JSON.
fn nothing(_: Failure) -> Result<Value, Failure> {
    Ok(Value::text(""))
}

fn from_json(call: &Call<'_>) -> Result<Value, Failure> {
    let json = serde_json::from_slice(call.bytes(0)).map_err(|error| error.to_string())?;
    Value::from_json(&json, 0)
}

fn to_json(call: &Call<'_>, style: Style) -> Result<Value, Failure> {
    let mut writer = Writer { out: Buffer::default(), style, depth: 0 };
    writer.value(call.any(0))?;
    Ok(writer.out.into_value())
}

struct Writer {
    out: Buffer,
    style: Style,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), Failure> {
        match value {
            Value::Missing | Value::Nil => self.out.push("null"),
            Value::Bool(bool) => self.out.push(bool.to_string()),
            Value::Int(int) | Value::Int64(int) => self.out.push(int.to_string()),
            Value::Uint8(uint) => self.out.push(uint.to_string()),
            Value::Uint64(uint) => self.out.push(uint.to_string()),
            Value::Float(float) => self.float(*float),
            Value::Text(text) => self.text(text.as_bytes()),
            Value::Version(version) => self.text(version.to_string().as_bytes()),
            Value::Date(date) => {
                if !(0..=9999).contains(&date.civil().year) {
                    return Err("json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]".into());
                }
                self.text(date.format("2006-01-02T15:04:05.999999999Z07:00").as_bytes())
            }
            Value::List(list) if list.is_nil() => self.out.push("null"),
            Value::List(list) => {
                let items = list.items().iter().map(|item| (None, item));
                self.container("[", "]", items)
            }
            Value::Map(map) => {
                let entries = map.entries();
                let items = entries.iter().map(|(key, value)| (Some(key), value));
                self.container("{", "}", items)
            }
        }
    }

    fn container<'v>(
        &mut self,
        open: &str,
        close: &str,
        items: impl Iterator<Item = (Option<&'v Text>, &'v Value)>,
    ) -> Result<(), Failure> {
        if self.depth == MAX_NESTING {
            return Err(too_deep());
        }
        self.out.push(open)?;
        self.depth += 1;
        let mut is_empty = true;
        for (key, value) in items {
            self.out.push(if is_empty { "" } else { "," })?;
            is_empty = false;
            self.line()?;
            if let Some(key) = key {
                self.text(key.as_bytes())?;
                self.out.push(if self.style.indents { ": " } else { ":" })?;
            }
            self.value(value)?;
        }
        self.depth -= 1;
        if !is_empty {
            self.line()?;
        }
        self.out.push(close)
    }

    fn line(&mut self) -> Result<(), Failure> {
        if !self.style.indents {
            return Ok(());
        }
        self.out.push("\n")?;
        self.out.fill(b' ', 2 * self.depth)
    }

    /// Writes a number without an exponent, unless it is very small or large.
    fn float(&mut self, float: f64) -> Result<(), Failure> {
        if !float.is_finite() {
            let shown = format_float(float, 'g', None);
            return Err(format!("json: unsupported value: {shown}").into());
        }
        let magnitude = float.abs();
        if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
            return self.out.push(format_float(float, 'f', None));
        }
        // Go takes the zero out of exponents such as e-09, as JavaScript does.
        self.out.push(format_float(float, 'e', None).replace("e-0", "e-"))
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.out.push("\"")?;
        for chunk in text.utf8_chunks() {
            self.characters(chunk.valid())?;
            for _ in chunk.invalid() {
                self.out.push("\\ufffd")?;
            }
        }
        self.out.push("\"")
    }

    fn characters(&mut self, text: &str) -> Result<(), Failure> {
        let mut rest = text;
        while let Some(index) = rest.find(|c| needs_escape(c, self.style.escapes_html)) {
            let (plain, special) = rest.split_at(index);
            self.out.push(plain)?;
            let mut characters = special.chars();
            let character = characters.next().expect("`find` found one");
            match character {
                '"' | '\\' => self.out.push(format!("\\{character}"))?,
                '\u{8}' => self.out.push("\\b")?,
                '\u{c}' => self.out.push("\\f")?,
                '\n' => self.out.push("\\n")?,
                '\r' => self.out.push("\\r")?,
                '\t' => self.out.push("\\t")?,
                _ => self.out.push(format!("\\u{:04x}", u32::from(character)))?,
            }
            rest = characters.as_str();
        }
        self.out.push(rest)
    }
}

fn needs_escape(character: char, escapes_html: bool) -> bool {
    match character {
        '"' | '\\' | '\0'..' ' | '\u{2028}' | '\u{2029}' => true,
        '<' | '>' | '&' => escapes_html,
        _ => false,
    }
}

//! Text: cutting, padding, replacing, searching, splitting.

use super::{Call, Function, Type};
use crate::buffer::Buffer;
use crate::error::Failure;
use crate::number::{NumberError, parse_int};
use crate::print::to_text;
use crate::quote::quote;
use crate::value::{Map, Text, Value};

use Type::{Any, Int, Text as Str};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("trim", &[Str], |call| Ok(Value::text(call.str(0).trim()))),
    Function::fixed("trimAll", &[Str, Str], trim_all),
    Function::fixed("trimall", &[Str, Str], trim_all),
    Function::fixed("trimSuffix", &[Str, Str], |call| {
        let text = call.bytes(1);
        Ok(Value::text(text.strip_suffix(call.bytes(0)).unwrap_or(text)))
    }),
    Function::fixed("trimPrefix", &[Str, Str], |call| {
        let text = call.bytes(1);
        Ok(Value::text(text.strip_prefix(call.bytes(0)).unwrap_or(text)))
    }),
    Function::fixed("repeat", &[Int, Str], |call| repeat(call.bytes(1), call.int(0))),
    Function::fixed("substr", &[Int, Int, Str], substr),
    Function::fixed("trunc", &[Int, Str], trunc),
    Function::fixed("abbrev", &[Int, Str], |call| {
        let width = call.int(0);
        let text = call.bytes(1);
        Ok(Value::text(if width < 4 { text.to_vec() } else { abbreviate(text, 0, width) }))
    }),
    Function::fixed("abbrevboth", &[Int, Int, Str], |call| {
        let (left, right) = (call.int(0), call.int(1));
        let text = call.bytes(2);
        let too_short = right < 4 || (left > 0 && right < 7);
        Ok(Value::text(if too_short { text.to_vec() } else { abbreviate(text, left, right) }))
    }),
    Function::fixed("contains", &[Str, Str], |call| {
        Ok(Value::Bool(position(call.bytes(1), call.bytes(0)).is_some()))
    }),
    Function::fixed("hasPrefix", &[Str, Str], |call| {
        Ok(Value::Bool(call.bytes(1).starts_with(call.bytes(0))))
    }),
    Function::fixed("hasSuffix", &[Str, Str], |call| {
        Ok(Value::Bool(call.bytes(1).ends_with(call.bytes(0))))
    }),
    Function::variadic("quote", &[Any], |call| join_printed(call, |text| quote(text).into())),
    Function::variadic("squote", &[Any], |call| {
        join_printed(call, |text| [b"'", text, b"'"].concat())
    }),
    Function::variadic("cat", &[Any], cat),
    Function::fixed("indent", &[Int, Str], |call| indent(call, "")),
    Function::fixed("nindent", &[Int, Str], |call| indent(call, "\n")),
    Function::fixed("replace", &[Str, Str, Str], replace),
    Function::fixed("plural", &[Str, Str, Int], |call| {
        Ok(call.any(usize::from(call.int(2) != 1)).clone())
    }),
    Function::fixed("toString", &[Any], |call| to_text(call.any(0)).map(Value::text)),
    Function::fixed("toStrings", &[Any], |call| texts_of(call.any(0)).map(Value::texts)),
    Function::fixed("join", &[Str, Any], join),
    Function::fixed("sortAlpha", &[Any], sort_alpha),
    Function::fixed("splitList", &[Str, Str], |call| {
        split(call.bytes(1), call.bytes(0), None, call).map(Value::texts)
    }),
    Function::fixed("split", &[Str, Str], |call| {
        split(call.bytes(1), call.bytes(0), None, call).map(numbered)
    }),
    Function::fixed("splitn", &[Str, Int, Str], |call| {
        let limit = usize::try_from(call.int(1)).ok();
        split(call.bytes(2), call.bytes(0), limit, call).map(numbered)
    }),
    Function::fixed("atoi", &[Str], |call| {
        Ok(Value::Int(match parse_int(&call.str(0), 10) {
            Ok(int) | Err(NumberError::Range(int)) => int,
            Err(NumberError::Syntax) => 0,
        }))
    }),
];

fn trim_all(call: &Call<'_>) -> Result<Value, Failure> {
    let set = call.str(0);
    let text = call.str(1);
    Ok(Value::text(text.trim_matches(|c| set.contains(c))))
}

fn repeat(text: &[u8], count: i64) -> Result<Value, Failure> {
    let count = usize::try_from(count).map_err(|_| "strings: negative Repeat count")?;
    let mut out = Buffer::default();
    if let [byte] = text {
        out.fill(*byte, count)?;
    } else if !text.is_empty() {
        for _ in 0..count {
            out.push(text)?;
        }
    }
    Ok(out.into_value())
}

fn substr(call: &Call<'_>) -> Result<Value, Failure> {
    let (start, end) = (call.int(0), call.int(1));
    let text = call.bytes(2);
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let out_of_range = |range: String| -> Failure {
        format!("runtime error: slice bounds out of range {range}").into()
    };
    let (start, end, from_start) = match (start, end) {
        (..0, end) => (0, end, true),
        (start, end) if end < 0 || end > length => (start, length, false),
        (start, end) => (start, end, false),
    };
    if from_start && (end < 0 || end > length) {
        let with_length =
            if end > length { format!(" with length {length}") } else { String::new() };
        return Err(out_of_range(format!("[:{end}]{with_length}")));
    }
    if start > end {
        return Err(out_of_range(format!("[{start}:{end}]")));
    }
    let bounds = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    Ok(Value::text(&text[bounds]))
}

fn trunc(call: &Call<'_>) -> Result<Value, Failure> {
    let count = call.int(0);
    let text = call.bytes(1);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(Value::text(match size {
        size if size >= text.len() => text,
        size if count < 0 => &text[text.len() - size..],
        size => &text[..size],
    }))
}

/// Cuts text to `width` bytes with dots where something is missing.
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(0);
    if text.len() <= width {
        return text.to_vec();
    }
    let offset = usize::try_from(offset).unwrap_or(0).min(text.len());
    let offset = offset.min(text.len() - (width - 3));
    if offset <= 4 {
        return [&text[..width - 3], b"..."].concat();
    }
    if offset + width - 3 < text.len() {
        let rest = i64::try_from(width - 3).unwrap_or(0);
        return [b"...", &abbreviate(&text[offset..], 0, rest)[..]].concat();
    }
    [b"...", &text[text.len() - (width - 3)..]].concat()
}

/// Joins the arguments that are not nil with blanks, each as it prints and then wrapped.
fn join_printed(call: &Call<'_>, wrap: fn(&[u8]) -> Vec<u8>) -> Result<Value, Failure> {
    let mut out = Buffer::default();
    let mut separator = "";
    for value in call.values.iter().filter(|value| !value.is_nil()) {
        out.push(separator)?;
        out.push(wrap(&to_text(value)?))?;
        separator = " ";
    }
    Ok(out.into_value())
}

fn cat(call: &Call<'_>) -> Result<Value, Failure> {
    join_printed(call, <[u8]>::to_vec)
}

fn indent(call: &Call<'_>, before: &str) -> Result<Value, Failure> {
    let spaces = call.int(0);
    let width = usize::try_from(spaces).map_err(|_| "strings: negative Repeat count")?;
    let mut out = Buffer::default();
    out.push(before)?;
    for line in call.bytes(1).split_inclusive(|&byte| byte == b'\n') {
        out.fill(b' ', width)?;
        out.push(line)?;
    }
    if call.bytes(1).is_empty() || call.bytes(1).ends_with(b"\n") {
        out.fill(b' ', width)?;
    }
    Ok(out.into_value())
}

fn replace(call: &Call<'_>) -> Result<Value, Failure> {
    let (old, new, text) = (call.bytes(0), call.bytes(1), call.bytes(2));
    let mut out = Buffer::default();
    let mut rest = text;
    if old.is_empty() {
        for character in call.str(2).chars() {
            out.push(new)?;
            out.push(character.encode_utf8(&mut [0; 4]))?;
        }
        out.push(new)?;
        return Ok(out.into_value());
    }
    while let Some(index) = position(rest, old) {
        out.push(&rest[..index])?;
        out.push(new)?;
        rest = &rest[index + old.len()..];
    }
    out.push(rest)?;
    Ok(out.into_value())
}

/// Where `wanted` is in `text` for the first time.
fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let Some(first) = wanted.first() else { return Some(0) };
    let last_start = text.len().checked_sub(wanted.len())?;
    let mut from = 0;
    while from <= last_start {
        let index = text[from..=last_start].iter().position(|byte| byte == first)? + from;
        if text[index..].starts_with(wanted) {
            return Some(index);
        }
        from = index + 1;
    }
    None
}

/// Splits text; into its characters if there is no separator.
fn split(
    text: &[u8],
    separator: &[u8],
    limit: Option<usize>,
    call: &Call<'_>,
) -> Result<Vec<Text>, Failure> {
    let mut parts: Vec<Text> = Vec::new();
    if limit == Some(0) {
        return Ok(parts);
    }
    let limit = limit.unwrap_or(usize::MAX);
    let mut rest = text;
    while parts.len() + 1 < limit {
        let next = if separator.is_empty() {
            let length = first_length(rest);
            (length < rest.len()).then_some((length, 0))
        } else {
            position(rest, separator).map(|index| (index, separator.len()))
        };
        let Some((length, skipped)) = next else { break };
        call.session.spend(1)?;
        parts.push(rest[..length].into());
        rest = &rest[length + skipped..];
    }
    if !(separator.is_empty() && rest.is_empty()) {
        parts.push(rest.into());
    }
    Ok(parts)
}

/// How long the first character is.
fn first_length(text: &[u8]) -> usize {
    let first = text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.map_or(text.len().min(1), char::len_utf8)
}

/// Makes a dict of parts: `_0`, `_1` and so on.
fn numbered(parts: Vec<Text>) -> Value {
    let entries = parts.into_iter().enumerate();
    Map::of_texts(entries.map(|(index, part)| (Text::from(format!("_{index}")), part)))
}

/// The items of a list as text, without nil; anything else as the only item.
fn texts_of(value: &Value) -> Result<Vec<Text>, Failure> {
    let text = |value: &Value| match value {
        Value::Text(text) => Ok(text.clone()),
        other => to_text(other).map(Text::from),
    };
    match value {
        Value::List(list) => list.items().iter().filter(|item| !item.is_nil()).map(text).collect(),
        value if value.is_nil() => Ok(Vec::new()),
        value => Ok(vec![text(value)?]),
    }
}

fn join(call: &Call<'_>) -> Result<Value, Failure> {
    let mut out = Buffer::default();
    for (index, text) in texts_of(call.any(1))?.iter().enumerate() {
        if index > 0 {
            out.push(call.bytes(0))?;
        }
        out.push(text.as_bytes())?;
    }
    Ok(out.into_value())
}

fn sort_alpha(call: &Call<'_>) -> Result<Value, Failure> {
    let value = call.any(0);
    if value.is_nil() {
        return Ok(Value::texts(["<nil>"]));
    }
    let mut texts = texts_of(value)?;
    texts.sort();
    Ok(Value::texts(texts))
}

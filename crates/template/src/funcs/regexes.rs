//! Regular expressions in Go's syntax.

use std::borrow::Cow;

use regex::Regex;

use super::{Call, Function, Type};
use crate::buffer::Buffer;
use crate::error::Failure;
use crate::pattern;
use crate::value::{Element, Text, Value};

use Type::{Int, Text as Str};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("regexMatch", &[Str, Str], |call| is_match(call).or(Ok(Value::Bool(false)))),
    Function::fixed("mustRegexMatch", &[Str, Str], is_match),
    Function::fixed("regexFind", &[Str, Str], |call| find(call).map_err(|f| panicked(call, f))),
    Function::fixed("mustRegexFind", &[Str, Str], find),
    Function::fixed("regexFindAll", &[Str, Str, Int], |call| {
        find_all(call).map_err(|failure| panicked(call, failure))
    }),
    Function::fixed("mustRegexFindAll", &[Str, Str, Int], find_all),
    Function::fixed("regexReplaceAll", &[Str, Str, Str], |call| {
        replace_all(call, true).map_err(|failure| panicked(call, failure))
    }),
    Function::fixed("mustRegexReplaceAll", &[Str, Str, Str], |call| replace_all(call, true)),
    Function::fixed("regexReplaceAllLiteral", &[Str, Str, Str], |call| {
        replace_all(call, false).map_err(|failure| panicked(call, failure))
    }),
    Function::fixed("mustRegexReplaceAllLiteral", &[Str, Str, Str], |call| {
        replace_all(call, false)
    }),
    Function::fixed("regexSplit", &[Str, Str, Int], |call| {
        split(call).map_err(|failure| panicked(call, failure))
    }),
    Function::fixed("mustRegexSplit", &[Str, Str, Int], split),
    Function::fixed("regexQuoteMeta", &[Str], |call| {
        Ok(Value::text(pattern::escape(&call.str(0))))
    }),
];

/// The expression in the first argument.
fn compiled(call: &Call<'_>) -> Result<Regex, Failure> {
    let text = call.str(0);
    if matches!(text, Cow::Owned(_)) {
        return Err(format!("error parsing regexp: invalid UTF-8: `{text}`").into());
    }
    call.session.pattern(&text, || pattern::compile(&text))
}

/// The failure of a function that in Go gives up with more words.
fn panicked(call: &Call<'_>, failure: Failure) -> Failure {
    let text = call.bytes(0);
    let shown = if crate::quote::can_backquote(text) {
        format!("`{}`", call.str(0))
    } else {
        crate::quote::quote(text)
    };
    let message = failure.to_string();
    if message.starts_with("error parsing regexp") {
        format!("regexp: Compile({shown}): {message}").into()
    } else {
        failure
    }
}

fn is_match(call: &Call<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(compiled(call)?.is_match(&call.str(1))))
}

fn find(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.str(1);
    Ok(Value::text(compiled(call)?.find(&text).map_or("", |found| found.as_str())))
}

/// How many of something a number means: a negative one means all.
fn limit(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn find_all(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.str(1);
    let pattern = compiled(call)?;
    let mut found: Vec<Text> = Vec::new();
    for part in pattern.find_iter(&text).take(limit(call.int(2))) {
        call.session.spend(1)?;
        found.push(part.as_str().into());
    }
    Ok(if found.is_empty() { Value::nil_list(Element::Text) } else { Value::texts(found) })
}

fn replace_all(call: &Call<'_>, expands: bool) -> Result<Value, Failure> {
    let (text, replacement) = (call.str(1), call.str(2));
    let pattern = compiled(call)?;
    let mut out = Buffer::default();
    let mut end = 0;
    for captures in pattern.captures_iter(&text) {
        call.session.spend(1)?;
        let whole = captures.get_match();
        out.push(&text[end..whole.start()])?;
        end = whole.end();
        if expands {
            expand(&captures, &replacement, &mut out)?;
        } else {
            out.push(&*replacement)?;
        }
    }
    out.push(&text[end..])?;
    Ok(out.into_value())
}

/// Writes a replacement with its `$1`, `$name` and `${name}`; `$$` is a dollar sign.
fn expand(
    captures: &regex::Captures<'_>,
    replacement: &str,
    out: &mut Buffer,
) -> Result<(), Failure> {
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push(before)?;
        if let Some(behind) = behind.strip_prefix('$') {
            out.push("$")?;
            rest = behind;
            continue;
        }
        let braced = behind.strip_prefix('{');
        let start = braced.unwrap_or(behind);
        let name = &start[..start.find(|c| !is_word(c)).unwrap_or(start.len())];
        let after = &start[name.len()..];
        let after = if braced.is_some() { after.strip_prefix('}') } else { Some(after) };
        let Some(after) = after.filter(|_| !name.is_empty()) else {
            out.push("$")?;
            rest = behind;
            continue;
        };
        let group = match name.parse::<usize>() {
            Ok(number) => captures.get(number),
            Err(_) => captures.name(name),
        };
        out.push(group.map_or("", |group| group.as_str()))?;
        rest = after;
    }
    out.push(rest)
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn split(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.str(1);
    let pattern = compiled(call)?;
    let limit = limit(call.int(2));
    if limit == 0 {
        return Ok(Value::nil_list(Element::Text));
    }
    if text.is_empty() && !call.bytes(0).is_empty() {
        return Ok(Value::texts([""]));
    }
    let mut parts: Vec<Text> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in pattern.find_iter(&text) {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            call.session.spend(1)?;
            parts.push(text[start..end].into());
        }
        start = found.end();
    }
    if end != text.len() {
        parts.push(text[start..].into());
    }
    Ok(Value::texts(parts))
}

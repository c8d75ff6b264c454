//! Defaults, decisions, and questions about types.

use super::{Call, Function, Type};
use crate::error::Failure;
use crate::value::{Value, deep_equal, is_true};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("default", &[Type::Any, Type::Any], |call| {
        let given = call.from(1).first().filter(|given| is_true(given));
        Ok(given.unwrap_or(call.any(0)).clone())
    }),
    Function::fixed("empty", &[Type::Any], |call| Ok(Value::Bool(!is_true(call.any(0))))),
    Function::variadic("coalesce", &[Type::Any], |call| {
        Ok(call.values.iter().find(|value| is_true(value)).cloned().unwrap_or(Value::Nil))
    }),
    Function::variadic("all", &[Type::Any], |call| {
        Ok(Value::Bool(call.values.iter().all(is_true)))
    }),
    Function::variadic("any", &[Type::Any], |call| {
        Ok(Value::Bool(call.values.iter().any(is_true)))
    }),
    Function::fixed("ternary", &[Type::Any, Type::Any, Type::Bool], |call| {
        Ok(call.any(usize::from(!call.bool(2))).clone())
    }),
    Function::fixed("fail", &[Type::Text], |call| Err(call.str(0).into_owned().into())),
    Function::fixed("hello", &[], |_| Ok(Value::text("Hello!"))),
    Function::fixed("typeOf", &[Type::Any], |call| Ok(Value::text(call.any(0).type_name()))),
    Function::fixed("typeIs", &[Type::Text, Type::Any], |call| {
        Ok(Value::Bool(call.str(0) == call.any(1).type_name()))
    }),
    Function::fixed("typeIsLike", &[Type::Text, Type::Any], |call| {
        let name = call.any(1).type_name();
        Ok(Value::Bool(call.str(0) == name || name.strip_prefix('*') == Some(&call.str(0))))
    }),
    Function::fixed("kindOf", &[Type::Any], |call| Ok(Value::text(call.any(0).kind_name()))),
    Function::fixed("kindIs", &[Type::Text, Type::Any], |call| {
        Ok(Value::Bool(call.str(0) == call.any(1).kind_name()))
    }),
    Function::fixed("deepEqual", &[Type::Any, Type::Any], |call| {
        deep_equal(call.any(0), call.any(1)).map(Value::Bool)
    }),
    Function::fixed("env", &[Type::Text], |call| {
        Ok(Value::text(call.session.variable(&call.str(0))))
    }),
    Function::fixed("expandenv", &[Type::Text], expand),
];

/// Replaces `$name` and `${name}` by variables, as Go's `os.ExpandEnv`.
fn expand(call: &Call<'_>) -> Result<Value, Failure> {
    let text = call.str(0);
    let mut out = crate::buffer::Buffer::default();
    let mut rest = &*text;
    while let Some(index) = rest.find('$') {
        let (before, behind) = (&rest[..index], &rest[index + 1..]);
        out.push(before)?;
        let (name, length) = variable_name(behind);
        match name {
            Some(name) => out.push(call.session.variable(name))?,
            // Bad syntax such as `${}` goes without a trace; a lone dollar sign stays.
            None if length == 0 => out.push("$")?,
            None => {}
        }
        rest = &behind[length..];
    }
    out.push(rest)?;
    Ok(out.into_value())
}

/// The variable that the text behind a dollar sign names, and how much of the text does so.
fn variable_name(text: &str) -> (Option<&str>, usize) {
    if let Some(braced) = text.strip_prefix('{') {
        return match braced.find('}') {
            Some(0) => (None, 2),
            Some(length) => (Some(&braced[..length]), length + 2),
            None => (None, 1),
        };
    }
    let is_special = |c: char| c.is_ascii_digit() || "*#$@!?-".contains(c);
    if let Some(first) = text.chars().next().filter(|&c| is_special(c)) {
        return (Some(&text[..first.len_utf8()]), first.len_utf8());
    }
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    (Some(&text[..length]).filter(|name| !name.is_empty()), length)
}

//! Paths with slashes. Those that sprig calls paths of the system are the same everywhere here.

use super::{Function, Type};
use crate::value::Value;

use Type::Text as Str;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::fixed("base", &[Str], |call| Ok(Value::text(base(&call.str(0))))),
    Function::fixed("osBase", &[Str], |call| Ok(Value::text(base(&call.str(0))))),
    Function::fixed("dir", &[Str], |call| Ok(Value::text(directory(&call.str(0))))),
    Function::fixed("osDir", &[Str], |call| Ok(Value::text(directory(&call.str(0))))),
    Function::fixed("ext", &[Str], |call| Ok(Value::text(extension(&call.str(0))))),
    Function::fixed("osExt", &[Str], |call| Ok(Value::text(extension(&call.str(0))))),
    Function::fixed("clean", &[Str], |call| Ok(Value::text(clean(&call.str(0))))),
    Function::fixed("osClean", &[Str], |call| Ok(Value::text(clean(&call.str(0))))),
    Function::fixed("isAbs", &[Str], |call| Ok(Value::Bool(call.bytes(0).starts_with(b"/")))),
    Function::fixed("osIsAbs", &[Str], |call| Ok(Value::Bool(call.bytes(0).starts_with(b"/")))),
];

/// The last element of a path.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// All but the last element of a path.
fn directory(path: &str) -> String {
    clean(&path[..path.rfind('/').map_or(0, |index| index + 1)])
}

/// The last dot of the last element, and what follows.
fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |index| &name[index..])
}

/// The shortest path that means the same.
fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." if elements.last().is_some_and(|last| *last != "..") => {
                elements.pop();
            }
            // Nothing is above the root.
            ".." if is_absolute => {}
            _ => elements.push(element),
        }
    }
    let joined = elements.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

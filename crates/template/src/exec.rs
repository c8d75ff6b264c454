//! Walks the tree of a template and writes what comes out.

mod call;
mod evaluate;

use std::collections::BTreeMap;
use std::fmt;

use crate::ast::{Branch, Invocation, List, Node, NodeKind, Pipe};
use crate::buffer::Buffer;
use crate::error::{Failure, TemplateError};
use crate::print::{print_into, to_text};
use crate::quote::quote;
use crate::value::{Element, List as ValueList, Map, Value, is_true};
use crate::world::Session;

/// How deep templates, actions and parentheses may be nested while they run. Go stops templates
/// at 100,000, but has a stack that grows.
pub(crate) const MAX_DEPTH: usize = 300;

/// Renders the template `name`, whose text is `text` and which defines `templates`.
pub(crate) fn render(
    name: &str,
    text: &str,
    templates: &BTreeMap<String, List>,
    data: Value,
    session: &Session<'_>,
) -> Result<Vec<u8>, TemplateError> {
    let root = List::default();
    let list = templates.get(name).unwrap_or(&root);
    let dot = Held::concrete(data);
    let mut execution = Execution {
        name,
        text,
        templates,
        session,
        current: name,
        variables: vec![("$", dot.clone())],
        depth: 0,
        at: At { position: list.position, shown: list },
        out: Buffer::default(),
    };
    execution.list(&dot, list)?;
    Ok(execution.out.into_bytes())
}

/// A value, and whether it was taken out of something that can hold values of any type.
///
/// Go's messages name the type of the container's element then, not that of the value.
#[derive(Clone, Debug)]
struct Held {
    value: Value,
    boxed: bool,
}

impl Held {
    fn concrete(value: Value) -> Self {
        Self { value, boxed: false }
    }

    fn element(value: Value, element: Element) -> Self {
        Self { value, boxed: element == Element::Any }
    }

    /// Takes the value out, as the end of every pipeline does: nil becomes no value.
    fn into_value(self) -> Value {
        match self.value {
            Value::Nil => Value::Missing,
            value => value,
        }
    }
}

/// The node that messages speak of.
#[derive(Clone, Copy)]
struct At<'t> {
    position: usize,
    shown: &'t dyn fmt::Display,
}

/// What to do after a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Execution<'t> {
    /// The name of the template that was parsed, for messages.
    name: &'t str,
    text: &'t str,
    templates: &'t BTreeMap<String, List>,
    session: &'t Session<'t>,
    /// The name of the template that runs.
    current: &'t str,
    /// The variables in scope, the latest last.
    variables: Vec<(&'t str, Held)>,
    depth: usize,
    at: At<'t>,
    out: Buffer,
}

type Result<T, E = TemplateError> = std::result::Result<T, E>;

impl<'t> Execution<'t> {
    /// Makes the error that happens where the execution is.
    fn error<T>(&self, message: impl fmt::Display) -> Result<T> {
        let before = &self.text[..self.at.position];
        let line = 1 + before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        let (name, current) = (self.name, quote(self.current.as_bytes()));
        let shown = self.at.shown;
        let message = format!(
            "template: {name}:{line}:{column}: executing {current} at <{shown}>: {message}"
        );
        Err(TemplateError::execution(line, column, message))
    }

    fn check<T>(&self, result: Result<T, Failure>) -> Result<T> {
        result.or_else(|failure| self.error(failure))
    }

    fn set_at(&mut self, position: usize, shown: &'t dyn fmt::Display) {
        self.at = At { position, shown };
    }

    /// Goes one level deeper, unless that is too deep.
    fn enter(&mut self) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return self.error(format_args!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        self.depth += 1;
        Ok(())
    }

    fn list(&mut self, dot: &Held, list: &'t List) -> Result<Flow> {
        self.enter()?;
        for node in &list.nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Held, node: &'t Node) -> Result<Flow> {
        self.set_at(node.position, node);
        match &node.kind {
            NodeKind::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.set_at(node.position, node);
                    self.print(&value)?;
                }
            }
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
            NodeKind::If(branch) => return self.condition(dot, branch, false),
            NodeKind::With(branch) => return self.condition(dot, branch, true),
            NodeKind::Range(branch) => return self.range(dot, branch),
            NodeKind::Template(invocation) => self.invoke(dot, invocation)?,
            NodeKind::Text(text) => {
                let written = self.out.push(text);
                self.check(written)?;
            }
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value) -> Result<()> {
        let printed = match value {
            Value::Missing | Value::Nil => self.out.push("<no value>"),
            value => print_into(&mut self.out, value),
        };
        self.check(printed)
    }

    /// Runs `if`, or `with`, which moves the dot.
    fn condition(&mut self, dot: &Held, branch: &'t Branch, moves: bool) -> Result<Flow> {
        let known = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = if is_true(&value) {
            if moves {
                self.list(&Held::concrete(value), &branch.list)
            } else {
                self.list(dot, &branch.list)
            }
        } else {
            branch.otherwise.as_ref().map_or(Ok(Flow::Next), |list| self.list(dot, list))
        };
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, dot: &Held, branch: &'t Branch) -> Result<Flow> {
        let known = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = if self.ranges_over(&value, branch)? {
            Ok(Flow::Next)
        } else {
            branch.otherwise.as_ref().map_or(Ok(Flow::Next), |list| self.list(dot, list))
        };
        self.variables.truncate(known);
        flow
    }

    /// Runs the body for each item. Tells whether there was one.
    fn ranges_over(&mut self, value: &Value, branch: &'t Branch) -> Result<bool> {
        match value {
            Value::Missing | Value::Nil => Ok(false),
            Value::List(list) => self.ranges_over_list(list, branch),
            Value::Map(map) => self.ranges_over_map(map, branch),
            _ => {
                if let Some(count) = value.as_integer() {
                    return self.counts(value, count, branch);
                }
                let shown = self.shown(value)?;
                self.error(format_args!("range can't iterate over {shown}"))
            }
        }
    }

    fn ranges_over_list(&mut self, list: &ValueList, branch: &'t Branch) -> Result<bool> {
        for (index, item) in (0_i64..).zip(list.items()) {
            let item = Held::element(item.clone(), list.element());
            if !self.iteration(branch, Value::Int(index), &item)? {
                break;
            }
        }
        Ok(!list.items().is_empty())
    }

    /// Goes over the entries as they are at the start, whatever the body does to the dict.
    fn ranges_over_map(&mut self, map: &Map, branch: &'t Branch) -> Result<bool> {
        let entries = map.snapshot();
        let any = !entries.is_empty();
        for (key, item) in entries {
            let item = Held::element(item, map.element());
            if !self.iteration(branch, Value::Text(key), &item)? {
                break;
            }
        }
        Ok(any)
    }

    /// Runs the body for each whole number below `count`.
    fn counts(&mut self, value: &Value, count: i128, branch: &'t Branch) -> Result<bool> {
        if branch.pipe.variables.len() > 1 {
            let shown = self.shown(value)?;
            return self
                .error(format_args!("can't use {shown} to iterate over more than one variable"));
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        for number in 0..count {
            let item = match value {
                Value::Int64(_) => Value::Int64(number),
                Value::Uint8(_) => Value::Uint8(u8::try_from(number).unwrap_or(u8::MAX)),
                Value::Uint64(_) => Value::Uint64(number.unsigned_abs()),
                _ => Value::Int(number),
            };
            if !self.iteration(branch, Value::Missing, &Held::concrete(item))? {
                break;
            }
        }
        Ok(count > 0)
    }

    /// Runs the body once. False if it breaks.
    fn iteration(&mut self, branch: &'t Branch, index: Value, item: &Held) -> Result<bool> {
        let steps = self.session.spend(1);
        self.check(steps)?;
        self.set_range_variables(&branch.pipe, index, item)?;
        let known = self.variables.len();
        let flow = self.list(item, &branch.list);
        self.variables.truncate(known);
        Ok(flow? != Flow::Break)
    }

    /// Sets one variable to the item, or two to its index and to it.
    fn set_range_variables(&mut self, pipe: &'t Pipe, index: Value, item: &Held) -> Result<()> {
        let index = Some(Held::concrete(index)).filter(|_| pipe.variables.len() > 1);
        let values = index.into_iter().chain([item.clone()]);
        let declared = self.variables.len() - if pipe.assigns { 0 } else { pipe.variables.len() };
        for (offset, (name, value)) in pipe.variables.iter().zip(values).enumerate() {
            if pipe.assigns {
                self.assign(name, value)?;
            } else {
                self.variables[declared + offset].1 = value;
            }
        }
        Ok(())
    }

    /// The value as it prints, for a message.
    fn shown(&self, value: &Value) -> Result<String> {
        let bytes = self.check(to_text(value))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn assign(&mut self, name: &str, value: Held) -> Result<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.error(format_args!("undefined variable: {name}")),
        }
    }

    /// Runs another template, which sees nothing but the value it is given.
    fn invoke(&mut self, dot: &Held, invocation: &'t Invocation) -> Result<()> {
        let Some((name, list)) = self.templates.get_key_value(&invocation.name) else {
            let name = quote(invocation.name.as_bytes());
            return self.error(format_args!("template {name} not defined"));
        };
        self.enter()?;
        let value = match &invocation.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Missing,
        };
        let dot = Held::concrete(value);
        let variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let current = std::mem::replace(&mut self.current, name);
        self.list(&dot, list)?;
        self.current = current;
        self.variables = variables;
        self.depth -= 1;
        Ok(())
    }
}

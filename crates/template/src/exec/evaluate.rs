//! Evaluates pipelines, commands and operands.

use super::{Execution, Held, Result};
use crate::ast::{Command, Number, Operand, Pipe, Term};
use crate::funcs::{Type, method};
use crate::value::Value;

impl<'t> Execution<'t> {
    /// Runs the commands of a pipeline and sets its variables.
    pub(super) fn pipe(&mut self, dot: &Held, pipe: &'t Pipe) -> Result<Value> {
        self.set_at(pipe.position, pipe);
        self.enter()?;
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?.into_value());
        }
        self.depth -= 1;
        let value = value.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            let held = Held::concrete(value.clone());
            if pipe.assigns {
                self.assign(name, held)?;
            } else {
                self.variables.push((name, held));
            }
        }
        Ok(value)
    }

    /// Runs a command; `last` is what the one before it returned.
    fn command(&mut self, dot: &Held, command: &'t Command, last: Option<Value>) -> Result<Held> {
        let steps = self.session.spend(1);
        self.check(steps)?;
        let [first, arguments @ ..] = &command.operands[..] else {
            return Ok(Held::concrete(Value::Missing));
        };
        match &first.term {
            Term::Function(function) => {
                self.set_at(first.position, first);
                let called =
                    self.call(dot, function, None, (arguments, last), (command.position, command));
                called.map(Held::concrete)
            }
            Term::Field(_) | Term::Variable(_) | Term::Chain(..) => {
                self.path(dot, first, arguments, last)
            }
            Term::Pipe(pipe) => {
                self.takes_no_arguments(first, arguments, last.as_ref())?;
                self.pipe(dot, pipe).map(Held::concrete)
            }
            term => {
                self.set_at(first.position, first);
                self.takes_no_arguments(first, arguments, last.as_ref())?;
                match term {
                    Term::Dot => Ok(dot.clone()),
                    Term::Nil => self.error("nil is not a command"),
                    _ => self.constant(term).map(Held::concrete),
                }
            }
        }
    }

    fn takes_no_arguments(
        &self,
        first: &Operand,
        arguments: &[Operand],
        last: Option<&Value>,
    ) -> Result<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        self.error(format_args!("can't give argument to non-function {first}"))
    }

    /// The value of a constant where any type will do.
    pub(super) fn constant(&self, term: &Term) -> Result<Value> {
        Ok(match term {
            Term::Bool(bool) => Value::Bool(*bool),
            Term::Text(constant) => Value::text(&constant.bytes[..]),
            Term::Number(number) if number.is_written_as_float() => Value::Float(number.float),
            Term::Number(Number { int: Some(int), .. }) => Value::Int(*int),
            Term::Number(Number { text, .. }) => {
                return self.error(format_args!("{text} overflows int"));
            }
            _ => Value::Missing,
        })
    }

    /// Evaluates a variable, or fields of something, of which the last may be a method.
    pub(super) fn path(
        &mut self,
        dot: &Held,
        operand: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Held> {
        self.set_at(operand.position, operand);
        let (mut receiver, names) = match &operand.term {
            Term::Field(names) => (dot.clone(), &names[..]),
            Term::Variable(names) => {
                let value = self.variable(&names[0])?;
                if names.len() == 1 {
                    self.takes_no_arguments(operand, arguments, last.as_ref())?;
                    return Ok(value);
                }
                (value, &names[1..])
            }
            Term::Chain(base, names) => (Held::concrete(self.base(dot, base)?), &names[..]),
            _ => return Ok(Held::concrete(Value::Missing)),
        };
        let (name, before) = names.split_last().expect("a path names a field");
        for name in before {
            receiver = self.field(dot, receiver, (name, operand), (&[], None))?;
        }
        self.field(dot, receiver, (name, operand), (arguments, last))
    }

    /// Evaluates what a chain of fields starts from.
    fn base(&mut self, dot: &Held, base: &'t Operand) -> Result<Value> {
        self.set_at(base.position, base);
        match &base.term {
            Term::Pipe(pipe) => self.pipe(dot, pipe),
            Term::Function(function) => {
                self.call(dot, function, None, (&[], None), (base.position, base))
            }
            term => self.constant(term),
        }
    }

    fn variable(&self, name: &str) -> Result<Held> {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, held)) => Ok(held.clone()),
            None => self.error(format_args!("undefined variable: {name}")),
        }
    }

    /// Takes one field of a value, or calls one method.
    fn field(
        &mut self,
        dot: &Held,
        receiver: Held,
        (name, operand): (&'t str, &'t Operand),
        (arguments, last): (&'t [Operand], Option<Value>),
    ) -> Result<Held> {
        let type_name = if receiver.boxed { Type::Any.name() } else { receiver.value.type_name() };
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &receiver.value {
            Value::Missing => Ok(Held::concrete(Value::Missing)),
            Value::Nil => self.error(format_args!("nil pointer evaluating {type_name}.{name}")),
            Value::Map(_) if has_arguments => {
                self.error(format_args!("{name} is not a method but has arguments"))
            }
            Value::Map(map) => {
                let value = map.get(name.as_bytes());
                let missing = Held::concrete(Value::Missing);
                Ok(value.map_or(missing, |value| Held::element(value, map.element())))
            }
            value => match method(value, name) {
                Some(method) => {
                    let receiver = Some(receiver.value);
                    let at = (operand.position, operand as &dyn std::fmt::Display);
                    self.call(dot, method, receiver, (arguments, last), at).map(Held::concrete)
                }
                None => self.error(format_args!("can't evaluate field {name} in type {type_name}")),
            },
        }
    }
}
